// C1: integrity, no duplication, addressing, self delivery; G5: messages and views (evs-properties 6.1, 7).

import SpreadWire

func checkIntegrity(_ index: ClientIndex, _ findings: Findings) {
  /// Client that received the message last, and its record: clients are done one after another.
  var lastSeen = [Int32](repeating: -1, count: index.messages.count)
  var lastRecord = [Int32](repeating: -1, count: index.messages.count)
  checkSentOnce(index, findings)
  for client in index.clients.indices {
    let records = index.trace.clients[client].records
    let numbers = index.messageOf[client]
    // What comes after the end is S3's.
    for record in 0..<(index.clients[client].closedRecord ?? records.count) {
      guard case .receive(_, let sender, let payload) = records[record].event else { continue }
      let number = Int(numbers[record])
      let here = Evidence.client(client, record)
      if lastSeen[number] == Int32(client) {
        findings.fail(
          "C1.duplicate", "a message is received once", [.client(client, Int(lastRecord[number])), here])
      }
      lastSeen[number] = Int32(client)
      lastRecord[number] = Int32(record)
      let message = index.messages[number]
      checkContent(message, sender, payload, here, index, findings)
      checkAddressee(client, record, message, index, findings)
    }
    checkSelfDelivery(client, lastSeen, index, findings)
  }
}

private func checkSentOnce(_ index: ClientIndex, _ findings: Findings) {
  var seen = [Bool](repeating: false, count: index.messages.count)
  for client in index.clients.indices {
    for (record, entry) in index.trace.clients[client].records.enumerated() {
      guard case .send = entry.event else { continue }
      let number = Int(index.messageOf[client][record])
      if seen[number] {
        let message = index.messages[number]
        findings.fail(
          "trace.mid", "two sends carry one message id: the recording is unusable",
          [.client(Int(message.sender), Int(message.sendRecord)), .client(client, record)])
      }
      seen[number] = true
    }
  }
}

private func checkContent(
  _ message: MessageInfo, _ sender: NameID, _ payload: Payload, _ here: Evidence, _ index: ClientIndex,
  _ findings: Findings
) {
  guard message.sendRecord >= 0 else {
    // Messages of sessions nobody recorded are only compared with each other by the other checkers.
    if index.clientByName[message.id.sender] != nil {
      findings.fail("C1.creation", "nobody sent what is received", [here])
    }
    return
  }
  let sent = message.payload
  func differs<Value: Equatable>(_ a: Value?, _ b: Value?) -> Bool { a != nil && b != nil && a != b }
  if sender != message.id.sender || payload.service != sent.service || payload.groups != sent.groups
    || differs(payload.type, sent.type) || differs(payload.hash, sent.hash)
  {
    findings.fail(
      "C1.altered", "a message arrives as it was sent",
      [.client(Int(message.sender), Int(message.sendRecord)), here])
  }
}

private func checkAddressee(
  _ client: Int, _ record: Int, _ message: MessageInfo, _ index: ClientIndex, _ findings: Findings
) {
  let info = index.clients[client]
  let here = Evidence.client(client, record)
  let send = Evidence.client(Int(message.sender), Int(message.sendRecord))
  if message.payload.selfDiscard, message.id.sender == info.name, message.sendRecord >= 0 {
    findings.fail("C1.selfDiscard", "a sender that discards its own message does not get it", [send, here])
  }
  var ended: Stay?
  for group in index.groups(message) {
    if group == info.name { return }
    if info.wantsMembership {
      if index.stay(client, group, at: record) != nil { return }
      if let last = info.stays[group]?.last(where: { index.stays[$0].endRecord < record }) { ended = index.stays[last] }
    } else if let first = info.joins[group]?.first, first < record {
      // Without membership messages the end of a stay is not seen.
      return
    }
  }
  if let ended, case .selfLeave = ended.end {
    findings.fail(
      "G5.afterLeave", "nothing sent to a group comes after the own leave notice",
      [.client(client, ended.endRecord), here])
  } else if info.wantsMembership, index.groups(message).contains(where: { info.joins[$0] != nil }), message.rank >= 2 {
    findings.fail("G5.beforeJoin", "nothing sent to a group comes before the own join's view", [here])
  } else {
    findings.fail("C1.notAddressed", "only members and the named private group receive a message", [here])
  }
}

private func checkSelfDelivery(_ client: Int, _ lastSeen: [Int32], _ index: ClientIndex, _ findings: Findings) {
  guard !index.isFaulty(client) else { return }
  let info = index.clients[client]
  for number in info.sends {
    let message = index.messages[Int(number)]
    guard !message.isVoid, !message.payload.selfDiscard, lastSeen[Int(number)] != Int32(client) else { continue }
    let isMember = index.groups(message).contains { group in
      if group == info.name { return true }
      // Joined before the send and stayed: the join precedes the message in the stream.
      guard let join = info.joins[group]?.last(where: { $0 < Int(message.sendRecord) }) else { return false }
      guard info.leaves[group]?.contains(where: { $0 > join }) != true else { return false }
      // A reliable message may overtake the join (evs-properties D2): the view must have come before.
      if message.rank >= 2 { return true }
      // An earlier leave may still be under way then, so the stay must be the one that lasts.
      guard index.stay(client, group, at: Int(message.sendRecord)) != nil else { return false }
      return info.stays[group]?.contains {
        guard case .selfLeave = index.stays[$0].end else { return false }
        return index.stays[$0].endRecord > Int(message.sendRecord)
      } != true
    }
    guard isMember else { continue }
    findings.fail(
      "C1.selfDelivery", "a member that stays receives its own message: it is missing at the end",
      [.client(client, Int(message.sendRecord))])
  }
}
