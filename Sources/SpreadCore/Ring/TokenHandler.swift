// The plain token: acceptance and processing in stock's exact order (daemon-ring 3.2, 3.3, 3.8, 5.2).

import SpreadWire

extension Ring {
  /// A plain token that passed the acceptance checks of daemon-ring 5.1. `body` holds its requests.
  mutating func receive(
    _ token: TokenHeader, _ body: UnsafeRawBufferPointer, _ requests: RetransmissionRequests,
    _ wire: inout Transmitter, at now: Instant, into out: inout Outbox
  ) -> RingOutcome {
    guard isTokenAlive, token.membership == activeID,
      topology.position(of: token.transmitter) == active.predecessor(of: topology.me)
    else { return .ignored(.foreignRing) }
    // Stock lets the ring run out of numbers by swallowing the token; the next ring starts at 0 again. A daemon that is
    // alone has no timer that would miss the token: stock stops for ever.
    if !isRecovering, token.sequence > 1 << 30, !bug(.numbersNeverEnd) {
      return isAlone && !bug(.aloneWithoutNumbers) ? .loseToken(.numbersUsedUp) : .done
    }
    guard isNext(token, &wire, at: now, into: &out) else { return .ignored(.replay) }
    return process(token, requests, &wire, at: now, into: &out)
  }

  /// The round counter (daemon-ring 3.2 step 7). A repeated token of a new repetition makes us repeat ours.
  private mutating func isNext(
    _ token: TokenHeader, _ wire: inout Transmitter, at now: Instant, into out: inout Outbox
  ) -> Bool {
    let round = lastToken.type.round
    // A copy that is sixteen rounds late has the right round again; but the sequence number of a ring never falls.
    let isOld = isInOperation && !justInstalled && token.sequence < lastToken.sequence
    if leads { return token.type.round == round && !isOld || bug(.staleTokenAtLeader) }
    if token.type.round == round {
      // Before the first token of a ring there is nothing to repeat.
      if lastToken.membership == activeID, token.type.repeats > lastToken.type.repeats {
        // No sign of a loss: the leader may only have been impatient.
        lastToken.type = PacketType(round: round, repeats: token.type.repeats)
        repeatToken(&wire, at: now, into: &out)
      }
      return false
    }
    return token.type.round == (round + 1) & 15 && !isOld || bug(.anyRoundAccepted)
  }

  private mutating func process(
    _ received: TokenHeader, _ requests: RetransmissionRequests, _ wire: inout Transmitter, at now: Instant,
    into out: inout Outbox
  ) -> RingOutcome {
    // No honest ring gets this far ahead of what is stable (daemon-ring 3.6); a slot would become ambiguous.
    guard received.sequence &- lastDiscarded < Ring.reach else { return .loseToken(.sequenceTooHigh) }
    if out.observes { out.observations.append(.tokenAccepted(received)) }
    var token = received
    token.order = .native
    if justInstalled {
      justInstalled = false
      lastToken.aru = 0
    }
    highest = Swift.max(highest, received.sequence)
    receivedRounds &+= 1
    if !leads, received.type.repeats > 0 { counters.tokenHurries += 1 }
    out.preferToken = false
    tokenReturned(received, asks: !requests.isEmpty, at: now, into: &out)

    var builder = TokenBuilder(store.tokenMemory)
    guard let answered = answer(requests, keepingOthersIn: &builder, &wire, into: &out) else {
      return .loseToken(.requestBelowAru)
    }
    let firstNew = highest + 1
    let sent = sendNewPackets(allowed(token.flowControl), &wire, into: &out)
    token.flowControl = token.flowControl &+ Int16(clamping: answered.count + sent - lastRetransmitted - lastSent)
    (lastRetransmitted, lastSent) = (answered.count, sent)

    advanceMyAru()
    let requested = request(answered, in: &builder)
    sign(&token)
    let size = passOn(&token, &builder, &wire, at: now, into: &out)
    if out.observes { out.observations.append(.tokenPassed(token, requests: requested)) }
    tokenRounds &+= 1
    ringIsAlive(at: now, into: &out)
    flushKeptBack(&wire, into: &out)

    let newAru = Swift.max(bug(.safeAfterOneToken) ? token.aru : Swift.min(token.aru, lastToken.aru), start)
    // Stock aborts here (daemon-ring 3.9).
    guard newAru >= aru else { return .loseToken(.aruWentDown) }
    aru = newAru
    tokenCounter = highest == aru ? Swift.min(tokenCounter + 1, 1 << 20) : 0
    lastToken = token
    copyLater(size, packetsFrom: firstNew, wire, at: now, into: &out)
    let outcome = deliverAfterToken(sentFrom: firstNew)
    guard outcome == .done, isRecovering else { return outcome }
    return tokenRounds > 500 ? .loseToken(.recoveryTooLong) : .done
  }

  /// What this daemon has, and who it is (daemon-ring 3.3 steps 8 to 10).
  private mutating func sign(_ token: inout TokenHeader) {
    if case .recovery(let recovery) = phase, myAru == highest {
      myAru = recovery.lastSequence
      commitSet = recovery.commit
    }
    if token.aru > myAru || token.aruProcess == topology.myID || (token.aru == token.sequence && !isRecovering) {
      token.aru = myAru
      token.aruProcess = topology.myID
    }
    token.process = topology.myID
    token.transmitter = topology.myID
    token.configurationHash = topology.hash
    if !isRecovering, !bug(.sequenceNotRaised) { token.sequence = highest }
  }

  /// Sends the token on, unless I lead and hold it; with the old aru, counter and last token, so that some three idle
  /// rounds pass before that (daemon-ring 3.3 step 11). Answers how many bytes were sent; nil: the token is held.
  private mutating func passOn(
    _ token: inout TokenHeader, _ builder: inout TokenBuilder, _ wire: inout Transmitter, at now: Instant,
    into out: inout Outbox
  ) -> Int? {
    let repeats = token.type.repeats
    if leads { token.type = PacketType(round: (token.type.round + 1) & 15, repeats: 0) }
    holdsToken = leads && mayHold
    if holdsToken {
      rotation.forget()
      return nil
    }
    let size = builder.finish(token)
    // Stock triples a token that had to be repeated; the leader has just cleared its counter.
    let times = !leads && repeats > 1 ? 3 : copiesTokens(at: now) ? 2 : 1
    wire.token(
      UnsafeRawBufferPointer(start: store.tokenMemory.baseAddress, count: size), to: wire.successor, times: times,
      into: &out)
    rotation.left(at: now.nanoseconds)
    return size
  }

  /// daemon-ring 3.8: nothing is under way, so the leader keeps the token.
  var mayHold: Bool {
    isInOperation && lastToken.type.repeats <= 1 && aru == highest && tokenCounter > 1
  }
}
