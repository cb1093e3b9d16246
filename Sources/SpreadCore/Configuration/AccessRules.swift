// spread.access_ip: which clients the authentication method IP lets in (configuration 7, client-protocol 3.4).
//
//   # comment
//   unix               clients of the unix socket
//   local              127.0.0.0/8 and ::1
//   10.1.2.3           this address
//   10.1.0.0/16        a network
//   fd91::/64          ours: IPv6, stock knows none
//
// Where we differ from stock 5.0.1: `unix` works (stock never matches it); prefix length 0 matches everything of its
// family (stock shifts by 32); an empty or unreadable line is skipped with a warning where stock silently forgets all
// lines after it; a number above 255 or a prefix length above 32 is an error.

import SpreadWire

public struct AccessRules: Equatable, Sendable {
  public enum Rule: Equatable, Sendable {
    case unixSocket
    /// The address as written: with bits beyond `prefix` set it matches nobody, as in stock.
    case v4(UInt32, prefix: Int)
    case v6(UInt64, UInt64, prefix: Int)
  }

  public var rules: [Rule]

  /// Rules in the order of the file. No rule: nobody is allowed.
  public init(_ rules: [Rule] = []) {
    self.rules = rules
  }

  public func allows(_ peer: PeerAddress) -> Bool {
    rules.contains { $0.matches(peer) }
  }

  /// Reads a whole file. With an error among the findings a daemon should not start (stock ends there too); the rules
  /// returned are those of the other lines.
  public static func parse(_ bytes: [UInt8], fileName: String) -> (rules: AccessRules, findings: [Diagnostic]) {
    var rules = AccessRules()
    var findings: [Diagnostic] = []
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let start = line.firstIndex { !isBlank($0) } ?? line.endIndex
      let text = line[start...]
      guard let first = text.first, first != UInt8(ascii: "#") else { continue }
      let column = start - line.startIndex + 1
      func find(_ severity: Diagnostic.Severity, _ message: String) {
        findings.append(Diagnostic(severity, file: fileName, line: index + 1, column: column, message))
      }
      // Stock looks at the first letters only, so `unix-socket` is a rule too.
      if text.starts(with: "unix".utf8) {
        rules.rules.append(.unixSocket)
        continue
      }
      if text.starts(with: "local".utf8) {
        rules.rules += [.v4(0x7f00_0000, prefix: 8), .v6(0, 1, prefix: 128)]
        continue
      }
      // Stock reads no further than the rule.
      let word = text.prefix { !isBlank($0) && $0 != UInt8(ascii: "#") }
      switch Rule.parse(word) {
      case .success(let rule):
        rules.rules.append(rule)
        if rule.hasHostBits {
          find(.warning, "'\(printable(word))' has bits set behind its prefix length and matches no client")
        }
      case .failure(.address):
        find(.error, "'\(printable(word))' is not an address; expected a.b.c.d, a.b.c.d/n or an IPv6 address")
      case .failure(.prefix):
        find(.error, "the prefix length of '\(printable(word))' must be a number from 0 to 32 (IPv6: 128)")
      case .failure(.unreadable):
        find(.warning, "'\(printable(text))' is no rule and is ignored; expected 'unix', 'local' or an address")
      }
    }
    return (rules, findings)
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
}

extension AccessRules.Rule {
  enum Failure: Error {
    /// Looks like an address and is none.
    case address
    case prefix
    /// Nothing we know.
    case unreadable
  }

  /// `address` or `address/length`.
  static func parse(_ word: ArraySlice<UInt8>) -> Result<Self, Failure> {
    let parts = word.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
    let length = parts.count == 2 ? parts[1] : nil
    if let address = AddressText.v4(parts[0], leadingZeros: true) {
      guard let prefix = prefixLength(length, of: 32) else { return .failure(.prefix) }
      return .success(.v4(address, prefix: prefix))
    }
    if let (high, low) = AddressText.v6(parts[0]) {
      guard let prefix = prefixLength(length, of: 128) else { return .failure(.prefix) }
      return .success(.v6(high, low, prefix: prefix))
    }
    // What stock would have tried to read as an address: three dots.
    let dots = word.count { $0 == UInt8(ascii: ".") }
    return .failure(dots >= 3 || parts[0].contains(UInt8(ascii: ":")) ? .address : .unreadable)
  }

  private static func prefixLength(_ digits: ArraySlice<UInt8>?, of size: Int) -> Int? {
    guard let digits else { return size }
    guard (1...3).contains(digits.count), digits.allSatisfy(AddressText.isDigit) else { return nil }
    let length = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    return length <= size ? length : nil
  }

  func matches(_ peer: PeerAddress) -> Bool {
    switch (self, peer) {
    case (.unixSocket, .unixSocket): true
    case (.v4(let network, let prefix), .network(.v4(let address))): address & Self.mask(prefix) == network
    case (.v4(let network, let prefix), .network(.v6(0, let low, _))) where low >> 32 == 0xffff:
      // An IPv4 client of an IPv6 socket.
      UInt32(truncatingIfNeeded: low) & Self.mask(prefix) == network
    case (.v6(let high, let low, let prefix), .network(.v6(let peerHigh, let peerLow, _))):
      peerHigh & Self.mask(min(prefix, 64)) == high && peerLow & Self.mask(max(prefix - 64, 0)) == low
    default: false
    }
  }

  var hasHostBits: Bool {
    switch self {
    case .unixSocket: false
    case .v4(let network, let prefix): network & ~Self.mask(prefix) != 0
    case .v6(let high, let low, let prefix):
      high & ~Self.mask(min(prefix, 64)) != 0 || low & ~Self.mask(max(prefix - 64, 0)) != 0
    }
  }

  /// `length` one bits from the top; smart shifts make 0 and the full width right.
  private static func mask<Word: FixedWidthInteger>(_ length: Int) -> Word {
    ~(0 as Word) << (Word.bitWidth - length)
  }
}
