// The Flush state of one mailbox with its locks and its memory (events-and-flush 2.2).

import CSpreadSocket
import SpreadFlush
import SpreadWire

/// One thread may receive while another sends. What is sent goes out under the lock under which it was allowed, so
/// that it never follows the agreement that forbids it.
public final class FlushMailbox: @unchecked Sendable {
  private let stateLock: Lock
  private let receiveLock: Lock
  /// Under the state lock.
  private var machine: FlushMachine
  /// Waits for the application: what one message from the daemon led to. Under the state lock.
  private var queue: [FlushMessage] = []
  /// Under the receive lock.
  private var inbox = FlushInbox()

  /// nil when memory is out.
  init?(own: GroupName) {
    guard let stateLock = Lock(), let receiveLock = Lock() else { return nil }
    self.stateLock = stateLock
    self.receiveLock = receiveLock
    machine = FlushMachine(own: own)
  }

  /// In a child after fork.
  func resetAfterFork() {
    stateLock.reset()
    receiveLock.reset()
  }

  /// Messages that wait here.
  var waiting: Int { stateLock.withLock { queue.count } }

  /// Bytes that a program could get without the daemon (events-and-flush 2.2, FL_poll).
  var waitingBytes: Int {
    stateLock.withLock {
      var sum = 0
      for message in queue { sum += 88 + message.groups.count * GroupName.size + message.body.count }
      return sum
    }
  }

  // MARK: Calls of the application

  func join(_ group: GroupName, _ session: Session) throws(ClientError) {
    try stateLock.withLock { () throws(ClientError) in
      do throws(FlushRefusal) { try machine.join(group) } catch { throw ClientError(error) }
      try Client.control(.join, session, group)
    }
  }

  func leave(_ group: GroupName, _ session: Session) throws(ClientError) {
    try stateLock.withLock { () throws(ClientError) in
      do throws(FlushRefusal) { try machine.leave(group) } catch { throw ClientError(error) }
      try Client.control(.leave, session, group)
    }
  }

  func flush(_ group: GroupName, _ session: Session) throws(ClientError) {
    try stateLock.withLock { () throws(ClientError) in
      var actions: [FlushAction] = []
      do throws(FlushRefusal) { try machine.flush(group, &actions) } catch { throw ClientError(error) }
      try perform(actions, session)
    }
  }

  /// Sends to `receivers` of the group, or to all members when there are none given. Answers the user's bytes.
  func send(
    _ service: ServiceType, to group: GroupName, receivers: UnsafeRawBufferPointer?, _ messageType: Int16,
    _ body: Pieces, length: Int, _ session: Session
  ) throws(ClientError) -> Int32 {
    var names: [GroupName]?
    if let receivers {
      var list: [GroupName] = []
      for i in 0..<receivers.count / GroupName.size {
        list.append(GroupName(at: receivers.baseAddress! + i * GroupName.size))
      }
      names = list
    }
    return try stateLock.withLock { () throws(ClientError) in
      let decoration: FlushDecoration
      do throws(FlushRefusal) {
        decoration = try machine.decoration(of: service, to: group, receivers: names)
      } catch {
        throw ClientError(error)
      }
      guard service.asksForService else { throw .illegalService }
      guard length >= 0 else { throw .illegalParameter }
      let type = receivers == nil ? service : service.union(.subgroup)
      let groupCount = names?.count ?? 1
      guard length + decoration.size + groupCount * GroupName.size <= ClientLimits.message else {
        throw .messageTooLong
      }
      try withDecoration(decoration, messageType, body) { pieces throws(ClientError) in
        try Client.withName(group) { name throws(ClientError) in
          try session.send(
            OutgoingMessage(
              type: type, messageType: decoration.messageType(messageType),
              groups: receivers == nil ? name : receivers!.baseAddress, groupCount: groupCount, body: pieces,
              bodyLength: length + decoration.size))
        }
      }
      return Int32(length)
    }
  }

  /// The body with the decoration as one more piece.
  private func withDecoration(
    _ decoration: FlushDecoration, _ messageType: Int16, _ body: Pieces,
    _ use: (Pieces) throws(ClientError) -> Void
  ) throws(ClientError) {
    guard decoration.size > 0 else { return try use(body) }
    var failure: ClientError?
    withUnsafeTemporaryAllocation(byteCount: FlushWire.maxDecoration, alignment: 8) { bytes in
      decoration.store(at: bytes.baseAddress!, messageType: messageType)
      withUnsafeTemporaryAllocation(of: csp_piece.self, capacity: body.count + 1) { pieces in
        for i in 0..<body.count { pieces[i] = body.base.unsafelyUnwrapped[i] }
        pieces[body.count] = csp_piece(base: bytes.baseAddress, length: decoration.size)
        do throws(ClientError) {
          try use(Pieces(UnsafePointer(pieces.baseAddress), count: body.count + 1))
        } catch {
          failure = error
        }
      }
    }
    if let failure { throw failure }
  }

  // MARK: Receiving

  /// One message into `room`, and how many wait here then.
  func receive(
    _ session: Session, into room: ReceiveRoom, blocks: Bool
  ) throws(ClientError) -> (reception: Reception, more: Int) {
    try receiveLock.withLock { () throws(ClientError) in
      while true {
        if let taken = takeWaiting(into: room) { return taken }
        // End of stream counts as readable: the receive below then tells it (stock answers WOULD_BLOCK for ever).
        guard blocks || csp_is_readable(session.descriptor) != 0 else { throw .wouldBlock }
        try inbox.receive(session)
        let delivered = try stateLock.withLock { () throws(ClientError) in
          let reception = try digest(session, room)
          guard !machine.isOverfull else { throw .connectionClosed }
          return reception.map { ($0, queue.count) }
        }
        if let delivered { return delivered }
      }
    }
  }

  private func takeWaiting(into room: ReceiveRoom) -> (reception: Reception, more: Int)? {
    stateLock.withLock {
      guard let message = queue.first else { return nil }
      let reception = message.body.withUnsafeBytes { FlushInbox.deliver(message, $0, into: room) }
      if room.dropsSurplus || !reception.isTooShort { queue.removeFirst() }
      return (reception, queue.count)
    }
  }

  /// Gives the message in the inbox to the machine. Answers when it went straight to the application.
  private func digest(_ session: Session, _ room: ReceiveRoom) throws(ClientError) -> Reception? {
    var actions: [FlushAction] = []
    switch inbox.read() {
    case .nothing: break
    case .membership(let membership): machine.membership(membership, &actions)
    case .transition(let group): machine.transition(group, &actions)
    case .selfLeave(let group): machine.selfLeave(group, &actions)
    case .control(let control, let sender): machine.control(control, from: sender, &actions)
    case .message(let message, let length, let group, let sentIn):
      let body = inbox.body(length)
      switch machine.judge(message.type, to: group, from: message.sender, sentIn: sentIn) {
      case .drop: break
      case .hold: machine.hold(message.with(body), group)
      case .deliver:
        let reception = FlushInbox.deliver(message, body, into: room)
        if room.dropsSurplus || !reception.isTooShort { return reception }
        queue.append(message.with(body))
      }
    case .rejected(let message, let length): queue.append(message.with(inbox.body(length)))
    }
    try perform(actions, session)
    return nil
  }

  private func perform(_ actions: [FlushAction], _ session: Session) throws(ClientError) {
    for action in actions {
      switch action {
      case .deliver(let message): queue.append(message)
      case .send(let control): try send(control, session)
      }
    }
  }

  private func send(_ control: FlushControl, _ session: Session) throws(ClientError) {
    try Client.withName(control.group) { name throws(ClientError) in
      var failure: ClientError?
      withUnsafeTemporaryAllocation(byteCount: GroupID.size, alignment: 8) { bytes in
        control.id.store(at: bytes.baseAddress!, .native)
        let piece = csp_piece(base: bytes.baseAddress, length: GroupID.size)
        withUnsafePointer(to: piece) { piece in
          do throws(ClientError) {
            try session.send(
              OutgoingMessage(
                type: .fifo, messageType: control.messageType, groups: name, groupCount: 1,
                body: Pieces(piece, count: 1), bodyLength: GroupID.size))
          } catch {
            failure = error
          }
        }
      }
      if let failure { throw failure }
    }
  }
}

extension FlushMessage {
  func with(_ body: UnsafeRawBufferPointer) -> FlushMessage {
    var message = self
    message.body = [UInt8](body)
    return message
  }
}

extension ClientError {
  init(_ refusal: FlushRefusal) {
    switch refusal {
    case .illegalGroup: self = .illegalGroup
    case .illegalState: self = .illegalState
    case .illegalReceivers: self = .illegalReceivers
    }
  }
}
