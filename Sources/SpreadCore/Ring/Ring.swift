// The order of messages. So far a ring of one: with nobody to agree with, the order of submission is the order of
// delivery and every message is stable at once, for all services alike. Other daemons come in between `submit` and
// `nextDelivery`; neither side will notice.

import DequeModule
import SpreadWire

/// The class of a packet, by first match (client-protocol 5, daemon-ring 2.5).
public enum PacketClass: UInt8, Sendable {
  case reliable
  case fifo
  case agreed
  case safe

  init(of type: ServiceType) {
    if !type.isDisjoint(with: [.unreliable, .reliable]) {
      self = .reliable
    } else if type.contains(.fifo) {
      self = .fifo
    } else if !type.isDisjoint(with: [.causal, .agreed]) {
      self = .agreed
    } else if type.contains(.safe) {
      self = .safe
    } else {
      self = .agreed
    }
  }
}

struct Ring {
  /// Messages of this daemon that wait for their place in the order.
  private var down = Deque<MessageBuffer>()

  /// Messages waiting for the token.
  var waiting: Int { down.count }

  mutating func submit(_ message: MessageBuffer, _ packetClass: PacketClass) {
    down.append(message)
  }

  mutating func nextDelivery() -> MessageBuffer? { down.popFirst() }
}
