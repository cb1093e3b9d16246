// Addresses as text, both ways. The reading side takes exactly what inet_pton takes (configuration 2), except for
// dotted IPv4 tails of IPv6 addresses, which neither spread.conf nor spread.access_ip knows.

import SpreadWire

enum AddressText {
  /// `a.b.c.d`: four decimal numbers up to 255 of at most three digits. With `leadingZeros` 010 is ten, as in
  /// spread.access_ip; without it a leading zero is no address, as for inet_pton.
  static func v4(_ text: ArraySlice<UInt8>, leadingZeros: Bool = false) -> UInt32? {
    var value: UInt32 = 0
    var groups = 0
    var at = text.startIndex
    while true {
      var number: UInt32 = 0
      let start = at
      while at < text.endIndex, isDigit(text[at]), at - start < 3 {
        number = number * 10 + UInt32(text[at] - UInt8(ascii: "0"))
        at += 1
      }
      guard at > start, number <= 255 else { return nil }
      guard leadingZeros || at - start == 1 || text[start] != UInt8(ascii: "0") else { return nil }
      value = value << 8 | number
      groups += 1
      if groups == 4 { return at == text.endIndex ? value : nil }
      guard at < text.endIndex, text[at] == UInt8(ascii: ".") else { return nil }
      at += 1
    }
  }

  /// Groups of one to four hex digits, one `::` allowed for at least one missing group.
  static func v6(_ text: ArraySlice<UInt8>) -> (UInt64, UInt64)? {
    var groups: [UInt16] = []
    var gap: Int?
    var at = text.startIndex
    let colon = UInt8(ascii: ":")
    if text.starts(with: [colon, colon]) {
      gap = 0
      at += 2
    }
    while at < text.endIndex {
      let start = at
      var group: UInt16 = 0
      while at < text.endIndex, let digit = hexValue(text[at]), at - start < 4 {
        group = group << 4 | digit
        at += 1
      }
      guard at > start, groups.count < 8 else { return nil }
      groups.append(group)
      if at == text.endIndex { break }
      guard text[at] == colon, at + 1 < text.endIndex else { return nil }
      at += 1
      if text[at] == colon {
        guard gap == nil else { return nil }
        gap = groups.count
        at += 1
      }
    }
    if let gap {
      guard groups.count < 8 else { return nil }
      groups.insert(contentsOf: [UInt16](repeating: 0, count: 8 - groups.count), at: gap)
    }
    guard groups.count == 8 else { return nil }
    return (word(groups[0..<4]), word(groups[4..<8]))
  }

  private static func word(_ groups: ArraySlice<UInt16>) -> UInt64 {
    groups.reduce(0) { $0 << 16 | UInt64($1) }
  }

  static func hexValue(_ byte: UInt8) -> UInt16? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }

  static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}

extension NetworkAddress {
  /// `a.b.c.d`, or an IPv6 address shortened as inet_ntop does. Without scope.
  public var text: String {
    switch self {
    case .v4(let address): Self.dotted(address)
    case .v6(let high, let low, _): Self.shortened(high, low)
    }
  }

  /// The form that enters the configuration hash: IPv6 as eight groups of four lower case hex digits, no `::`, no
  /// scope (configuration 6).
  public var canonicalText: String {
    switch self {
    case .v4(let address): Self.dotted(address)
    case .v6(let high, let low, _):
      Self.groups(high, low).map { group in
        let digits = String(group, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
      }.joined(separator: ":")
    }
  }

  private static func dotted(_ address: UInt32) -> String {
    "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255)"
  }

  private static func groups(_ high: UInt64, _ low: UInt64) -> [UInt16] {
    [high, low].flatMap { word in
      stride(from: UInt64(48), through: 0, by: -16).map { UInt16(truncatingIfNeeded: word >> $0) }
    }
  }

  /// The longest run of two or more zero groups, the first of equals, becomes `::`.
  private static func shortened(_ high: UInt64, _ low: UInt64) -> String {
    let groups = groups(high, low)
    var best = 0..<0
    var at = 0
    while at < 8 {
      let end = groups[at...].firstIndex { $0 != 0 } ?? 8
      if end - at > max(best.count, 1) { best = at..<end }
      at = end + 1
    }
    // IPv4 inside IPv6 (`::ffff:a.b.c.d`, `::a.b.c.d`) is shown dotted.
    if best == 0..<6 || best == 0..<5 && groups[5] == 0xffff {
      return (best.count == 5 ? "::ffff:" : "::") + dotted(UInt32(truncatingIfNeeded: low))
    }
    let hex = groups.map { String($0, radix: 16) }
    guard !best.isEmpty else { return hex.joined(separator: ":") }
    return hex[..<best.lowerBound].joined(separator: ":") + "::" + hex[best.upperBound...].joined(separator: ":")
  }
}
