// C5: safe messages (evs-properties 6.5). Received before the signal: every member of the view receives it in that
// view. Received after it: every member that comes along.

import SpreadWire

/// - Parameter mayLack: whether a message may be missing in a stay all the same.
func checkSafe(
  _ index: ClientIndex, _ findings: Findings, mayLack: (Int32, Stay) -> Bool = { _, _ in false }
) {
  // By message: the stay group it was last marked for, and the record that marked it.
  var mark = [Int32](repeating: -1, count: index.messages.count)
  var round: Int32 = 0
  for entry in index.byView where entry.stays.count > 1 {
    checkBeforeSignal(entry.stays, index, findings, mayLack, &mark, &round)
    checkAfterSignal(entry.stays, index, findings, mayLack, &mark, &round)
  }
}

private func checkBeforeSignal(
  _ stays: [Int], _ index: ClientIndex, _ findings: Findings, _ mayLack: (Int32, Stay) -> Bool,
  _ mark: inout [Int32], _ round: inout Int32
) {
  // All safe messages any member received before its signal.
  var safe: [(message: Int32, evidence: Evidence)] = []
  round += 1
  for stay in stays {
    let here = index.stays[stay]
    for item in here.items[..<here.preCount] where index.messages[Int(item.message)].rank == 4 {
      guard mark[Int(item.message)] != round else { continue }
      mark[Int(item.message)] = round
      safe.append((item.message, .client(here.client, Int(item.record))))
    }
  }
  guard !safe.isEmpty else { return }
  for stay in stays where mustHaveAll(stay, index) {
    require(safe, at: stay, index, findings, mayLack, &mark, &round)
  }
}

/// The stay ended by another view, or the run ended and everything was read.
private func mustHaveAll(_ stay: Int, _ index: ClientIndex) -> Bool {
  switch index.stays[stay].end {
  case .view: true
  case .endOfTrace: !index.isFaulty(index.stays[stay].client)
  case .selfLeave, .closed: false
  }
}

private func require(
  _ safe: [(message: Int32, evidence: Evidence)], at stay: Int, _ index: ClientIndex, _ findings: Findings,
  _ mayLack: (Int32, Stay) -> Bool, _ mark: inout [Int32], _ round: inout Int32
) {
  let here = index.stays[stay]
  round += 1
  for item in here.items { mark[Int(item.message)] = round }
  for (message, evidence) in safe where mark[Int(message)] != round {
    guard !index.isDiscarded(message, at: here.client), !mayLack(message, here) else { continue }
    var lines = [evidence, index.evidence(here)]
    if case .view(let next) = here.end { lines.append(index.evidence(index.stays[next])) }
    findings.fail("C5.safe", "a safe message received by one member of the view is missing at another", lines)
  }
}

private func checkAfterSignal(
  _ stays: [Int], _ index: ClientIndex, _ findings: Findings, _ mayLack: (Int32, Stay) -> Bool,
  _ mark: inout [Int32], _ round: inout Int32
) {
  for stay in stays {
    let here = index.stays[stay]
    guard here.preCount < here.items.count, case .view(let next) = here.end else { continue }
    let view = index.view(index.stays[next])
    guard view.cause == .network, view.sets.indices.contains(view.mine) else { continue }
    let safe = here.items[here.preCount...].filter { index.messages[Int($0.message)].rank == 4 }
      .map { (message: $0.message, evidence: Evidence.client(here.client, Int($0.record))) }
    guard !safe.isEmpty else { continue }
    let companions = Set(view.sets[view.mine])
    for other in stays where other != stay && companions.contains(index.clients[index.stays[other].client].name) {
      guard case .view(let otherNext) = index.stays[other].end,
        index.view(index.stays[otherNext]).id == view.id
      else { continue }
      require(safe, at: other, index, findings, mayLack, &mark, &round)
    }
  }
}
