// The marks and decorations of Flush messages (events-and-flush 2.1). Integers in the sender's byte order.
//
//   agreement, installed   group id 12
//   vulnerable             user bytes | message type 2 | group id 12 | reference group 32 where a subgroup is meant
//   others                 user bytes | reference group 32 where a subgroup is meant

import SpreadWire

public enum FlushWire {
  public static var agreement: Int16 { -32768 }
  public static var installed: Int16 { -32767 }
  public static var vulnerable: Int16 { -32766 }
  /// The first message type of an application.
  public static var firstLegalType: Int16 { -32765 }
  /// message type 2 | group id 12
  public static var vulnerableSize: Int { 2 + GroupID.size }
  public static var maxDecoration: Int { vulnerableSize + GroupName.size }
}

/// What a sender appends to the user's bytes.
public struct FlushDecoration: Equatable, Sendable {
  /// The sender's view, when the message could overtake views.
  public var vulnerableIn: GroupID?
  /// The group that a subgroup belongs to.
  public var reference: GroupName?

  public init(vulnerableIn: GroupID? = nil, reference: GroupName? = nil) {
    self.vulnerableIn = vulnerableIn
    self.reference = reference
  }

  public var size: Int {
    (vulnerableIn == nil ? 0 : FlushWire.vulnerableSize) + (reference == nil ? 0 : GroupName.size)
  }

  /// The message type on the wire.
  public func messageType(_ user: Int16) -> Int16 { vulnerableIn == nil ? user : FlushWire.vulnerable }

  /// Writes `size` bytes in this machine's order.
  public func store(at pointer: UnsafeMutableRawPointer, messageType: Int16) {
    var at = pointer
    if let id = vulnerableIn {
      at.put16(UInt16(bitPattern: messageType), at: 0, .native)
      id.store(at: at + 2, .native)
      at += FlushWire.vulnerableSize
    }
    reference?.store(at: at)
  }
}

/// A received message without its decoration.
public struct UndecoratedMessage: Equatable, Sendable {
  /// The user's bytes lead the body.
  public var length: Int
  public var messageType: Int16
  public var decoration: FlushDecoration

  /// nil when the body is shorter than its decoration. `type` and `messageType` as they came.
  public init?(_ body: UnsafeRawBufferPointer, type: ServiceType, messageType: Int16, order: Endianness) {
    length = body.count
    self.messageType = messageType
    decoration = FlushDecoration()
    if type.contains(.subgroup) {
      guard length >= GroupName.size else { return nil }
      length -= GroupName.size
      decoration.reference = GroupName(at: body.baseAddress! + length)
    }
    guard messageType == FlushWire.vulnerable else { return }
    guard length >= FlushWire.vulnerableSize else { return nil }
    length -= FlushWire.vulnerableSize
    self.messageType = body.i16(at: length, order)
    decoration.vulnerableIn = GroupID(body.slice(length + 2, GroupID.size), order)
  }
}
