// The handshake (client-protocol 3), from accept to ACCEPT. Records may come cut anywhere, each connection has its own
// deadline, and no connection waits for another: stock takes whole segments only and serves one connector at a time
// (client-protocol 10, Q6).

import SpreadWire

extension Daemon {
  mutating func sessionOpened(_ id: SessionID, _ peer: PeerAddress, at now: Instant, into out: inout Outbox) {
    guard sessions.occupied < maxSessions else {
      answer(id, .rejectQuota, into: &out)
      out.sessions.append(.close(id, flushing: true))
      out.log.append(.connectionRefused(user: nil, from: peer, .sessionLimit))
      return
    }
    sessions.open(id, from: peer, deadline: now.nanoseconds + Limits.greetingNanoseconds)
    armAdmissionTimer(into: &out)
  }

  /// Takes more of a handshake. Answers the bytes that belong to what follows it.
  mutating func handshakeBytes(
    _ id: SessionID, _ bytes: UnsafeRawBufferPointer, at now: Instant, into out: inout Outbox
  ) -> Int {
    switch sessions[id].state {
    case .greeting: return greeting(id, bytes, at: now, into: &out)
    case .choosing(_, let user, let version): return choice(id, bytes, user, version, into: &out)
    case .closed, .open: return 0
    }
  }

  /// Bytes of the longest CONNECT record.
  private static let longestGreeting = 5 + PrivateName.maxUserLength

  private mutating func greeting(
    _ id: SessionID, _ bytes: UnsafeRawBufferPointer, at now: Instant, into out: inout Outbox
  ) -> Int {
    let before = sessions[id].pending.count
    let taken = Swift.min(bytes.count, Self.longestGreeting - before)
    sessions[id].pending.append(contentsOf: bytes.slice(0, taken))
    switch sessions[id].pending.withUnsafeBytes(ConnectRecord.decode) {
    case .incomplete:
      return taken
    case .failure(.version):
      refuse(id, .rejectVersion, .version, into: &out)
    case .failure(.nameLength):
      refuse(id, .rejectIllegalName, .nameLength, into: &out)
    case .failure(.nameCharacter):
      refuse(id, .rejectIllegalName, .nameCharacter, into: &out)
    case .record(let record, let length):
      sessions[id].pending.removeAll(keepingCapacity: true)
      greeted(id, record, at: now, into: &out)
      return length - before
    }
    return bytes.count
  }

  private mutating func greeted(_ id: SessionID, _ record: ConnectRecord, at now: Instant, into out: inout Outbox) {
    let name = record.name.isEmpty ? inventName(id) : record.name
    guard sessions.user(named: name) == nil else {
      refuse(id, .rejectNotUnique, .nameInUse, user: name, into: &out)
      return
    }
    let user = sessions.addUser(
      name: name, privateName: PrivateName(user: name, daemon: me.name).groupName,
      wantsMembership: record.wantsMembership, connection: id)
    sessions[id].state = .choosing(
      deadline: now.nanoseconds + Limits.choiceNanoseconds, user, record.version)
    if record.version.choosesAuthentication {
      sendMethodList(id, into: &out)
      armAdmissionTimer(into: &out)
    } else {
      settle(id, user, record.version, authentication.judgeWithoutChoice(from: sessions[id].peer), into: &out)
    }
  }

  private mutating func choice(
    _ id: SessionID, _ bytes: UnsafeRawBufferPointer, _ user: UserIndex, _ version: LibraryVersion,
    into out: inout Outbox
  ) -> Int {
    let taken = Swift.min(bytes.count, AuthChoice.size - sessions[id].pending.count)
    sessions[id].pending.append(contentsOf: bytes.slice(0, taken))
    guard sessions[id].pending.count == AuthChoice.size else { return taken }
    let peer = sessions[id].peer
    let verdict = sessions[id].pending.withUnsafeBytes { authentication.judge(choice: $0, from: peer) }
    settle(id, user, version, verdict, into: &out)
    return taken
  }

  private mutating func settle(
    _ id: SessionID, _ user: UserIndex, _ version: LibraryVersion, _ verdict: AuthenticationPolicy.Verdict,
    into out: inout Outbox
  ) {
    let privateName = sessions[user].privateName
    switch verdict {
    case .refuse(let reason):
      refuse(id, .rejectAuth, .authentication(reason), user: sessions[user].name, into: &out)
    case .accept:
      sessions[id].state = .open(user)
      sessions[id].pending = []
      sessions.handshaking.removeAll { $0 == id }
      // One write for the whole answer: some libraries want it in one piece (c-api 6.3).
      let answer = pool.take(GroupName.size + 5)
      let mine = LibraryVersion.current
      answer.append(byte: UInt8(bitPattern: ConnectAnswer.accept.rawValue))
      answer.append(byte: UInt8(bitPattern: mine.major))
      answer.append(byte: UInt8(bitPattern: mine.minor))
      if version.expectsPatch { answer.append(byte: UInt8(bitPattern: mine.patch)) }
      answer.append(byte: UInt8(privateName.length))
      for i in 0..<privateName.length { answer.append(byte: privateName[i]) }
      out.sessions.append(.write(id, answer))
      out.log.append(.sessionAccepted(user: sessions[user].name, id, from: sessions[id].peer))
    }
  }

  private mutating func sendMethodList(_ id: SessionID, into out: inout Outbox) {
    let list = authentication.offer
    let answer = pool.take(list.count + 1)
    answer.append(byte: UInt8(list.count))
    for byte in list { answer.append(byte: byte) }
    out.sessions.append(.write(id, answer))
    if list.isEmpty { refuse(id, .rejectAuth, .authentication(.nothingEnabled), into: &out) }
  }

  mutating func refuse(
    _ id: SessionID, _ code: ConnectAnswer, _ reason: RefusalReason, user: GroupName? = nil, into out: inout Outbox
  ) {
    out.log.append(.connectionRefused(user: user, from: sessions[id].peer, reason))
    answer(id, code, into: &out)
    out.sessions.append(.close(id, flushing: true))
    sessions.close(id)
  }

  private mutating func answer(_ id: SessionID, _ code: ConnectAnswer, into out: inout Outbox) {
    let byte = pool.take(1)
    byte.append(byte: UInt8(bitPattern: code.rawValue))
    out.sessions.append(.write(id, byte))
  }

  /// A connection ended or fell silent during its handshake. Whoever was asked to choose and said nothing is told;
  /// a record that breaks off gets no answer (client-protocol 3.2 rule 1, 3.4).
  mutating func abandonHandshake(_ id: SessionID, _ reason: RefusalReason, into out: inout Outbox) {
    if case .choosing(_, let user, _) = sessions[id].state, sessions[id].pending.isEmpty {
      refuse(id, .rejectAuth, reason, user: sessions[user].name, into: &out)
      return
    }
    out.log.append(.connectionRefused(user: nil, from: sessions[id].peer, reason))
    out.sessions.append(.close(id, flushing: true))
    sessions.close(id)
  }

  mutating func admissionTimer(at now: Instant, into out: inout Outbox) {
    for id in sessions.handshaking {
      switch sessions[id].state {
      case .greeting(let deadline) where deadline <= now.nanoseconds:
        abandonHandshake(id, .silent, into: &out)
      case .choosing(let deadline, _, _) where deadline <= now.nanoseconds:
        abandonHandshake(id, .authenticationSilent, into: &out)
      default: break
      }
    }
    armAdmissionTimer(into: &out)
  }

  private func armAdmissionTimer(into out: inout Outbox) {
    var earliest: UInt64?
    for id in sessions.handshaking {
      switch sessions[id].state {
      case .greeting(let deadline), .choosing(let deadline, _, _):
        earliest = Swift.min(deadline, earliest ?? .max)
      case .closed, .open: break
      }
    }
    out.timers.append(TimerAction(timer: .admission, deadline: earliest))
  }

  /// `r<number>-<slot>`, at most 9 characters, unique here (client-protocol 3.2).
  private mutating func inventName(_ id: SessionID) -> GroupName {
    while true {
      var text: [UInt8] = [UInt8(ascii: "r")]
      text += String(random.next(below: 9999)).utf8
      text.append(UInt8(ascii: "-"))
      text += String(id.rawValue).utf8
      let name = text.prefix(9).withUnsafeBytes { GroupName($0) }
      if sessions.user(named: name) == nil { return name }
    }
  }
}
