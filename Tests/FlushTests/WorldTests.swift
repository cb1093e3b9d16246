// Many Flush machines over a group service in memory that joins, leaves, loses, splits and merges members by a seed.
// What the applications saw is held against evs-properties 9, F1 to F7 and F9.

import SpreadFlush
import SpreadWire
import Testing

/// The applications and the daemons below them. In a component all members get the same messages in one order; each
/// reads them when it is its turn. A split cuts the components' further order, not what is under way.
private struct World {
  typealias Arrival = Event

  enum Event {
    case membership(FlushMembership)
    case transition
    case selfLeave
    case control(FlushControl, sender: GroupName)
    case message(Int, sender: GroupName, sentIn: GroupID?)
  }

  struct Member {
    var name: GroupName
    var machine: FlushMachine
    var component: Int
    var inbox: [Event] = []
    var isIn = false
    /// What the application knows.
    var view: GroupID?
    var members: [GroupName] = []
    var set: [GroupName] = []
    var asked = false
    var flushed = false
    var signalled = false
    var got: [Int] = []
    /// Per view left: messages, and the view that followed with who came along.
    var history: [(view: GroupID, got: [Int], next: GroupID, together: [GroupName])] = []
  }

  var members: [Member] = []
  var sentIn: [GroupID] = []
  var receivedIn: [GroupID?] = []
  var viewMembers: [GroupID: [GroupName]] = [:]
  var problems: [String] = []
  var random: SystemOfSeed
  var lastIndex: Int32 = 0
  /// The members of the view below, by component.
  var below: [Int: [GroupName]] = [:]
  var created = 0
  var collapsed = 0
  let group = GroupName("g")

  init(seed: UInt64) { random = SystemOfSeed(state: seed) }

  mutating func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }

  // MARK: The daemons

  mutating func order(_ event: Event, in component: Int) {
    for i in members.indices where members[i].component == component && members[i].isIn {
      members[i].inbox.append(event)
    }
  }

  mutating func nextID() -> GroupID {
    lastIndex += 1
    return GroupID(MembershipID(ProcessID(1), 1), index: lastIndex)
  }

  mutating func announce(_ cause: ServiceType, _ changed: GroupName, in component: Int) {
    let names = members.filter { $0.isIn && $0.component == component }.map(\.name)
    below[component] = names
    let type = cause.union(.regularMembership)
    order(
      .membership(
        FlushMembership(group: group, type: type, id: nextID(), members: names, changed: changed, together: names)),
      in: component)
  }

  mutating func connect() {
    created += 1
    let bytes = Array("#m\(created)#d".utf8)
    let name = bytes.withUnsafeBytes { GroupName($0) }
    var machine = FlushMachine(own: name)
    try! machine.join(group)
    let component = below(2) == 0 ? (members.first?.component ?? 0) : (members.last?.component ?? 0)
    members.append(Member(name: name, machine: machine, component: component, isIn: true))
    announce(.causedByJoin, name, in: component)
  }

  mutating func disconnect(_ i: Int) {
    let gone = members.remove(at: i)
    if gone.isIn { announce(.causedByDisconnect, gone.name, in: gone.component) }
  }

  mutating func leave(_ i: Int) {
    guard (try? members[i].machine.leave(group)) != nil else { return }
    let (name, component) = (members[i].name, members[i].component)
    members[i].isIn = false
    members[i].inbox.append(.selfLeave)
    announce(.causedByLeave, name, in: component)
  }

  /// New components by `choose`; every member is told of the network's change.
  mutating func regroup(_ choose: (Int) -> Int, signals: Bool) {
    let old = members.map(\.component)
    let fresh = members.indices.map(choose)
    for i in members.indices { members[i].component = fresh[i] + 1000 * (1 + Int(lastIndex)) }
    for component in Set(members.map(\.component)).sorted() {
      let here = members.indices.filter { members[$0].component == component && members[$0].isIn }
      let id = nextID()
      for i in here {
        let together = here.filter { old[$0] == old[i] }.map { members[$0].name }
        let lost = members.indices.contains { members[$0].isIn && old[$0] == old[i] && fresh[$0] != fresh[i] }
        if lost || signals { members[i].inbox.append(.transition) }
        members[i].inbox.append(
          .membership(
            FlushMembership(
              group: group, type: [.regularMembership, .causedByNetwork], id: id,
              members: here.map { members[$0].name }, changed: nil, together: together)))
      }
    }
  }

  // MARK: The members

  mutating func step(_ i: Int) {
    guard !members[i].inbox.isEmpty else { return }
    let event = members[i].inbox.removeFirst()
    var actions: [FlushAction] = []
    switch event {
    case .membership(let membership): members[i].machine.membership(membership, &actions)
    case .transition: members[i].machine.transition(group, &actions)
    case .selfLeave: members[i].machine.selfLeave(group, &actions)
    case .control(let control, let sender): members[i].machine.control(control, from: sender, &actions)
    case .message(let number, let sender, let sentIn):
      let message = FlushMessage(type: .fifo, sender: sender, groups: [group], body: bytes(number))
      switch members[i].machine.judge(.fifo, to: group, from: sender, sentIn: sentIn) {
      case .deliver: actions.append(.deliver(message))
      case .hold: members[i].machine.hold(message, group)
      case .drop: break
      }
    }
    perform(actions, i)
  }

  mutating func perform(_ actions: [FlushAction], _ i: Int) {
    for action in actions {
      switch action {
      case .send(let control): order(.control(control, sender: members[i].name), in: members[i].component)
      case .deliver(let message): receive(message, i)
      }
    }
  }

  func bytes(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }

  mutating func receive(_ message: FlushMessage, _ i: Int) {
    if message.type == .flushRequest {
      if members[i].asked { problems.append("F5: a second request in a view") }
      members[i].asked = true
    } else if message.type == .transition {
      if members[i].signalled { problems.append("F6: a second signal in a view") }
      members[i].signalled = true
    } else if message.type.contains(.regularMembership) {
      install(message, i)
    } else if message.type == .causedByLeave {
      members[i].view = nil
    } else {
      let number = (0..<4).reduce(0) { $0 | Int(message.body[$1]) << (8 * $1) }
      if members[i].view != sentIn[number] { problems.append("F1: received in another view than sent") }
      if let first = receivedIn[number], first != members[i].view { problems.append("F2: received in two views") }
      receivedIn[number] = members[i].view
      if !members[i].members.contains(message.sender) { problems.append("F7: from somebody outside the view") }
      if members[i].got.contains(number) { problems.append("received twice") }
      members[i].got.append(number)
    }
  }

  mutating func install(_ message: FlushMessage, _ i: Int) {
    let id = message.body.withUnsafeBytes { GroupID($0, .native)! }
    let count = message.body.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: 12, as: UInt32.self)) }
    let set = message.body.withUnsafeBytes { body in
      (0..<count).map { GroupName(at: body.baseAddress! + 16 + 32 * $0) }
    }
    if let known = viewMembers[id], known != message.groups { problems.append("F8: one view, two member lists") }
    viewMembers[id] = message.groups
    if members[i].view != nil, !members[i].flushed { problems.append("F5: a view without an agreement") }
    if let view = members[i].view {
      // Who changed is named in the body, the others of both views came along; after a network change the set has them.
      let isNetwork = message.type.contains(.causedByNetwork)
      let together =
        isNetwork ? set : members[i].members.filter { message.groups.contains($0) && !set.contains($0) }
      if isNetwork { collapsed += 1 }
      members[i].history.append((view, members[i].got, id, together))
    }
    members[i].view = id
    members[i].members = message.groups
    members[i].got = []
    members[i].asked = false
    members[i].flushed = false
    members[i].signalled = false
  }

  // MARK: The applications

  mutating func send(_ i: Int) {
    let service: ServiceType = below(2) == 0 ? .fifo : .agreed
    guard let view = members[i].view, members[i].isIn else { return }
    do {
      let decoration = try members[i].machine.decoration(of: service, to: group, receivers: nil)
      if members[i].flushed { problems.append("F4: sent between the agreement and the view") }
      sentIn.append(view)
      receivedIn.append(nil)
      order(
        .message(sentIn.count - 1, sender: members[i].name, sentIn: decoration.vulnerableIn),
        in: members[i].component)
    } catch {
      if !members[i].flushed { problems.append("F4: refused without a reason") }
    }
  }

  mutating func flush(_ i: Int) {
    guard members[i].asked, !members[i].flushed, members[i].isIn else { return }
    var actions: [FlushAction] = []
    guard (try? members[i].machine.flush(group, &actions)) != nil else {
      problems.append("F5: an agreement refused")
      return
    }
    members[i].flushed = true
    perform(actions, i)
  }

  /// F3: who went together from one view to the next received the same.
  mutating func compare() {
    for x in members {
      for y in members where x.name < y.name {
        for a in x.history {
          for b in y.history where a.view == b.view && a.next == b.next {
            guard a.together.contains(y.name), b.together.contains(x.name) else { continue }
            if a.got.sorted() != b.got.sorted() { problems.append("F3: different messages in one view") }
          }
        }
      }
    }
  }

  /// F9: everybody answers, nothing happens any more: one view with everybody in it.
  mutating func settle() {
    for _ in 0..<50 {
      for i in members.indices {
        while !members[i].inbox.isEmpty { step(i) }
        flush(i)
      }
    }
    let inside = members.filter(\.isIn)
    for member in inside where member.view != inside[0].view || member.members != inside.map(\.name) {
      problems.append("F9: no common view of all members")
      break
    }
  }
}

/// SplitMix64.
private struct SystemOfSeed {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

@Suite struct WorldTests {
  @Test func membersAgreeThroughSplitsMergesAndLosses() {
    var received = 0
    var collapsed = 0
    for seed in 1...200 as ClosedRange<UInt64> {
      var world = World(seed: seed)
      for _ in 0..<3 { world.connect() }
      for _ in 0..<600 {
        let i = world.below(world.members.count)
        switch world.below(100) {
        case 0..<60: world.step(i)
        case 60..<75: world.send(i)
        case 75..<95: world.flush(i)
        case 95 where world.members.count < 6: world.connect()
        case 96 where world.members.count > 2: world.disconnect(i)
        case 97 where world.below(2) == 0: world.leave(i)
        case 98:
          let cut = UInt64(world.random.next())
          world.regroup({ Int((cut >> UInt64($0)) & 1) }, signals: cut & 0x100 != 0)
        case 99: world.regroup({ _ in 0 }, signals: false)
        default: break
        }
      }
      world.regroup({ _ in 0 }, signals: false)
      world.settle()
      world.compare()
      #expect(world.problems.isEmpty, "seed \(seed): \(world.problems.first ?? "")")
      received += world.receivedIn.filter { $0 != nil }.count
      collapsed += world.collapsed
    }
    // The runs contain what they are for.
    #expect(received > 4000 && collapsed > 1000, "received \(received), network views \(collapsed)")
  }
}
