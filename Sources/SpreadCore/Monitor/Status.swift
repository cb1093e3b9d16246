// The status report (monitor 2).

import SpreadWire

extension Daemon {
  mutating func answerStatus(
    to address: NetworkAddress, port: UInt16, at now: Instant, into out: inout Outbox
  ) {
    withUnsafeTemporaryAllocation(byteCount: PacketHeader.size + DaemonStatus.size, alignment: 8) { memory in
      guard let size = status(at: now).encode(into: memory) else { return }
      _ = out.append(
        UnsafeRawBufferPointer(start: memory.baseAddress, count: size), .packet, to: .monitor(address, port: port))
    }
  }

  /// Counters wrap as stock's do.
  func status(at now: Instant) -> DaemonStatus {
    var status = DaemonStatus()
    status.seconds = Int32(truncatingIfNeeded: (now.nanoseconds - monitor.started) / 1_000_000_000)
    status.state = Int32(membership.state.number)
    status.groupsState = Int32(groups.state.number)
    report(ring.counters, in: &status)
    status.aru = ring.aru
    status.myAru = ring.myAru
    status.highest = ring.highest
    status.tokenRounds = ring.tokenRounds
    status.process = topology.myID
    if let installed = monitor.installed {
      status.leader = installed.id.process
      status.daemons = Int16(clamping: installed.daemons)
      status.segments = Int16(clamping: installed.segments)
    }
    status.membershipChanges = Int16(truncatingIfNeeded: monitor.memberships)
    status.messagesDelivered = Int32(truncatingIfNeeded: routed)
    status.window = Int16(clamping: ring.settings.window)
    status.personalWindow = Int16(clamping: ring.settings.personalWindow)
    status.acceleratedRing = ring.settings.accelerated ? 1 : 0
    status.acceleratedWindow = Int16(clamping: ring.settings.acceleratedWindow)
    status.sessions = Int16(clamping: sessions.openConnections)
    status.groups = Int16(clamping: groups.table.count)
    // What we are on the wire, not what we are called.
    (status.majorVersion, status.minorVersion, status.patchVersion) = topology.speaksWire44 ? (4, 4, 0) : (5, 0, 1)
    return status
  }

  private func report(_ counters: RingCounters, in status: inout DaemonStatus) {
    func word(_ count: Int) -> Int32 { Int32(truncatingIfNeeded: count) }
    status.packetsSent = word(counters.sent)
    status.packetsReceived = word(counters.received)
    status.packetsDelivered = word(counters.delivered)
    status.retransmissionsToOne = word(counters.retransmittedToOne)
    status.retransmissionsToSegment = word(counters.retransmittedToSegment)
    status.retransmissionsToAll = word(counters.retransmittedToAll)
    status.retransmissions = word(
      counters.retransmittedToOne + counters.retransmittedToSegment + counters.retransmittedToAll)
    status.hurries = word(counters.tokenHurries)
  }
}
