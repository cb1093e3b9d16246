// F9: when all members answer and nothing breaks any more, the view is installed (evs-properties 9, 10).

import SpreadWire

func checkFlushLiveness(_ index: FlushIndex, _ findings: Findings) {
  guard index.trace.run.isSettled, index.trace.run.quiet != nil else {
    findings.skip("F9 at the end of the run: the run is not said to be settled")
    return
  }
  let open = index.sessions.openAtEnd
  var groups: Set<NameID> = []
  for client in open {
    groups.formUnion(index.sessions.clients[client].stays.keys)
    groups.formUnion(index.sessions.clients[client].joins.keys)
  }
  for group in groups.sorted() { GroupAtEnd(group, open, index, findings).check() }
}

/// One group after everything has come together.
private struct GroupAtEnd {
  let group: NameID
  let open: [Int]
  let index: FlushIndex
  let findings: Findings
  /// Last stays of the open sessions that are in it.
  let stays: [Int]

  init(_ group: NameID, _ open: [Int], _ index: FlushIndex, _ findings: Findings) {
    self.group = group
    self.open = open
    self.index = index
    self.findings = findings
    stays = open.compactMap { client in
      guard let stay = index.sessions.clients[client].stays[group]?.last,
        case .endOfTrace = index.sessions.stays[stay].end
      else { return nil }
      return stay
    }
  }

  func check() {
    // Who owes an answer holds up all; of members nobody recorded it is not known.
    guard !stays.contains(where: { index.agreements[$0].isOwed }),
      stays.allSatisfy({ index.view($0).members.allSatisfy { index.sessions.clientByName[$0] != nil } })
    else { return }
    for stay in stays {
      let client = index.sessions.stays[stay].client
      guard let answer = index.agreements[stay].answers.last else { continue }
      findings.fail(
        "F9.installed", "in the end all have agreed to a view and it is not installed",
        (index.agreements[stay].requests.last.map { [.client(client, $0)] } ?? []) + [.client(client, answer)])
    }
    for stay in stays.dropFirst() where index.view(stay).id != index.view(stays[0]).id {
      findings.fail(
        "F9.together", "in the end all members of a group have the same view",
        [index.evidence(stays[0]), index.evidence(stay)])
    }
    checkWaiting()
    checkGone()
  }

  /// F9.first: who joined has a view.
  private func checkWaiting() {
    for client in open {
      let info = index.sessions.clients[client]
      guard let join = info.joins[group]?.last else { continue }
      let isOver = info.leaves[group]?.contains { $0 > join } ?? false
      // The view may have been recorded before the call that caused it.
      let views = info.stays[group]?.filter { index.sessions.stays[$0].previous < 0 }.count ?? 0
      let isIn = stays.contains { index.sessions.stays[$0].client == client }
      guard !isOver, !isIn, views < info.joins[group]!.count else { continue }
      findings.fail("F9.first", "in the end who joined a group has a view of it", [.client(client, join)])
    }
  }

  /// F9.gone: no view names a session that ended or left.
  private func checkGone() {
    for stay in stays {
      for member in index.view(stay).members {
        let holders = index.sessions.clients.indices.filter { index.sessions.clients[$0].name == member }
        guard holders.count == 1, let info = holders.first.map({ index.sessions.clients[$0] }) else { continue }
        var end = info.closedRecord
        if end == nil, let last = info.stays[group]?.last, case .selfLeave = index.sessions.stays[last].end {
          end = index.sessions.stays[last].endRecord
        }
        guard let end else { continue }
        findings.fail(
          "F9.gone", "in the end no view names a session that is gone",
          [.client(holders[0], end), index.evidence(stay)])
      }
    }
  }
}

/// F9.behind: in the end the view is the last that came from below.
func checkBehind(_ layers: BothLayers, _ findings: Findings) {
  let flush = layers.flush
  guard flush.trace.run.isSettled, flush.trace.run.quiet != nil else { return }
  let open = Set(flush.sessions.openAtEnd)
  for (client, core) in layers.pairs where open.contains(client) {
    for (group, stays) in flush.sessions.clients[client].stays.sorted(by: { $0.key < $1.key }) {
      guard let last = stays.last, case .endOfTrace = flush.sessions.stays[last].end,
        let below = layers.core.clients[core].stays[group]?.last
      else { continue }
      let view = layers.core.view(layers.core.stays[below])
      guard view.id != flush.view(last).id, view.members.allSatisfy({ flush.mayHaveAgreed($0, group, open) }) else {
        continue
      }
      findings.fail(
        "F9.behind", "in the end the view below is installed when nobody owes an answer",
        [layers.coreLine(below), layers.flushLine(last)])
    }
  }
}

extension FlushIndex {
  /// A recorded session, open in the end, that owes no answer in the group.
  fileprivate func mayHaveAgreed(_ name: NameID, _ group: NameID, _ open: Set<Int>) -> Bool {
    let last = sessions.clients.indices.last { sessions.clients[$0].name == name }
    guard let client = last, open.contains(client) else { return false }
    guard let stay = sessions.clients[client].stays[group]?.last, case .endOfTrace = sessions.stays[stay].end else {
      return true
    }
    return !agreements[stay].isOwed
  }
}
