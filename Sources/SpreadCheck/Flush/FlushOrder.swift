// F10: inside one group and view the orders of the services hold as below (evs-properties 6.2 to 6.5), and a message
// arrives once, as it was sent (6.1). Each view is cut out of the traces and checked by what checks the layer below.

import SpreadWire

func checkFlushOrder(_ index: FlushIndex, _ findings: Findings) {
  let addressed = Excerpt(addressing: index)
  let findings = Findings(addressed, in: findings, prefix: "F10.")
  checkIntegrity(ClientIndex(addressed.trace), findings)
  for entry in index.sessions.byView where entry.stays.count > 1 {
    let excerpt = Excerpt(of: addressed.trace, entry.stays, index)
    let inner = ClientIndex(excerpt.trace)
    let findings = Findings(excerpt, in: findings)
    checkFifo(inner, findings)
    checkCausal(inner, findings)
    checkTotalOrder(inner, findings)
    checkSafe(inner, findings) { inner.isLeftBehind(inner.messages[Int($0)].id.sender, by: $1) }
  }
}

extension Excerpt {
  /// All, with the messages to a subgroup addressed to its receivers.
  fileprivate init(addressing index: FlushIndex) {
    let trace = index.trace.part([], withDaemons: false)
    func rewrite(_ payload: Payload) -> Payload {
      var payload = payload
      let names = index.addressees(payload)
      if names.count < trace.names[payload.groups].count { payload.groups = trace.names.list(names) }
      return payload
    }
    for client in index.trace.clients {
      let copy = trace.addClient(index.trace.names[client.name], file: client.file)
      for record in client.records {
        var event = record.event
        switch event {
        case .send(let id, let payload): event = .send(id, rewrite(payload))
        case .receive(let id, let sender, let payload): event = .receive(id, sender: sender, rewrite(payload))
        default: break
        }
        copy.record(event, at: record.time, line: Int(record.line))
      }
    }
    self.init(trace, clients: Array(index.trace.clients.indices), records: nil)
  }

  /// Some stays in one view of one group: what their sessions did in it and for it. `whole` has the records of `index`.
  fileprivate init(of whole: Trace, _ stays: [Int], _ index: FlushIndex) {
    let trace = whole.part([], withDaemons: false)
    var clients: [Int] = []
    var records: [[Int]] = []
    for stay in stays {
      let here = index.sessions.stays[stay]
      let original = whole.clients[here.client]
      let connect = index.sessions.clients[here.client].connectRecord
      var taken = connect >= 0 && connect < here.record ? [connect] : []
      let end = min(here.endRecord, original.records.count - 1)
      taken += (here.record...end).filter { index.concerns(here.group, here.client, $0) }
      let copy = trace.addClient(whole.names[original.name], file: original.file)
      for record in taken {
        let entry = original.records[record]
        copy.record(entry.event, at: entry.time, line: Int(entry.line))
      }
      clients.append(here.client)
      records.append(taken)
    }
    self.init(trace, clients: clients, records: records)
  }
}

extension ClientIndex {
  /// Whether a member does not come along to the view that ends a stay. From when the daemons say so the layer hears
  /// nothing more of it (events-and-flush 2.3), and that may be before the last messages of the old ring: who joins in
  /// transition is announced by a network view in which the others, though listed, stand in other sets.
  fileprivate func isLeftBehind(_ name: NameID, by stay: Stay) -> Bool {
    guard case .view(let next) = stay.end else { return false }
    let view = view(stays[next])
    return view.cause == .network ? !(view.sets.first?.contains(name) ?? false) : view.changed == name
  }
}

extension FlushIndex {
  fileprivate func concerns(_ group: NameID, _ client: Int, _ record: Int) -> Bool {
    switch trace.clients[client].records[record].event {
    case .send(_, let payload), .receive(_, _, let payload): self.group(payload) == group
    case .sent(let id, _), .reject(let id):
      sessions.numbers[id].map { self.group(sessions.messages[Int($0)].payload) == group } ?? false
    case .view(let other, _), .signal(let other, _), .selfLeave(let other): other == group
    case .closed: true
    case .connect, .join, .leave, .flushRequest, .flush: false
    }
  }
}
