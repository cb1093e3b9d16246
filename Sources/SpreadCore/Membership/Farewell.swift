// A member of a working ring leaves on purpose: what it says, and what the leader does about it (Leaving.swift).

import SpreadWire

/// The last words to the ring.
enum Farewell {
  /// FORM1 of the ring without me, to its first member (daemon-ring 4.5): members of a working ring fill any FORM1.
  case handOver(FormToken, to: ProcessID)
  /// ALIVE in the name of another member. Never in one's own: it would be waited for.
  case alive(of: Int)
}

extension Membership {
  /// A ring works, and I am in it.
  var isInOperation: Bool {
    switch state {
    case .operational: return true
    case .gather(let gathering): return gathering.tokenAlive
    case .segment, .represented, .form, .recovery: return false
    }
  }

  /// No ring works, and none is being formed that counts on me.
  var isWithoutRing: Bool {
    switch state {
    case .segment, .represented: return true
    case .gather(let gathering): return !gathering.tokenAlive
    case .operational, .form, .recovery: return false
    }
  }

  // MARK: The one that leaves

  /// To the leader: REFER with my own id, which means nothing to stock.
  mutating func askToLeave(_ wire: inout Transmitter, into out: inout Outbox) {
    guard let leader = installed.first else { return }
    for _ in 0..<2 { sendRefer(me, .ring, to: leader, &wire, into: &out) }
  }

  /// The last words of this daemon, who is not alone in its ring; nil when there is nobody to tell.
  mutating func farewell(_ highest: Int32, at now: Instant) -> Farewell? {
    var others = installed
    others.remove(me)
    guard let first = others.first else { return nil }
    guard leads else { return .alive(of: topology.members(of: others, in: topology.mySegment).first ?? first) }
    let form = FormToken(
      header: TokenHeader(
        type: [], transmitter: topology.myID, process: topology.myID,
        membership: MembershipID(topology.myID, nextTime(now)), sequence: highest &+ Self.endMarkGap,
        configurationHash: topology.hash),
      members: others.map { topology.ids[$0] }, done: 0,
      stage: .form1(representatives: [representative(RepresentativeEntry(position: me, type: .ring))], next: 1),
      rings: [])
    return .handOver(form, to: topology.ids[first])
  }

  func say(_ farewell: Farewell, _ wire: inout Transmitter, into out: inout Outbox) {
    switch farewell {
    case .handOver(let form, let first): send(form, to: first, &wire, into: &out)
    case .alive(let other):
      withUnsafeTemporaryAllocation(byteCount: DatagramSize.maxPacket, alignment: 8) { memory in
        var header = wire.header(.alive)
        header.process = topology.ids[other]
        guard let size = AliveMessage.encode(header, members: [header.process], into: memory) else { return }
        let packet = UnsafeRawBufferPointer(start: memory.baseAddress, count: size)
        wire.segmentCast(packet, topology.mySegment, into: &out)
        for segment in topology.segments.indices where segment != topology.mySegment {
          if let gateway = topology.segmentLeader(of: installed, in: segment) {
            wire.unicast(packet, to: gateway, into: &out)
          }
        }
      }
    }
  }

  // MARK: Its leader

  /// A daemon that refers to itself leaves. The ring is formed anew without it, and it is told so: again when the
  /// first answer got lost.
  mutating func farewell(
    from sender: Int, _ wire: inout Transmitter, at now: Instant, into out: inout Outbox
  ) {
    guard isInOperation else { return }
    if installed.contains(sender), sender == installed.first {
      leaveIsGranted = true
    } else if leads {
      for _ in 0..<2 { sendRefer(me, .ring, to: sender, &wire, into: &out) }
      guard installed.contains(sender) else { return }
      leavers.insert(sender)
      state = .gather(
        Gathering(
          members: [], representatives: [RepresentativeEntry(position: me, type: .ring)], tokenAlive: true))
      effects.append(.formWanted)
    }
  }
}
