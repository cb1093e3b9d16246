// E5: daemons that go on together deliver the same messages; E6: holes in the transitional phase (evs-properties 4).

import SpreadWire

func checkAtomicity(_ index: DaemonIndex, _ findings: Findings) {
  var groups: [MembershipID: [Int]] = [:]
  var order: [MembershipID] = []
  for (number, stay) in index.stays.enumerated() where !index.isCutOff(stay) {
    guard let (_, transitional) = stay.transitional.first else { continue }
    let id = index.configuration(transitional).id
    if groups[id] == nil { order.append(id) }
    groups[id, default: []].append(number)
  }
  for id in order {
    let stays = groups[id]!.filter { index.stays[$0].ring == index.stays[groups[id]![0]].ring }
    checkSameMessages(stays, index, findings)
    if index.stays[stays[0]].ring >= 0 { checkHoles(stays, index, findings) }
  }
}

/// E5, E5r
private func checkSameMessages(_ stays: [Int], _ index: DaemonIndex, _ findings: Findings) {
  guard stays.count > 1 else { return }
  let sets = stays.map { number in
    Dictionary(
      index.stays[number].deliveries.filter { $0.message >= 0 }.map { ($0.message, $0.record) },
      uniquingKeysWith: { first, _ in first })
  }
  for (number, set) in zip(stays, sets).dropFirst() {
    let (first, here) = (index.stays[stays[0]], index.stays[number])
    let missingHere = sets[0].filter { set[$0.key] == nil }
    let missingThere = set.filter { sets[0][$0.key] == nil }
    for (missing, owner, other) in [(missingHere, first, here), (missingThere, here, first)] {
      for (isOrdered, property) in [(true, "E5"), (false, "E5r")] {
        let candidates = missing.filter { (index.rank($0.key) >= 2) == isOrdered }
        guard let line = candidates.values.min() else { continue }
        let text = "daemons that go on together deliver the same messages of the old ring"
        let evidence = [Evidence.daemon(owner.daemon, line), index.evidence(other)]
        if isOrdered || findings.options.strictReliable {
          findings.fail(property, text, evidence)
        } else {
          findings.warn(property, text, evidence)
        }
      }
    }
  }
}

/// E6.afterHole, E6.lostPacket
private func checkHoles(_ stays: [Int], _ index: DaemonIndex, _ findings: Findings) {
  let highest = Int(stays.flatMap { index.stays[$0].held.map { $0.sequence } }.max() ?? 0)
  guard highest > 0, highest < 1 << 26 else { return }
  var known = [Bool](repeating: false, count: highest + 1)
  known[0] = true
  for stay in stays {
    for (sequence, _) in index.stays[stay].held where sequence > 0 { known[Int(sequence)] = true }
  }
  let hole = known.firstIndex(of: false) ?? highest + 1
  for stay in stays { checkAfterHole(index.stays[stay], hole, index, findings) }
  checkLostPackets(stays, known, hole, index, findings)
}

private func commit(_ stay: RingStay, _ index: DaemonIndex) -> Set<NameID> {
  Set(stay.transitional.first.map { index.configuration($0.index).commit } ?? [])
}

private func checkAfterHole(_ stay: RingStay, _ hole: Int, _ index: DaemonIndex, _ findings: Findings) {
  let commit = commit(stay, index)
  for delivery in stay.deliveries
  where delivery.phase == .post && delivery.service.rank >= 2 && Int(delivery.sequence) > hole {
    guard let packet = index.packet(delivery.ring, delivery.sequence),
      !commit.contains(index.daemons[packet.origin].name)
    else { continue }
    findings.fail(
      "E6.afterHole", "behind a hole (\(hole)) only messages of the commit set are delivered",
      [index.evidence(stay), .daemon(packet.origin, packet.record), .daemon(stay.daemon, delivery.record)])
  }
}

/// A packet one of them had counts for all. A message of several packets may miss another piece, so only whole ones
/// are looked at. A packet of a daemon that does not come along may come too late and be forgotten by all; one that was
/// started again and is met under its old name does not come along either.
private func checkLostPackets(
  _ stays: [Int], _ known: [Bool], _ hole: Int, _ index: DaemonIndex, _ findings: Findings
) {
  let first = index.stays[stays[0]]
  guard let next = first.next else { return }
  let nextRing = index.stays[next].ring
  let coming = Set(
    index.stays.lazy.filter { stay in
      stay.ring == first.ring && stay.next.map { index.stays[$0].ring == nextRing } ?? false
    }.map(\.daemon))
  for stay in stays {
    let here = index.stays[stay]
    let commit = commit(here, index)
    let delivered = Set(here.deliveries.map { $0.message })
    for sequence in known.indices.dropFirst() where known[sequence] {
      guard let packet = index.packet(here.ring, Int32(sequence)) else { continue }
      let origin = index.daemons[packet.origin].name
      guard coming.contains(packet.origin), sequence < hole || commit.contains(origin) else { continue }
      for piece in packet.lastPieces
      where piece.isWhole && index.rank(piece.message) >= 2 && !delivered.contains(piece.message) {
        let holder = stays.lazy.compactMap { stay in
          index.stays[stay].held.first { $0.sequence == Int32(sequence) }
            .map { Evidence.daemon(index.stays[stay].daemon, $0.record) }
        }.first
        findings.fail(
          "E6.lostPacket", "what one of those who go on together had is delivered by all",
          (holder.map { [$0] } ?? []) + [index.evidence(here), .daemon(here.daemon, here.endRecord)])
      }
    }
  }
}
