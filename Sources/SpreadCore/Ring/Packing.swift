// New packets: how many, and what goes into each (daemon-ring 2.4, 2.5, 3.6, 3.7).

import SpreadWire

extension Ring {
  /// Packets that may be sent in this visit of the token. (Inlined: a call would copy the ring.)
  @inline(__always)
  func allowed(_ flowControl: Int16) -> Int {
    guard !isRecovering || bug(.sendsInRecovery), highest <= aru &+ 1600 else { return 0 }
    if bug(.flowControlIgnored) { return 3 * settings.window }
    // Windows may be as large as their fields, slots are not.
    let slots = Int(aru) + 1600 + Ring.slotsPerRound - Int(highest)
    let room = Swift.min(settings.window + settings.personalWindow - Int(flowControl), slots)
    return Swift.min(Swift.max(room, 0), Swift.min(settings.window, settings.personalWindow))
  }

  /// Numbers, stores and sends up to `limit` new packets; answers how many.
  mutating func sendNewPackets(_ limit: Int, _ wire: inout Transmitter, into out: inout Outbox) -> Int {
    var sent = 0
    while sent < limit {
      guard pack() else { break }
      sent += 1
      if out.observes {
        out.observations.append(.sequenced(installedID, highest, packet: out.keep(store[highest].bytes)))
      }
      launch(highest, &wire, into: &out)
    }
    return sent
  }

  /// Of what is sent now. (Inlined: a call would copy the ring.)
  @inline(__always)
  private var nextPiece: Piece? { exchanging ? groupsDown.nextPiece : down.nextPiece }

  /// Puts the piece into the packet that gets the next number.
  private mutating func take(_ piece: Piece, to place: UnsafeMutableRawPointer) {
    let message = exchanging ? groupsDown.take(piece, to: place) : down.take(piece, to: place)
    if let message { sentInPieces.append((message, last: highest + 1)) }
  }

  /// Makes the next packet of what waits; false when nothing does.
  private mutating func pack() -> Bool {
    guard let first = nextPiece else { return false }
    let memory = store.takeMemory()
    var builder = PacketBuilder(at: memory)
    var piece = first
    while let place = builder.append(index: piece.index, length: piece.length) {
      take(piece, to: place)
      guard let next = nextPiece, next.packetClass.packs(with: first.packetClass) else { break }
      piece = next
    }
    highest += 1
    lastNumbered = highest
    let length = builder.finish(
      PacketHeader(
        type: first.packetClass.packetType, transmitter: topology.myID, process: topology.myID,
        membership: installedID, sequence: highest, tokenRound: tokenRounds, configurationHash: topology.hash))
    store.put(highest, memory, length: length, type: first.packetClass.packetType, origin: topology.me)
    return true
  }

  /// Sends a new packet now, or after the token: the accelerated ring keeps the last few back.
  private mutating func launch(_ sequence: Int32, _ wire: inout Transmitter, into out: inout Outbox) {
    guard settings.accelerated, settings.acceleratedWindow > 0 else {
      transmit(sequence, &wire, into: &out)
      return
    }
    if keptBack.count >= settings.acceleratedWindow, let oldest = keptBack.popFirst() {
      transmit(oldest, &wire, into: &out)
    }
    keptBack.append(sequence)
  }

  mutating func flushKeptBack(_ wire: inout Transmitter, into out: inout Outbox) {
    while let sequence = keptBack.popFirst() { transmit(sequence, &wire, into: &out) }
  }

  private mutating func transmit(_ sequence: Int32, _ wire: inout Transmitter, into out: inout Outbox) {
    let slot = store[sequence]
    guard let memory = slot.memory else { return }
    // The round at the moment of sending: packets behind the token carry one more (daemon-ring 3.7).
    memory.put32(UInt32(bitPattern: tokenRounds), at: PacketHeader.tokenRoundOffset, .native)
    counters.sent += 1
    wire.broadcast(slot.bytes, into: &out)
  }
}
