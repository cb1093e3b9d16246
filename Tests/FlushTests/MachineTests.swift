// The Flush machine by itself: members connected by a list of messages in one order, as a daemon would deliver them.

import SpreadFlush
import SpreadWire
import Testing

private let group = GroupName("g")
private let a = GroupName("#a#d1")
private let b = GroupName("#b#d1")
private let c = GroupName("#c#d2")

private func view(_ index: Int32) -> GroupID { GroupID(MembershipID(ProcessID(1), 7), index: index) }

private func membership(
  _ index: Int32, _ cause: ServiceType, _ members: [GroupName], changed: GroupName? = nil,
  together: [GroupName]? = nil
) -> FlushMembership {
  FlushMembership(
    group: group, type: cause.union(.regularMembership), id: view(index), members: members, changed: changed,
    together: together ?? members)
}

/// One machine and what it wanted.
private struct Member {
  var machine: FlushMachine
  var actions: [FlushAction] = []

  init(_ own: GroupName) throws {
    machine = FlushMachine(own: own)
    try machine.join(group)
  }

  mutating func sees(_ membership: FlushMembership) { machine.membership(membership, &actions) }

  mutating func hears(_ kind: FlushControl.Kind, _ index: Int32, from senders: GroupName...) {
    for sender in senders { machine.control(FlushControl(kind, group, view(index)), from: sender, &actions) }
  }

  /// What was wanted since the last call.
  mutating func wants() -> [FlushAction] {
    defer { actions = [] }
    return actions
  }

  /// The first view of a member that is alone.
  mutating func settlesAlone(_ own: GroupName) {
    sees(membership(1, .causedByJoin, [own], changed: own))
    hears(.agreement, 1, from: own)
    hears(.installed, 1, from: own)
    actions = []
  }

  /// Alone until b joins.
  mutating func seesBJoin() {
    settlesAlone(a)
    sees(membership(2, .causedByJoin, [a, b], changed: b))
  }

  /// In the view {a, b}, installed everywhere.
  mutating func settlesWithB() throws {
    seesBJoin()
    try machine.flush(group, &actions)
    hears(.agreement, 2, from: b, a)
    hears(.installed, 2, from: a, b)
    actions = []
  }
}

private func send(_ kind: FlushControl.Kind, _ index: Int32) -> FlushAction {
  .send(FlushControl(kind, group, view(index)))
}

private let request = FlushAction.deliver(FlushMessage(type: .flushRequest, sender: group))
private let signal = FlushAction.deliver(FlushMessage(type: .transition, sender: group))

private func viewMessage(
  _ index: Int32, _ cause: ServiceType, _ members: [GroupName], own: Int16, set: [GroupName]
) -> FlushAction {
  var body = [UInt8](repeating: 0, count: 16 + 32 * set.count)
  body.withUnsafeMutableBytes { bytes in
    view(index).store(at: bytes.baseAddress!, .native)
    bytes.storeBytes(of: UInt32(set.count), toByteOffset: 12, as: UInt32.self)
    for (i, name) in set.enumerated() { name.store(at: bytes.baseAddress! + 16 + 32 * i) }
  }
  return .deliver(
    FlushMessage(
      type: cause.union(.regularMembership), sender: group, groups: members, messageType: own, body: body))
}

@Suite struct MachineTests {
  @Test func aJoinerAgreesByItself() throws {
    var member = try Member(b)
    member.sees(membership(2, .causedByJoin, [a, b], changed: b))
    #expect(member.wants() == [send(.agreement, 2)])
    member.hears(.agreement, 2, from: b)
    #expect(member.wants().isEmpty)
    member.hears(.agreement, 2, from: a)
    #expect(member.wants() == [viewMessage(2, .causedByJoin, [a, b], own: 1, set: [b]), send(.installed, 2)])
  }

  @Test func agreementsMayComeBeforeTheirMembership() throws {
    var member = try Member(b)
    member.hears(.agreement, 2, from: a)
    member.sees(membership(2, .causedByJoin, [a, b], changed: b))
    member.hears(.agreement, 2, from: b)
    #expect(member.wants().last == send(.installed, 2))
  }

  @Test func sendingAndFlushingByState() throws {
    var member = try Member(a)
    #expect(throws: FlushRefusal.illegalGroup) {
      try member.machine.decoration(of: .fifo, to: group, receivers: nil)
    }
    member.settlesAlone(a)
    #expect(try member.machine.decoration(of: .fifo, to: group, receivers: nil).vulnerableIn == nil)
    #expect(throws: FlushRefusal.illegalState) { try member.machine.flush(group, &member.actions) }

    member.sees(membership(2, .causedByJoin, [a, b], changed: b))
    #expect(member.wants() == [request])
    #expect(try member.machine.decoration(of: .fifo, to: group, receivers: nil).vulnerableIn == view(1))
    #expect(try member.machine.decoration(of: .agreed, to: group, receivers: nil).vulnerableIn == nil)
    #expect(throws: FlushRefusal.illegalReceivers) {
      try member.machine.decoration(of: .fifo, to: group, receivers: [b])
    }
    try member.machine.flush(group, &member.actions)
    #expect(member.wants() == [send(.agreement, 2)])
    #expect(throws: FlushRefusal.illegalState) {
      try member.machine.decoration(of: .agreed, to: group, receivers: nil)
    }
    #expect(throws: FlushRefusal.illegalState) { try member.machine.flush(group, &member.actions) }
  }

  @Test func aMessageThatOvertookItsViewIsHeldBack() throws {
    var member = try Member(a)
    member.seesBJoin()
    try member.machine.flush(group, &member.actions)
    member.hears(.agreement, 2, from: b)
    _ = member.wants()
    #expect(member.machine.judge(.agreed, to: group, from: b, sentIn: view(2)) == .hold)
    let message = FlushMessage(type: .fifo, sender: b, groups: [group], body: [1, 2])
    member.machine.hold(message, group)
    member.hears(.agreement, 2, from: a)
    #expect(
      member.wants() == [
        viewMessage(2, .causedByJoin, [a, b], own: 0, set: [b]), send(.installed, 2), .deliver(message),
      ])
  }

  @Test func onlyMembersOfTheViewAreHeard() throws {
    var member = try Member(a)
    try member.settlesWithB()
    #expect(member.machine.judge(.agreed, to: group, from: b, sentIn: nil) == .deliver)
    #expect(member.machine.judge(.agreed, to: group, from: c, sentIn: nil) == .drop)
    #expect(member.machine.judge(.agreed, to: group, from: b, sentIn: view(1)) == .drop)
    #expect(member.machine.judge(.agreed, to: GroupName("other"), from: b, sentIn: nil) == .drop)
    #expect(member.machine.judge(.agreed, to: a, from: c, sentIn: nil) == .deliver)
  }

  /// The others may be settled behind the leave, and RELIABLE messages come before it all the same.
  @Test func whoLeavesHearsNothingThatMayComeFromBehindItsLeave() throws {
    var member = try Member(a)
    try member.settlesWithB()
    #expect(member.machine.judge(.reliable, to: group, from: b, sentIn: nil) == .deliver)
    try member.machine.leave(group)
    #expect(member.machine.judge(.reliable, to: group, from: b, sentIn: nil) == .drop)
    #expect(member.machine.judge(.unreliable, to: group, from: b, sentIn: nil) == .drop)
    #expect(member.machine.judge(.reliable, to: group, from: a, sentIn: nil) == .deliver)
    for service in [ServiceType.fifo, .causal, .agreed, .safe] {
      #expect(member.machine.judge(service, to: group, from: b, sentIn: nil) == .deliver)
    }
  }

  @Test func aLeaverBeforeItsAgreementTakesItsChangeAway() throws {
    var member = try Member(a)
    member.seesBJoin()
    try member.machine.flush(group, &member.actions)
    member.sees(membership(3, .causedByDisconnect, [a], changed: b))
    #expect(member.wants() == [request, send(.agreement, 2), send(.agreement, 3)])
    member.hears(.agreement, 2, from: a)
    member.hears(.agreement, 3, from: a)
    #expect(member.wants() == [viewMessage(3, .causedByNetwork, [a], own: 0, set: [a]), send(.installed, 3)])
  }

  @Test func aLeaverAfterItsAgreementLeavesItsChange() throws {
    var member = try Member(a)
    member.seesBJoin()
    member.hears(.agreement, 2, from: b)
    member.sees(membership(3, .causedByDisconnect, [a], changed: b))
    try member.machine.flush(group, &member.actions)
    _ = member.wants()
    member.hears(.agreement, 2, from: a)
    #expect(
      member.wants() == [viewMessage(2, .causedByJoin, [a, b], own: 0, set: [b]), request, signal])
  }

  @Test func partitionAndMerge() throws {
    var member = try Member(a)
    try member.settlesWithB()
    member.machine.transition(group, &member.actions)
    member.sees(membership(4, .causedByNetwork, [a], together: [a]))
    #expect(member.wants() == [signal, request])
    #expect(member.machine.judge(.agreed, to: group, from: b, sentIn: nil) == .drop)
    try member.machine.flush(group, &member.actions)
    member.hears(.agreement, 4, from: a)
    member.hears(.installed, 4, from: a)
    _ = member.wants()
    member.sees(membership(5, .causedByNetwork, [a, b, c], together: [a]))
    try member.machine.flush(group, &member.actions)
    member.hears(.agreement, 5, from: a, b, c)
    #expect(
      member.wants() == [
        request, send(.agreement, 5), viewMessage(5, .causedByNetwork, [a, b, c], own: 0, set: [a]),
        send(.installed, 5),
      ])
  }

  @Test func whoLeavesAgreesToNothingMore() throws {
    var member = try Member(a)
    try member.settlesWithB()
    try member.machine.leave(group)
    #expect(throws: FlushRefusal.illegalGroup) { try member.machine.leave(group) }
    member.sees(membership(3, .causedByJoin, [a, b, c], changed: c))
    #expect(member.wants().isEmpty)
    member.machine.selfLeave(group, &member.actions)
    #expect(member.wants() == [.deliver(FlushMessage(type: .causedByLeave, sender: group, messageType: -1))])
    try member.machine.join(group)
  }

  @Test func inventedAgreementsDoNotPileUp() throws {
    var member = try Member(a)
    member.settlesAlone(a)
    member.hears(.agreement, 2, from: b)
    for i in 0..<Int32(FlushLimits.earlyViews) { member.hears(.agreement, 1000 + i, from: b) }
    #expect(member.wants().isEmpty)
    #expect(!member.machine.isOverfull)
    // The first was forgotten, so it is missing; the last is known.
    member.sees(membership(2, .causedByJoin, [a, b], changed: b))
    try member.machine.flush(group, &member.actions)
    member.hears(.agreement, 2, from: a)
    #expect(member.wants() == [request, send(.agreement, 2)])
    let last = 1000 + Int32(FlushLimits.earlyViews) - 1
    member.sees(membership(last, .causedByDisconnect, [a], changed: b))
    member.hears(.agreement, last, from: a)
    #expect(member.wants().last == send(.installed, last))
  }

  @Test func heldMessagesHaveALimit() throws {
    var member = try Member(a)
    member.settlesAlone(a)
    let message = FlushMessage(type: .fifo, sender: b, body: [UInt8](repeating: 0, count: 100_000))
    while !member.machine.isOverfull { member.machine.hold(message, group) }
    for _ in 0..<3 { member.machine.hold(message, group) }
    #expect(member.machine.isOverfull)
  }
}

@Suite struct DecorationTests {
  /// The example of the protocol notes: "auth" of type 7, sent in view 1.
  @Test func bytes() throws {
    let id = GroupID(MembershipID(ProcessID(0x3a14_e658), 0x6b03_edcc), index: 1)
    let decoration = FlushDecoration(vulnerableIn: id, reference: group)
    #expect(decoration.messageType(7) == -32766)
    var body = Array("auth".utf8) + [UInt8](repeating: 0, count: decoration.size)
    body.withUnsafeMutableBytes { decoration.store(at: $0.baseAddress! + 4, messageType: 7) }
    if Endianness.native == .little {
      #expect(Array(body[4..<18]) == [7, 0, 0x58, 0xe6, 0x14, 0x3a, 0xcc, 0xed, 0x03, 0x6b, 1, 0, 0, 0])
    }
    let type: ServiceType = [.fifo, .subgroup]
    let read = body.withUnsafeBytes {
      UndecoratedMessage($0, type: type, messageType: -32766, order: .native)
    }
    #expect(read?.length == 4 && read?.messageType == 7 && read?.decoration == decoration)
    for count in 0..<46 {
      let short = body[..<count].withUnsafeBytes {
        UndecoratedMessage(UnsafeRawBufferPointer($0), type: type, messageType: -32766, order: .native)
      }
      #expect(short == nil)
    }
  }
}
