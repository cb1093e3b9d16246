// What a recorder may see of a daemon beside its outputs (evs-properties 2, daemon recorder). Collected in the outbox
// only while `Outbox.observes` is set: the simulator and traces do, the daemon in operation does not.

import SpreadWire

public enum Observation {
  /// This daemon gave a packet its number; `packet` lies in the outbox.
  case sequenced(MembershipID, Int32, packet: Range<Int>)
  /// A packet of the installed ring was accepted from the network.
  case stored(MembershipID, Int32)
  /// A plain token was accepted.
  case tokenAccepted(TokenHeader)
  /// The end of its visit, whether it was sent or held; what this daemon asks for itself.
  case tokenPassed(TokenHeader, requests: [Int32])
  case horizon(Horizon)
  case transitional(MembershipID, DaemonSet, commit: DaemonSet)
  case regular(MembershipID, DaemonSet)
  /// A message whose last piece was in packet `sequence` went to the session layer.
  case delivered(sequence: Int32, MessageBuffer)
  case groups(GroupsSnapshot)
}

/// The sequence variables of a daemon.
public struct Horizon: Equatable, Sendable {
  public var ring: MembershipID
  public var myAru, aru, highest, discarded, delivered: Int32
  /// The installed ring works.
  public var isOperating: Bool
}

public struct GroupsSnapshot: Equatable, Sendable {
  public struct Group: Equatable, Sendable {
    public var name: GroupName
    public var id: GroupID
    /// In the order that members see.
    public var members: [GroupName]
  }
  /// The numbers of the status report: 1 to 4 (daemon-groups 2).
  public var state: UInt8
  public var groups: [Group]
}

extension Daemon {

  /// 1 to 6 as in the status report (daemon-ring 4.1).
  public var membershipState: Int { membership.state.number }

  public var horizon: Horizon {
    Horizon(
      ring: ring.installedID, myAru: ring.myAru, aru: ring.aru, highest: ring.highest, discarded: ring.lastDiscarded,
      delivered: ring.lastDelivered, isOperating: ring.isInOperation)
  }

  /// Some message of this daemon's clients, or of its groups, has not reached the whole ring yet.
  public var hasUnsent: Bool { !ring.isDrained }

  func observeHorizon(into out: inout Outbox) {
    guard out.observes else { return }
    out.observations.append(.horizon(horizon))
  }

  func observeGroups(into out: inout Outbox) {
    guard out.observes else { return }
    out.observations.append(.groups(groups.snapshot))
  }
}

extension GroupsMachine {
  var snapshot: GroupsSnapshot {
    GroupsSnapshot(
      state: state.number,
      groups: table.ascending.map { group in
        GroupsSnapshot.Group(name: group.name, id: group.id, members: group.daemons.flatMap(\.members))
      })
  }
}
