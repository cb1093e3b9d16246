// Packets in, messages out: storing, the three passes, putting pieces together (daemon-ring 3.4, 3.10).

import SpreadWire

/// A message of which the first pieces are here.
struct Assembly {
  var message: MessageBuffer
  var pieces: Int
}

extension Ring {
  /// A data packet that passed the acceptance checks and is of my installed membership; `fragments` is its validated
  /// body. False: it is here already, or was, or lies beyond what the ring can have sent.
  mutating func receive(
    _ header: PacketHeader, _ fragments: Fragments, _ datagram: UnsafeRawBufferPointer, at now: Instant,
    into out: inout Outbox
  ) -> Bool {
    if isTokenAlive { ringIsAlive(at: now, into: &out) }
    let sequence = header.sequence
    guard let origin = origin(of: header), sequence > lastDiscarded,
      sequence &- lastDiscarded < Ring.reach,
      store.state(sequence) == .empty || (bug(.duplicatesAccepted) && store.state(sequence) == .delivered)
    else { return false }
    // Stock stores a late packet of a daemon that does not come along and may never finish its recovery.
    if isRecovering, sequence > highest { return true }
    keep(header, fragments, datagram, origin: origin)
    counters.received += 1
    if out.observes { out.observations.append(.stored(installedID, sequence)) }
    if settings.accelerated, isTokenAlive, header.tokenRound > receivedRounds,
      topology.position(of: header.transmitter) == active.predecessor(of: topology.me)
    {
      out.preferToken = true
    }
    highest = Swift.max(highest, sequence)
    if sequence == myAru + 1 {
      advanceMyAru()
      agreedPass()
    } else {
      reliablePass(sequence...sequence)
    }
    return true
  }

  private func origin(of header: PacketHeader) -> Int? {
    bug(.retiredForgotten) ? topology.position(of: header.process) : topology.origin(of: header.process)
  }

  /// Copies the packet into its slot, header and fragment headers in this machine's order.
  private func keep(
    _ header: PacketHeader, _ fragments: Fragments, _ datagram: UnsafeRawBufferPointer, origin: Int
  ) {
    let memory = store.takeMemory()
    memory.copyMemory(from: datagram.baseAddress!, byteCount: datagram.count)
    if header.order != .native, !bug(.orderKept) {
      var native = header
      native.order = .native
      native.firstFragment = header.firstFragment
      native.store(at: memory)
      fragments.rewriteHeaders(in: memory + PacketHeader.size, .native)
    }
    store.put(
      header.sequence, memory, length: datagram.count, type: header.type.intersection(.regular), origin: origin)
  }

  mutating func advanceMyAru() {
    while myAru < highest, store.state(myAru + 1) != .empty || bug(.gapsIgnored) { myAru += 1 }
  }

  // MARK: Passes

  mutating func deliverAfterToken(sentFrom first: Int32) -> RingOutcome {
    if case .recovery(let recovery) = phase {
      guard aru == recovery.lastSequence else { return .done }
      install(recovery)
      return .installed
    }
    guard safePass() else { return .loseToken(.aruBeyondHeld) }
    agreedPass()
    if first <= highest { reliablePass(first...highest) }
    return .done
  }

  /// Delivers and forgets what everybody has; false when the aru covers a packet that is not here.
  mutating func safePass() -> Bool {
    while lastDiscarded < aru {
      let next = lastDiscarded + 1
      switch store.state(next) {
      case .empty, .hole: return false
      case .held: deliver(next)
      case .delivered: break
      }
      store.clear(next)
      lastDiscarded = next
      lastDelivered = Swift.max(lastDelivered, next)
    }
    return true
  }

  /// Delivers in order up to the first gap or the first SAFE packet that is not stable.
  mutating func agreedPass() {
    guard threshold != .blocked, isInOperation else { return }
    while lastDelivered < myAru {
      let next = lastDelivered + 1
      let slot = store[next]
      if slot.state == .held {
        if slot.type == .safe, !bug(.safeAtOnce) { return }
        deliver(next)
      }
      lastDelivered = next
    }
  }

  /// Whole RELIABLE messages do not wait for gaps.
  mutating func reliablePass(_ sequences: ClosedRange<Int32>) {
    guard threshold == .open, isInOperation else { return }
    for sequence in sequences {
      let slot = store[sequence]
      guard slot.state == .held, slot.type == .reliable, let memory = slot.memory else { continue }
      let index = UnsafeRawBufferPointer(start: memory, count: PacketHeader.size)
        .i16(at: PacketHeader.firstFragmentOffset, .native)
      if index == FragmentHeader.whole { deliver(sequence) }
    }
  }

  /// The threshold was opened: what waited comes now.
  mutating func runPasses() {
    agreedPass()
    if lastDelivered < highest { reliablePass(lastDelivered + 1...highest) }
  }

  // MARK: Messages

  /// Hands up the messages that a packet completes.
  mutating func deliver(_ sequence: Int32) {
    let slot = store[sequence]
    store.mark(sequence, .delivered)
    let packet = slot.bytes
    guard packet.count >= PacketHeader.size else { return }
    counters.delivered += 1
    let origin = Int(slot.origin)
    for fragment in Fragments(ofStored: packet) { add(fragment, from: origin, sequence) }
  }

  private mutating func add(_ fragment: Fragment, from origin: Int, _ sequence: Int32) {
    if fragment.isWhole {
      let message = pool.take(fragment.bytes.count)
      message.append(fragment.bytes)
      hand(message, origin, sequence)
      return
    }
    if origin == topology.me {
      if fragment.isLast { handSent(sequence) }
      return
    }
    if fragment.piece == 1 {
      let message = pool.take(DatagramSize.maxPieces * DatagramSize.maxPacketBody)
      message.append(fragment.bytes)
      assembly[origin] = Assembly(message: message, pieces: 1)
      return
    }
    // A piece without its predecessors: stock aborts (daemon-ring 3.9). The message is dropped and counted.
    guard let soFar = assembly[origin], soFar.pieces == fragment.piece - 1 else {
      assembly[origin] = nil
      counters.brokenMessages += 1
      return
    }
    soFar.message.append(fragment.bytes)
    assembly[origin] = fragment.isLast ? nil : Assembly(message: soFar.message, pieces: fragment.piece)
    if fragment.isLast { hand(soFar.message, origin, sequence) }
  }

  /// Hands up the message of mine whose last piece is in this packet. Pieces are delivered in order, so those before
  /// it will not be.
  private mutating func handSent(_ sequence: Int32) {
    while let first = sentInPieces.first, first.last <= sequence {
      sentInPieces.removeFirst()
      if first.last == sequence { return hand(first.message, topology.me, sequence) }
    }
    counters.brokenMessages += 1
  }

  private mutating func hand(_ message: MessageBuffer, _ origin: Int, _ sequence: Int32) {
    guard let header = MessageHeader(message.bytes), header.describes(message.count) else {
      counters.brokenMessages += 1
      return
    }
    counters.messagesDelivered += 1
    events.append(.message(message, origin: origin, sequence: sequence))
  }
}

extension MessageHeader {
  /// Whether the counts add up to a message of `length` bytes.
  func describes(_ length: Int) -> Bool {
    groupCount >= 0 && dataLength >= 0
      && MessageHeader.size + Int(groupCount) * GroupName.size + Int(dataLength) == length
  }
}
