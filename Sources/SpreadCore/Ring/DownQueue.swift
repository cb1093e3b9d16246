// Messages that wait to be put into packets (daemon-ring 2.5).

import DequeModule
import SpreadWire

/// The class of a message, by first match (client-protocol 5, daemon-ring 2.5).
public enum PacketClass: UInt8, Sendable {
  case reliable
  case fifo
  case agreed
  case safe

  public init(of type: ServiceType) {
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

  var packetType: PacketType {
    switch self {
    case .reliable: return .reliable
    case .fifo: return .fifo
    case .agreed: return .agreed
    case .safe: return .safe
    }
  }

  /// Whether messages of both classes may share a packet: FIFO and AGREED may.
  func packs(with other: PacketClass) -> Bool {
    self == other || (isOrdered && other.isOrdered)
  }
  private var isOrdered: Bool { self == .fifo || self == .agreed }
}

/// One piece of the message at the front.
struct Piece {
  var packetClass: PacketClass
  var index: Int16
  var offset: Int
  var length: Int
}

struct DownQueue {
  private var messages = Deque<(message: MessageBuffer, packetClass: PacketClass)>()
  /// Bytes of the front message that are in packets already.
  private var sent = 0

  var count: Int { messages.count }
  var isEmpty: Bool { messages.isEmpty }

  mutating func append(_ message: MessageBuffer, _ packetClass: PacketClass) {
    messages.append((message, packetClass))
  }

  /// The next piece to send.
  var nextPiece: Piece? {
    guard let front = messages.first else { return nil }
    let size = DatagramSize.maxPacketBody
    let left = front.message.count - sent
    let number = sent / size + 1
    let isLast = left <= size
    return Piece(
      packetClass: front.packetClass, index: Int16(isLast ? -number : number), offset: sent,
      length: Swift.min(left, size))
  }

  /// Copies the piece to `memory` and goes on to the next. Answers the message when this was the last of its several
  /// pieces.
  mutating func take(_ piece: Piece, to memory: UnsafeMutableRawPointer) -> MessageBuffer? {
    let message = messages[0].message
    memory.copyMemory(from: message.base + piece.offset, byteCount: piece.length)
    if piece.index < 0 {
      messages.removeFirst()
      sent = 0
    } else {
      sent += piece.length
    }
    return piece.index < FragmentHeader.whole ? message : nil
  }

  /// A message that was only partly sent starts again (daemon-ring 4.8 step 4).
  mutating func rewind() { sent = 0 }
}
