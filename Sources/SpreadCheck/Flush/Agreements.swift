// F5, F9.agreed: no view without the agreement of its members (evs-properties 9).

import SpreadWire

/// ILLEGAL_STATE of the Flush layer.
private let illegalState: Int32 = -27

func checkAgreements(_ index: FlushIndex, _ findings: Findings) {
  for client in index.trace.clients.indices { checkAnswers(client, index, findings) }
  for stay in index.sessions.stays.indices {
    checkAsked(stay, index, findings)
    if let next = index.next(stay) { checkAgreed(stay, next, index, findings) }
  }
}

/// F5.request, F5.flush, F5.refused: an answer is taken once for each request, and every request is for a view.
private func checkAnswers(_ client: Int, _ index: FlushIndex, _ findings: Findings) {
  for (record, entry) in index.trace.clients[client].records.enumerated() {
    let here = Evidence.client(client, record)
    switch entry.event {
    case .flushRequest(let group):
      guard index.sessions.stay(client, group, at: record) == nil else { continue }
      findings.fail("F5.request", "only members are asked to agree to the next view", [here])
    case .flush(let group, let result):
      let stay = index.sessions.stay(client, group, at: record)
      let agreement = stay.map { index.agreements[$0] } ?? Agreement()
      let request = agreement.requests.first { $0 < record }
      let earlier = agreement.answers.first { $0 < record }
      if result >= 0, let earlier {
        findings.fail("F5.flush", "a request is answered once", [.client(client, earlier), here])
      } else if result >= 0, request == nil {
        findings.fail(
          "F5.flush", "an answer is taken only after a request", (stay.map { [index.evidence($0)] } ?? []) + [here])
      } else if result == illegalState, let request, earlier == nil {
        findings.fail("F5.refused", "the answer to a request is taken", [.client(client, request), here])
      }
    default: break
    }
  }
}

/// F5.once, F5.unasked, F5.unagreed: one request in a view, and the next view only after it was answered.
private func checkAsked(_ stay: Int, _ index: FlushIndex, _ findings: Findings) {
  let agreement = index.agreements[stay]
  let client = index.sessions.stays[stay].client
  if agreement.requests.count > 1 {
    findings.fail(
      "F5.once", "there is one request in a view",
      [.client(client, agreement.requests[0]), .client(client, agreement.requests[1])])
  }
  guard let next = index.next(stay) else { return }
  if agreement.requests.isEmpty {
    findings.fail(
      "F5.unasked", "a request comes before each view but the first", [index.evidence(stay), index.evidence(next)])
  } else if agreement.answers.isEmpty {
    findings.fail(
      "F5.unagreed", "no view comes before the request was answered",
      [.client(client, agreement.requests[0]), index.evidence(next)])
  }
}

/// F9.agreed: whoever came along to the next view had agreed to it in the last.
private func checkAgreed(_ stay: Int, _ next: Int, _ index: FlushIndex, _ findings: Findings) {
  guard let key = index.key(stay), index.key(next) != nil else { return }
  let companions = index.companions(from: stay, to: next)
  for other in index.sessions.stays(of: key) where other != stay && index.agreements[other].answers.isEmpty {
    let there = index.sessions.stays[other]
    guard companions.contains(index.sessions.clients[there.client].name) else { continue }
    // Of a recorder that was killed the last answer may be missing.
    if case .endOfTrace = there.end, !index.trace.run.isSettled { continue }
    findings.fail(
      "F9.agreed", "no view is installed without the agreement of all who come along",
      [index.evidence(next), index.evidence(other)])
  }
}
