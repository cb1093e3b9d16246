// Tokens that may be lost: sending one again, asking for one that is held, and sending two at once while datagrams get
// lost (daemon-ring 3.8). In stock only the leader looks after the token, and a lost one always costs the whole
// HurryTimeout (wide-area 2.3). What is done here beyond that uses nothing but tokens and HURRY packets that stock
// sends as well, so a ring with stock members gains with us:
//
//   early repetition   a leader sends an unanswered token again after some rotations instead of the HurryTimeout, and
//                      waits twice as long each time. Every repetition counts up RETRANS as stock's does, and those who
//                      have passed the token on already repeat theirs. The HurryTimeout holds while the token is held.
//                      When the token comes back without the count of the repetition it was only late: that is no loss,
//                      and the leader is more patient for a while.
//   no second token    a HURRY that comes while the token is on its way keeps the leader from holding it; stock sends
//                      a second one behind it.
//   HURRY again        a member whose HURRY brought no token asks again.
//   token copies       for a while after a loss each token is sent twice. The round of a copy is never the one that is
//                      due (daemon-ring 3.2 step 7), so it is dropped without a word. To another segment every token
//                      of a ring at work goes twice, with a gap, so that one burst of losses does not take both
//                      (wide-area 5, Z1), unless the next one comes first; a HURRY as well, at once (Z2).
//   packet copies      while datagrams get lost, the few new packets of a visit go to the other segments twice as well,
//                      with the same gap, unless the next token comes first. A packet that is lost on the way to
//                      another segment costs a rotation or two until it has been asked for, and everything SAFE behind
//                      it waits for that. Copies of packets that are here are dropped (daemon-ring 3.4). A flood is not
//                      copied: it needs the bandwidth.

import SpreadWire

extension Ring {
  /// How long tokens are sent twice after the last sign of a loss, nanoseconds.
  private static let copyingTime: UInt64 = 10_000_000_000
  /// The share of the HurryTimeout after which a HURRY is sent again at first.
  private static let hurryShare: UInt64 = 100

  /// New packets of one visit of the token, at most, that are copied.
  private static let mostCopied: Int32 = 4

  /// Between a token to another segment and its copy.
  private static let copyGap: UInt64 = 2_000_000

  // MARK: What is noticed

  /// A token that is processed has come. `asks`: somebody misses packets.
  mutating func tokenReturned(_ token: TokenHeader, asks: Bool, at now: Instant, into out: inout Outbox) {
    rotation.returned(at: now.nanoseconds)
    // The memory of the token that was sent is needed for this one.
    tokenToCopy = 0
    // An idle ring shows one repetition, so does one that waited for something to send.
    if asks || token.type.repeats > 1 && !leads { noteLoss(at: now) }
    judgeRepetition(token, at: now)
    if hurriesSent > 0 {
      hurriesSent = 0
      if !leads { cancel(.hurry, into: &out) }
    }
  }

  /// Whether the leader's repetition was needed: the token that came back says which one it is.
  private mutating func judgeRepetition(_ token: TokenHeader, at now: Instant) {
    guard let first = firstRepetition else { return }
    firstRepetition = nil
    // The counter is too small to tell when it has gone round.
    if token.type.repeats < first, lastToken.type.repeats >= first {
      rotation.repetitionWasNeedless(at: now.nanoseconds)
    } else {
      noteLoss(at: now)
    }
  }

  mutating func noteLoss(at now: Instant) {
    guard settings.copiesTokens else { return }
    copiesUntil = now.nanoseconds + Self.copyingTime
  }

  func copiesTokens(at now: Instant) -> Bool { now.nanoseconds < copiesUntil }

  // MARK: The leader

  /// A token or data packet of the ring came: it lives. A ring of one cannot lose its token.
  mutating func ringIsAlive(at now: Instant, into out: inout Outbox) {
    guard !isAlone else { return }
    arm(.tokenLoss, timeouts.token, at: now, into: &out)
    if leads { awaitToken(at: now, into: &out) }
  }

  private func awaitToken(at now: Instant, into out: inout Outbox) {
    let longest = UInt64(timeouts.hurry) * 1_000_000
    let wait = settings.repeatsEarly && !holdsToken ? rotation.wait(longest) : longest
    out.timers.append(TimerAction(timer: .hurry, deadline: now.nanoseconds + wait))
  }

  /// The leader's timer: the token is lost, or held long enough. A member's: nothing came of its HURRY.
  mutating func hurryTimer(_ wire: inout Transmitter, at now: Instant, into out: inout Outbox) {
    guard isTokenAlive else { return }
    if leads {
      if holdsToken {
        releaseToken(&wire, at: now, into: &out)
      } else {
        rotation.repeated()
        repeatToken(&wire, at: now, into: &out)
        if firstRepetition == nil { firstRepetition = lastToken.type.repeats }
      }
    } else if !queueIsEmpty, mayHold {
      hurryLeader(&wire, at: now, into: &out)
    }
  }

  /// Somebody has something to send while the token is held (daemon-ring 3.8).
  mutating func hurryRequested(
    by position: Int, _ wire: inout Transmitter, at now: Instant, into out: inout Outbox
  ) {
    guard leads, mayHold, active.contains(position) else { return }
    tokenCounter = 0
    // The token is on its way, and will not be held.
    if settings.repeatsEarly, !holdsToken { return }
    releaseToken(&wire, at: now, into: &out)
  }

  private mutating func releaseToken(_ wire: inout Transmitter, at now: Instant, into out: inout Outbox) {
    holdsToken = false
    rotation.left(at: now.nanoseconds)
    repeatToken(&wire, at: now, into: &out)
  }

  /// Sends the last token again, without requests (daemon-ring 3.8, "Re-send").
  mutating func repeatToken(_ wire: inout Transmitter, at now: Instant, into out: inout Outbox) {
    if leads {
      counters.tokenHurries += 1
      let round = bug(.repetitionIsNewRound) ? (lastToken.type.round + 1) & 15 : lastToken.type.round
      lastToken.type = PacketType(round: round, repeats: (lastToken.type.repeats + 1) & 15)
      if !isAlone { awaitToken(at: now, into: &out) }
    }
    var times = copiesTokens(at: now) ? 2 : 1
    if settings.wide, topology.members(of: active, in: topology.mySegment).last == topology.me { times = 2 }
    if lastToken.type.repeats > 1 { times += 2 }
    guard let memory = store.tokenMemory.baseAddress else { return }
    var token = lastToken
    token.bodyLength = 0
    token.transmitter = topology.myID
    token.configurationHash = topology.hash
    token.store(at: memory)
    wire.token(
      UnsafeRawBufferPointer(start: memory, count: TokenHeader.size), to: wire.successor, times: times, into: &out)
    copyToken(TokenHeader.size, wire, at: now)
    setCopyTimer(at: now, into: &out)
  }

  // MARK: Copies to another segment

  /// A token has been processed and is `lastToken`. `size`: of what was sent of it and is in `store.tokenMemory`; nil:
  /// it is held. `first`: of the packets that were sent with it, which end with the highest.
  mutating func copyLater(
    _ size: Int?, packetsFrom first: Int32, _ wire: Transmitter, at now: Instant, into out: inout Outbox
  ) {
    let isCopied =
      topology.segments.count > 1 && isInOperation && copiesTokens(at: now) && first <= highest
      && highest - first < Self.mostCopied
    packetsToCopy = isCopied ? first...highest : nil
    if let size { copyToken(size, wire, at: now) }
    setCopyTimer(at: now, into: &out)
  }

  /// Where nothing is under way nobody waits for the token, so a copy is only worth while on a network that has just
  /// lost something.
  private mutating func copyToken(_ size: Int, _ wire: Transmitter, at now: Instant) {
    let isCopied =
      settings.copiesTokens && topology.segmentOf[wire.successor] != topology.mySegment
      && (!mayHold || copiesTokens(at: now))
    tokenToCopy = isCopied ? size : 0
  }

  /// A timer that nobody needs any longer would only wake the daemon up.
  private mutating func setCopyTimer(at now: Instant, into out: inout Outbox) {
    if tokenToCopy > 0 || packetsToCopy != nil {
      out.timers.append(TimerAction(timer: .tokenCopy, deadline: now.nanoseconds + Self.copyGap))
      copyTimerIsSet = true
    } else if copyTimerIsSet {
      cancel(.tokenCopy, into: &out)
      copyTimerIsSet = false
    }
  }

  mutating func copyTimer(_ wire: inout Transmitter, into out: inout Outbox) {
    copyTimerIsSet = false
    guard isTokenAlive else { return }
    copyPackets(&wire, into: &out)
    guard tokenToCopy > 0 else { return }
    wire.token(
      UnsafeRawBufferPointer(start: store.tokenMemory.baseAddress, count: tokenToCopy), to: wire.successor, into: &out)
    tokenToCopy = 0
  }

  private mutating func copyPackets(_ wire: inout Transmitter, into out: inout Outbox) {
    guard let packets = packetsToCopy else { return }
    packetsToCopy = nil
    for sequence in packets where sequence > lastDiscarded {
      let slot = store[sequence]
      guard slot.state == .held || slot.state == .delivered else { continue }
      for segment in topology.segments.indices where segment != topology.mySegment {
        counters.retransmittedToSegment += 1
        wire.segmentCast(slot.bytes, segment, into: &out)
      }
    }
  }

  // MARK: Members

  /// Asks the leader, who may hold the token, for it (daemon-ring 3.8). Stock asks once, and when that is lost its
  /// message waits for the HurryTimeout.
  mutating func hurryLeader(_ wire: inout Transmitter, at now: Instant, into out: inout Outbox) {
    guard let leader = active.first else { return }
    withUnsafeTemporaryAllocation(byteCount: PacketHeader.size, alignment: 8) { memory in
      wire.header(.hurry).store(at: memory.baseAddress!)
      let isFar = topology.segmentOf[leader] != topology.mySegment
      for _ in 0..<(isFar && settings.copiesTokens ? 2 : 1) {
        wire.unicast(UnsafeRawBufferPointer(memory), to: leader, into: &out)
      }
    }
    guard settings.repeatsEarly else { return }
    let longest = UInt64(timeouts.hurry) * 1_000_000
    let wait = Swift.max(longest / Self.hurryShare, RotationTime.shortest) << Swift.min(hurriesSent, 20)
    hurriesSent += 1
    out.timers.append(TimerAction(timer: .hurry, deadline: now.nanoseconds + Swift.min(wait, longest)))
  }
}
