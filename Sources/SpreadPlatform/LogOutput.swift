// Where log lines go, and how they look. The handler behind swift-log's interface: one line, one write.
//
//   2026-05-01 10:20:30 info session.accepted: alice connected over the unix socket (user=alice from=unix)
//
// The word before the colon is the stable name of the event; programs search for it and for the fields. A log must
// never stop the daemon: a full disk or a reader that stopped costs lines, which are counted and told later.

import CSpreadSystem
import Logging

/// How lines begin (configuration 5, EventTimeStamp and EventPreciseTimeStamp).
public struct TimeStampStyle: Sendable {
  /// strftime, local time; nil: no time stamp.
  public var format: String?
  public var withMicroseconds: Bool

  public init(format: String? = "%Y-%m-%d %H:%M:%S", withMicroseconds: Bool = false) {
    self.format = format
    self.withMicroseconds = withMicroseconds
  }

  var now: String {
    guard let format else { return "" }
    var microseconds: Int32 = 0
    let seconds = sys_wall_time(&microseconds)
    let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
      let length = sys_format_time(buffer.baseAddress!, buffer.count, format, seconds)
      return buffer.prefix(length).withMemoryRebound(to: UInt8.self) { String(decoding: $0, as: UTF8.self) }
    }
    guard withMicroseconds else { return text + " " }
    let digits = String(microseconds)
    return text + "." + String(repeating: "0", count: max(0, 6 - digits.count)) + digits + " "
  }
}

/// The file or standard output.
public final class LogSink: @unchecked Sendable {
  private var descriptor: Int32
  private let path: String?
  private var lost = 0
  /// Lines that could not be written and were not told of yet.
  var lostLines: Int { lost }
  public var timeStamp = TimeStampStyle()

  /// Standard output.
  public init() {
    descriptor = 1
    path = nil
  }

  /// Appends to the file at `path`.
  public init(path: String) throws(SystemError) {
    descriptor = try check(sys_open_log(path), "cannot open the log file \(path)")
    self.path = path
  }

  /// Opens the file anew after it was renamed. When that fails, goes on with the one it has.
  func reopen() throws(SystemError) {
    guard let path else { return }
    let fresh = try check(sys_open_log(path), "cannot open the log file \(path)")
    sys_close(descriptor)
    descriptor = fresh
  }

  func write(_ line: String) {
    if lost > 0, put("\(timeStamp.now)warning log.lost: \(lost) log lines could not be written (count=\(lost))\n") {
      lost = 0
    }
    if !put(timeStamp.now + line + "\n") { lost += 1 }
  }

  private func put(_ line: String) -> Bool {
    var line = line
    return line.withUTF8 { bytes in sys_write_line(descriptor, bytes.baseAddress, bytes.count) == bytes.count }
  }
}

/// swift-log's view of a sink. The metadata key `event` is the stable name; all others are fields, in alphabetic
/// order so that equal events look equal.
public struct LogOutput: LogHandler {
  public var metadata: Logger.Metadata = [:]
  public var logLevel: Logger.Level = .info
  private let sink: LogSink

  public init(_ sink: LogSink) {
    self.sink = sink
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: Logging.LogEvent) {
    var fields = metadata.merging(event.metadata ?? [:]) { $1 }
    let name = fields.removeValue(forKey: "event")?.description ?? "note"
    var line = "\(event.level) \(name): \(event.message)"
    if !fields.isEmpty {
      let list = fields.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.quoted($0.value.description))" }
      line += " (" + list.joined(separator: " ") + ")"
    }
    sink.write(Self.printable(line))
  }

  private static func quoted(_ value: String) -> String {
    value.utf8.contains { $0 <= 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: ")") } || value.isEmpty
      ? "\"" + value.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"") + "\"" : value
  }

  /// Names come from outside: a line stays one line, and a terminal is not steered.
  private static func printable(_ line: String) -> String {
    guard line.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return line }
    return String(
      String.UnicodeScalarView(line.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
  }
}
