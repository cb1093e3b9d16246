// Leaving in order (Input.stop; daemon-ring 4.5). A daemon that just stops costs the others a token timeout and a whole
// round of finding each other: 3 seconds. In order it goes like this:
//
//   draining   clients are no longer read. What they sent is numbered and sent until every daemon of the ring has it
//   speaking   I lead: FORM1, without me in it, to the first of the others: they form their ring in one round.
//              Else REFER with my own id to the leader: a daemon of ours answers and makes that FORM1 for me. Stock
//              ignores a REFER in operation; when no answer comes, an ALIVE in the name of another member makes all
//              look for each other at once, which spares them the token timeout.
//   gone       clients are told what is left for them and closed
//
// All of it is said twice, since datagrams get lost, and bounded in time: after `drainLimit` the daemon goes as it is.

import SpreadWire

/// How a daemon ended in order.
public enum Departure: Equatable, Sendable {
  /// Everything it accepted from its clients has reached the whole ring.
  case complete
  /// Its ring did not come together in time.
  case incomplete
}

struct Leaving {
  enum Phase {
    case draining
    /// So many times.
    case asking(Int)
    case takingLeave(Farewell)
    case gone
  }

  /// Nanoseconds: for draining; between two questions; between the last words and their repetition.
  static let drainLimit: UInt64 = 700_000_000
  static let askAgain: UInt64 = 25_000_000
  static let repetition: UInt64 = 10_000_000
  static let questions = 4

  var phase = Phase.draining
  var departure = Departure.complete

  var isGone: Bool {
    if case .gone = phase { return true }
    return false
  }
  /// The ring goes on without me: what comes from it is no longer mine.
  var hasLeft: Bool {
    switch phase {
    case .draining, .asking: return false
    case .takingLeave, .gone: return true
    }
  }
}

extension Daemon {
  mutating func leave(at now: Instant, into out: inout Outbox) {
    guard leaving == nil else { return }
    leaving = Leaving()
    arm(Leaving.drainLimit, at: now, into: &out)
  }

  private func arm(_ nanoseconds: UInt64, at now: Instant, into out: inout Outbox) {
    out.timers.append(TimerAction(timer: .leave, deadline: now.nanoseconds + nanoseconds))
  }

  /// Looks, after each step, whether it is time to go.
  mutating func goOnLeaving(at now: Instant, into out: inout Outbox) {
    guard let leaving else { return }
    switch leaving.phase {
    case .draining: if isDrained { speak(at: now, into: &out) }
    case .asking: if membership.leaveIsGranted { go(into: &out) }
    case .takingLeave, .gone: break
    }
  }

  mutating func leaveTimer(at now: Instant, into out: inout Outbox) {
    guard let leaving else { return }
    switch leaving.phase {
    case .draining:
      self.leaving?.departure = .incomplete
      speak(at: now, into: &out)
    case .asking: speak(at: now, into: &out)
    case .takingLeave(let farewell):
      membership.say(farewell, &wire, into: &out)
      go(into: &out)
    case .gone: break
    }
  }

  /// Nothing that clients of mine sent is still to be brought to anybody.
  private var isDrained: Bool {
    if bug(.leavesAtOnce) { return true }
    guard !hasUnsent, !ring.exchanging else { return false }
    return membership.isInOperation || membership.isWithoutRing
  }

  private mutating func speak(at now: Instant, into out: inout Outbox) {
    guard membership.isInOperation, !ring.isAlone else { return go(into: &out) }
    var times = 0
    if case .asking(let before) = leaving?.phase { times = before }
    if membership.leads || times == Leaving.questions {
      takeLeave(at: now, into: &out)
    } else {
      leaving?.phase = .asking(times + 1)
      membership.askToLeave(&wire, into: &out)
      arm(Leaving.askAgain, at: now, into: &out)
    }
  }

  private mutating func takeLeave(at now: Instant, into out: inout Outbox) {
    guard let farewell = membership.farewell(ring.highest, at: now) else { return go(into: &out) }
    leaving?.phase = .takingLeave(farewell)
    membership.say(farewell, &wire, into: &out)
    ring.stop(into: &out)
    arm(Leaving.repetition, at: now, into: &out)
  }

  private mutating func go(into out: inout Outbox) {
    leaving?.phase = .gone
    ring.stop(into: &out)
    for timer in TimerID.allCases { out.timers.append(TimerAction(timer: timer, deadline: nil)) }
    closeSessions(into: &out)
    out.departure = leaving?.departure
  }
}
