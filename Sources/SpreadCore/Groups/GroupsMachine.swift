// Who is in which group, and what members are told (daemon-groups 2, 6, 7). The exchange of group state between
// daemons after a membership change: StateExchange.swift.
//
//   state           TRANS              REG                        JOIN LEAVE KILL         GROUPS
//   operational     -> transitional    not possible               applied                 dropped
//   transitional    not possible       -> operational, gathering  applied (transitional)  dropped
//   gathering       -> gatheringAgain  not possible               not possible            -> operational when complete
//   gatheringAgain  not possible       -> gathering               not possible            -> transitional when complete
//
// "Not possible" is guaranteed by the ring beneath (daemon-groups 5); where a foreign peer breaks it, the event is
// dropped and counted instead of ending the daemon as stock does.

import SpreadWire

/// What the machine wants done, in order.
enum GroupEffect {
  /// To one local user, if it still has a session.
  case notify(UserIndex, MessageBuffer)
  /// The user's KILL is through: its name is free.
  case bury(UserIndex)
  /// Through the ring, before all messages of clients.
  case sendGroups(MessageBuffer, PacketClass)
  /// From now on only groups messages are sent, nothing is delivered early, no client is read.
  case exchangeBegins
  /// Back to normal; also said after a membership change that needed no exchange.
  case exchangeOver
}

struct GroupsMachine {
  enum State {
    case operational
    case transitional
    case gathering
    case gatheringAgain

    /// As in the status report (daemon-groups 2).
    var number: UInt8 {
      switch self {
      case .operational: 1
      case .transitional: 2
      case .gathering: 3
      case .gatheringAgain: 4
      }
    }
  }

  var topology: Topology
  var me: Int { topology.me }
  var state = State.operational
  var table = GroupTable()
  /// The last regular and transitional memberships delivered.
  var regular: MembershipID
  var transitional: MembershipID
  /// Members of the last regular one.
  var ringSize = 1
  var transitionalMembers: DaemonSet
  /// Daemons known to have the same groups as this one: they have moved together. The first speaks for all.
  var synced: DaemonSet
  var effects: [GroupEffect] = []
  /// Events that an honest ring does not produce.
  var anomalies = 0

  // The exchange.
  /// Messages of other representatives.
  var senders: [ExchangeSender] = []
  /// What this daemon built as representative, in order of building.
  var own: [MessageBuffer] = []
  /// Who speaks for this daemon and those that have moved together with it.
  var speaker: Int
  /// Daemons of the ring that were spoken for.
  var heard = 0
  /// The representative of this daemon's own synced set was heard.
  var ownComplete = false

  init(_ topology: Topology) {
    self.topology = topology
    regular = MembershipID(topology.myID, -1)
    transitional = regular
    transitionalMembers = DaemonSet([topology.me])
    synced = transitionalMembers
    speaker = topology.me
  }

  var myName: GroupName { topology.names[topology.me] }

  func group(named name: GroupName) -> Group? { table[name] }

  /// The number of members when a group takes no more (docs/architecture.md, decisions): nil when there is room.
  func fullness(of name: GroupName) -> Int? {
    guard let group = table[name] else { return nil }
    if group.local.count >= Limits.localMembersPerGroup { return group.local.count }
    let members = group.memberCount
    return members >= Limits.membersPerGroup ? members : nil
  }

  // MARK: Joins and leaves (daemon-groups 6)

  /// `member` of the daemon at `position` joins; `user` when that is us.
  mutating func join(
    _ member: GroupName, _ name: GroupName, at position: Int, process: ProcessID, user: (UserIndex, User)?,
    _ pool: inout MessagePool
  ) {
    let group = findOrCreate(name)
    let (slot, found) = group.slot(of: position)
    if !found {
      let together = state == .operational || transitionalMembers.contains(position)
      group.daemons.insert(
        GroupDaemon(
          position: position, process: process,
          membership: together ? group.id.membership : MembershipID(.unknown, 0), members: []),
        at: slot)
    }
    guard group.daemons[slot].insert(member) else { return }
    group.id.index &+= 1
    if let (index, record) = user {
      group.local.append(
        LocalMember(user: index, privateName: member, wantsMembership: record.wantsMembership))
    }
    if group.daemons[slot].isPartitioned { group.changed = true }
    tell(group, .join(member), &pool)
  }

  mutating func leave(_ member: GroupName, _ name: GroupName, at position: Int, _ pool: inout MessagePool) {
    guard let group = table[name] else { return }
    let (slot, found) = group.slot(of: position)
    guard found, group.daemons[slot].members.contains(member) else { return }
    if bug(.remoteLeaveIgnored), position != me { return }
    if let local = group.local.first(where: { $0.privateName == member }), local.wantsMembership {
      effects.append(.notify(local.user, MembershipNotice.selfLeave(name, &pool)))
    }
    remove(member, from: group, slot: slot, .leave(member), &pool)
  }

  /// `member` disconnects from all its groups, in ascending order; `user` when it is ours.
  mutating func kill(_ member: GroupName, at position: Int, user: UserIndex?, _ pool: inout MessagePool) {
    for group in table.ascending {
      let (slot, found) = group.slot(of: position)
      guard found, group.daemons[slot].members.contains(member) else { continue }
      remove(member, from: group, slot: slot, .disconnect(member), &pool)
      if bug(.disconnectOfOneGroup) { break }
    }
    if let user { effects.append(.bury(user)) }
  }

  private mutating func findOrCreate(_ name: GroupName) -> Group {
    if let group = table[name] { return group }
    let group = Group(name: name, id: GroupID(state == .operational ? regular : transitional, index: 0))
    table.insert(group)
    return group
  }

  private mutating func remove(
    _ member: GroupName, from group: Group, slot: Int, _ cause: ViewCause, _ pool: inout MessagePool
  ) {
    if let at = group.local.firstIndex(where: { $0.privateName == member }) {
      group.local.swapAt(at, group.local.count - 1)
      group.local.removeLast()
    }
    _ = group.daemons[slot].remove(member)
    if group.daemons[slot].members.isEmpty { group.daemons.remove(at: slot) }
    if group.daemons.isEmpty {
      table.remove(group)
      return
    }
    group.id.index &+= 1
    tell(group, cause, &pool)
  }

  /// Tells local members of a join, leave or disconnect. In a group that a network event touched, the whole network
  /// view is told instead, and the transitional signal again behind it (daemon-groups 6).
  private mutating func tell(_ group: Group, _ cause: ViewCause, _ pool: inout MessagePool) {
    guard group.local.contains(where: \.wantsMembership) else { return }
    guard group.changed else {
      let notice = MembershipNotice.view(
        of: group, cause: cause.bit, .lightweight(cause.member), ownSet: 0, &pool)
      notify(group, notice)
      return
    }
    var joiner: GroupName?
    if case .join(let member) = cause { joiner = member }
    tellNetworkView(group, joiner: joiner, &pool)
    notify(group, MembershipNotice.transitional(group, &pool))
  }

  /// CAUSED_BY_NETWORK to all local members; a local joiner finds itself in its own set.
  mutating func tellNetworkView(_ group: Group, joiner: GroupName? = nil, _ pool: inout MessagePool) {
    guard group.local.contains(where: \.wantsMembership) else { return }
    let sets = ViewSets.network(of: group, me: me, joiner: joiner)
    let common = MembershipNotice.view(of: group, cause: .causedByNetwork, sets, ownSet: sets.mine, &pool)
    for member in group.local where member.wantsMembership {
      if let own = sets.joiner, member.privateName == joiner {
        let copy = MembershipNotice.view(of: group, cause: .causedByNetwork, sets, ownSet: own, &pool)
        effects.append(.notify(member.user, copy))
      } else {
        effects.append(.notify(member.user, common))
      }
    }
  }

  func wantsNotices(_ group: Group) -> Bool { group.local.contains(where: \.wantsMembership) }

  mutating func notify(_ group: Group, _ notice: MessageBuffer) {
    for member in group.local where member.wantsMembership { effects.append(.notify(member.user, notice)) }
  }
}
