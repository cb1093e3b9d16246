// Settings that only we have. They stand in comment lines, so that stock daemons can share the file, and are no part
// of the hash (docs/architecture.md, decisions):
//
//   #@ MaxSessions = 10000
//
// A new setting is one more row of the table.

import SpreadWire

struct OwnSetting: Sendable {
  enum Kind: Sendable {
    case number(ClosedRange<Int>, @Sendable (inout Configuration, Int) -> Void)
    case flag(@Sendable (inout Configuration, Bool) -> Void)
  }

  var name: String
  var kind: Kind

  static let all: [OwnSetting] = [
    OwnSetting(name: "MaxSessions", kind: .number(1...100_000) { $0.maxSessions = $1 }),
    OwnSetting(name: "EarlyRepetition", kind: .flag { $0.earlyRepetition = $1 }),
    OwnSetting(name: "TokenCopies", kind: .flag { $0.tokenCopies = $1 }),
    OwnSetting(name: "Wire44", kind: .flag { $0.speaksWire44 = $1 }),
  ]
}

extension ConfigurationParser {
  /// Applies the `#@` lines of the file; the last one of a name holds.
  mutating func applyOwnSettings() {
    for (text, line, column) in lexer.settingLines {
      // The text begins with the `@`, one byte behind the column of the `#`.
      func token(_ part: ArraySlice<UInt8>) -> Token {
        Token(kind: .string(part), text: part, line: line, column: column + 1 + part.startIndex - text.startIndex)
      }
      let words = text.dropFirst().prefix { $0 != UInt8(ascii: "#") }
        .split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false).map(Self.trim)
      guard words.count == 2, !words[0].isEmpty else {
        warn(token(text), "ignored; expected '#@ name = value'")
        continue
      }
      let name = String(decoding: words[0], as: UTF8.self)
      guard let setting = OwnSetting.all.first(where: { $0.name == name }) else {
        warn(token(words[0]), "the setting '\(printable(words[0]))' is unknown and ignored")
        continue
      }
      switch setting.kind {
      case .number(let range, let set):
        let digits = words[1]
        guard (1...9).contains(digits.count), digits.allSatisfy(AddressText.isDigit),
          case let value = digits.reduce(0, { $0 * 10 + Int($1 - UInt8(ascii: "0")) }), range.contains(value)
        else {
          error(token(digits), "\(name) must be a number from \(range.lowerBound) to \(range.upperBound)")
          continue
        }
        set(&configuration, value)
      case .flag(let set):
        switch String(decoding: words[1], as: UTF8.self) {
        case "on": set(&configuration, true)
        case "off": set(&configuration, false)
        default: error(token(words[1]), "\(name) must be on or off")
        }
      }
    }
  }

  private static func trim(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }
    let start = text.firstIndex { !isBlank($0) } ?? text.endIndex
    let end = text[start...].lastIndex { !isBlank($0) }.map { $0 + 1 } ?? start
    return text[start..<end]
  }
}
