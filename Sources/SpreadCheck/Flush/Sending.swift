// F1, F2, F4, F7: in which view messages are sent and received, and who may send (evs-properties 9). F0: what the
// members say to each other is nobody's message (events-and-flush 2.1).

import SpreadWire

/// The first message type of an application.
private let firstLegalType: Int16 = -32765
/// ILLEGAL_STATE of the Flush layer.
private let illegalState: Int32 = -27

func checkSending(_ index: FlushIndex, _ findings: Findings) {
  for client in index.trace.clients.indices {
    checkTypes(client, index, findings)
    checkCalls(client, index, findings)
  }
  /// By message: where it was received first, among views known by their id.
  var first = [(stay: Int, record: Int32)?](repeating: nil, count: index.sessions.messages.count)
  for stay in index.sessions.stays.indices {
    for item in index.sessions.stays[stay].items {
      checkSender(item, stay, index, findings)
      guard let key = index.key(stay) else { continue }
      checkSentIn(item, stay, key, index, findings)
      if let (other, record) = first[Int(item.message)] {
        guard index.key(other) != key else { continue }
        findings.fail(
          "F2.view", "all who receive a message receive it in the same view",
          [
            index.evidence(other), .client(index.sessions.stays[other].client, Int(record)), index.evidence(stay),
            .client(index.sessions.stays[stay].client, Int(item.record)),
          ])
      } else {
        first[Int(item.message)] = (stay, item.record)
      }
    }
  }
}

/// F0.internal
private func checkTypes(_ client: Int, _ index: FlushIndex, _ findings: Findings) {
  for (record, entry) in index.trace.clients[client].records.enumerated() {
    switch entry.event {
    case .receive(_, _, let payload):
      guard let type = payload.type, type < firstLegalType else { continue }
      findings.fail("F0.internal", "messages of the layer itself reach no application", [.client(client, record)])
    case .sent(let id, let result):
      guard result >= 0, let number = index.sessions.numbers[id] else { continue }
      let message = index.sessions.messages[Int(number)]
      guard let type = message.payload.type, type < firstLegalType, message.sender == Int32(client) else { continue }
      findings.fail(
        "F0.internal", "message types of the layer itself are refused",
        [.client(client, Int(message.sendRecord)), .client(client, record)])
    default: break
    }
  }
}

/// F1.view: sender and receiver have the same view installed, the one when it sends, the other when it receives.
private func checkSentIn(
  _ item: ReceivedItem, _ stay: Int, _ key: ViewKey, _ index: FlushIndex, _ findings: Findings
) {
  let message = index.sessions.messages[Int(item.message)]
  guard message.sendRecord >= 0 else { return }
  let sender = Int(message.sender)
  let sending = index.sessions.stay(sender, key.group, at: Int(message.sendRecord))
  // Of a view not known by its id nothing can be said.
  if let sending, index.key(sending).map({ $0 == key }) ?? true { return }
  findings.fail(
    "F1.view", "a message is received in the view it was sent in",
    (sending.map { [index.evidence($0)] } ?? []) + [
      .client(sender, Int(message.sendRecord)), index.evidence(stay),
      .client(index.sessions.stays[stay].client, Int(item.record)),
    ])
}

/// F7.sender
private func checkSender(_ item: ReceivedItem, _ stay: Int, _ index: FlushIndex, _ findings: Findings) {
  let sender = index.sessions.messages[Int(item.message)].id.sender
  guard !index.view(stay).members.contains(sender) else { return }
  findings.fail(
    "F7.sender", "only members of the view are heard in it",
    [index.evidence(stay), .client(index.sessions.stays[stay].client, Int(item.record))])
}

/// F4, F7.send, F7.leaving: what the state of the group lets a session send.
private func checkCalls(_ client: Int, _ index: FlushIndex, _ findings: Findings) {
  /// Leave calls that were taken and not yet heard of, by group.
  var leaving: [NameID: Int] = [:]
  for (record, entry) in index.trace.clients[client].records.enumerated() {
    let here = Evidence.client(client, record)
    switch entry.event {
    case .leave(let group, let result):
      if result >= 0 { leaving[group] = record }
    case .selfLeave(let group): leaving[group] = nil
    case .sent(let id, let result):
      guard let number = index.sessions.numbers[id] else { continue }
      let message = index.sessions.messages[Int(number)]
      guard message.sender == Int32(client), let group = index.group(message.payload) else { continue }
      let send = Int(message.sendRecord)
      let stay = index.sessions.stay(client, group, at: send)
      let answer = stay.flatMap { index.agreements[$0].answers.first { $0 < send } }
      if result == illegalState, answer == nil {
        findings.fail(
          "F4.refused", "a message is refused for its state only between the answer to a request and the next view",
          (stay.map { [index.evidence($0)] } ?? []) + [.client(client, send), here])
      }
      guard result >= 0 else { continue }
      if let answer {
        findings.fail(
          "F4.send", "nothing is sent between the answer to a request and the next view",
          [.client(client, answer), .client(client, send), here])
      } else if stay == nil {
        findings.fail("F7.send", "only members of a group send to it", [.client(client, send), here])
      } else if let leave = leaving[group], leave < send {
        findings.fail(
          "F7.leaving", "who has left a group sends no more to it",
          [.client(client, leave), .client(client, send), here])
      }
    default: break
    }
  }
}
