// From what the core lets be observed to the events of a trace (evs-properties 2).

import SpreadCheck
import SpreadCore
import SpreadWire

extension World {
  func observe(_ node: Node) {
    for observation in node.outbox.observations { record(observation, node) }
  }

  private func record(_ observation: Observation, _ node: Node) {
    let log = node.trace!
    switch observation {
    case .sequenced(let ring, let number, let range):
      let sequence = relative(number, ring)
      let packet = node.outbox.bytes(in: range)
      guard let header = try? PacketHeader(packet) else { return }
      let service: Service
      switch header.type.intersection(.regular) {
      case .reliable: service = .reliable
      case .fifo: service = .fifo
      case .safe: service = .safe
      default: service = .agreed
      }
      log.record(.sequence(ring, sequence, service, trace.add(pieces(packet, header, node))), at: time)
    case .stored(let ring, let sequence):
      log.record(.have(ring, relative(sequence, ring), hash: currentHash), at: time)
    case .tokenAccepted(let token):
      log.record(.token(token.membership, record(token, isOut: false)), at: time)
    case .tokenPassed(let token, let requests):
      var record = record(token, isOut: true)
      record.requests = trace.add(options.numbersLeft == 0 ? requests : requests.map { relative($0, node.ring) })
      log.record(.token(token.membership, record), at: time)
    case .horizon(let horizon):
      guard horizon != node.horizon else { return }
      node.horizon = horizon
      log.record(
        .horizon(
          horizon.ring,
          HorizonRecord(
            myAru: relative(horizon.myAru, horizon.ring), aru: relative(horizon.aru, horizon.ring),
            highest: relative(horizon.highest, horizon.ring), discarded: relative(horizon.discarded, horizon.ring),
            delivered: relative(horizon.delivered, horizon.ring), isOperating: horizon.isOperating)), at: time)
    case .transitional(let id, let members, let commit):
      node.phase = .post
      let record = ConfigurationRecord(.transitional, id, members: names(members, node), commit: names(commit, node))
      log.record(.configuration(trace.add(record)), at: time)
    case .regular(let id, let members):
      node.phase = .pre
      node.ring = id
      log.record(.configuration(trace.add(ConfigurationRecord(.regular, id, members: names(members, node)))), at: time)
    case .delivered(let sequence, let message):
      guard let header = MessageHeader(message.bytes) else { return }
      log.record(
        .deliver(
          node.ring, relative(sequence, node.ring), messageID(header, message.bytes), Service(header.type), node.phase),
        at: time)
    case .groups(let snapshot):
      guard snapshot != node.groups else { return }
      node.groups = snapshot
      let groups = snapshot.groups.map {
        GroupTableRecord.Group(nameID($0.name), $0.id, members: $0.members.map(nameID))
      }
      log.record(
        .groups(trace.add(GroupTableRecord(GroupsState(rawValue: snapshot.state)!, groups))), at: time)
    }
  }

  /// The numbers of a ring that begins late, counted from its begin: checkers see rings that all begin with 1. What the
  /// first tokens still carry of the recovery lies far below.
  private func relative(_ sequence: Int32, _ ring: MembershipID) -> Int32 {
    let late = configuration.lateStart
    return ring.time < late.ends && sequence < .max ? max(sequence - late.sequence, 0) : sequence
  }

  private func record(_ token: TokenHeader, isOut: Bool) -> TokenRecord {
    var record = TokenRecord(token, isOut: isOut)
    record.sequence = relative(token.sequence, token.membership)
    record.aru = relative(token.aru, token.membership)
    return record
  }

  private func names(_ set: DaemonSet, _ node: Node) -> [NameID] {
    set.map { trace.names.id(nodes[node.peers[$0]].name) }
  }

  private func pieces(_ packet: UnsafeRawBufferPointer, _ header: PacketHeader, _ node: Node) -> [FragmentRecord] {
    let body = packet.slice(PacketHeader.size, packet.count - PacketHeader.size)
    guard let fragments = try? Fragments(header, body: body) else { return [] }
    return fragments.map { fragment in
      if fragment.piece == 1 {
        node.sending = MessageHeader(fragment.bytes).flatMap { messageID($0, fragment.bytes) }
      }
      return FragmentRecord(node.sending, Int16(fragment.isLast ? -fragment.piece : fragment.piece))
    }
  }

  /// nil for what daemons say to each other, and for joins and leaves. `bytes` begin with the header.
  func messageID(_ header: MessageHeader, _ bytes: UnsafeRawBufferPointer) -> MessageID? {
    guard !header.type.isDisjoint(with: .regular), header.type.isDisjoint(with: [.groups, .kill]) else { return nil }
    return MessageID(nameID(header.name.normalized), number(header, bytes))
  }

  /// The number of a message: its type, or what stands in its body where the Flush layer has types of its own.
  private func number(_ header: MessageHeader, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
    header.name[1] == SimClient.flushLetter
      ? FlushLayer.number(header, bytes) : UInt32(UInt16(bitPattern: header.hint.messageType))
  }

  /// What a receiver makes of a regular message. All receivers at a daemon share the buffer, so the last is kept.
  func payload(of message: MessageBuffer, _ header: MessageHeader) -> (MessageID, Payload) {
    let number = number(header, message.bytes)
    if let last = lastPayload, last.buffer == ObjectIdentifier(message), last.name == header.name,
      last.id.counter == number
    {
      return (last.id, last.payload)
    }
    let id = MessageID(nameID(header.name.normalized), number)
    var groups: [NameID] = []
    var at = MessageHeader.size
    for _ in 0..<header.groupCount {
      groups.append(nameID(GroupName(at: message.base + at)))
      at += GroupName.size
    }
    var mixer = Mixer()
    mixer.add(message.bytes.slice(at, message.count - at))
    let payload = Payload(
      Service(header.type), trace.names.list(groups), selfDiscard: header.type.contains(.selfDiscard),
      type: header.hint.messageType, hash: mixer.value, length: Int32(message.count - at))
    lastPayload = (ObjectIdentifier(message), header.name, id, payload)
    return (id, payload)
  }
}

extension Service {
  /// The first service bit; SAFE for a daemon's KILL, else AGREED (daemon-ring 2.5).
  init(_ type: ServiceType) {
    let bits = type.intersection(.regular).rawValue
    self = bits == 0 ? .agreed : Service(rawValue: UInt8(bits.trailingZeroBitCount))!
  }
}

extension TokenRecord {
  init(_ token: TokenHeader, isOut: Bool) {
    self.init(
      isOut: isOut, sequence: token.sequence, aru: token.aru, aruProcess: token.aruProcess, round: token.type.round,
      repeats: token.type.repeats, flowControl: Int32(token.flowControl))
  }
}
