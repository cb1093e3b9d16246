// The FORM tokens: FORM1 collects who comes and what each old ring has, FORM2 tells everybody (daemon-ring 4.6, 4.7).

import SpreadWire

extension Membership {
  /// How far the new ring's end mark lies above every old sequence number.
  static let endMarkGap: Int32 = 3333

  // MARK: FORM1

  /// I have the smallest representative: begin.
  mutating func createForm(_ report: RingReport, _ wire: inout Transmitter, at now: Instant, into out: inout Outbox) {
    guard case .gather(let gathering) = state else { return }
    let attempt = MembershipID(topology.myID, nextTime(now))
    let candidates = gathering.tokenAlive ? installed.filter { !leavers.contains($0) } : gathering.members
    var members = [me]
    for member in candidates where member != me {
      if !gathering.representatives.contains(where: { $0.position == member }) {
        Membership.insert(member, into: &members)
      }
    }
    let representatives = sorted(gathering.representatives)
    let form = FormToken(
      header: header(attempt, report),
      members: members.map { topology.ids[$0] }, done: 1,
      stage: .form1(representatives: representatives.map(representative), next: Swift.min(1, representatives.count)),
      rings: [
        FormedRing(
          membership: report.id, aru: report.aru, highest: report.highest, holes: report.missing,
          commit: report.commit.map { topology.ids[$0] }, transitionalCount: 1)
      ])
    enterForm(attempt, representatives, at: now, into: &out)
    passOn(form, &wire, into: &out)
  }

  private func header(_ attempt: MembershipID, _ report: RingReport) -> TokenHeader {
    TokenHeader(
      type: [], transmitter: topology.myID, process: topology.myID, membership: attempt,
      sequence: report.highest &+ Self.endMarkGap, configurationHash: topology.hash)
  }

  /// FORM1 from another daemon. Whether I have a place in it depends on my state; otherwise it is dropped.
  mutating func fillForm(
    _ received: FormToken, _ report: RingReport, _ wire: inout Transmitter, at now: Instant, into out: inout Outbox
  ) {
    guard case .form1(let representatives, let next) = received.stage else { return }
    // Stock exits on daemons that are not configured (daemon-ring 6.2).
    let entries = representatives.compactMap(entry)
    guard entries.count == representatives.count, allConfigured(received) else { return }
    var form = received
    form.header.order = .native
    form.header.process = topology.myID
    form.header.transmitter = topology.myID
    form.header.configurationHash = topology.hash
    form.header.sequence = Swift.max(form.header.sequence, report.highest &+ Self.endMarkGap)

    switch state {
    case .operational, .represented:
      if case .operational = state, leads { return }
      guard form.done < form.members.count, form.members[form.done] == topology.myID else { return }
      form.done += 1
    case .gather(let gathering):
      guard next < entries.count, entries[next].position == me, form.done == form.members.count,
        entries[next].type == (gathering.tokenAlive ? .ring : .segment)
      else { return }
      let mine = gathering.tokenAlive ? Array(installed) : gathering.members
      let appended = [me] + mine.filter { $0 != me && !isListed($0, form, entries, gathering) }
      guard form.members.count + appended.count <= MembershipSize.members else { return }
      form.members += appended.map { topology.ids[$0] }
      form.done += 1
      form.stage = .form1(representatives: representatives, next: next + 1)
    case .segment, .form, .recovery: return
    }
    guard addMyRing(report, to: &form) else { return }
    enterForm(form.header.membership, entries, at: now, into: &out)
    passOn(form, &wire, into: &out)
  }

  private func isListed(
    _ member: Int, _ form: FormToken, _ entries: [RepresentativeEntry], _ gathering: Gathering
  ) -> Bool {
    form.members.contains(topology.ids[member]) || entries.contains { $0.position == member }
      || gathering.representatives.contains { $0.position == member }
  }

  private func allConfigured(_ form: FormToken) -> Bool {
    form.members.allSatisfy { topology.position(of: $0) != nil }
      && form.rings.allSatisfy { ring in ring.commit.allSatisfy { topology.position(of: $0) != nil } }
  }

  /// My ring's entry goes last and replaces an older one of the same ring (daemon-ring 4.6). False when the token
  /// contradicts itself: I am in it already (stock exits).
  private func addMyRing(_ report: RingReport, to form: inout FormToken) -> Bool {
    let commit = report.commit.map { topology.ids[$0] }
    var mine = FormedRing(
      membership: report.id, aru: report.aru, highest: report.highest, holes: report.missing, commit: commit,
      transitionalCount: 1)
    if let at = form.rings.firstIndex(where: { $0.membership == report.id }) {
      let old = form.rings.remove(at: at)
      let transitional = old.commit.prefix(old.transitionalCount)
      guard !transitional.contains(topology.myID) else { return false }
      mine.aru = Swift.max(old.aru, report.aru)
      mine.highest = Swift.max(old.highest, report.highest)
      mine.holes = commonHoles(old, report)
      guard mine.holes.count <= MembershipSize.holes else { return false }
      mine.commit = Array(transitional) + [topology.myID]
      mine.transitionalCount = mine.commit.count
      for id in old.commit.dropFirst(old.transitionalCount) + commit where !mine.commit.contains(id) {
        mine.commit.append(id)
      }
    } else if form.rings.count >= MembershipSize.rings {
      // No room for another ring: I stay behind and come with the next formation.
      form.members.remove(at: form.done - 1)
      form.done -= 1
      return true
    }
    form.rings.append(mine)
    return true
  }

  /// What neither the earlier members of my ring nor I have.
  private func commonHoles(_ old: FormedRing, _ report: RingReport) -> [Int32] {
    let missing = report.missing
    var holes = old.holes.filter { hole in
      // Below what I discarded I had it; above my highest I have nothing.
      hole > report.highest || bug(.holesNotCommon) || binaryContains(missing, hole)
    }
    if old.highest < report.highest { holes += missing.filter { $0 > old.highest } }
    return holes
  }

  private func binaryContains(_ list: [Int32], _ value: Int32) -> Bool {
    let at = list.partitionPoint { $0 >= value }
    return at < list.count && list[at] == value
  }

  private mutating func enterForm(
    _ attempt: MembershipID, _ representatives: [RepresentativeEntry], at now: Instant, into out: inout Outbox
  ) {
    potential = representatives.filter { topology.segmentOf[$0.position] != topology.mySegment }.map {
      RepresentativeEntry(position: $0.position, type: .potential)
    }
    state = .form(attempt)
    effects.append(.stopToken)
    cancel(.join, .gatherEnd, .represented, .hurry, .lookup, .alive, .segmentEnd, into: &out)
    arm(.tokenLoss, timeouts.form, at: now, into: &out)
  }

  /// Sends FORM1 to the next who has to fill it, twice; makes it FORM2 when nobody is left.
  private func passOn(_ form: FormToken, _ wire: inout Transmitter, into out: inout Outbox) {
    guard case .form1(let representatives, let next) = form.stage else { return }
    if form.done < form.members.count {
      send(form, to: form.members[form.done], &wire, into: &out)
    } else if next < representatives.count {
      send(form, to: representatives[next].process, &wire, into: &out)
    } else {
      var second = form
      let order = topology.set(of: form.members)
      guard let first = order.first else { return }
      second.members = order.map { topology.ids[$0] }
      second.done = 0
      second.stage = .form2(membership: MembershipID(ProcessID(0), 0))
      send(second, to: topology.ids[first], &wire, into: &out)
    }
  }

  func send(_ form: FormToken, to id: ProcessID, _ wire: inout Transmitter, into out: inout Outbox) {
    guard let position = topology.position(of: id) else { return }
    withUnsafeTemporaryAllocation(byteCount: DatagramSize.maxToken, alignment: 8) { memory in
      guard let size = form.encode(into: memory) else { return }
      wire.token(
        UnsafeRawBufferPointer(start: memory.baseAddress, count: size), to: position, times: 2, into: &out)
    }
  }

  // MARK: FORM2

  mutating func readForm(
    _ received: FormToken, _ report: RingReport, _ wire: inout Transmitter, at now: Instant, into out: inout Outbox
  ) {
    guard case .form(let attempt) = state, received.header.membership == attempt,
      case .form2(var membership) = received.stage, received.done < received.members.count,
      received.members[received.done] == topology.myID, allConfigured(received),
      let at = received.rings.firstIndex(where: { $0.membership == report.id })
    else { return }
    var form = received
    let entry = form.rings[at]
    let transitional = topology.set(of: entry.commit.prefix(entry.transitionalCount))
    guard transitional.contains(me), let transitionalLeader = transitional.first else { return }

    var time: Int32?
    form.done += 1
    if form.done == 1 {
      // I was restarted, and what was written down of the ring that others still come from is lost.
      for ring in form.rings where ring.membership.process == topology.myID {
        lastTime = Swift.max(lastTime, ring.membership.time)
      }
      // I lead: the transitional time, and the time of the new ring one above it.
      let first = nextTime(now)
      time = first
      lastTime = first &+ 1
      membership = MembershipID(topology.myID, lastTime)
    }
    if entry.transitionalTime == 0 { form.rings[at].transitionalTime = time ?? nextTime(now) }
    form.stage = .form2(membership: membership)
    form.header.order = .native
    form.header.process = topology.myID
    form.header.transmitter = topology.myID
    form.header.configurationHash = topology.hash

    future = topology.set(of: form.members)
    wire.routing = future
    let isLast = form.done == form.members.count
    if !isLast { send(form, to: topology.ids[future.successor(of: me)], &wire, into: &out) }
    state = .recovery
    effects.append(
      .recover(
        Recovery(
          lastSequence: form.header.sequence, commit: entry.commit.compactMap { topology.position(of: $0) },
          transitional: transitional,
          transitionalID: MembershipID(topology.ids[transitionalLeader], form.rings[at].transitionalTime),
          future: future, futureID: membership),
        OldRing(aru: entry.aru, highest: entry.highest, holes: entry.holes), isLast: isLast))
  }
}
