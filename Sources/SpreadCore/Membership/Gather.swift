// Finding each other: ALIVE, JOIN, REFER and the timers around them (daemon-ring 4.4, 4.5).

import SpreadWire

extension Membership {
  // MARK: States

  /// SEG: tell my segment that I live, listen for a while. A daemon that is alone in the configuration has nobody to
  /// wait for.
  mutating func enterSegment(_ wire: inout Transmitter, at now: Instant, into out: inout Outbox) {
    state = .segment(members: [me])
    guard topology.count > 1 else {
      enterGather(tokenAlive: false, members: [me], &wire, at: now, into: &out)
      return
    }
    sendAlive(&wire, at: now, into: &out)
    arm(.segmentEnd, timeouts.seg, at: now, into: &out)
  }

  private mutating func enterRepresented(by: Int?, _ wire: inout Transmitter, at now: Instant, into out: inout Outbox) {
    cancel(.alive, .segmentEnd, into: &out)
    arm(.represented, timeouts.rep, at: now, into: &out)
    state = .represented(by: by)
  }

  mutating func enterGather(
    tokenAlive: Bool, members: [Int], _ wire: inout Transmitter, at now: Instant, into out: inout Outbox
  ) {
    cancel(.alive, .segmentEnd, .represented, .lookup, into: &out)
    state = .gather(
      Gathering(
        members: members,
        representatives: [RepresentativeEntry(position: me, type: tokenAlive ? .ring : .segment)],
        tokenAlive: tokenAlive))
    guard topology.count > 1 else {
      gatherEnded(&wire, at: now, into: &out)
      return
    }
    sendJoin(&wire, at: now, into: &out)
    arm(.gatherEnd, timeouts.gather, at: now, into: &out)
  }

  /// Nobody to form with: the ring goes on.
  private mutating func backToOperation(at now: Instant, into out: inout Outbox) {
    cancel(.join, .gatherEnd, into: &out)
    state = .operational
    arm(.lookup, timeouts.lookup, at: now, into: &out)
  }

  // MARK: Timers

  mutating func timer(_ timer: TimerID, _ wire: inout Transmitter, at now: Instant, into out: inout Outbox) {
    switch (timer, state) {
    case (.alive, .segment): sendAlive(&wire, at: now, into: &out)
    case (.segmentEnd, .segment(let members)):
      if members.min() == me {
        enterGather(tokenAlive: false, members: members, &wire, at: now, into: &out)
      } else {
        enterRepresented(by: nil, &wire, at: now, into: &out)
      }
    case (.represented, .represented): enterSegment(&wire, at: now, into: &out)
    case (.join, .gather): sendJoin(&wire, at: now, into: &out)
    case (.gatherEnd, .gather): gatherEnded(&wire, at: now, into: &out)
    case (.lookup, .operational) where leads: lookup(&wire, at: now, into: &out)
    case (.tokenLoss, .form): tokenLost(.formTimeout, &wire, at: now, into: &out)
    case (.tokenLoss, _): tokenLost(.timeout, &wire, at: now, into: &out)
    default: break
    }
  }

  /// FormOrFail.
  private mutating func gatherEnded(_ wire: inout Transmitter, at now: Instant, into out: inout Outbox) {
    guard case .gather(let gathering) = state else { return }
    let best = smallest(gathering.representatives).map { gathering.representatives[$0].position }
    if best == me {
      if gathering.tokenAlive, gathering.representatives.count == 1 {
        backToOperation(at: now, into: &out)
      } else {
        effects.append(.formWanted)
      }
    } else if gathering.tokenAlive {
      backToOperation(at: now, into: &out)
    } else {
      potential = Array(gathering.representatives.dropFirst())
      enterGather(tokenAlive: false, members: [me], &wire, at: now, into: &out)
    }
  }

  /// The leader looks for other rings: at the lookup timer and when a foreign packet is heard.
  mutating func lookup(_ wire: inout Transmitter, at now: Instant, into out: inout Outbox) {
    guard topology.count > 1 else { return }
    potential = []
    let probe = Gathering(
      members: [], representatives: [RepresentativeEntry(position: me, type: .ring)], tokenAlive: true)
    var sent = true
    if topology.segments.count == 1 {
      withJoin(probe, wire) { wire.segmentCast($0, topology.mySegment, into: &out) }
    } else {
      let others = (0..<topology.count).filter { !installed.contains($0) }
      withJoin(probe, wire) { for other in others { wire.unicast($0, to: other, into: &out) } }
      sent = !others.isEmpty
    }
    if sent {
      enterGather(tokenAlive: true, members: [], &wire, at: now, into: &out)
    } else {
      arm(.lookup, timeouts.lookup, at: now, into: &out)
    }
  }

  // MARK: Sending

  private func sendAlive(_ wire: inout Transmitter, at now: Instant, into out: inout Outbox) {
    arm(.alive, timeouts.alive, at: now, into: &out)
    guard case .segment(let members) = state else { return }
    sendAlive(members, &wire, into: &out)
  }

  private func sendAlive(_ members: [Int], _ wire: inout Transmitter, into out: inout Outbox) {
    withUnsafeTemporaryAllocation(byteCount: DatagramSize.maxPacket, alignment: 8) { memory in
      let ids = members.map { topology.ids[$0] }
      guard let size = AliveMessage.encode(wire.header(.alive), members: ids, into: memory) else { return }
      wire.segmentCast(UnsafeRawBufferPointer(start: memory.baseAddress, count: size), topology.mySegment, into: &out)
    }
  }

  /// To my segment unless my ring works; always to whom I know of (daemon-ring 4.4, "send JOIN").
  private func sendJoin(_ wire: inout Transmitter, at now: Instant, into out: inout Outbox) {
    arm(.join, timeouts.join, at: now, into: &out)
    guard case .gather(let gathering) = state else { return }
    withJoin(gathering, wire) { packet in
      if !gathering.tokenAlive { wire.segmentCast(packet, topology.mySegment, into: &out) }
      for entry in potential { wire.unicast(packet, to: entry.position, into: &out) }
    }
  }

  private func withJoin(_ gathering: Gathering, _ wire: Transmitter, _ body: (UnsafeRawBufferPointer) -> Void) {
    withUnsafeTemporaryAllocation(byteCount: DatagramSize.maxPacket, alignment: 8) { memory in
      let members = gathering.tokenAlive ? [] : gathering.members.map { topology.ids[$0] }
      let size = JoinMessage.encode(
        wire.header(.join), members: members, representatives: gathering.representatives.map(representative),
        into: memory)
      if let size { body(UnsafeRawBufferPointer(start: memory.baseAddress, count: size)) }
    }
  }

  func sendRefer(
    _ position: Int, _ type: RepresentativeType, to receiver: Int, _ wire: inout Transmitter, into out: inout Outbox
  ) {
    withUnsafeTemporaryAllocation(byteCount: PacketHeader.size, alignment: 8) { memory in
      ReferMessage(topology.ids[position], type).header(wire.header(.refer)).store(at: memory.baseAddress!)
      wire.unicast(UnsafeRawBufferPointer(memory), to: receiver, into: &out)
    }
  }

  // MARK: Receiving

  mutating func alive(from sender: Int, _ wire: inout Transmitter, at now: Instant, into out: inout Outbox) {
    switch state {
    case .segment(var members):
      Membership.insert(sender, into: &members)
      state = .segment(members: members)
    case .represented:
      arm(.represented, timeouts.rep, at: now, into: &out)
    case .gather(var gathering) where !gathering.tokenAlive:
      Membership.insert(sender, into: &gathering.members)
      state = .gather(gathering)
    case .form: break
    case .operational, .recovery, .gather:
      if mine.contains(sender) { loseAndInsert(sender, &wire, at: now, into: &out) }
    }
  }

  /// A member of my ring has lost it: so have I.
  private mutating func loseAndInsert(
    _ sender: Int, _ wire: inout Transmitter, at now: Instant, into out: inout Outbox
  ) {
    tokenLost(.membershipMessage, &wire, at: now, into: &out)
    if case .segment(var members) = state {
      Membership.insert(sender, into: &members)
      state = .segment(members: members)
    }
  }

  mutating func join(
    _ message: JoinMessage, from sender: Int, _ wire: inout Transmitter, at now: Instant, into out: inout Outbox
  ) {
    guard let first = entry(message.sender), first.position == sender else { return }
    // Stock exits on daemons it does not know (daemon-ring 6.2).
    for i in 0..<message.representativeCount where entry(message.representative(i)) == nil { return }
    let represents = topology.segmentOf[sender] == topology.mySegment && first.type == .segment
    switch state {
    case .operational: joinInOperation(first, &wire, at: now, into: &out)
    case .segment:
      guard represents else { return }
      enterRepresented(by: sender, &wire, at: now, into: &out)
      sendAlive([me], &wire, into: &out)
    case .represented(let by):
      if represents {
        state = .represented(by: sender)
        arm(.represented, timeouts.rep, at: now, into: &out)
        sendAlive([me], &wire, into: &out)
      } else if let by {
        sendRefer(by, .segment, to: sender, &wire, into: &out)
      }
    case .gather(var gathering):
      insert(first, into: &gathering.representatives)
      for i in 0..<message.representativeCount {
        if let entry = entry(message.representative(i)), entry.position != me { insert(entry, into: &potential) }
      }
      state = .gather(gathering)
      if let best = smallest(gathering.representatives), gathering.representatives[best].position == sender {
        arm(.gatherEnd, timeouts.gather, at: now, into: &out)
      }
    case .form: break
    case .recovery:
      if future.contains(sender) { loseAndInsert(sender, &wire, at: now, into: &out) }
    }
  }

  private mutating func joinInOperation(
    _ first: RepresentativeEntry, _ wire: inout Transmitter, at now: Instant, into out: inout Outbox
  ) {
    if installed.contains(first.position) {
      // In a single segment a member's JOIN is a lookup; with several it lost the ring.
      if topology.segments.count > 1 { tokenLost(.membershipMessage, &wire, at: now, into: &out) }
    } else if leads {
      potential = [first]
      enterGather(tokenAlive: true, members: [], &wire, at: now, into: &out)
    } else if topology.segmentOf[first.position] != topology.mySegment
      || topology.segmentLeader(of: installed, in: topology.mySegment) == me
    {
      if let leader = installed.first { sendRefer(leader, .ring, to: first.position, &wire, into: &out) }
    }
  }

  mutating func refer(
    _ message: ReferMessage, from sender: Int, _ wire: inout Transmitter, at now: Instant, into out: inout Outbox
  ) {
    if message.process == topology.ids[sender], isInOperation {
      farewell(from: sender, &wire, at: now, into: &out)
      return
    }
    guard case .gather = state, let position = topology.position(of: message.process), position != me else { return }
    insert(RepresentativeEntry(position: position, type: message.type), into: &potential)
  }
}
