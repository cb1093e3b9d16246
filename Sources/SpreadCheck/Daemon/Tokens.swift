// K7, K8, K11: one token, handed from daemon to daemon (evs-properties 5).

import SpreadWire

private let maxRecoveryRounds = 500

func checkTokens(_ index: DaemonIndex, _ findings: Findings) {
  var visits: [Visit: Visits] = [:]
  for daemon in index.daemons.indices {
    for (record, entry) in index.trace.daemons[daemon].records.enumerated() {
      guard case .token(let id, let token) = entry.event, let ring = index.rings[id] else { continue }
      visits[Visit(ring: ring, daemon: daemon), default: Visits()].add(record, token)
    }
  }
  let ordered = visits.sorted { ($0.key.ring, $0.key.daemon) < ($1.key.ring, $1.key.daemon) }
  for (visit, list) in ordered {
    let members = index.ringMembers[Int(visit.ring)]
    let name = index.daemons[visit.daemon].name
    checkRecovery(visit, list, index, findings)
    guard let place = members.firstIndex(of: name) else { continue }
    checkRounds(visit, list, isLeader: place == 0, findings)
    let previous = members[(place + members.count - 1) % members.count]
    let sources = ordered.filter { $0.key.ring == visit.ring && index.daemons[$0.key.daemon].name == previous }
    if sources.count == 1 { checkHandover(visit, list, sources[0].key, sources[0].value, findings) }
  }
}

private struct Visit: Hashable {
  var ring: Int32
  var daemon: Int
}

private struct Visits {
  var accepted: [(record: Int, token: TokenRecord)] = []
  var left: [(record: Int, token: TokenRecord)] = []

  mutating func add(_ record: Int, _ token: TokenRecord) {
    if token.isOut { left.append((record, token)) } else { accepted.append((record, token)) }
  }
}

/// K7: a leader takes the round it sent, everybody else the next one; the first token carries round 0.
private func checkRounds(_ visit: Visit, _ list: Visits, isLeader: Bool, _ findings: Findings) {
  var sent = 0
  var last: (record: Int, round: UInt8)?
  for (record, token) in list.accepted {
    if isLeader {
      while sent < list.left.count, list.left[sent].record < record { sent += 1 }
      last = sent > 0 ? (list.left[sent - 1].record, list.left[sent - 1].token.round) : nil
    }
    let expected = isLeader ? (last?.round ?? 0) : ((last?.round ?? 0) &+ 1) & 15
    if token.round != expected {
      findings.fail(
        "K7", "a token of round \(expected) is due, round \(token.round) was accepted",
        (last.map { [.daemon(visit.daemon, $0.record)] } ?? []) + [.daemon(visit.daemon, record)])
    }
    if !isLeader { last = (record, token.round) }
  }
}

/// K8: the n-th token a daemon accepts is the n-th its predecessor let go: there is one live token.
private func checkHandover(_ visit: Visit, _ list: Visits, _ source: Visit, _ from: Visits, _ findings: Findings) {
  for (number, (record, token)) in list.accepted.enumerated() {
    guard number < from.left.count else {
      findings.fail(
        "K8", "a token is accepted that the predecessor did not send",
        (from.left.last.map { [.daemon(source.daemon, $0.record)] } ?? []) + [.daemon(visit.daemon, record)])
      return
    }
    let sent = from.left[number]
    if sent.token.round != token.round || sent.token.sequence != token.sequence || sent.token.aru != token.aru {
      findings.fail(
        "K8", "the token accepted is not the one the predecessor sent",
        [.daemon(source.daemon, sent.record), .daemon(visit.daemon, record)])
      return
    }
  }
}

/// K11
private func checkRecovery(_ visit: Visit, _ list: Visits, _ index: DaemonIndex, _ findings: Findings) {
  let installed = index.daemons[visit.daemon].stays.first { index.stays[$0].ring == visit.ring }
  let end = installed.map { index.stays[$0].begin } ?? .max
  let rounds = list.accepted.filter { $0.record < end }
  if rounds.count > maxRecoveryRounds + 1 {
    findings.fail(
      "K11", "a recovery ends within \(maxRecoveryRounds) rounds",
      [.daemon(visit.daemon, rounds[0].record), .daemon(visit.daemon, rounds.last!.record)])
  }
}
