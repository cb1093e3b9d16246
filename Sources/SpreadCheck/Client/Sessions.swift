// S1 to S5: sessions and their names, what happens after the end, limits (evs-properties 8). S2's comparison of two
// runs and S4 need more than one trace; S3's prefix part is C2.

import SpreadWire

private let maxUserName = 10
private let maxGroups = 100
/// data + 32 * groups of the largest message a ring can carry (client-protocol 6.3).
private let maxMessage = 143_152

func checkSessions(_ index: ClientIndex, _ findings: Findings) {
  checkNames(index, findings)
  for client in index.clients.indices {
    checkAfterClose(client, index, findings)
    checkLimits(client, index, findings)
  }
}

/// S1: a private name is `#user#daemon`, the user at most 10 bytes, and nobody else's at the same time.
private func checkNames(_ index: ClientIndex, _ findings: Findings) {
  var holders: [NameID: [Int]] = [:]
  for client in index.clients.indices {
    let info = index.clients[client]
    guard info.connectRecord >= 0, let daemon = info.daemon else { continue }
    let names = index.trace.names
    let here = Evidence.client(client, info.connectRecord)
    let user = names.user(of: info.name)
    if names.daemon(of: info.name) != names[daemon] || !(1...maxUserName).contains(user?.utf8.count ?? 0) {
      findings.fail("S1.name", "a private name is # user # daemon, the user of 1 to 10 bytes", [here])
    }
    for other in holders[info.name] ?? [] where overlap(other, client, index) {
      findings.fail(
        "S1.unique", "a private name belongs to one session at a time",
        [.client(other, index.clients[other].connectRecord), here])
    }
    holders[info.name, default: []].append(client)
  }
}

/// Only sessions that both ended by their own will, or not at all, are known to have lasted that long. A session
/// that called for its end may still have had its name for a while, so what is claimed is an underestimate.
private func overlap(_ a: Int, _ b: Int, _ index: ClientIndex) -> Bool {
  func span(_ client: Int) -> (start: Int64, end: Int64)? {
    let records = index.trace.clients[client].records
    let start = records[index.clients[client].connectRecord].time
    guard let closed = index.clients[client].closedRecord else { return (start, .max) }
    guard case .closed(let result) = records[closed].event, result == 0 else { return nil }
    return (start, records[closed].time)
  }
  guard let a = span(a), let b = span(b) else { return false }
  if a.end == .max, b.end == .max { return true }
  guard a.start >= 0, b.start >= 0, a.end >= 0, b.end >= 0 else { return false }
  return a.start < b.end && b.start < a.end
}

/// S3: after the end nothing more is attributed to the session.
private func checkAfterClose(_ client: Int, _ index: ClientIndex, _ findings: Findings) {
  guard let closed = index.clients[client].closedRecord else { return }
  for (record, entry) in index.trace.clients[client].records.enumerated() where record > closed {
    switch entry.event {
    // Calls on a closed session return errors, and these are recorded.
    case .sent(_, let result) where result < 0: continue
    case .join(_, let result) where result < 0: continue
    case .leave(_, let result) where result < 0: continue
    case .send, .closed: continue
    default: break
    }
    findings.fail(
      "S3.afterClose", "nothing happens to a session after its end",
      [.client(client, closed), .client(client, record)])
    return
  }
}

/// S5: what is too large is refused.
private func checkLimits(_ client: Int, _ index: ClientIndex, _ findings: Findings) {
  for (record, entry) in index.trace.clients[client].records.enumerated() {
    guard case .sent(_, let result) = entry.event, result >= 0 else { continue }
    let number = index.messageOf[client][record]
    guard number >= 0 else { continue }
    let message = index.messages[Int(number)]
    guard message.sender == Int32(client) else { continue }
    let groups = index.groups(message).count
    let lines = [Evidence.client(client, Int(message.sendRecord)), .client(client, record)]
    if groups > maxGroups {
      findings.fail("S5.groups", "more than \(maxGroups) groups are refused", lines)
    } else if Int(message.payload.length) + 32 * groups > maxMessage, findings.options.level == .strength {
      // Stock's library takes a little more and its daemon ends the session or itself (client-protocol 6.3, Q2).
      findings.fail("S5.size", "data and groups above \(maxMessage) bytes are refused", lines)
    }
  }
}
