// G1 to G3: views agree, come in order, and say why they came (evs-properties 7).

import SpreadWire

func checkViews(_ index: ClientIndex, _ findings: Findings) {
  for entry in index.byView {
    checkAgreement(entry.stays, index, findings)
    checkReached(entry.key, entry.stays, index, findings)
  }
  let orders = ConfigurationOrder.all(index.trace)
  if orders.isEmpty { findings.skip("G1.memberOrder: the run does not name the daemons in configuration order") }
  for stay in index.stays.indices {
    checkOwnPlace(stay, index, findings)
    if !orders.isEmpty { checkMemberOrder(stay, orders, index, findings) }
    checkFirstView(stay, index, findings)
    if case .view(let next) = index.stays[stay].end { checkStep(stay, next, index, findings) }
    checkCause(stay, index, findings)
  }
  for client in index.clients.indices { checkDisconnects(client, index, findings) }
}

/// G1.agreement: one id, one member list, and one cause. D16: a join of a daemon that does not come along, delivered in
/// the transitional period here and in operation there, counts the same id on and is a network view here, as stock
/// counts it (daemon-groups 6, property T6); then only the members have to agree.
private func checkAgreement(_ stays: [Int], _ index: ClientIndex, _ findings: Findings) {
  let first = index.stays[stays[0]]
  let view = index.view(first)
  for stay in stays.dropFirst() {
    let other = index.view(index.stays[stay])
    let isTransitional = (other.cause == .network) != (view.cause == .network)
    let agree = isTransitional || (other.cause == view.cause && other.changed == view.changed)
    if other.members != view.members || !agree {
      findings.fail(
        "G1.agreement", "a view has the same members and cause for all who see it",
        [index.evidence(first), index.evidence(index.stays[stay])])
    }
  }
}

/// G1.missing: a member of a view that later sees a further one of the same configuration has seen it too.
private func checkReached(_ key: ViewKey, _ stays: [Int], _ index: ClientIndex, _ findings: Findings) {
  let first = index.stays[stays[0]]
  for member in index.view(first).members {
    guard let client = index.clientByName[member], index.clients[client].wantsMembership,
      !stays.contains(where: { index.stays[$0].client == client }),
      key.serial < 0,
      let later = index.clients[client].stays[key.group]?.first(where: {
        let id = index.view(index.stays[$0]).id
        return id.membership == key.id.membership && id.index > key.id.index
      }),
      // It may have come in only after this view, under a name used before.
      index.stays[later].previous >= 0
    else { continue }
    findings.fail(
      "G1.missing", "a member that stays sees every view it is in",
      [index.evidence(first), index.evidence(index.stays[later])])
  }
}

private func checkOwnPlace(_ stay: Int, _ index: ClientIndex, _ findings: Findings) {
  let here = index.stays[stay]
  let view = index.view(here)
  let me = index.clients[here.client].name
  if !view.members.contains(me) {
    findings.fail("G2.self", "who gets a view of a group is in it", [index.evidence(here)])
  } else if !view.members.indices.contains(view.index) || view.members[view.index] != me {
    findings.fail("G1.myIndex", "the place reported is the receiver's own", [index.evidence(here)])
  }
}

/// Daemons of the run in the order of a configuration file.
private struct ConfigurationOrder {
  private var places: [String: Int] = [:]

  /// Of all files that were read in the run.
  static func all(_ trace: Trace) -> [ConfigurationOrder] {
    guard !trace.run.daemons.isEmpty else { return [] }
    return ([trace.run.daemons] + trace.run.otherOrders).map { ConfigurationOrder($0.map { trace.names[$0] }) }
  }

  private init(_ daemons: [String]) {
    for (place, daemon) in daemons.enumerated() { places[daemon] = place }
  }

  private func place(_ member: NameID, _ names: Names) -> Int {
    names.daemon(of: member).flatMap { places[$0] } ?? .max
  }

  /// The first two members that stand the wrong way round.
  func inversion(_ members: [NameID], _ names: Names) -> (NameID, NameID)? {
    zip(members, members.dropFirst()).first { a, b in
      let (placeA, placeB) = (place(a, names), place(b, names))
      if placeA != placeB { return placeA > placeB }
      return !Array(names[a].utf8).lexicographicallyPrecedes(Array(names[b].utf8))
    }
  }
}

/// G1.memberOrder: daemons in the order of the configuration, of one of them where it changed, then names by bytes.
private func checkMemberOrder(
  _ stay: Int, _ orders: [ConfigurationOrder], _ index: ClientIndex, _ findings: Findings
) {
  let here = index.stays[stay]
  let names = index.trace.names
  let members = index.view(here).members
  guard let (a, b) = orders[0].inversion(members, names),
    orders.dropFirst().allSatisfy({ $0.inversion(members, names) != nil })
  else { return }
  findings.fail(
    "G1.memberOrder",
    "members stand in the order of their daemons, then of their names: \(names[a]) before \(names[b])",
    [index.evidence(here)])
}

/// G2.afterLeave: each first view needs a join call of its own; calls may be recorded after the view they caused.
private func checkFirstView(_ stay: Int, _ index: ClientIndex, _ findings: Findings) {
  let here = index.stays[stay]
  guard here.previous < 0 else { return }
  let info = index.clients[here.client]
  let firsts = (info.stays[here.group] ?? []).filter { $0 <= stay && index.stays[$0].previous < 0 }
  guard (info.joins[here.group] ?? []).count < firsts.count else { return }
  let before = firsts.dropLast().last.flatMap { _ in
    info.stays[here.group]?.last { $0 < stay }.map { Evidence.client(here.client, index.stays[$0].endRecord) }
  }
  findings.fail(
    "G2.afterLeave", "no view of a group comes without a join, none after the leave notice",
    (before.map { [$0] } ?? []) + [index.evidence(here)])
}

/// G2.lostView: inside one configuration the index grows by one with each view.
private func checkStep(_ stay: Int, _ next: Int, _ index: ClientIndex, _ findings: Findings) {
  let (old, new) = (index.view(index.stays[stay]), index.view(index.stays[next]))
  guard old.id.membership == new.id.membership, new.id.index != old.id.index &+ 1 else { return }
  findings.fail(
    "G2.lostView", "inside one configuration each view's index is one more than the last",
    [index.evidence(index.stays[stay]), index.evidence(index.stays[next])])
}

/// G3: join adds exactly the one named, leave and disconnect remove exactly the one named.
private func checkCause(_ stay: Int, _ index: ClientIndex, _ findings: Findings) {
  let here = index.stays[stay]
  let view = index.view(here)
  guard view.cause.isLight else { return }
  func wrong(_ text: String) {
    let old = here.previous >= 0 ? [index.evidence(index.stays[here.previous])] : []
    findings.fail("G3.\(view.cause.traceName.lowercased())", text, old + [index.evidence(here)])
  }
  guard let changed = view.changed else { return wrong("the view does not name who changed") }
  if view.sets != [[changed]] { wrong("a view by one member has one set, that member") }
  let isIn = view.members.contains(changed)
  if isIn != (view.cause == .join) { return wrong("who joins is in the view, who goes is not") }
  let me = index.clients[here.client].name
  guard here.previous >= 0 else {
    if view.cause != .join || changed != me { wrong("the first view of a session is its own join, or a network view") }
    return
  }
  let old = index.view(index.stays[here.previous]).members
  let expected = view.cause == .join ? view.members.filter { $0 != changed } : old.filter { $0 != changed }
  let actual = view.cause == .join ? old : view.members
  // A group whose members all came along keeps its id when the daemons' order in the file changes.
  let isReordered = !index.trace.run.otherOrders.isEmpty && Set(expected) == Set(actual)
  if old.contains(changed) == (view.cause == .join) || (expected != actual && !isReordered) {
    wrong("nobody but the one named comes or goes")
  }
}

/// G3.disconnect: who disconnects goes from every group it was in, before anything else happens.
private func checkDisconnects(_ client: Int, _ index: ClientIndex, _ findings: Findings) {
  var current: [NameID: Int] = [:]
  var gone: (name: NameID, record: Int, groups: Set<NameID>)?
  var next = 0
  let stays = index.clients[client].stays.values.joined().sorted { index.stays[$0].record < index.stays[$1].record }
  for (record, entry) in index.trace.clients[client].records.enumerated() {
    switch entry.event {
    case .view(let group, _):
      while next < stays.count, index.stays[stays[next]].record < record { next += 1 }
      current[group] = stays[next]
      let view = index.view(index.stays[stays[next]])
      if gone != nil, gone!.groups.contains(group), !view.members.contains(gone!.name) {
        gone!.groups.remove(group)
        continue
      }
      expectNothingOpen(gone, client, record, index, findings)
      gone = nil
      guard view.cause == .disconnect, let name = view.changed else { continue }
      let groups = current.filter { $0.key != group && index.view(index.stays[$0.value]).members.contains(name) }
      gone = (name, record, Set(groups.keys))
    case .selfLeave(let group):
      expectNothingOpen(gone, client, record, index, findings)
      gone = nil
      current[group] = nil
    case .receive:
      expectNothingOpen(gone, client, record, index, findings)
      gone = nil
    default: break
    }
  }
}

private func expectNothingOpen(
  _ gone: (name: NameID, record: Int, groups: Set<NameID>)?, _ client: Int, _ record: Int, _ index: ClientIndex,
  _ findings: Findings
) {
  guard let gone, !gone.groups.isEmpty else { return }
  findings.fail(
    "G3.everywhere", "who disconnects goes from every group it was in, before anything else comes",
    [.client(client, gone.record), .client(client, record)])
}
