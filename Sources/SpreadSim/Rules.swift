// Interference with single datagrams, for scenarios: drop, repeat or delay the next few of a kind on a link, or stop a
// daemon when it has sent one.

import SpreadCore
import SpreadWire

struct Rule {
  enum Effect {
    case drop
    case duplicate
    case delay(UInt64)
    /// The sender stops behind this datagram.
    case stopSender
    /// Nothing: the scenario waits for it.
    case mark
  }

  /// nil: any.
  var from: Int?
  var to: Int?
  /// `kindName` of the datagram; `any`.
  var kind: String
  /// How many more times.
  var count: Int
  var effect: Effect

  /// token, form1, form2, alive, join, refer, hurry, data.
  static func kindName(_ bytes: UnsafeRawBufferPointer, _ kind: Datagram.Kind) -> String {
    let type = PacketType(rawValue: bytes.u32(at: 0, .native) & ~endianMarks)
    if kind == .token {
      return type.contains(.form1) ? "form1" : type.contains(.form2) ? "form2" : "token"
    }
    if type.contains(.alive) { return "alive" }
    if type.contains(.join) { return "join" }
    if type.contains(.refer) { return "refer" }
    return type.contains(.hurry) ? "hurry" : "data"
  }
}

extension World {
  /// Takes the first rule that fits; nil when none does.
  func applyRule(from: Int, to: Int?, _ bytes: UnsafeRawBufferPointer, _ kind: Datagram.Kind) -> Rule.Effect? {
    guard !rules.isEmpty else { return nil }
    let name = Rule.kindName(bytes, kind)
    for place in rules.indices {
      let rule = rules[place]
      guard rule.count > 0, rule.from ?? from == from, rule.kind == "any" || rule.kind == name else { continue }
      switch rule.effect {
      case .stopSender, .mark: guard to == nil else { continue }
      case .drop, .duplicate, .delay: guard let to, rule.to ?? to == to else { continue }
      }
      rules[place].count -= 1
      return rule.effect
    }
    return nil
  }
}
