// L2 and L3 as clients see them (evs-properties 10): in the healed end of a run every message arrives, and all
// sessions have the same last view.

import SpreadWire

func checkClientLiveness(_ index: ClientIndex, _ findings: Findings) {
  guard index.trace.run.isSettled, let quiet = index.trace.run.quiet else {
    findings.skip("C1.selfDelivery, L2, L3 at clients: the run is not said to be settled")
    return
  }
  let open = index.openAtEnd
  checkLastViews(open, index, findings)
  checkArrival(open, quiet, index, findings)
}

extension ClientIndex {
  /// Sessions that lasted, at daemons that have come together in the end.
  var openAtEnd: [Int] {
    let core = Set(trace.run.core)
    return clients.indices.filter { client in
      let info = clients[client]
      return info.closedRecord == nil && info.connectRecord >= 0
        && (core.isEmpty || info.daemon.map(core.contains) == true)
    }
  }
}

/// L3: the last view of a group is the same at all members, and names exactly the open sessions that have it.
private func checkLastViews(_ open: [Int], _ index: ClientIndex, _ findings: Findings) {
  var last: [NameID: [Int]] = [:]
  for client in open {
    for (group, stays) in index.clients[client].stays {
      if let stay = stays.last, case .endOfTrace = index.stays[stay].end { last[group, default: []].append(stay) }
    }
  }
  for group in last.keys.sorted() {
    let stays = last[group]!
    let first = index.stays[stays[0]]
    for stay in stays.dropFirst() where index.view(index.stays[stay]).id != index.view(first).id {
      findings.fail(
        "L3.views", "in the end all members of a group have the same view",
        [index.evidence(first), index.evidence(index.stays[stay])])
    }
    for stay in stays {
      for member in index.view(index.stays[stay]).members {
        guard let client = index.clientByName[member], let closed = index.clients[client].closedRecord,
          // A name may have been taken again.
          !index.clients.indices.contains(where: { index.clients[$0].name == member && $0 != client })
        else { continue }
        findings.fail(
          "L3.ghost", "in the end no view names a session that is gone",
          [.client(client, closed), index.evidence(index.stays[stay])])
      }
    }
  }
}

/// L2: a message sent after everything had come together arrives at every member.
private func checkArrival(_ open: [Int], _ quiet: Int64, _ index: ClientIndex, _ findings: Findings) {
  // Together since the last view or signal anywhere.
  var together = quiet
  for client in index.trace.clients {
    for record in client.records {
      switch record.event {
      case .view, .signal, .selfLeave: together = max(together, record.time)
      default: break
      }
    }
  }
  // A merge tells nobody of groups that were known on one side only.
  for daemon in index.trace.daemons {
    for record in daemon.records {
      switch record.event {
      case .configuration, .groups: together = max(together, record.time)
      default: break
      }
    }
  }
  var received: [Int: Set<Int32>] = [:]
  for client in open {
    var set: Set<Int32> = []
    for (record, entry) in index.trace.clients[client].records.enumerated() where entry.time > together {
      if case .receive = entry.event { set.insert(index.messageOf[client][record]) }
    }
    received[client] = set
  }
  for sender in open {
    for number in index.clients[sender].sends {
      let message = index.messages[Int(number)]
      let sent = index.trace.clients[sender].records[Int(message.sendRecord)]
      guard sent.time > together, !message.isVoid else { continue }
      for client in open where !received[client]!.contains(number) && !index.isDiscarded(number, at: client) {
        guard let stay = index.groups(message).lazy.compactMap({ openStay(client, $0, index) }).first else { continue }
        findings.fail(
          "L2.delivery", "in the end every message arrives at every member",
          [.client(sender, Int(message.sendRecord)), index.evidence(index.stays[stay])])
      }
    }
  }
}

private func openStay(_ client: Int, _ group: NameID, _ index: ClientIndex) -> Int? {
  guard let stay = index.clients[client].stays[group]?.last, case .endOfTrace = index.stays[stay].end else {
    return nil
  }
  return stay
}
