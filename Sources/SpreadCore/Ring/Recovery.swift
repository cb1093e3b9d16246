// From the old ring to the new one: what FORM2 orders, and the installation (daemon-ring 4.7, 4.8).

import SpreadWire

/// What a daemon agreed to in FORM2 about its old ring, and the ring to come.
struct Recovery: Equatable {
  /// The end mark: the aru that says "I have all of my old ring".
  var lastSequence: Int32
  /// Those the old ring's messages are owed to; positions.
  var commit: [Int]
  /// Those of the old ring that come along with me.
  var transitional: DaemonSet
  var transitionalID: MembershipID
  var future: DaemonSet
  var futureID: MembershipID
}

/// What FORM2 says about the packets of my old ring.
struct OldRing: Equatable {
  var aru: Int32
  var highest: Int32
  var holes: [Int32]
}

/// What a daemon writes about its ring into FORM1 (daemon-ring 4.6).
struct RingReport: Equatable {
  var id: MembershipID
  var aru: Int32
  var highest: Int32
  /// Of the numbers above what was discarded.
  var missing: [Int32]
  var commit: [Int]
}

extension Ring {
  func report() -> RingReport {
    let limit = MembershipSize.holes
    var missing = self.missing(from: lastDiscarded + 1, through: highest, atMost: limit + 1)
    var top = highest
    if missing.count > limit {
      // More than a token may list: what lies above is as good as never received.
      top = missing[limit] - 1
      missing.removeLast()
    }
    return RingReport(
      id: installedID, aru: aru, highest: top, missing: missing,
      commit: [topology.me] + commitSet.filter { $0 != topology.me })
  }

  /// Whether the ring's packets can be brought into the state FORM2 describes.
  func canRecover(_ old: OldRing) -> Bool {
    old.aru >= lastDiscarded && old.aru <= old.highest && old.highest &- lastDiscarded < Ring.reach
  }

  /// FORM2 was read. `isLast`: I send the first plain token. Answers false when the old ring contradicts itself.
  mutating func beginRecovery(
    _ recovery: Recovery, _ old: OldRing, isLast: Bool, _ wire: inout Transmitter, at now: Instant,
    into out: inout Outbox
  ) -> Bool {
    // What came after my FORM1 is unknown to the others.
    if highest > old.highest, !bug(.lateCounted) {
      for sequence in (old.highest + 1)...highest where sequence > lastDiscarded { store.clear(sequence) }
    }
    highest = bug(.lateCounted) ? Swift.max(highest, old.highest) : old.highest
    aru = old.aru
    guard safePass() else {
      // Numbers below the aru are missing here, so a damaged token raised it. To say so again would fail for ever.
      aru = lastDiscarded
      return false
    }
    for hole in old.holes where hole > lastDiscarded { store.makeHole(hole) }
    myAru = lastDiscarded
    while myAru < highest, [.held, .delivered].contains(store.state(myAru + 1)) { myAru += 1 }

    phase = .recovery(recovery)
    active = recovery.future
    activeID = recovery.futureID
    aru = 0
    lastToken = Ring.zeroToken(topology)
    receivedRounds = 0
    tokenRounds = 0
    tokenCounter = 0
    (lastRetransmitted, lastSent) = (0, 0)
    holdsToken = false
    tokenToCopy = 0
    packetsToCopy = nil
    hurriesSent = 0
    rotation = RotationTime()
    if isLast {
      tokenRounds = 1
      sendFirstToken(&wire, into: &out)
    }
    if isAlone { cancel(.tokenLoss, into: &out) } else { arm(.tokenLoss, timeouts.token, at: now, into: &out) }
    return true
  }

  /// The first plain token of the new ring: its round is accepted by the leader only (daemon-ring 4.7).
  private func sendFirstToken(_ wire: inout Transmitter, into out: inout Outbox) {
    withUnsafeTemporaryAllocation(byteCount: TokenHeader.size, alignment: 8) { memory in
      let token = TokenHeader(
        type: [], transmitter: topology.myID, process: topology.myID, membership: activeID, sequence: 0, aru: .max,
        aruProcess: .unknown, configurationHash: topology.hash)
      token.store(at: memory.baseAddress!)
      if out.observes { out.observations.append(.tokenPassed(token, requests: [])) }
      wire.token(UnsafeRawBufferPointer(memory), to: wire.successor, times: 2, into: &out)
    }
  }

  /// Everything owed of the old ring is here: deliver it, signal, and begin anew (daemon-ring 4.8).
  mutating func install(_ recovery: Recovery) {
    var next = lastDiscarded + 1
    // 1. What is certain without the transitional membership.
    while next <= highest {
      let slot = store[next]
      if slot.state == .hole || slot.state == .empty || (slot.state == .held && slot.type == .safe) { break }
      if slot.state == .held { deliver(next) }
      store.clear(next)
      next += 1
    }
    // 2.
    events.append(.transitional(recovery.transitional, recovery.transitionalID, commit: recovery.commit))
    // 3. The rest; behind a hole only of those to whom it was promised.
    var behindHole = false
    while next <= highest {
      let slot = store[next]
      if slot.state == .hole || slot.state == .empty {
        behindHole = true
      } else if slot.state == .held,
        !behindHole || bug(.allDeliveredBehindHole) || recovery.commit.contains(Int(slot.origin))
      {
        if !bug(.transitionalDropped) { deliver(next) }
      }
      store.clear(next)
      next += 1
    }
    // 4.
    if !bug(.noRewind) { down.rewind() }
    groupsDown = DownQueue()
    for i in assembly.indices { assembly[i] = nil }
    sentInPieces.removeAll(keepingCapacity: true)
    // 5.
    installedID = recovery.futureID
    commitSet = [topology.me]
    start = installedID.time < settings.lateStart.ends ? settings.lateStart.sequence : 0
    (highest, myAru, aru, lastDiscarded, lastDelivered) = (start, start, start, start, start)
    lastNumbered = 0
    tokenCounter = 0
    justInstalled = true
    phase = .operation
    events.append(.regular(recovery.future, recovery.futureID))
  }

  /// The recovery failed: back to what is known of the old ring (daemon-ring 4.8, "Failure in EVS").
  mutating func abandonRecovery() {
    if highest > lastDiscarded {
      for sequence in (lastDiscarded + 1)...highest where store.state(sequence) == .hole {
        store.mark(sequence, .empty)
      }
    }
    aru = lastDiscarded
    myAru = lastDiscarded
    advanceMyAru()
  }
}
