// What members of a group are told about it (client-protocol 7.2 to 7.4, daemon-groups 8).

import SpreadWire

/// Why a view changed.
enum ViewCause {
  case join(GroupName)
  case leave(GroupName)
  case disconnect(GroupName)

  var member: GroupName {
    switch self {
    case .join(let name), .leave(let name), .disconnect(let name): return name
    }
  }

  var bit: ServiceType {
    switch self {
    case .join: return .causedByJoin
    case .leave: return .causedByLeave
    case .disconnect: return .causedByDisconnect
    }
  }
}

/// The sets of members that moved together, as byte-exact body (daemon-groups 8).
struct ViewSets {
  var sets: [[GroupName]] = []
  /// Index of the set that holds this daemon's members.
  var mine = 0
  /// Index of the joiner's own set, when one is told apart.
  var joiner: Int?

  /// Bytes of the sets.
  var size: Int { sets.reduce(0) { $0 + 4 + GroupName.size * $1.count } }

  /// Offset of set `index`, counted from the first set.
  func offset(of index: Int) -> Int {
    sets[..<index].reduce(0) { $0 + 4 + GroupName.size * $1.count }
  }

  /// A view with one set that holds just the member who came or went.
  static func lightweight(_ member: GroupName) -> ViewSets { ViewSets(sets: [[member]]) }

  /// The sets of a network event. They stand in the order of the memberships they come from, compared as stock does:
  /// signed, by the sign of the wrapped difference. Each partitioned daemon stands alone, after all others. A joiner is
  /// left out of its daemon's set and stands alone at the end.
  static func network(of group: Group, me: Int, joiner: GroupName?) -> ViewSets {
    var result = ViewSets()
    var from: [MembershipID] = []
    // Three ids may lie in a circle (evs-properties D9), where no sort is sure to bring equals together: first the
    // sets, then each one's place behind the last that it does not precede.
    for daemon in group.daemons where !daemon.isPartitioned && !from.contains(daemon.membership) {
      if bug(.setsNotDivided) && !from.isEmpty { continue }
      let place = (from.lastIndex { !precedes(daemon.membership, $0) } ?? -1) + 1
      from.insert(daemon.membership, at: place)
    }
    result.sets = from.map { _ in [] }
    for daemon in group.daemons {
      var set = from.firstIndex(of: daemon.membership) ?? (bug(.setsNotDivided) ? 0 : result.sets.count)
      if daemon.isPartitioned { set = result.sets.count }
      if set == result.sets.count { result.sets.append([]) }
      if daemon.position == me { result.mine = set }
      result.sets[set].append(contentsOf: daemon.members.lazy.filter { $0 != joiner })
    }
    if let joiner {
      result.joiner = result.sets.count
      result.sets.append([joiner])
    }
    return result
  }

  private static func precedes(_ a: MembershipID, _ b: MembershipID) -> Bool {
    let byProcess = Int32(bitPattern: a.process.rawValue) &- Int32(bitPattern: b.process.rawValue)
    if byProcess != 0 { return byProcess < 0 }
    return a.time &- b.time < 0
  }
}

enum MembershipNotice {
  private static let hint = MessageHint(messageType: 0, order: .native)

  /// REG_MEMB. `ownSet` is the index of the set that the receivers find themselves in.
  static func view(of group: Group, cause: ServiceType, _ sets: ViewSets, ownSet: Int, _ pool: inout MessagePool)
    -> MessageBuffer
  {
    let members = group.memberCount
    let body = MembershipBody.setsOffset + sets.size
    let notice = pool.take(MessageHeader.size + members * GroupName.size + body)
    notice.fill(
      MessageHeader(
        type: cause.union(.regularMembership), name: group.name, groupCount: Int32(members), hint: hint,
        dataLength: Int32(body)))
    for daemon in group.daemons {
      for member in daemon.members { notice.append(name: member) }
    }
    notice.append(group.id)
    notice.append(word: UInt32(sets.sets.count))
    notice.append(word: UInt32(sets.offset(of: ownSet)))
    for set in sets.sets {
      notice.append(word: UInt32(set.count))
      for member in set { notice.append(name: member) }
    }
    return notice
  }

  /// TRANSITION: the id that was valid before the change (client-protocol 7.3).
  static func transitional(_ group: Group, _ pool: inout MessagePool) -> MessageBuffer {
    let notice = pool.take(MessageHeader.size + GroupID.size)
    notice.fill(
      MessageHeader(
        type: .transition, name: group.name, groupCount: 0, hint: hint, dataLength: Int32(GroupID.size)))
    notice.append(group.id)
    return notice
  }

  /// To a member that left (client-protocol 7.4).
  static func selfLeave(_ group: GroupName, _ pool: inout MessagePool) -> MessageBuffer {
    let notice = pool.take(MessageHeader.size)
    notice.fill(MessageHeader(type: .causedByLeave, name: group, groupCount: 0, hint: hint, dataLength: 0))
    return notice
  }
}
