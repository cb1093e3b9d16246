// G4: who came the same way received the same messages (evs-properties 7).

import SpreadWire

func checkVirtualSynchrony(_ index: ClientIndex, _ findings: Findings) {
  for stay in index.stays.indices where index.view(index.stays[stay]).cause == .network {
    checkSets(index.stays[stay], index, findings)
  }
  for entry in index.byView {
    // One id may be a network view for some and a light one for others (D16, see `checkAgreement`).
    let network = entry.stays.filter { index.view(index.stays[$0]).cause == .network }
    let light = entry.stays.filter { index.view(index.stays[$0]).cause != .network }
    if !light.isEmpty { checkLight(light, index, findings) }
    guard let first = network.first else { continue }
    checkAgreedSets(network, index, findings)
    checkSetOrder(network, index, findings)
    for set in index.view(index.stays[first]).sets { checkSame(set, network, index, findings) }
  }
}

/// G4.partition, G4.mine, G4.old
private func checkSets(_ here: Stay, _ index: ClientIndex, _ findings: Findings) {
  let view = index.view(here)
  let all = view.sets.flatMap { $0 }
  if Set(all).count != all.count || Set(all) != Set(view.members) || view.sets.contains([]) && view.sets.count == 1 {
    findings.fail("G4.partition", "the sets divide the members", [index.evidence(here)])
  }
  let me = index.clients[here.client].name
  guard view.sets.indices.contains(view.mine), view.sets[view.mine].contains(me) else {
    findings.fail("G4.mine", "the set flagged as the receiver's own contains it", [index.evidence(here)])
    return
  }
  guard here.previous >= 0 else { return }
  let old = index.stays[here.previous]
  let members = Set(index.view(old).members)
  if let stranger = view.sets[view.mine].first(where: { !members.contains($0) }) {
    findings.fail(
      "G4.old", "who came along was in the last view: \(findings.text(stranger)) was not",
      [index.evidence(old), index.evidence(here)])
  }
}

/// G4.agree: all members report the same sets in the same order.
private func checkAgreedSets(_ stays: [Int], _ index: ClientIndex, _ findings: Findings) {
  let first = index.stays[stays[0]]
  for stay in stays.dropFirst() where index.view(index.stays[stay]).sets != index.view(first).sets {
    findings.fail(
      "G4.agree", "all members of a network view report the same sets",
      [index.evidence(first), index.evidence(index.stays[stay])])
  }
}

/// G4.order: sets ascend by the configuration their members come from, ids compared by the sign of the wrapped
/// difference as stock does, then times. Known only where a member is recorded and had no signal on the way: then
/// its last view carries that configuration's id.
private func checkSetOrder(_ stays: [Int], _ index: ClientIndex, _ findings: Findings) {
  let view = index.view(index.stays[stays[0]])
  guard view.id.index == 1 else { return }
  var last: (id: MembershipID, evidence: Evidence)?
  for set in view.sets {
    var known: (id: MembershipID, evidence: Evidence)?
    for stay in stays where set.contains(index.clients[index.stays[stay].client].name) {
      let previous = index.stays[stay].previous
      guard previous >= 0, index.stays[previous].signals.isEmpty else { continue }
      known = (index.view(index.stays[previous]).id.membership, index.evidence(index.stays[previous]))
      break
    }
    guard let known else {
      // Three ids may lie in a circle (D9): the sets on both sides of an unknown one have no order then.
      last = nil
      continue
    }
    if let last, !precedes(last.id, known.id) {
      findings.fail(
        "G4.order", "sets stand in the order of the configurations they come from",
        [last.evidence, known.evidence, index.evidence(index.stays[stays[0]])])
    }
    last = known
  }
}

private func precedes(_ a: MembershipID, _ b: MembershipID) -> Bool {
  if a.process != b.process { return Int32(bitPattern: a.process.rawValue &- b.process.rawValue) < 0 }
  return a.time &- b.time < 0
}

/// G4.same: members of one set come from one view and received the same messages in it.
private func checkSame(_ set: [NameID], _ stays: [Int], _ index: ClientIndex, _ findings: Findings) {
  let names = Set(set)
  let previous = stays.filter { names.contains(index.clients[index.stays[$0].client].name) }
    .map { (stay: $0, previous: index.stays[$0].previous) }
    .filter { $0.previous >= 0 }
  guard let first = previous.first else { return }
  let id = index.view(index.stays[first.previous]).id
  for other in previous.dropFirst() where index.view(index.stays[other.previous]).id != id {
    findings.fail(
      "G4.same", "members of one set come from one view",
      [
        index.evidence(index.stays[first.previous]), index.evidence(index.stays[other.previous]),
        index.evidence(index.stays[other.stay]),
      ])
    return
  }
  compare("G4.same", "members of one set received the same messages", previous.map { $0.previous }, index, findings)
}

/// G4.light: who was in both views received the same messages between them.
private func checkLight(_ stays: [Int], _ index: ClientIndex, _ findings: Findings) {
  // Who came by another way (a joiner of this name before) is compared with its like only.
  var byOrigin: [GroupID: [Int]] = [:]
  for stay in stays where index.stays[stay].previous >= 0 {
    let previous = index.stays[stay].previous
    byOrigin[index.view(index.stays[previous]).id, default: []].append(previous)
  }
  if byOrigin.count > 1 {
    let origins = byOrigin.values.map { $0[0] }.sorted()
    findings.fail(
      "G4.light", "a join, leave or disconnect follows one view", origins.map { index.evidence(index.stays[$0]) })
  }
  // In the order of the traces: a report is the same in every process.
  for previous in byOrigin.values.sorted(by: { $0[0] < $1[0] }) {
    compare(
      "G4.light", "members of two views in a row received the same messages between them", previous.sorted(), index,
      findings)
  }
}

/// All `stays` are in one view and ended by the same next view: equal lists, own discarded messages aside. RELIABLE
/// messages keep that only among daemons that hold them back while a ring forms (E5r, evs-properties D3).
private func compare(
  _ property: String, _ text: String, _ stays: [Int], _ index: ClientIndex, _ findings: Findings
) {
  guard stays.count > 1 else { return }
  let lists = stays.map { MessageList(stay: $0, items: index.items($0, rank: 2)) }
  for (first, second) in MessageList.pairs(lists.count) {
    guard let conflict = lists[first].conflict(with: lists[second], whole: true, index) else { continue }
    findings.fail(
      property, text, [conflict.reference, conflict.here, index.evidence(index.stays[lists[second].stay])])
  }
  let unordered = stays.map { stay in
    index.items(stay, rank: 1).filter { index.messages[Int($0.message)].rank == 1 }
  }
  let everything = unordered.flatMap { $0 }
  guard !everything.isEmpty else { return }
  for (stay, items) in zip(stays, unordered) {
    let client = index.stays[stay].client
    let here = Set(items.map { $0.message })
    for (other, list) in zip(stays, unordered) where other != stay {
      guard
        let missing = list.first(where: { !here.contains($0.message) && !index.isDiscarded($0.message, at: client) })
      else { continue }
      let evidence: [Evidence] = [
        .client(index.stays[other].client, Int(missing.record)), index.evidence(index.stays[stay]),
      ]
      let text = text + ", reliable ones too"
      if findings.options.strictReliable {
        findings.fail("E5r", text, evidence)
      } else {
        findings.warn("E5r", text, evidence)
      }
      break
    }
  }
}
