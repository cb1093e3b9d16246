// G6, G7: the daemons' group tables agree, and hold nobody from outside the ring (evs-properties 7); S2: the queue of
// a session is bounded (evs-properties 8).

import SpreadWire

func checkGroupTables(_ index: DaemonIndex, _ findings: Findings) {
  var first: [Place: (table: GroupTableRecord, evidence: Evidence)] = [:]
  for daemon in index.daemons.indices {
    var walk = TableWalk(daemon: daemon, index: index, findings: findings)
    for (record, entry) in index.trace.daemons[daemon].records.enumerated() {
      walk.step(record, entry.event)
      walk.hand(&first)
    }
  }
}

/// A place in the sequence of all messages: behind the packet with this number.
private struct Place: Hashable {
  var ring: Int32
  var sequence: Int32
}

private struct TableWalk {
  let daemon: Int
  let index: DaemonIndex
  let findings: Findings
  private var ring: Int32 = -1
  private var sequence: Int32 = 0
  private var table: (table: GroupTableRecord, record: Int)?
  /// The table as it stood when the next packet began, to be compared.
  private var settled: (place: Place, table: GroupTableRecord, record: Int)?

  init(daemon: Int, index: DaemonIndex, findings: Findings) {
    self.daemon = daemon
    self.index = index
    self.findings = findings
  }

  mutating func step(_ record: Int, _ event: DaemonEvent) {
    switch event {
    case .configuration(let number):
      let configuration = index.configuration(number)
      // Before a transitional configuration the table is that of the last packet; then it is each side's own.
      if configuration.kind == .transitional { settle() }
      guard configuration.kind == .regular else { return }
      ring = index.rings[configuration.id] ?? -1
      sequence = 0
      table = nil
    case .deliver(let id, let number, let message, let service, let phase):
      // A reliable message may come before packets with smaller numbers (evs-properties D2).
      if phase == .pre, service.rank >= 2, index.rings[id] == ring, number > sequence {
        settle()
        sequence = number
      }
      checkExchange(record, message)
    case .groups(let number):
      table = (index.trace.tables[Int(number)], record)
      checkMembers(record)
    case .session(let client, let queued, let action):
      guard let limit = index.trace.run.sessionLimit, action == .deliver, queued > limit else { return }
      findings.fail(
        "S2.limit", "a session whose queue exceeds \(limit) messages is closed: \(findings.text(client))",
        [.daemon(daemon, record)])
    default: break
    }
  }

  private mutating func settle() {
    guard let table, table.table.state == .operating else { return }
    settled = (Place(ring: ring, sequence: sequence), table.table, table.record)
  }

  /// G6.tables: behind the same packet all daemons hold the same table.
  mutating func hand(_ first: inout [Place: (table: GroupTableRecord, evidence: Evidence)]) {
    guard let settled else { return }
    self.settled = nil
    let here = Evidence.daemon(daemon, settled.record)
    guard let seen = first[settled.place] else {
      first[settled.place] = (settled.table, here)
      return
    }
    if seen.table != settled.table {
      findings.fail(
        "G6.tables", "behind packet \(settled.place.sequence) all daemons of the ring hold the same groups",
        [seen.evidence, here])
    }
  }

  /// G6.exchange: no client message is delivered while group states are exchanged.
  private func checkExchange(_ record: Int, _ message: MessageID?) {
    guard message != nil, let table, table.table.state == .gathering || table.table.state == .gatheringTransitional
    else { return }
    findings.fail(
      "G6.exchange", "no client message is delivered before the group states are exchanged",
      [.daemon(daemon, table.record), .daemon(daemon, record)])
  }

  /// G7: in operation every member's daemon is in the ring.
  private func checkMembers(_ record: Int) {
    guard let table, table.table.state == .operating, ring >= 0 else { return }
    let daemons = index.ringMembers[Int(ring)]
    for group in table.table.groups {
      for member in group.members {
        guard let daemon = index.daemonOf[member.index], !daemons.contains(daemon) else { continue }
        findings.fail(
          "G7", "nobody from outside the ring is a member: \(findings.text(member))",
          (index.ringEvidence[Int(ring)].map { [$0] } ?? []) + [.daemon(self.daemon, record)])
        return
      }
    }
  }
}
