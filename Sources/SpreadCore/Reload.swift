// Taking over a configuration that was read again (configuration 10, daemon-ring 4.10). That happens while the ring is
// in operation, never in the middle of a membership change, and in one step for all parts: they remember daemons by
// their places in the configuration, and those change.
//
//   nothing that others compare changed   settings only; the ring goes on (stock gives the ring up here as well)
//   daemons added, removed, reordered     the token is lost on purpose, a ring of the new configuration forms
//   data of a daemon that stays changed   the same, but first as a ring of one, then a lookup for the others
//   this daemon is gone or changed        it stops
//
// Sessions and the names of their users stay.

import SpreadWire

/// A class: whether there is one is asked in every step, and must not copy it.
final class WaitingReload: Sendable {
  let configuration: Configuration
  let rules: AccessRules?

  init(_ configuration: Configuration, _ rules: AccessRules?) {
    self.configuration = configuration
    self.rules = rules
  }
}

extension Daemon {
  /// A configuration was read; takes it over now or in the next ring.
  mutating func reload(
    _ configuration: Configuration, _ rules: AccessRules?, at now: Instant, into out: inout Outbox
  ) {
    guard leaving == nil else { return }
    reloading = WaitingReload(configuration, rules)
    if case .operational = membership.state {
      takeOver(at: now, into: &out)
    } else {
      out.log.append(.reloadWaits)
    }
  }

  /// In a step of its own, so that no datagram of the same step goes by old places.
  func scheduleReload(at now: Instant, into out: inout Outbox) {
    guard reloading != nil, leaving == nil, case .operational = membership.state else { return }
    out.timers.append(TimerAction(timer: .reload, deadline: now.nanoseconds))
  }

  mutating func takeOver(at now: Instant, into out: inout Outbox) {
    guard let read = reloading, leaving == nil, case .operational = membership.state else { return }
    reloading = nil
    let new = read.configuration.inheriting(from: configuration)
    switch configuration.verdict(on: new, me: topology.me) {
    case .stop(let reason): if !bug(.changedGoesOn) { stop(reason, at: now, into: &out) }
    case .adopt(let place, let summary):
      adopt(new, me: place, keepsRing: summary.keepsRing)
      authentication = AuthenticationPolicy(new, accessRules: read.rules)
      maxSessions = new.maxSessions
      _ = monitor.unite()
      out.timers.append(TimerAction(timer: .partitionEnd, deadline: nil))
      out.orders.insert(.configurationChanged)
      out.log.append(.reloaded(summary))
      if summary.keepsRing { return }
      if summary.viaSingleton { monitor.becomeSingleton() }
      membership.tokenLost(.reload, &wire, at: now, into: &out)
    }
  }

  private mutating func adopt(_ new: Configuration, me: Int, keepsRing: Bool) {
    let configured = Set(new.daemons.map(\.id.rawValue))
    let retired = topology.ids.filter { !configured.contains($0.rawValue) }
    configuration = new
    self.me = new.daemons[me]
    spread(Topology(new, me: me, retired: retired))
    if keepsRing { finishReload() }
    let settings = ProtocolSettings(new)
    ring.settings = settings.ring
    ring.timeouts = settings.timeouts
    membership.timeouts = settings.timeouts
  }

  private mutating func spread(_ next: Topology) {
    let places = Renumbering(from: topology, to: next)
    topology = next
    wire.adopt(next, places)
    ring.adopt(next, places)
    membership.adopt(next, places)
    groupsLag = Renumbering(from: groups.topology, to: next)
  }

  /// The next ring is there. Up to it groups went by the old configuration: some members of the old ring have delivered
  /// the rest of it before they read the new one, and views of both must name members in one order. From here on
  /// nobody needs the retired any more.
  mutating func finishReload() {
    guard let places = groupsLag else { return }
    groups.adopt(topology, places)
    if topology.hasRetired {
      spread(Topology(configuration, me: topology.me))
      groups.adopt(topology, groupsLag!)
    }
    groupsLag = nil
  }

  /// Members of the ring by the places that groups go by.
  func inGroups(_ members: DaemonSet) -> DaemonSet {
    groupsLag == nil ? members : groups.topology.set(of: members.map { topology.ids[$0] })
  }
}

extension Transmitter {
  mutating func adopt(_ next: Topology, _ places: Renumbering) {
    routing = routing.moved(places)
    topology = next
  }
}

extension Membership {
  /// In operation: what other states remember is set when they are entered.
  mutating func adopt(_ next: Topology, _ places: Renumbering) {
    installed = installed.moved(places)
    future = future.moved(places)
    leavers = leavers.moved(places)
    potential = []
    topology = next
  }
}

extension Ring {
  /// The packets of the ring stay: its members owe them to each other. Whoever gets one now compares the new hash.
  mutating func adopt(_ next: Topology, _ places: Renumbering) {
    active = active.moved(places)
    commitSet = commitSet.map { places[$0] }.filter { $0 < next.count }
    var moved = [Assembly?](repeating: nil, count: next.ids.count)
    for (old, message) in assembly.enumerated() where message != nil && places[old] < moved.count {
      moved[places[old]] = message
    }
    assembly = moved
    for sequence in heldSequences {
      store.readdress(sequence, origin: places[Int(store[sequence].origin)], hash: next.hash)
    }
    topology = next
  }

  private var heldSequences: ClosedRange<Int32> {
    // An empty range begins at a slot that is empty.
    (lastDiscarded + 1)...Swift.max(highest, lastDiscarded + 1)
  }
}

extension GroupsMachine {
  mutating func adopt(_ next: Topology, _ places: Renumbering) {
    let together = synced.moved(places)
    // What was built names one who is gone: it is built anew.
    if together.count != synced.count { own = [] }
    synced = together
    transitionalMembers = transitionalMembers.moved(places)
    speaker = places[speaker]
    for i in senders.indices { senders[i].representative = places[senders[i].representative] }
    for group in table.ascending {
      for i in group.daemons.indices { group.daemons[i].position = places[group.daemons[i].position] }
      if !bug(.oldOrderKept) { group.daemons.sort { $0.position < $1.position } }
    }
    topology = next
  }
}
