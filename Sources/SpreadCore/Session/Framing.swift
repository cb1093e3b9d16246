// Cutting a client's stream into messages and judging their headers (client-protocol 4, 6.1 to 6.3).

import SpreadWire

extension Daemon {
  mutating func sessionBytes(
    _ id: SessionID, _ bytes: UnsafeRawBufferPointer, at now: Instant, into out: inout Outbox
  ) {
    var rest = bytes
    while rest.count > 0, sessions.isLive(id) {
      let taken: Int
      if case .open(let user) = sessions[id].state {
        taken = messageBytes(id, user, rest, into: &out)
      } else {
        taken = handshakeBytes(id, rest, at: now, into: &out)
      }
      rest = rest.slice(taken, rest.count - taken)
    }
  }

  /// Takes the next part of one message; answers how many bytes.
  private mutating func messageBytes(
    _ id: SessionID, _ user: UserIndex, _ bytes: UnsafeRawBufferPointer, into out: inout Outbox
  ) -> Int {
    if let message = sessions[id].assembling {
      let part = Swift.min(sessions[id].expected - message.count, bytes.count)
      message.append(bytes.slice(0, part))
      finishIfWhole(id, user, message, into: &out)
      return part
    }
    if sessions[id].pending.isEmpty, bytes.count >= MessageHeader.size {
      header(id, user, bytes.slice(0, MessageHeader.size), into: &out)
      return MessageHeader.size
    }
    let part = Swift.min(MessageHeader.size - sessions[id].pending.count, bytes.count)
    sessions[id].pending.append(contentsOf: bytes.slice(0, part))
    if sessions[id].pending.count == MessageHeader.size {
      var whole: [UInt8] = []
      swap(&whole, &sessions[id].pending)
      whole.withUnsafeBytes { header(id, user, $0, into: &out) }
    }
    return part
  }

  private mutating func header(
    _ id: SessionID, _ user: UserIndex, _ bytes: UnsafeRawBufferPointer, into out: inout Outbox
  ) {
    guard var header = MessageHeader(bytes) else { return }
    if let violation = Self.judge(header, from: sessions[user].privateName) {
      endSession(id, .badHeader(violation), into: &out)
      return
    }
    let body = Int(header.groupCount) * GroupName.size + Int(header.dataLength)
    let message = pool.take(MessageHeader.size + body)
    message.append(bytes)
    // From here on the header is in this daemon's order; the hint stays the client's (client-protocol 4).
    header.order = .native
    header.name = header.name.terminated
    header.store(at: message.base)
    sessions[id].expected = MessageHeader.size + body
    sessions[id].assembling = message
    finishIfWhole(id, user, message, into: &out)
  }

  /// client-protocol 6.1, in its order, then the limits and bits of 6.3 and 10 that stock gets wrong. Static: a method
  /// would be called on a copy of the whole daemon.
  private static func judge(_ header: MessageHeader, from privateName: GroupName) -> HeaderViolation? {
    let kind = header.type.intersection(.clientKinds).rawValue
    guard kind.nonzeroBitCount == 1 else { return .kind(header.type.rawValue) }
    guard header.type.isDisjoint(with: .forbiddenFromClients) else { return .forbiddenBits(header.type.rawValue) }
    guard header.name.normalized == privateName else { return .sender }
    guard header.groupCount >= 0, header.groupCount <= Limits.groupsPerMessage else {
      return .groupCount(header.groupCount)
    }
    guard header.hint.isLegal else { return .hint }
    guard header.dataLength >= 0, header.dataLength <= Limits.headerDataLength else {
      return .dataLength(header.dataLength)
    }
    let body = Int(header.dataLength) + GroupName.size * Int(header.groupCount)
    guard body <= Limits.messageBody else { return .tooLong(body) }
    return nil
  }

  private mutating func finishIfWhole(
    _ id: SessionID, _ user: UserIndex, _ message: MessageBuffer, into out: inout Outbox
  ) {
    guard message.count == sessions[id].expected else { return }
    sessions[id].assembling = nil
    guard let header = MessageHeader(message.bytes) else { return }
    if !header.type.isDisjoint(with: [.join, .leave]) {
      // Stock reads stale memory for both (client-protocol 10, Q5); such a frame must never reach a peer.
      guard header.groupCount > 0 else {
        endSession(id, .badHeader(.groupMissing), into: &out)
        return
      }
      let group = GroupName(rawAt: message.base + MessageHeader.size)
      guard group.isTerminated else {
        endSession(id, .badHeader(.groupUnterminated), into: &out)
        return
      }
      if header.type.contains(.join), let full = groups.fullness(of: group.normalized) {
        out.log.append(.joinRefused(user: sessions[user].name, group: group.normalized, members: full))
        return
      }
    }
    submissions.append((message, PacketClass(of: header.type)))
    if header.type.contains(.kill) {
      // The client's own message ends the session in its place in the order.
      closeConnection(id, .clientLeft, into: &out)
    }
  }

  /// Ends a session from our side: nothing more is read or written, and the ring is told (client-protocol 9).
  mutating func endSession(_ id: SessionID, _ reason: SessionEndReason, into out: inout Outbox) {
    guard case .open(let user) = sessions[id].state else { return }
    let privateName = sessions[user].privateName
    closeConnection(id, reason, into: &out)
    let kill = pool.take(MessageHeader.size)
    kill.fill(
      MessageHeader(
        type: [.kill, .safe], name: privateName, groupCount: 0, hint: MessageHint(messageType: 0, order: .native),
        dataLength: 0))
    submissions.append((kill, .safe))
  }

  /// This daemon leaves: every client gets what is due to it, then the end of its stream.
  mutating func closeSessions(into out: inout Outbox) {
    for index in sessions.connections.indices {
      let id = SessionID(Int32(index))
      switch sessions[id].state {
      case .closed: break
      case .greeting, .choosing:
        out.sessions.append(.close(id, flushing: false))
        sessions.close(id)
      case .open: closeConnection(id, .shutdown, flushing: true, into: &out)
      }
    }
  }

  private mutating func closeConnection(
    _ id: SessionID, _ reason: SessionEndReason, flushing: Bool = false, into out: inout Outbox
  ) {
    guard case .open(let user) = sessions[id].state else { return }
    out.log.append(.sessionEnded(user: sessions[user].name, id, from: sessions[id].peer, reason))
    out.sessions.append(.close(id, flushing: flushing))
    sessions.close(id)
  }

  mutating func sessionEnded(_ id: SessionID, _ end: SessionEnd, into out: inout Outbox) {
    guard sessions.isLive(id) else { return }
    guard case .open = sessions[id].state else {
      abandonHandshake(id, .endedEarly, into: &out)
      return
    }
    switch end {
    case .endOfStream: endSession(id, .endOfStream, into: &out)
    case .failure(let code): endSession(id, .failure(code), into: &out)
    }
  }

  /// The slow reader rule: what remains queued after an attempt to write counts, never what one wake-up produced.
  mutating func sessionBacklog(_ id: SessionID, _ messages: Int, into out: inout Outbox) {
    guard sessions.isLive(id), case .open = sessions[id].state else { return }
    if messages > configuration.maxSessionMessages { endSession(id, .tooSlow(queued: messages), into: &out) }
  }
}
