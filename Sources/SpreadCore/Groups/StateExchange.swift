// After a membership change: what happens to groups, and how daemons that come together tell each other theirs
// (daemon-groups 3 to 5). Daemons that have moved together know the same; only the first of such a synced set speaks.

import SpreadWire

/// The messages of one representative, collected until everybody was heard.
struct ExchangeSender {
  var representative: Int
  /// Front first: the reverse of the order of arrival is the order of building.
  var messages: [MessageBuffer] = []
  var isComplete = false
}

extension GroupsMachine {
  // MARK: Transitional membership

  mutating func transitionalMembership(_ members: DaemonSet, _ id: MembershipID, _ pool: inout MessagePool) {
    switch state {
    case .operational: beginTransition(members, id, &pool)
    case .gathering:
      // The exchange may still complete; nobody is told anything yet (daemon-groups 5.4).
      transitional = id
      transitionalMembers = members
      for group in table.ascending where group.daemons.contains(where: { !members.contains($0.position) }) {
        group.changed = true
      }
      state = .gatheringAgain
    case .transitional, .gatheringAgain: anomalies += 1
    }
  }

  /// daemon-groups 5.1.
  private mutating func beginTransition(_ members: DaemonSet, _ id: MembershipID, _ pool: inout MessagePool) {
    transitional = id
    transitionalMembers = members
    for group in table.ascending {
      var hit = false
      for i in group.daemons.indices where !members.contains(group.daemons[i].position) {
        group.daemons[i].membership = MembershipID(.unknown, 0)
        hit = true
      }
      guard hit else { continue }
      if wantsNotices(group), !bug(.noSignal) { notify(group, MembershipNotice.transitional(group, &pool)) }
      group.id = GroupID(id, index: 1)
      group.changed = true
      establish(group, id)
    }
    state = .transitional
    synced = synced.intersection(members)
  }

  /// All daemons of the group that are not partitioned come from `id` now.
  private func establish(_ group: Group, _ id: MembershipID) {
    for i in group.daemons.indices where !group.daemons[i].isPartitioned { group.daemons[i].membership = id }
  }

  // MARK: Regular membership

  mutating func regularMembership(_ members: DaemonSet, _ id: MembershipID, _ pool: inout MessagePool) {
    switch state {
    case .transitional: endTransition(members, id, &pool)
    case .gatheringAgain: gatherAgain(members, id, &pool)
    case .operational, .gathering: anomalies += 1
    }
  }

  /// daemon-groups 5.2.
  private mutating func endTransition(_ members: DaemonSet, _ id: MembershipID, _ pool: inout MessagePool) {
    regular = id
    ringSize = members.count
    let nobodyNew = transitionalMembers.count == members.count
    for group in table.ascending where group.changed {
      group.daemons.removeAll(where: \.isPartitioned)
      if group.daemons.isEmpty {
        table.remove(group)
      } else if nobodyNew {
        group.id = GroupID(id, index: bug(.indexKept) ? group.id.index : 1)
        group.changed = false
        establish(group, id)
        tellNetworkView(group, &pool)
      }
    }
    if nobodyNew {
      state = .operational
      effects.append(.exchangeOver)
      return
    }
    effects.append(.exchangeBegins)
    own = []
    speaker = synced.first ?? me
    if speaker == me { buildAndSend(&pool) }
    state = .gathering
  }

  /// daemon-groups 5.5: the exchange for the previous ring did not complete.
  private mutating func gatherAgain(_ members: DaemonSet, _ id: MembershipID, _ pool: inout MessagePool) {
    regular = id
    ringSize = members.count
    var fresh = !own.isEmpty
    for sender in senders where ownComplete && sender.isComplete {
      for message in sender.messages { merge(message) }
      fresh = false
    }
    senders = []
    for group in table.ascending {
      let before = group.daemons.count
      group.daemons.removeAll { !transitionalMembers.contains($0.position) }
      guard group.daemons.count != before else { continue }
      fresh = false
      if group.daemons.isEmpty { table.remove(group) } else { group.changed = true }
    }
    let stillSynced = synced.intersection(transitionalMembers)
    if stillSynced != synced { fresh = false }
    synced = stillSynced
    heard = 0
    ownComplete = false
    speaker = synced.first ?? me
    if speaker == me {
      if fresh { resend(&pool) } else { buildAndSend(&pool) }
    } else {
      own = []
    }
    state = .gathering
  }

  // MARK: Sending

  private mutating func buildAndSend(_ pool: inout MessagePool) {
    own = GroupsMessageBuilder.build(
      table, membership: regular, representative: myName, synced: synced.map { topology.ids[$0] })
    sendOwn()
  }

  /// What was built for the previous ring is still true: only the id is another.
  private mutating func resend(_ pool: inout MessagePool) {
    own = own.map { old in
      let copy = MessageBuffer(old.bytes)
      copy.base.put32(regular.process.rawValue, at: MessageHeader.size, .native)
      copy.base.put32(UInt32(bitPattern: regular.time), at: MessageHeader.size + 4, .native)
      return copy
    }
    sendOwn()
  }

  /// The reverse of the order of building: the one that says "complete" goes last (daemon-groups 4).
  private mutating func sendOwn() {
    for (i, message) in own.enumerated().reversed() {
      effects.append(.sendGroups(message, i == 0 ? .agreed : .reliable))
    }
  }

  // MARK: Receiving

  /// daemon-groups 5.3. Dropped when it is of an older ring, malformed, or nobody's.
  mutating func groupsMessage(_ message: MessageBuffer, _ pool: inout MessagePool) {
    guard state == .gathering || state == .gatheringAgain else {
      anomalies += 1
      return
    }
    guard let header = try? GroupsHeader(message.bytes),
      let body = try? GroupsBody(
        message.bytes.slice(MessageHeader.size, message.count - MessageHeader.size), header.order),
      body.membership == regular, let representative = topology.position(named: header.representative)
    else {
      anomalies += 1
      return
    }
    let isMine = representative == speaker
    if !isMine { store(message, from: representative) }
    guard header.type.contains(.agreed) else { return }
    heard += header.syncedCount
    if isMine {
      ownComplete = true
    } else if let at = senders.firstIndex(where: { $0.representative == representative }) {
      senders[at].isComplete = true
    }
    guard heard == ringSize else { return }
    completeExchange(&pool)
  }

  private mutating func store(_ message: MessageBuffer, from representative: Int) {
    if let at = senders.firstIndex(where: { $0.representative == representative }) {
      senders[at].messages.insert(message, at: 0)
    } else {
      senders.append(ExchangeSender(representative: representative, messages: [message]))
    }
  }

  /// Everybody was heard: merge, tell the members of what changed (daemon-groups 5.3, compute_and_notify).
  private mutating func completeExchange(_ pool: inout MessagePool) {
    let again = state == .gatheringAgain
    for sender in senders {
      for message in sender.messages { merge(message) }
    }
    senders = []
    heard = 0
    ownComplete = false
    own = []
    for group in table.ascending where group.changed {
      group.id = GroupID(regular, index: 1)
      group.changed = false
      // The sets still come from the memberships the daemons were in before.
      tellNetworkView(group, &pool)
      establish(group, regular)
    }
    state = .operational
    effects.append(.exchangeOver)
    if again { beginTransition(transitionalMembers, transitional, &pool) }
  }

  private mutating func merge(_ message: MessageBuffer) {
    guard let header = try? GroupsHeader(message.bytes),
      let body = try? GroupsBody(
        message.bytes.slice(MessageHeader.size, message.count - MessageHeader.size), header.order)
    else { return }
    if let more = body.synced {
      for process in more { if let position = topology.position(of: process) { synced.insert(position) } }
    }
    for record in body.groups { merge(record) }
  }

  private mutating func merge(_ record: GroupRecord) {
    let name = record.name.normalized
    let group: Group
    if let known = table[name] {
      group = known
    } else {
      group = Group(name: name, id: record.id)
      table.insert(group)
    }
    if record.isChanged { group.changed = true }
    for entry in record.daemons {
      guard let position = topology.position(of: entry.process) else {
        // A reload took it away after this was told: its members are gone, as they are where it was known before.
        group.changed = true
        anomalies += 1
        continue
      }
      if entry.membership != group.id.membership, !bug(.mergeNotTold) { group.changed = true }
      let (slot, found) = group.slot(of: position)
      if found {
        // Reported twice: stock exits. A record continued in the next message comes with other daemons.
        anomalies += 1
        continue
      }
      var daemon = GroupDaemon(
        position: position, process: entry.process, membership: entry.membership, members: [])
      for member in entry.members { _ = daemon.insert(member.normalized) }
      if daemon.members.isEmpty { continue }
      group.daemons.insert(daemon, at: slot)
    }
    if group.daemons.isEmpty { table.remove(group) }
  }
}

/// Cuts the state of all groups into messages of at most 100000 bytes (daemon-groups 4, "Splitting"). In order of
/// building: the first carries the synced set and is sent last.
enum GroupsMessageBuilder {
  /// Receivers copy a message whole into an area of this size.
  static let limit = 100_000

  static func build(
    _ table: GroupTable, membership: MembershipID, representative: GroupName, synced: [ProcessID]
  ) -> [MessageBuffer] {
    var builder = Builder(membership: membership, representative: representative, synced: synced)
    builder.begin()
    for group in table.ascending {
      // As stock does: room for the group record and for as much again.
      if builder.free < 2 * GroupsBodyWriter.groupRecordSize { builder.next() }
      builder.group(group)
      for daemon in group.daemons {
        let size = GroupsBodyWriter.daemonRecordSize(members: daemon.members.count)
        if builder.free < size + MessageHeader.size {
          builder.next()
          builder.group(group)
        }
        builder.daemon(daemon, group)
      }
    }
    builder.finish()
    return builder.messages
  }

  private struct Builder {
    let membership: MembershipID
    let representative: GroupName
    let synced: [ProcessID]
    var messages: [MessageBuffer] = []
    private var current = MessageBuffer(capacity: 1)
    private var writer: GroupsBodyWriter?

    init(membership: MembershipID, representative: GroupName, synced: [ProcessID]) {
      self.membership = membership
      self.representative = representative
      self.synced = synced
    }

    var free: Int { limit - MessageHeader.size - (writer?.length ?? limit) }

    mutating func begin() {
      current = MessageBuffer(capacity: DatagramSize.maxPieces * DatagramSize.maxPacketBody)
      let body = UnsafeMutableRawBufferPointer(
        start: current.base + MessageHeader.size, count: current.capacity - MessageHeader.size)
      writer = GroupsBodyWriter(body, membership: membership, synced: messages.isEmpty ? synced : nil)
    }

    mutating func finish() {
      guard let length = writer?.length else { return }
      let type: ServiceType = messages.isEmpty ? [.groups, .agreed] : [.groups, .reliable]
      GroupsHeader(
        type: type, representative: representative, syncedCount: synced.count, dataLength: length
      ).store(at: current.base)
      current.count = MessageHeader.size + length
      messages.append(current)
    }

    mutating func next() {
      finish()
      begin()
    }

    mutating func group(_ group: Group) { writer?.group(group.name, group.id, isChanged: group.changed) }

    /// Stock writes the group's membership for every daemon (daemon-groups 4). It is the daemon's own, but for groups
    /// that an unfinished exchange left with daemons of several memberships (5.5): there stock makes the others believe
    /// that members moved together with them which never saw their views.
    mutating func daemon(_ daemon: GroupDaemon, _ group: Group) {
      let membership = bug(.groupOfAll) ? group.id.membership : daemon.membership
      writer?.daemon(daemon.process, membership, members: daemon.members)
    }
  }
}
