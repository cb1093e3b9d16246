// As much JSON as traces need: one value a line, integers only.

public enum JSON: Equatable {
  case null
  case bool(Bool)
  /// Up to 64 bits; those above the signed range keep their bit pattern.
  case integer(Int64)
  case string(String)
  case array([JSON])
  case object([Member])

  public struct Member: Equatable {
    public var key: String
    public var value: JSON
  }

  public subscript(key: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    for member in members where member.key == key { return member.value }
    return nil
  }
}

public struct JSONFailure: Error, Equatable {
  public var text: String
  /// Bytes before the place.
  public var offset: Int
}

struct JSONParser {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var at = 0
  private static let maxDepth = 16

  /// The one value in `bytes`, blanks around it allowed.
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) throws(JSONFailure) -> JSON {
    var parser = JSONParser(bytes)
    let value = try parser.value(depth: 0)
    parser.skipBlanks()
    guard parser.at == bytes.count else { throw parser.failure("something after the value") }
    return value
  }

  private init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
  }

  private func failure(_ text: String) -> JSONFailure { JSONFailure(text: text, offset: at) }

  private var current: UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func skipBlanks() {
    while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0d || byte == 0x0a { at += 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    skipBlanks()
    guard current == byte else { return false }
    at += 1
    return true
  }

  private mutating func value(depth: Int) throws(JSONFailure) -> JSON {
    guard depth < Self.maxDepth else { throw failure("nested too deeply") }
    skipBlanks()
    switch current {
    case UInt8(ascii: "{"): return try object(depth)
    case UInt8(ascii: "["): return try array(depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return .integer(try integer())
    }
  }

  private mutating func word(_ text: StaticString, _ value: JSON) throws(JSONFailure) -> JSON {
    for i in 0..<text.utf8CodeUnitCount {
      guard current == text.utf8Start[i] else { throw failure("unknown word") }
      at += 1
    }
    return value
  }

  private mutating func integer() throws(JSONFailure) -> Int64 {
    let isNegative = take(UInt8(ascii: "-"))
    var magnitude: UInt64 = 0
    let start = at
    while let byte = current, byte >= 0x30, byte <= 0x39 {
      let (product, overflow1) = magnitude.multipliedReportingOverflow(by: 10)
      let (sum, overflow2) = product.addingReportingOverflow(UInt64(byte - 0x30))
      guard !overflow1, !overflow2 else { throw failure("number too large") }
      magnitude = sum
      at += 1
    }
    guard at > start else { throw failure("a value is missing") }
    if let byte = current, byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e") {
      throw failure("not a whole number")
    }
    return isNegative ? 0 &- Int64(bitPattern: magnitude) : Int64(bitPattern: magnitude)
  }

  private mutating func array(_ depth: Int) throws(JSONFailure) -> JSON {
    at += 1
    var values: [JSON] = []
    if take(UInt8(ascii: "]")) { return .array(values) }
    while true {
      values.append(try value(depth: depth + 1))
      if take(UInt8(ascii: "]")) { return .array(values) }
      guard take(UInt8(ascii: ",")) else { throw failure("',' or ']' is missing") }
    }
  }

  private mutating func object(_ depth: Int) throws(JSONFailure) -> JSON {
    at += 1
    var members: [JSON.Member] = []
    if take(UInt8(ascii: "}")) { return .object(members) }
    while true {
      skipBlanks()
      guard current == UInt8(ascii: "\"") else { throw failure("a key is missing") }
      let key = try string()
      guard take(UInt8(ascii: ":")) else { throw failure("':' is missing") }
      members.append(JSON.Member(key: key, value: try value(depth: depth + 1)))
      if take(UInt8(ascii: "}")) { return .object(members) }
      guard take(UInt8(ascii: ",")) else { throw failure("',' or '}' is missing") }
    }
  }

  private mutating func string() throws(JSONFailure) -> String {
    at += 1
    let start = at
    while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { at += 1 }
    if current == UInt8(ascii: "\"") {
      defer { at += 1 }
      return String(decoding: bytes[start..<at], as: UTF8.self)
    }
    return try escapedString(Array(bytes[start..<at]))
  }

  private mutating func escapedString(_ front: [UInt8]) throws(JSONFailure) -> String {
    var text = front
    while let byte = current {
      guard byte >= 0x20 else { throw failure("control character in a string") }
      at += 1
      if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
      guard byte == UInt8(ascii: "\\") else {
        text.append(byte)
        continue
      }
      guard let escape = current else { break }
      at += 1
      switch escape {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escape)
      case UInt8(ascii: "n"): text.append(0x0a)
      case UInt8(ascii: "t"): text.append(0x09)
      case UInt8(ascii: "r"): text.append(0x0d)
      case UInt8(ascii: "b"): text.append(0x08)
      case UInt8(ascii: "f"): text.append(0x0c)
      case UInt8(ascii: "u"): text += try scalar()
      default: throw failure("unknown escape")
      }
    }
    throw failure("string without end")
  }

  /// Four hex digits; surrogates become the replacement character.
  private mutating func scalar() throws(JSONFailure) -> [UInt8] {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw failure("four hex digits are missing")
      }
      value = value << 4 | UInt32(digit)
      at += 1
    }
    return Array(String(Unicode.Scalar(value) ?? "\u{fffd}").utf8)
  }
}

extension JSON: CustomStringConvertible {
  public var description: String {
    var text = ""
    write(to: &text)
    return text
  }

  private func write(to text: inout String) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .string(let value): Self.write(value, to: &text)
    case .array(let values):
      text += "["
      for (i, value) in values.enumerated() {
        if i > 0 { text += "," }
        value.write(to: &text)
      }
      text += "]"
    case .object(let members):
      text += "{"
      for (i, member) in members.enumerated() {
        if i > 0 { text += "," }
        Self.write(member.key, to: &text)
        text += ":"
        member.value.write(to: &text)
      }
      text += "}"
    }
  }

  private static func write(_ value: String, to text: inout String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\r": text += "\\r"
      default:
        if scalar.value < 0x20 {
          let digits = String(scalar.value, radix: 16)
          text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          text.unicodeScalars.append(scalar)
        }
      }
    }
    text += "\""
  }
}
