// One group: its view, and who is in it (daemon-groups 2).

import SpreadWire

/// A member of this daemon.
struct LocalMember {
  var user: UserIndex
  var privateName: GroupName
  var wantsMembership: Bool
}

/// The members of a group at one daemon.
struct GroupDaemon {
  /// Place in the configuration: the order of daemons in every list.
  var position: Int
  var process: ProcessID
  /// Unknown process: partitioned from us.
  var membership: MembershipID
  /// Private group names, ascending.
  var members: [GroupName]

  var isPartitioned: Bool { membership.process == .unknown }
}

final class Group {
  let name: GroupName
  var id: GroupID
  /// A network event touched the group and its members have not been told the outcome yet.
  var changed = false
  /// Configuration order.
  var daemons: [GroupDaemon] = []
  /// In order of joining; a leaver's place is taken by the last, as stock does. Not observable across clients.
  var local: [LocalMember] = []

  init(name: GroupName, id: GroupID) {
    self.name = name
    self.id = id
  }

  var memberCount: Int { daemons.reduce(0) { $0 + $1.members.count } }

  /// Where the entry of the daemon at `position` is, or belongs.
  func slot(of position: Int) -> (index: Int, found: Bool) {
    for (i, daemon) in daemons.enumerated() where daemon.position >= position {
      return (i, daemon.position == position)
    }
    return (daemons.count, false)
  }
}

extension GroupDaemon {
  /// Adds a member in its place; false when it was there.
  mutating func insert(_ name: GroupName) -> Bool {
    let at = members.partitionPoint { $0 >= name }
    if at < members.count, members[at] == name { return false }
    members.insert(name, at: at)
    return true
  }

  /// Removes a member; false when it was not there.
  mutating func remove(_ name: GroupName) -> Bool {
    let at = members.partitionPoint { $0 >= name }
    guard at < members.count, members[at] == name else { return false }
    members.remove(at: at)
    return true
  }
}

extension Array {
  /// The first index whose element satisfies `belongsRight`, for an array in which all that do come last.
  func partitionPoint(_ belongsRight: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if belongsRight(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

/// All groups, by name for the path of a message and in ascending order for everything that others can observe.
struct GroupTable {
  private var byName: [GroupName: Group] = [:]
  private(set) var ascending: [Group] = []

  var count: Int { ascending.count }

  subscript(name: GroupName) -> Group? { byName[name] }

  mutating func insert(_ group: Group) {
    byName[group.name] = group
    ascending.insert(group, at: ascending.partitionPoint { $0.name >= group.name })
  }

  mutating func remove(_ group: Group) {
    byName[group.name] = nil
    let at = ascending.partitionPoint { $0.name >= group.name }
    if at < ascending.count, ascending[at] === group { ascending.remove(at: at) }
  }
}
