// T1 to T6: transitional signals (evs-properties 6.6).

import SpreadWire

func checkSignals(_ index: ClientIndex, _ findings: Findings) {
  for client in index.clients.indices {
    for group in index.clients[client].stays.keys.sorted() {
      for stay in index.clients[client].stays[group]! {
        checkOne(stay, index, findings)
        if case .view(let next) = index.stays[stay].end { checkPair(stay, next, index, findings) }
      }
    }
    checkLoneSignals(client, index, findings)
  }
}

/// T1: at most one signal between two views, with the id of the view before it.
private func checkOne(_ stay: Int, _ index: ClientIndex, _ findings: Findings) {
  let here = index.stays[stay]
  if here.signals.count > 1 {
    findings.fail(
      "T1.once", "there is at most one signal between two views of a group",
      [.client(here.client, here.signals[0]), .client(here.client, here.signals[1])])
  }
  for record in here.signals {
    guard case .signal(_, let id) = index.trace.clients[here.client].records[record].event else { continue }
    if id != index.view(here).id {
      findings.fail(
        "T1.gid", "a signal carries the id of the view it ends",
        [index.evidence(here), .client(here.client, record)])
    }
  }
}

private func checkLoneSignals(_ client: Int, _ index: ClientIndex, _ findings: Findings) {
  for (record, entry) in index.trace.clients[client].records.enumerated() {
    guard case .signal(let group, _) = entry.event, index.stay(client, group, at: record) == nil else { continue }
    findings.fail("T1.noView", "a signal comes only to members, after their first view", [.client(client, record)])
  }
}

private func checkPair(_ stay: Int, _ next: Int, _ index: ClientIndex, _ findings: Findings) {
  let here = index.stays[stay]
  let after = index.stays[next]
  let (old, new) = (index.view(here), index.view(after))
  let signal = here.signals.first.map { Evidence.client(here.client, $0) }
  if new.cause.isLight {
    if let signal {
      findings.fail(
        "T2.light", "join, leave and disconnect views are not announced by a signal",
        [signal, index.evidence(after)])
    }
    return
  }
  // Views inside the transitional period count on from index 1; the period goes on after them (T6).
  if new.id.index > 1 {
    checkTransitionalView(here, after, new, signal, index, findings)
    return
  }
  let companions = new.sets.indices.contains(new.mine) ? Set(new.sets[new.mine]) : []
  let lost = old.members.filter { !companions.contains($0) }
  if lost.isEmpty {
    // Behind a view of the transitional period the signal is that view's (T6).
    let isOfPeriod = old.cause == .network && old.id.index > 1
    if let signal {
      guard !isOfPeriod else { return }
      findings.fail(
        "T3.merge", "a network view that loses nobody is not announced by a signal",
        [signal, index.evidence(here), index.evidence(after)])
    } else if new.members == old.members, !index.hasCascade {
      // D17: members that came in an unfinished exchange and were lost again were never told, but change the group all
      // the same (daemon-groups 5.5), so that its old members get a view with nobody new in it.
      findings.fail(
        "T5.untouched", "a group none of whose members changed gets no view",
        [index.evidence(here), index.evidence(after)])
    }
  } else if signal == nil {
    checkUnannounced(stay, lost, after, index, findings)
  }
}

/// T4: without a signal only if those who were lost received the same messages (a cascade onto an unfinished exchange).
private func checkUnannounced(
  _ stay: Int, _ lost: [NameID], _ after: Stay, _ index: ClientIndex, _ findings: Findings
) {
  let here = index.stays[stay]
  let mine = Set(index.items(stay, rank: 2).map { $0.message })
  for other in index.stays(of: index.key(here.group, here.viewIndex)) {
    let there = index.stays[other]
    guard lost.contains(index.clients[there.client].name), case .view = there.end else { continue }
    let theirs = Set(index.items(other, rank: 2).map { $0.message })
    let difference = mine.symmetricDifference(theirs).filter {
      !index.isDiscarded($0, at: here.client) && !index.isDiscarded($0, at: there.client)
    }
    guard let message = difference.min() else { continue }
    let owner = mine.contains(message) ? here : there
    let item = owner.items.first { $0.message == message }
    findings.fail(
      "T4.missing", "members were lost without a signal although they received other messages",
      [.client(owner.client, Int(item?.record ?? 0)), index.evidence(here), index.evidence(after)])
  }
}

/// A join from a daemon that is lost, but had no members yet when it was: the group was not touched before
/// (daemon-groups 6).
private func isFirstOfLostDaemon(_ old: ViewRecord, _ new: ViewRecord, _ names: Names) -> Bool {
  let joined = new.members.filter { !old.members.contains($0) }
  guard joined.count == 1, let daemon = names.daemon(of: joined[0]) else { return false }
  return !old.members.contains { names.daemon(of: $0) == daemon }
}

/// T6: a join or leave in the transitional period makes a network view, the joiner apart and last, and a new signal
/// with that view's id follows at once.
private func checkTransitionalView(
  _ here: Stay, _ after: Stay, _ new: ViewRecord, _ signal: Evidence?, _ index: ClientIndex, _ findings: Findings
) {
  if signal == nil, !isFirstOfLostDaemon(index.view(here), new, index.trace.names) {
    findings.fail(
      "T6.before", "a network view beyond the first of a configuration stands in a transitional period",
      [index.evidence(here), index.evidence(after)])
  }
  let joined = new.members.filter { !index.view(here).members.contains($0) }
  if joined.count > 1 || (joined.count == 1 && new.sets.last != joined) {
    findings.fail(
      "T6.joiner", "who joins in the transitional period is a set of his own, the last",
      [index.evidence(here), index.evidence(after)])
  }
  var isOver = false
  if case .endOfTrace = after.end { isOver = true }
  if case .closed = after.end { isOver = true }
  let first = after.signals.first
  let isAtOnce =
    first.map { signal in !after.items.contains { Int($0.record) < signal } } ?? (isOver && after.items.isEmpty)
  if !isAtOnce {
    findings.fail(
      "T6.after", "a new signal follows a view of the transitional period at once",
      [index.evidence(after)] + (after.items.first.map { [.client(after.client, Int($0.record))] } ?? []))
  }
}
