// One mailbox: its socket, its two locks, its state (c-api 5).

import CSpreadSocket
import SpreadWire
import Synchronization

/// A message on its way out. Everything is borrowed from the caller.
public struct OutgoingMessage {
  public var type: ServiceType
  public var messageType: Int16
  /// `groupCount` names of 32 bytes.
  public var groups: UnsafeRawPointer?
  public var groupCount: Int
  public var body: Pieces
  public var bodyLength: Int
  /// What the header says about the body: its length, or the caller's negative one (c-api row J11).
  public var announcedLength: Int32

  public init(
    type: ServiceType, messageType: Int16, groups: UnsafeRawPointer?, groupCount: Int, body: Pieces, bodyLength: Int,
    announcedLength: Int32? = nil
  ) {
    self.type = type
    self.messageType = messageType
    self.groups = groups
    self.groupCount = groupCount
    self.body = body
    self.bodyLength = bodyLength
    self.announcedLength = announcedLength ?? Int32(clamping: bodyLength)
  }

  /// Header, groups and body in one write, without a copy of groups and body.
  func send<Stream: ByteStream>(from sender: GroupName, over stream: inout Stream) -> Bool {
    let header = MessageHeader(
      type: type, name: sender, groupCount: Int32(clamping: groupCount),
      hint: MessageHint(messageType: messageType, order: .native), dataLength: announcedLength)
    return withUnsafeTemporaryAllocation(byteCount: MessageHeader.size, alignment: 8) { buffer in
      header.store(at: buffer.baseAddress!)
      let names = groupCount * GroupName.size
      let run = csp_run(
        first: buffer.baseAddress, MessageHeader.size, second: UnsafeMutableRawPointer(mutating: groups), names,
        body: body)
      return stream.write(run, total: MessageHeader.size + names + bodyLength)
    }
  }
}

/// An open session. One thread may receive while another sends; two senders, or two receivers, take turns by whole
/// messages.
public final class Session: @unchecked Sendable {
  public let descriptor: Int32
  public let privateGroup: GroupName

  private let sendLock: Lock
  private let receiveLock: Lock
  /// An error or the end met by a send or receive: every later one answers netErrorOnSession.
  private let broken = Atomic<Bool>(false)
  /// Closed by its owner while other threads were still inside.
  let closed = Atomic<Bool>(false)
  /// The state of a mailbox of FL_connect; set before the application knows the mailbox.
  var flush: FlushMailbox?
  /// Under the receive lock.
  private var receiver: MessageReceiver
  /// Calls in flight; under the table lock. The last one out closes the descriptor of a closed session, so its number
  /// cannot be given to another connection before.
  var users = 0

  /// nil when memory is out.
  init?(descriptor: Int32, privateGroup: GroupName) {
    guard let sendLock = Lock(), let receiveLock = Lock() else { return nil }
    self.descriptor = descriptor
    self.privateGroup = privateGroup
    self.sendLock = sendLock
    self.receiveLock = receiveLock
    self.receiver = MessageReceiver(own: privateGroup)
  }

  /// The code with which a call that needs the connection must give up.
  private var refusal: ClientError? {
    if closed.load(ordering: .acquiring) { return .illegalSession }
    return broken.load(ordering: .acquiring) ? .netErrorOnSession : nil
  }

  public func send(_ message: OutgoingMessage) throws(ClientError) {
    if let refusal { throw refusal }
    let failure = sendLock.withLock { () -> ClientError? in
      if let refusal { return refusal }
      var stream = SocketStream(descriptor)
      if message.send(from: privateGroup, over: &stream) { return nil }
      broken.store(true, ordering: .releasing)
      return .connectionClosed
    }
    if let failure { throw failure }
  }

  public func receive(into room: ReceiveRoom) -> Reception {
    if let refusal { return Reception(refusal) }
    return receiveLock.withLock {
      if let refusal { return Reception(refusal) }
      var stream = SocketStream(descriptor)
      let reception = receiver.receive(from: &stream, into: room)
      if reception.isBroken { broken.store(true, ordering: .releasing) }
      return reception
    }
  }

  /// In a child after fork.
  func resetAfterFork() {
    sendLock.reset()
    receiveLock.reset()
    flush?.resetAfterFork()
    users = 0
  }
}
