// F6, F11: signals, and what a view tells (evs-properties 9, events-and-flush 2.2).

import SpreadWire

func checkFlushViews(_ index: FlushIndex, _ findings: Findings) {
  for entry in index.sessions.byView { checkMembers(entry.stays, index, findings) }
  for stay in index.sessions.stays.indices {
    checkFlushSignal(stay, index, findings)
    checkPlace(stay, index, findings)
    checkSet(stay, index, findings)
    checkChange(stay, index, findings)
  }
  for client in index.trace.clients.indices {
    for (record, entry) in index.trace.clients[client].records.enumerated() {
      guard case .signal(let group, _) = entry.event, index.sessions.stay(client, group, at: record) == nil else {
        continue
      }
      findings.fail("F6.noView", "a signal comes only to members, after their first view", [.client(client, record)])
    }
  }
}

/// F11.members: one id, one list of members.
private func checkMembers(_ stays: [Int], _ index: FlushIndex, _ findings: Findings) {
  for stay in stays.dropFirst() where index.view(stay).members != index.view(stays[0]).members {
    findings.fail(
      "F11.members", "a view has the same members for all who install it",
      [index.evidence(stays[0]), index.evidence(stay)])
  }
}

/// F6.once, F6.missing: one signal in a view at most, and one in each view that somebody is lost from.
private func checkFlushSignal(_ stay: Int, _ index: FlushIndex, _ findings: Findings) {
  let here = index.sessions.stays[stay]
  if here.signals.count > 1 {
    findings.fail(
      "F6.once", "there is at most one signal in a view",
      [.client(here.client, here.signals[0]), .client(here.client, here.signals[1])])
  }
  guard here.signals.isEmpty, let next = index.next(stay) else { return }
  let members = index.view(next).members
  guard let lost = index.view(stay).members.first(where: { !members.contains($0) }) else { return }
  findings.fail(
    "F6.missing", "a signal tells that a member of the view is gone: \(findings.text(lost)) was not announced",
    [index.evidence(stay), index.evidence(next)])
}

/// F11.place
private func checkPlace(_ stay: Int, _ index: FlushIndex, _ findings: Findings) {
  let view = index.view(stay)
  let own = index.sessions.clients[index.sessions.stays[stay].client].name
  guard !view.members.indices.contains(view.index) || view.members[view.index] != own else { return }
  findings.fail("F11.place", "who installs a view is in it, at the place reported", [index.evidence(stay)])
}

/// F11.set: one set; of a network view the members of the last that came along, in its order.
private func checkSet(_ stay: Int, _ index: FlushIndex, _ findings: Findings) {
  let here = index.sessions.stays[stay]
  let view = index.view(stay)
  let lines = (here.previous >= 0 ? [index.evidence(here.previous)] : []) + [index.evidence(stay)]
  guard view.sets.count == 1, view.mine == 0 else {
    return findings.fail("F11.set", "a view of the Flush layer has one set", lines)
  }
  guard view.cause == .network else {
    guard view.changed == nil || view.sets[0] != [view.changed!] else { return }
    return findings.fail("F11.set", "the set of a view by one member is that member", lines)
  }
  let own = index.sessions.clients[here.client].name
  let old = here.previous >= 0 ? index.view(here.previous).members : [own]
  let set = view.sets[0]
  if set != old.filter(set.contains) || !set.contains(own) || !set.allSatisfy(view.members.contains) {
    findings.fail("F11.set", "the set names members of the last view that came along, in its order", lines)
  }
}

/// F11.cause: the one who is named joined or is gone, and nobody else.
private func checkChange(_ stay: Int, _ index: FlushIndex, _ findings: Findings) {
  let here = index.sessions.stays[stay]
  let view = index.view(stay)
  guard view.cause != .network, let changed = view.changed else { return }
  let isJoin = view.cause == .join
  guard here.previous >= 0 else {
    guard !isJoin || changed != index.sessions.clients[here.client].name else { return }
    return findings.fail(
      "F11.cause", "the first view of a session is its own join, or a network view", [index.evidence(stay)])
  }
  var expected = Set(index.view(here.previous).members)
  let isNew = isJoin ? expected.insert(changed).inserted : expected.remove(changed) != nil
  guard !isNew || expected != Set(view.members) else { return }
  findings.fail(
    "F11.cause", "nobody but the one named comes or goes", [index.evidence(here.previous), index.evidence(stay)])
}
