// Datagrams: the acceptance checks, and who gets what passes (daemon-ring 5.1, 3.2, 3.4). What fails is dropped whole
// and counted by its reason; nothing that comes from the network ends the daemon.

import SpreadWire

extension Daemon {
  mutating func packet(
    _ datagram: UnsafeRawBufferPointer, from source: NetworkAddress, at now: Instant, into out: inout Outbox
  ) {
    do throws(WireFailure) {
      let header = try PacketHeader(datagram)
      let body = datagram.slice(PacketHeader.size, datagram.count - PacketHeader.size)
      if topology.speaksWire44, header.configurationHash == Monitor44.hash {
        return try command44(header, body, from: source, at: now, into: &out)
      }
      guard let transmitter = accept(header.configurationHash, header.transmitter, source, at: now, into: &out)
      else { return }
      var kind = try header.kind()
      // Monitor packets count even from this daemon's own address.
      if kind.isMonitorCommand { return try command(header, kind, body, from: source, at: now, into: &out) }
      // Multicast comes back to its sender.
      if transmitter == topology.me { return }
      if monitor.separates(transmitter, from: topology.me) {
        return drop(.partitioned, from: source, at: now, into: &out)
      }
      if header.type.contains(.routed) {
        if !bug(.notForwarded) { wire.forward(datagram, header.order, into: &out) }
        kind = try header.kind()
      }
      try pass(header, kind, body, datagram, source, at: now, into: &out)
    } catch {
      drop(.malformed(error), from: source, at: now, into: &out)
    }
  }

  private mutating func pass(
    _ header: PacketHeader, _ kind: PacketKind, _ body: UnsafeRawBufferPointer, _ datagram: UnsafeRawBufferPointer,
    _ source: NetworkAddress, at now: Instant, into out: inout Outbox
  ) throws(WireFailure) {
    switch kind {
    case .data:
      let fragments = try Fragments(header, body: body)
      if header.membership == ring.installedID {
        let isNew = ring.receive(header, fragments, datagram, at: now, into: &out)
        if !isNew { drop(.replay, from: source, at: now, into: &out) }
      } else {
        drop(.foreignRing, from: source, at: now, into: &out)
        membership.foreignPacket(header, datagram, &wire, at: now, into: &out)
      }
    case .alive:
      _ = try AliveMessage(header, body: body)
      guard let sender = topology.position(of: header.process) else { return }
      membership.alive(from: sender, &wire, at: now, into: &out)
    case .join:
      let message = try JoinMessage(header, body: body)
      guard let sender = topology.position(of: header.process) else { return }
      membership.join(message, from: sender, &wire, at: now, into: &out)
    case .refer:
      let message = try ReferMessage(header)
      guard let sender = topology.position(of: header.process) else { return }
      membership.refer(message, from: sender, &wire, at: now, into: &out)
    case .hurry:
      guard let sender = topology.position(of: header.process) else { return }
      ring.hurryRequested(by: sender, &wire, at: now, into: &out)
    case .status, .partition, .flowControl, .reload: break
    }
  }

  mutating func token(
    _ datagram: UnsafeRawBufferPointer, from source: NetworkAddress, at now: Instant, into out: inout Outbox
  ) {
    do throws(WireFailure) {
      let header = try TokenHeader(datagram)
      guard let transmitter = accept(header.configurationHash, header.transmitter, source, at: now, into: &out)
      else { return }
      if monitor.separates(transmitter, from: topology.me) {
        return drop(.partitioned, from: source, at: now, into: &out)
      }
      let body = datagram.slice(TokenHeader.size, datagram.count - TokenHeader.size)
      switch try header.kind() {
      case .plain:
        let requests = try RetransmissionRequests(header, body: body)
        let outcome = ring.receive(header, body, requests, &wire, at: now, into: &out)
        if case .ignored(let reason) = outcome { drop(reason, from: source, at: now, into: &out) }
        take(outcome, at: now, into: &out)
      case .form1:
        membership.fillForm(try FormToken(header, body: body), ring.report(), &wire, at: now, into: &out)
      case .form2:
        membership.readForm(try FormToken(header, body: body), ring.report(), &wire, at: now, into: &out)
      }
    } catch {
      drop(.malformed(error), from: source, at: now, into: &out)
    }
  }

  /// The checks that packets and tokens share; answers the transmitter's position.
  private mutating func accept(
    _ hash: UInt32, _ transmitter: ProcessID, _ source: NetworkAddress, at now: Instant, into out: inout Outbox
  ) -> Int? {
    guard hash == topology.hash else {
      drop(.wrongHash(hash), from: source, at: now, into: &out)
      return nil
    }
    guard let position = topology.position(of: transmitter) else {
      drop(.unknownTransmitter(transmitter), from: source, at: now, into: &out)
      return nil
    }
    guard topology.addresses[position] == source || topology.speaksWire44 else {
      drop(.wrongSource(transmitter), from: source, at: now, into: &out)
      return nil
    }
    return position
  }
}
