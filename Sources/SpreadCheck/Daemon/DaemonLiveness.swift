// L1, L3 to L6 at the daemons (evs-properties 10): in the healed end of a run the core comes together and rests.

import SpreadWire

private let maxInstallations = 6
private let defaultHurry: Int64 = 500_000_000

func checkDaemonLiveness(_ index: DaemonIndex, _ findings: Findings) {
  guard let quiet = index.trace.run.quiet, let bound = index.trace.run.bound else {
    findings.skip("L1, L3 to L6 at daemons: the run does not say from when it was quiet and how long that may last")
    return
  }
  let names = index.trace.run.core.isEmpty ? Set(index.daemons.map { $0.name }) : Set(index.trace.run.core)
  let core = index.daemons.indices.filter { names.contains(index.daemons[$0].name) && !index.daemons[$0].isStopped }
  guard let end = index.trace.run.end, end > quiet + bound else {
    findings.skip("L1, L3 to L6 at daemons: the run ends before the bound")
    return
  }
  for daemon in core { checkTogether(daemon, core, quiet, bound, index, findings) }
  checkTables(core, index, findings)
  if index.trace.run.isSettled {
    for daemon in core {
      checkDrained(daemon, index, findings)
      checkHold(daemon, quiet + bound, end, index, findings)
    }
  }
}

/// L1: one regular configuration, the core, in time, and nothing after it. L6: few on the way.
private func checkTogether(
  _ daemon: Int, _ core: [Int], _ quiet: Int64, _ bound: Int64, _ index: DaemonIndex, _ findings: Findings
) {
  let records = index.trace.daemons[daemon].records
  let expected = Set(core.map { index.daemons[$0].name })
  guard let last = index.daemons[daemon].stays.last.map({ index.stays[$0] }), last.begin >= 0 else {
    findings.fail("L1.together", "the core is one configuration in the end: a daemon has none", [.daemon(daemon, 0)])
    return
  }
  let here = Evidence.daemon(daemon, last.begin)
  guard case .configuration(let number) = records[last.begin].event else { return }
  let members = index.configuration(number).members
  if Set(members) != expected {
    findings.fail("L1.together", "the core, and nobody else, is one configuration in the end", [here])
  }
  if let other = core.first(where: { other in
    index.daemons[other].stays.last.map { index.stays[$0].ring } != last.ring
  }), let stay = index.daemons[other].stays.last.map({ index.stays[$0] }), stay.begin >= 0 {
    findings.fail("L1.one", "the core is in one configuration in the end", [here, .daemon(other, stay.begin)])
  }
  let late = last.transitional.first.map { $0.record } ?? last.begin
  if records[late].time > quiet + bound {
    findings.fail("L1.bound", "the core has come together within the bound", [.daemon(daemon, late)])
  }
  let installations = index.daemons[daemon].stays.filter {
    index.stays[$0].begin >= 0 && records[index.stays[$0].begin].time >= quiet
  }
  if installations.count > maxInstallations {
    findings.fail(
      "L6", "the core comes together in at most \(maxInstallations) steps, not \(installations.count)",
      [.daemon(daemon, index.stays[installations[0]].begin), here])
  }
}

/// L3: all hold the same groups.
private func checkTables(_ core: [Int], _ index: DaemonIndex, _ findings: Findings) {
  var first: (table: GroupTableRecord, evidence: Evidence)?
  for daemon in core {
    let records = index.trace.daemons[daemon].records
    guard
      let record = records.lastIndex(where: { entry in
        if case .groups = entry.event { return true }
        return false
      }), case .groups(let number) = records[record].event
    else { continue }
    let table = index.trace.tables[Int(number)]
    let here = Evidence.daemon(daemon, record)
    if table.state != .operating {
      findings.fail("L3.state", "no exchange is open in the end", [here])
    }
    if let first, first.table != table {
      findings.fail("L3.tables", "all hold the same groups in the end", [first.evidence, here])
    }
    first = first ?? (table, here)
  }
}

/// L4: everything delivered and forgotten, session queues empty.
private func checkDrained(_ daemon: Int, _ index: DaemonIndex, _ findings: Findings) {
  var horizon: (record: Int, horizon: HorizonRecord)?
  var queues: [NameID: (record: Int, queued: Int32)] = [:]
  for (record, entry) in index.trace.daemons[daemon].records.enumerated() {
    switch entry.event {
    case .horizon(_, let value): horizon = (record, value)
    case .session(let client, let queued, let action):
      queues[client] = action == .kill ? nil : (record, queued)
    default: break
    }
  }
  if let (record, value) = horizon, value.discarded != value.highest {
    findings.fail("L4.ring", "no packet is kept in the end", [.daemon(daemon, record)])
  }
  for (_, queue) in queues.sorted(by: { $0.key < $1.key }) where queue.queued > 0 {
    findings.fail("L4.session", "no message waits for a session in the end", [.daemon(daemon, queue.record)])
  }
}

/// L5: an idle ring holds its token: one visit in each hurry timeout.
private func checkHold(_ daemon: Int, _ from: Int64, _ end: Int64, _ index: DaemonIndex, _ findings: Findings) {
  let hurry = index.trace.run.hurry ?? defaultHurry
  let records = index.trace.daemons[daemon].records
  var start = from
  for entry in records {
    switch entry.event {
    case .sequence, .have, .deliver: start = max(start, entry.time)
    default: break
    }
  }
  // Some rounds run before the hold begins.
  start += 3 * hurry
  guard hurry > 0, end - start >= 5 * hurry else { return }
  let visits = records.indices.filter { record in
    guard case .token(_, let token) = records[record].event else { return false }
    return !token.isOut && records[record].time >= start
  }
  if visits.count > Int(2 * (end - start) / hurry) + 3 {
    findings.fail(
      "L5", "an idle ring holds its token: \(visits.count) visits are too many",
      [.daemon(daemon, visits[0]), .daemon(daemon, visits.last!)])
  }
}
