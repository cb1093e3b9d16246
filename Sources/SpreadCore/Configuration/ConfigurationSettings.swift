// The types of the parameters of spread.conf (configuration 5 and 8).

import SpreadWire

public enum RingProtocol: Sendable {
  case original
  case accelerated
}

/// SO_REUSEADDR on the TCP listener.
public enum SocketPortReuse: Sendable {
  case on
  case off
  /// Only for explicitly configured interfaces.
  case auto
}

/// Only one policy was ever written: who is authenticated may do everything.
public enum AccessControlPolicy: Sendable {
  case permit
}

/// The membership timeouts, in milliseconds, all above 0 (daemon-ring 4.2).
public struct Timeouts: Equatable, Sendable {
  public var token, hurry, alive, join, rep, seg, gather, form, lookup: Int

  public init(
    token: Int, hurry: Int, alive: Int, join: Int, rep: Int, seg: Int, gather: Int, form: Int, lookup: Int
  ) {
    self.token = token
    self.hurry = hurry
    self.alive = alive
    self.join = join
    self.rep = rep
    self.seg = seg
    self.gather = gather
    self.form = form
    self.lookup = lookup
  }

  public static let localArea = Timeouts(
    token: 1250, hurry: 500, alive: 250, join: 250, rep: 625, seg: 500, gather: 1250, form: 1250, lookup: 30000)
  public static let wideArea = Timeouts(
    token: 5000, hurry: 1500, alive: 250, join: 250, rep: 1250, seg: 500, gather: 2500, form: 2500, lookup: 45000)
}

/// The kinds of log messages, numbered as stock numbers them.
public struct DebugFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let exit = DebugFlags(rawValue: 0x1)
  public static let dataLink = DebugFlags(rawValue: 0x2)
  public static let memory = DebugFlags(rawValue: 0x4)
  public static let events = DebugFlags(rawValue: 0x8)
  public static let print = DebugFlags(rawValue: 0x10)
  public static let network = DebugFlags(rawValue: 0x20)
  public static let protocolFlag = DebugFlags(rawValue: 0x40)
  public static let session = DebugFlags(rawValue: 0x80)
  public static let configuration = DebugFlags(rawValue: 0x100)
  public static let membership = DebugFlags(rawValue: 0x200)
  public static let flowControl = DebugFlags(rawValue: 0x400)
  public static let status = DebugFlags(rawValue: 0x800)
  public static let debug = DebugFlags(rawValue: 0x1000)
  public static let groups = DebugFlags(rawValue: 0x2000)
  public static let skipList = DebugFlags(rawValue: 0x20_0000)
  public static let accessControl = DebugFlags(rawValue: 0x40_0000)
  public static let security = DebugFlags(rawValue: 0x80_0000)
  public static let all = DebugFlags(rawValue: 0xffff_ffff)

  /// The words of the file.
  static let words: [String: DebugFlags] = [
    "EXIT": .exit, "DATA_LINK": .dataLink, "MEMORY": .memory, "EVENTS": .events, "PRINT": .print, "NETWORK": .network,
    "PROTOCOL": .protocolFlag, "SESSION": .session, "CONFIGURATION": .configuration, "MEMBERSHIP": .membership,
    "FLOW_CONTROL": .flowControl, "STATUS": .status, "DEBUG": .debug, "GROUPS": .groups, "SKIPLIST": .skipList,
    "ACM": .accessControl, "SECURITY": .security, "ALL": .all, "NONE": [],
  ]
}

/// DebugFlags, EventPriority, EventLogFile, EventTimeStamp and EventPreciseTimeStamp.
public struct LogSettings: Equatable, Sendable {
  public var flags: DebugFlags = [.print, .exit, .configuration]
  /// The lowest level that is logged. Never `fatal`: that word stores `print`, as in stock.
  public var priority = LogLevel.info
  /// As written, `%h` not yet replaced; nil: stdout.
  public var file: String?
  public var timeStamp: TimeStamp?

  public struct TimeStamp: Equatable, Sendable {
    /// For strftime; at most 39 bytes. With `microseconds` it ends in `%S` or `%s`.
    public var format: String
    /// `.uuuuuu` behind it.
    public var microseconds: Bool

    /// Not the one the sample file of stock claims (configuration 5).
    static let defaultFormat = "%m/%d/%y %H:%M:%S"
    static let maxLength = 39

    init(format: String, precise: Bool) {
      let ends = format.hasSuffix("%S") || format.hasSuffix("%s")
      // Stock appends the epoch seconds so that the microseconds have something to follow, and gives them up when
      // there is no room for that.
      let fits = ends || format.utf8.count + 3 <= Self.maxLength
      self.format = precise && !ends && fits ? format + " %s" : format
      microseconds = precise && fits
    }
  }

  /// The name of the log file with `%h` and `%H` replaced; any other `%` stays.
  public func logFile(hostName: String) -> String? {
    guard let file else { return nil }
    var result: [UInt8] = []
    var rest = Array(file.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let next = rest.first, next | 0x20 == UInt8(ascii: "h") {
        rest.removeFirst()
        result += Array(hostName.utf8)
      } else {
        result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
