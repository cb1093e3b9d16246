// The names of daemons: "port" and "port@host" (c-api 6.1).

/// Where a daemon listens.
public enum DaemonAddress: Equatable {
  /// The unix socket /tmp/port.
  case local(port: UInt16)
  /// TCP. The host is `host` ..< `end` of the parsed text and may be empty.
  case host(port: UInt16, start: Int, end: Int)

  public static var maxLength: Int { 70 }
  static var defaultPort: UInt16 { 4803 }

  /// Parses `[blanks] digits [rest]`; nil when it is no daemon name. `text` goes up to its NUL, which is not included.
  public init?(_ text: UnsafeRawBufferPointer) {
    guard !text.isEmpty else {
      self = .local(port: Self.defaultPort)
      return
    }
    guard text.count <= Self.maxLength else { return nil }
    var at = 0
    func skipBlanks() {
      while at < text.count, Self.isBlank(text[at]) { at += 1 }
    }
    skipBlanks()
    let firstDigit = at
    var port: UInt16 = 0
    while at < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[at]) {
      // Modulo 65536, as every Spread library reads it.
      port = port &* 10 &+ UInt16(text[at] - UInt8(ascii: "0"))
      at += 1
    }
    guard at > firstDigit else { return nil }
    skipBlanks()
    guard at < text.count else {
      self = .local(port: port)
      return
    }
    guard text[at] == UInt8(ascii: "@") else { return nil }
    let start = at + 1
    at = start
    while at < text.count, !Self.isBlank(text[at]) { at += 1 }
    self = .host(port: port, start: start, end: at)
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0d).contains(byte)
  }
}
