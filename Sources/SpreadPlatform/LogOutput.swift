// How log lines look: the handler behind swift-log's interface.
//
//   text  2026-05-01 10:20:30 info session.accepted: alice connected over the unix socket (from=unix user=alice)
//   json  {"time":"2026-05-01T08:20:30.123456Z","level":"info","event":"session.accepted","message":"alice ...",...}
//
// The word before the colon is the stable name of the event; programs search for it and for the fields.

import CSpreadSystem
import Logging
import SpreadCore

public enum LogFormat: String, Sendable {
  case text
  case json
}

/// How lines of text begin (configuration 5, EventTimeStamp and EventPreciseTimeStamp).
public struct TimeStampStyle: Sendable {
  /// strftime, local time; nil: no time stamp.
  public var format: String?
  public var withMicroseconds: Bool

  public init(format: String? = "%Y-%m-%d %H:%M:%S", withMicroseconds: Bool = false) {
    self.format = format
    self.withMicroseconds = withMicroseconds
  }

  /// With the space behind it.
  var now: String {
    guard let format else { return "" }
    let (text, fraction) = Self.format(format, utc: false)
    return text + (withMicroseconds ? fraction : "") + " "
  }

  /// ISO 8601 in UTC.
  static var universal: String {
    let (text, fraction) = format("%Y-%m-%dT%H:%M:%S", utc: true)
    return text + fraction + "Z"
  }

  private static func format(_ format: String, utc: Bool) -> (text: String, fraction: String) {
    var microseconds: Int32 = 0
    let seconds = sys_wall_time(&microseconds)
    let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      let length = sys_format_time(buffer.baseAddress!, buffer.count, format, seconds, utc ? 1 : 0)
      return buffer.prefix(length).withMemoryRebound(to: UInt8.self) { String(decoding: $0, as: UTF8.self) }
    }
    let digits = String(microseconds)
    return (text, "." + String(repeating: "0", count: max(0, 6 - digits.count)) + digits)
  }
}

/// swift-log's view of a sink. The metadata key `event` is the stable name; all others are fields, in alphabetic order
/// so that equal events look equal.
struct LogOutput: LogHandler {
  /// A line that programs know as it stands: nothing but a time stamp is added.
  static let verbatim = "verbatim"

  var metadata: Logger.Metadata = [:]
  // What is told is decided before, by area as well as by level: see EventLog.
  var logLevel = Logger.Level.trace
  let sink: LogSink
  let format: LogFormat
  let timeStamp: TimeStampStyle

  init(_ sink: LogSink, _ format: LogFormat, _ timeStamp: TimeStampStyle) {
    self.sink = sink
    self.format = format
    self.timeStamp = timeStamp
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: Logging.LogEvent) {
    var fields = metadata.merging(event.metadata ?? [:]) { $1 }
    let isVerbatim = fields.removeValue(forKey: Self.verbatim) != nil
    let name = fields.removeValue(forKey: "event")?.description ?? "note"
    let sorted = fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value.description) }
    let message = event.message.description
    let line =
      isVerbatim && format == .text ? timeStamp.now + message : line(event.level, name, message, sorted)
    sink.write(line) { count in
      self.line(.warning, "log.lost", "\(count) log lines could not be written", [("count", String(count))])
    }
  }

  private func line(
    _ level: Logger.Level, _ name: String, _ message: String, _ fields: [(String, String)]
  ) -> String {
    switch format {
    case .text:
      var line = "\(level) \(name): \(message)"
      if !fields.isEmpty { line += " (" + fields.map { "\($0)=\(Self.quoted($1))" }.joined(separator: " ") + ")" }
      return timeStamp.now + Self.printable(line)
    case .json:
      let all =
        [("time", TimeStampStyle.universal), ("level", "\(level)"), ("event", name), ("message", message)] + fields
      return "{" + all.map { Self.json($0) + ":" + Self.json($1) }.joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ value: String) -> String {
    value.utf8.contains { $0 <= 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: ")") } || value.isEmpty
      ? "\"" + value.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"") + "\"" : value
  }

  /// Names come from outside: a line stays one line, and a terminal is not steered.
  private static func printable(_ line: String) -> String {
    guard line.unicodeScalars.contains(where: isControl) else { return line }
    return String(String.UnicodeScalarView(line.unicodeScalars.map { isControl($0) ? "?" : $0 }))
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
  }

  private static func json(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where isControl(scalar):
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
