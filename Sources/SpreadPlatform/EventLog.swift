// The daemon's log: which events are told (configuration 8), then swift-log, then LogOutput.

import Logging
import SpreadCore

/// One event as it is told.
public struct LogLine {
  public var level: LogLevel
  /// The stable word for programs; docs/operations.md lists them all.
  public var name: String
  public var text: String
  public var fields: [(String, String)]
  /// What DebugFlags must contain for the event to be told; nil: told whatever the flags and the priority.
  public var area: DebugFlags?
  /// Told as it stands, without level, name and fields: programs look for the whole line.
  public var isVerbatim = false

  /// An event that is always told.
  public init(_ level: LogLevel, _ name: String, _ text: String, _ fields: [(String, String)] = []) {
    self.init(level, name, text, fields, in: nil)
  }

  public init(
    _ level: LogLevel, _ name: String, _ text: String, _ fields: [(String, String)] = [], in area: DebugFlags?
  ) {
    self.level = level
    self.name = name
    self.text = text
    self.fields = fields
    self.area = area
  }

  /// One of the lines that scripts of users look for.
  public static func verbatim(_ text: String, _ name: String, _ level: LogLevel, in area: DebugFlags) -> LogLine {
    var line = LogLine(level, name, text, in: area)
    line.isVerbatim = true
    return line
  }
}

public struct EventLog: Sendable {
  public let sink: LogSink
  private let logger: Logger
  private let format: LogFormat
  private let flags: DebugFlags
  private let priority: LogLevel

  /// - Parameters:
  ///   - flags: areas that are told.
  ///   - priority: lowest level that is told.
  public init(
    _ sink: LogSink, format: LogFormat = .text, timeStamp: TimeStampStyle = TimeStampStyle(), flags: DebugFlags = .all,
    priority: LogLevel = .info
  ) {
    self.sink = sink
    self.format = format
    self.flags = flags
    self.priority = priority
    logger = Logger(label: "spread", factory: { _ in LogOutput(sink, format, timeStamp) })
  }

  /// The log that `settings` ask for, in the same format.
  /// - Parameters:
  ///   - sink: where the lines go.
  ///   - otherwise: time stamp when the settings have none.
  public static func with(
    _ settings: LogSettings, to sink: LogSink, format: LogFormat,
    otherwise: TimeStampStyle = TimeStampStyle(format: nil)
  ) -> EventLog {
    let stamp = settings.timeStamp.map { TimeStampStyle(format: $0.format, withMicroseconds: $0.microseconds) }
    return EventLog(
      sink, format: format, timeStamp: stamp ?? otherwise, flags: settings.flags, priority: settings.priority)
  }

  /// The same for other settings. When their file cannot be opened, lines go where they went.
  func changed(from old: LogSettings, to new: LogSettings) -> (log: EventLog, failure: SystemError?) {
    var (sink, failure) = (sink, nil as SystemError?)
    if new.file != old.file {
      do throws(SystemError) {
        sink = try new.logFile(hostName: System.hostName).map { path throws(SystemError) in
          try LogSink(path: path, isStandard: true)
        } ?? LogSink()
      } catch {
        failure = error
      }
    }
    return (.with(new, to: sink, format: format), failure)
  }

  public func tell(_ line: LogLine) {
    guard tells(line) else { return }
    var metadata: Logger.Metadata = ["event": .string(line.name)]
    for (key, value) in line.fields { metadata[key] = .string(value) }
    if line.isVerbatim { metadata[LogOutput.verbatim] = "" }
    logger.log(level: Self.level(line.level), "\(line.text)", metadata: metadata)
  }

  /// Stock's rule, except that EXIT is the absence of an area here.
  private func tells(_ line: LogLine) -> Bool {
    guard let area = line.area, line.level < .print else { return true }
    return line.level >= priority && !area.isDisjoint(with: flags)
  }

  private static func level(_ level: LogLevel) -> Logger.Level {
    switch level {
    case .debug: .debug
    case .info: .info
    case .warning: .warning
    case .error: .error
    case .critical, .fatal: .critical
    case .print: .notice
    }
  }
}
