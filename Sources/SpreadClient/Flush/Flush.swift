// The calls of the Flush interface, without C types (events-and-flush 2.2).

import CSpreadSocket
import SpreadFlush
import SpreadWire

public enum Flush {
  /// What FL_version tells.
  public static var version: (major: Int32, minor: Int32, patch: Int32) { (2, 0, 0) }

  /// Turns the mailbox of a fresh connection into one of Flush.
  public static func adopt(_ mailbox: Int32, own: GroupName) throws(ClientError) {
    try SessionTable.withSession(mailbox) { session throws(ClientError) in
      guard let flush = FlushMailbox(own: own) else { throw .couldNotConnect }
      session.flush = flush
    }
  }

  /// Runs `body` with a mailbox of Flush. A connection that is lost is closed at once, unlike that of a plain mailbox.
  private static func with<Value>(
    _ mailbox: Int32, _ body: (FlushMailbox, Session) throws(ClientError) -> Value
  ) throws(ClientError) -> Value {
    do throws(ClientError) {
      return try SessionTable.withSession(mailbox) { session throws(ClientError) in
        guard let flush = session.flush else { throw .illegalSession }
        return try body(flush, session)
      }
    } catch {
      let isLost = error == .connectionClosed || error == .netErrorOnSession
      if isLost { try? Client.disconnect(mailbox) }
      throw isLost ? .connectionClosed : error
    }
  }

  public static func disconnect(_ mailbox: Int32) throws(ClientError) {
    try with(mailbox) { _, _ throws(ClientError) in try Client.disconnect(mailbox) }
  }

  public static func join(_ mailbox: Int32, _ group: UnsafePointer<CChar>?) throws(ClientError) {
    try with(mailbox) { flush, session throws(ClientError) in
      guard let name = Client.joinableName(group) else { throw .illegalGroup }
      try flush.join(name, session)
    }
  }

  public static func leave(_ mailbox: Int32, _ group: UnsafePointer<CChar>?) throws(ClientError) {
    try with(mailbox) { flush, session throws(ClientError) in
      guard let name = Client.joinableName(group) else { throw .illegalGroup }
      try flush.leave(name, session)
    }
  }

  public static func flush(_ mailbox: Int32, _ group: UnsafePointer<CChar>?) throws(ClientError) {
    try with(mailbox) { flush, session throws(ClientError) in
      guard let name = Client.joinableName(group) else { throw .illegalGroup }
      try flush.flush(name, session)
    }
  }

  /// Sends to all members of the group, or to `receivers`, `count` names of 32 bytes. The order of the checks is that
  /// of stock (events-and-flush 2.2).
  public static func send(
    _ mailbox: Int32, _ service: ServiceType, to group: UnsafePointer<CChar>?,
    receivers: (names: UnsafeRawPointer?, count: Int32)?, _ messageType: Int16, _ body: Pieces
  ) throws(ClientError) -> Int32 {
    try with(mailbox) { flush, session throws(ClientError) in
      if let receivers, receivers.count < 0 { throw .illegalParameter }
      guard service.isDisjoint(with: .forbiddenForFlush) else { throw .illegalService }
      guard messageType >= FlushWire.firstLegalType else { throw .illegalMessageType }
      guard body.count < ClientLimits.pieces, let length = body.checkedLength() else { throw .illegalMessage }
      guard let group else { throw .illegalGroup }
      let name = GroupName(
        UnsafeRawBufferPointer(start: group, count: Client.boundedLength(group, GroupName.maxLength)))
      var list: UnsafeRawBufferPointer?
      if let receivers {
        guard receivers.count <= ClientLimits.groups, receivers.names != nil || receivers.count == 0 else {
          throw .illegalMessage
        }
        list = UnsafeRawBufferPointer(start: receivers.names, count: Int(receivers.count) * GroupName.size)
      }
      return try flush.send(service, to: name, receivers: list, messageType, body, length: length, session)
    }
  }

  /// One message, and how many wait in the library then.
  public static func receive(
    _ mailbox: Int32, into room: ReceiveRoom, blocks: Bool
  ) throws(ClientError) -> (reception: Reception, more: Int) {
    try with(mailbox) { flush, session throws(ClientError) in
      try flush.receive(session, into: room, blocks: blocks)
    }
  }

  /// Messages that wait in the library.
  public static func waiting(_ mailbox: Int32) throws(ClientError) -> Int {
    try with(mailbox) { flush, _ throws(ClientError) in flush.waiting }
  }

  /// Unread bytes, in the library and before it.
  public static func poll(_ mailbox: Int32) throws(ClientError) -> Int32 {
    try with(mailbox) { flush, _ throws(ClientError) in
      Int32(clamping: Int(try Client.poll(mailbox)) + flush.waitingBytes)
    }
  }
}

/// Texts for the codes that only Flush has.
public enum FlushText {
  public static func of(_ code: Int32) -> StaticString? {
    switch code {
    case -24: "An argument is out of its range"
    case -25: "Nothing to receive, and the call would have had to wait"
    case -26: "Message types below -32765 are Flush's own"
    case -27: "Not possible now: the group is in another state"
    case -28: "Not all receivers are members of the group"
    default: nil
    }
  }
}
