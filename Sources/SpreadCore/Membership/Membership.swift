// How daemons find each other and agree on a ring (daemon-ring 4). The states and what each event does in them are the
// table of daemon-ring 4.5; the numbers are those of the status report.
//
//   operational 1   a ring works
//   segment 2       listening who is alive in my segment
//   represented 3   somebody smaller of my segment speaks for me
//   gather 4        I speak for my segment; or I lead a working ring that looks for others
//   form 5          FORM1 passed me, FORM2 has not
//   recovery 6      FORM2 passed me; the new ring recovers the old ring's packets
//
// Parts: Lists (representatives), Gather (finding each other), Form (the FORM tokens), Farewell (leaving on purpose).
// What the ring has to do is asked for by effects; what it has is told by `RingReport`.

import SpreadWire

enum MembershipEffect {
  /// The token is gone.
  case loseToken(TokenLossReason)
  /// I am to create FORM1: `createForm` with a report of the ring.
  case formWanted
  /// FORM1 passed: the ring stops, its packets stay.
  case stopToken
  case recover(Recovery, OldRing, isLast: Bool)
}

/// An entry of the lists of representatives; positions instead of ids.
struct RepresentativeEntry: Equatable {
  var position: Int
  var type: RepresentativeType
}

struct Membership {
  /// What a gathering daemon knows.
  struct Gathering {
    /// F_members: those I speak for; empty for a working ring.
    var members: [Int]
    /// F_reps: me first.
    var representatives: [RepresentativeEntry]
    /// The ring goes on working meanwhile.
    var tokenAlive: Bool
  }

  enum State {
    case operational
    case segment(members: [Int])
    case represented(by: Int?)
    case gather(Gathering)
    /// Id of the attempt.
    case form(MembershipID)
    case recovery

    var number: Int {
      switch self {
      case .operational: return 1
      case .segment: return 2
      case .represented: return 3
      case .gather: return 4
      case .form: return 5
      case .recovery: return 6
      }
    }
  }

  var topology: Topology
  var timeouts: Timeouts
  var state = State.operational
  /// Members of the installed ring; only me while there is none. In recovery still the old ones.
  var installed: DaemonSet
  /// Members of the ring being recovered into.
  var future = DaemonSet()
  /// Potential_reps: whom to send JOIN to.
  var potential: [RepresentativeEntry] = []
  /// The last time used in any id; ids never repeat.
  var lastTime: Int32
  /// A foreign packet was passed to the leader since the installation.
  var foreignReported = false
  /// Members that said they leave: not in the next ring.
  var leavers = DaemonSet()
  /// I leave, and the leader forms the ring without me.
  var leaveIsGranted = false
  var effects: [MembershipEffect] = []

  init(_ topology: Topology, timeouts: Timeouts, lastTime: Int32) {
    self.topology = topology
    self.timeouts = timeouts
    self.lastTime = lastTime
    installed = DaemonSet([topology.me])
  }

  var me: Int { topology.me }

  var tokenAlive: Bool {
    switch state {
    case .operational, .recovery: return true
    case .gather(let gathering): return gathering.tokenAlive
    case .segment, .represented, .form: return false
    }
  }

  /// The members that count as "mine" (daemon-ring 4.5).
  var mine: DaemonSet {
    if case .recovery = state { return future }
    return installed
  }

  var leads: Bool { mine.first == me }

  /// The first time above all used so far.
  mutating func nextTime(_ now: Instant) -> Int32 {
    let time = bug(.timeRepeats) ? now.wallSeconds : Swift.max(now.wallSeconds, lastTime &+ 1)
    lastTime = time
    return time
  }

  // MARK: Timers

  func arm(_ timer: TimerID, _ milliseconds: Int, at now: Instant, into out: inout Outbox) {
    out.timers.append(TimerAction(timer: timer, deadline: now.nanoseconds + UInt64(milliseconds) * 1_000_000))
  }

  func cancel(_ timers: TimerID..., into out: inout Outbox) {
    for timer in timers { out.timers.append(TimerAction(timer: timer, deadline: nil)) }
  }

  // MARK: Token loss

  /// daemon-ring 4.4, "Token loss". In states without a token it means nothing, except that FORM gives up.
  mutating func tokenLost(
    _ reason: TokenLossReason, _ wire: inout Transmitter, at now: Instant, into out: inout Outbox
  ) {
    switch state {
    case .operational: potential = otherSegments(installed)
    case .recovery: potential = otherSegments(future)
    case .gather(let gathering):
      guard gathering.tokenAlive else { return }
      potential = Array(gathering.representatives.dropFirst())
      for entry in otherSegments(installed) { insert(entry, into: &potential) }
    case .form: break
    case .segment, .represented: return
    }
    effects.append(.loseToken(reason))
    cancel(.tokenLoss, .join, .gatherEnd, .hurry, .lookup, into: &out)
    installed = DaemonSet([me])
    leavers = DaemonSet()
    enterSegment(&wire, at: now, into: &out)
  }

  /// Whom to ask in each other segment: its first member, else its first configured daemon.
  private func otherSegments(_ members: DaemonSet) -> [RepresentativeEntry] {
    topology.segments.indices.filter { $0 != topology.mySegment && !topology.segments[$0].isEmpty }.map { segment in
      RepresentativeEntry(
        position: topology.segmentLeader(of: members, in: segment) ?? topology.segments[segment].lowerBound,
        type: .potential)
    }
  }

  // MARK: Installation

  /// The new ring works.
  mutating func ringInstalled(at now: Instant, into out: inout Outbox) {
    installed = future
    leavers = DaemonSet()
    foreignReported = false
    state = .operational
    if leads, topology.count > 1 { arm(.lookup, timeouts.lookup, at: now, into: &out) }
  }

  /// There may be others: the lookup timer need not be waited for.
  func lookSoon(at now: Instant, into out: inout Outbox) {
    if leads, topology.count > 1 { arm(.lookup, 0, at: now, into: &out) }
  }

  // MARK: Foreign packets

  /// A data packet of another ring (daemon-ring 4.5). A segment leader that does not lead the ring passes the first one
  /// on to the leader, twice.
  mutating func foreignPacket(
    _ header: PacketHeader, _ datagram: UnsafeRawBufferPointer, _ wire: inout Transmitter, at now: Instant,
    into out: inout Outbox
  ) {
    guard case .operational = state else { return }
    if leads {
      lookup(&wire, at: now, into: &out)
    } else if !foreignReported, topology.segmentLeader(of: installed, in: topology.mySegment) == me,
      let leader = installed.first
    {
      foreignReported = true
      for _ in 0..<2 { wire.passOn(datagram, header.order, to: leader, into: &out) }
    }
  }
}
