// A change of membership below, from its message to the installation of the view it leads to.

import SpreadWire

/// A view below that all its members must agree to.
struct FlushChange {
  let id: GroupID
  /// Becomes a network change when it stands for several (events-and-flush 2.3, "collapse").
  var type: ServiceType
  let members: MemberList
  let changed: GroupName?
  /// Members not known to be gone.
  var present: MemberMarks
  private(set) var agreed: MemberMarks
  /// Members that installed the view.
  private(set) var installed: MemberMarks

  init(_ membership: FlushMembership) {
    id = membership.id
    type = membership.type
    members = MemberList(membership.members)
    changed = membership.changed
    present = MemberMarks(members.count, all: true)
    agreed = MemberMarks(members.count, all: false)
    installed = MemberMarks(members.count, all: false)
  }

  /// The view of a member that is alone before its first one.
  init(alone own: GroupName) {
    self.init(
      FlushMembership(
        group: own, type: [], id: GroupID(MembershipID(ProcessID(0), 0), index: 0), members: [own], changed: nil,
        together: [own]))
  }

  /// Everybody who is listed agreed, whoever left since.
  var isAgreed: Bool { agreed.count == members.count }
  /// Only for a planted bug.
  var lacksOne: Bool { agreed.count + 1 == members.count }
  var isInstalledEverywhere: Bool { installed.count == members.count }
  var lostMembers: Bool { present.count < members.count }

  mutating func agree(_ sender: GroupName) {
    if let index = members.index(of: sender) { agreed[index] = true }
  }

  mutating func markInstalled(by sender: GroupName) {
    if let index = members.index(of: sender) { installed[index] = true }
  }

  func isPresent(_ name: GroupName) -> Bool {
    members.index(of: name).map { present[$0] } ?? false
  }

  /// Strikes out those who left; true when somebody did.
  mutating func remove(_ leavers: [GroupName]) -> Bool {
    let before = present.count
    for name in leavers {
      if let index = members.index(of: name) { present[index] = false }
    }
    return present.count < before
  }

  /// Whether all who left had agreed; otherwise it can never be installed.
  func survives(_ leavers: [GroupName]) -> Bool {
    for name in leavers {
      if let index = members.index(of: name), present[index], !agreed[index] { return bug(.waitsForTheGone) }
    }
    return true
  }
}

/// Agreements to a view whose membership message has not come yet.
struct EarlyAgreement {
  let id: GroupID
  var senders: [GroupName]
  /// Views that came since.
  var age = 0
}
