// Where stock's counting gives one view id twice, which no daemon can repair alone: all of a ring must count alike.

import SpreadWire

/// A group under ids that one change of configuration began.
struct GroupLife: Hashable {
  let group: NameID
  let membership: MembershipID
}

/// Finds the lives of groups in which ids repeat: what two views of one id have in common is then not known.
struct RepeatedIDs {
  private(set) var lives: Set<GroupLife> = []

  init(_ trace: Trace) {
    forgottenAsClientsSee(trace)
    forgottenAsDaemonsSee(trace)
    countedTwice(trace)
  }

  // MARK: D13: a group that lost its last member is forgotten; the next join begins with the same ids again

  /// A group begins when somebody joins it alone.
  private mutating func forgottenAsClientsSee(_ trace: Trace) {
    var begun: Set<GroupLife> = []
    for client in trace.clients {
      for record in client.records {
        guard case .view(let group, let number) = record.event else { continue }
        let view = trace.views[Int(number)]
        guard view.id.index == 1, view.cause != .network, view.members.count == 1 else { continue }
        let life = GroupLife(group: group, membership: view.id.membership)
        if !begun.insert(life).inserted { lives.insert(life) }
      }
    }
    for client in trace.clients {
      for record in client.records {
        guard case .view(let group, let number) = record.event else { continue }
        let view = trace.views[Int(number)]
        let life = GroupLife(group: group, membership: view.id.membership)
        if view.cause == .network, view.id.index == 1, begun.contains(life) { lives.insert(life) }
      }
    }
  }

  private mutating func forgottenAsDaemonsSee(_ trace: Trace) {
    for daemon in trace.daemons {
      var present: [NameID: MembershipID] = [:]
      var gone: Set<GroupLife> = []
      for record in daemon.records {
        guard case .groups(let number) = record.event else { continue }
        var now: [NameID: MembershipID] = [:]
        for group in trace.tables[Int(number)].groups {
          now[group.name] = group.id.membership
          let life = GroupLife(group: group.name, membership: group.id.membership)
          if gone.contains(life) { lives.insert(life) }
        }
        for (name, membership) in present where now[name] == nil {
          gone.insert(GroupLife(group: name, membership: membership))
        }
        present = now
      }
    }
  }

  // MARK: D14: a group that a change of configuration did not touch keeps its id and counts on

  /// It counts on already in the transitional period: a leave there is a light view (daemon-groups 6). When a join was
  /// delivered on one side only, as the last thing before the ring parted, both sides give the same id to different
  /// views. Only tables of different rings, or of one ring at daemons of which one is past it without the other, are
  /// excused. Even the members can be the same: who joined in a ring of which only its own daemon finished the exchange
  /// joins again in the next, and both rings count up to the id.
  private mutating func countedTwice(_ trace: Trace) {
    var seen: [ViewKey: [(place: TablePlace, members: [NameID])]] = [:]
    var countedIn: [ViewKey: MembershipID] = [:]
    for daemon in trace.daemons {
      var place: TablePlace?
      /// The table that the next one follows by a light view, if it does.
      var before: [NameID: GroupID] = [:]
      for record in daemon.records {
        switch record.event {
        case .configuration(let number):
          let configuration = trace.configurations[Int(number)]
          if configuration.kind == .regular {
            place = TablePlace(daemon: daemon.name, ring: configuration.id)
          } else {
            place?.companions = Set(configuration.members)
          }
        case .groups(let number):
          guard let place else { continue }
          let table = trace.tables[Int(number)]
          for group in table.groups {
            let key = ViewKey(group: group.name, id: group.id)
            let life = GroupLife(group: group.name, membership: group.id.membership)
            if let last = before[group.name], last.membership == life.membership, last.index == group.id.index &- 1 {
              if countedIn[key, default: place.ring] != place.ring { lives.insert(life) }
              countedIn[key] = place.ring
            }
            let known = seen[key, default: []]
            if known.contains(where: { $0.members != group.members && $0.place.isApart(from: place) }) {
              lives.insert(life)
            }
            if !known.contains(where: { $0.place == place && $0.members == group.members }) {
              seen[key, default: []].append((place, group.members))
            }
          }
          let isServing = table.state == .operating || table.state == .transitional
          before = isServing ? Dictionary(table.groups.map { ($0.name, $0.id) }) { $1 } : [:]
        default: break
        }
      }
    }
  }
}

/// Where a daemon holds a table of groups.
private struct TablePlace: Equatable {
  let daemon: NameID
  let ring: MembershipID
  /// Who comes along, in the transitional period that ends the ring; nil before.
  var companions: Set<NameID>?

  /// Whether the two need not have delivered the same before.
  func isApart(from other: TablePlace) -> Bool {
    if ring != other.ring { return true }
    return companions.map { !$0.contains(other.daemon) } ?? false
      || other.companions.map { !$0.contains(daemon) } ?? false
  }
}
