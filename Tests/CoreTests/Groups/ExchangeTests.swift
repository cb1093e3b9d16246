// The exchange of states when rings meet (daemon-groups 4 and 5), where one machine alone shows it. What needs several
// is the simulator's.

import SpreadWire
import Testing

@testable import SpreadCore

@Suite struct ExchangeTests {
  private static let ids = [ProcessID(10), ProcessID(20)]
  private let topology = Topology(
    Configuration(segments: [
      Segment(
        port: 4803, addresses: [.v4(0xe100_0001)],
        daemons: [
          ConfiguredDaemon(name: GroupName("d1"), id: ids[0], address: .v4(0x0a00_0001)),
          ConfiguredDaemon(name: GroupName("d2"), id: ids[1], address: .v4(0x0a00_0002)),
        ])
    ]), me: 0)

  /// d1 alone meets d2, which knows the group `g` with a member of its own and one at the daemon `other`.
  private func meet(_ other: ProcessID?) throws -> Group {
    var (machine, pool) = (GroupsMachine(topology), MessagePool())
    let (old, new) = (MembershipID(Self.ids[1], 7), MembershipID(Self.ids[0], 9))
    machine.transitionalMembership(DaemonSet([0]), MembershipID(Self.ids[0], 8), &pool)
    machine.regularMembership(DaemonSet([0, 1]), new, &pool)
    var table = GroupTable()
    let group = Group(name: GroupName("g"), id: GroupID(old, index: 3))
    group.daemons = [GroupDaemon(position: 1, process: Self.ids[1], membership: old, members: [GroupName("#b#d2")])]
    if let other {
      group.daemons.append(
        GroupDaemon(position: 2, process: other, membership: old, members: [GroupName("#c#d9")]))
    }
    table.insert(group)
    let told = GroupsMessageBuilder.build(
      table, membership: new, representative: GroupName("d2"), synced: [Self.ids[1]])
    for message in machine.own + told { machine.groupsMessage(message, &pool) }
    #expect(machine.state == .operational)
    return try #require(machine.group(named: GroupName("g")))
  }

  /// A group that one side alone knows spreads silently (daemon-groups 5.3).
  @Test func aGroupOfOneSideKeepsItsID() throws {
    let group = try meet(nil)
    #expect(group.id == GroupID(MembershipID(Self.ids[1], 7), index: 3))
    #expect(group.daemons.flatMap(\.members) == [GroupName("#b#d2")])
  }

  /// A daemon that a reload took out of the configuration while it was told of: those that knew its members before
  /// see them go, so that the group changes for all.
  @Test func aGroupThatLostADaemonByAReloadIsChanged() throws {
    let group = try meet(ProcessID(99))
    #expect(group.id == GroupID(MembershipID(Self.ids[0], 9), index: 1))
    #expect(group.daemons.flatMap(\.members) == [GroupName("#b#d2")])
  }
}
