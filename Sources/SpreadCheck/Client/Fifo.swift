// C2: messages of one sender keep their order, and none is left out between two (evs-properties 6.2).

import SpreadWire

func checkFifo(_ index: ClientIndex, _ findings: Findings) {
  let places = sendPlaces(index)
  for client in index.clients.indices {
    FifoReceiver(client, index, findings, places).check()
  }
}

/// Where a message stands among its sender's sends.
private func sendPlaces(_ index: ClientIndex) -> [Int32] {
  var places = [Int32](repeating: -1, count: index.messages.count)
  for info in index.clients {
    for (place, number) in info.sends.enumerated() { places[Int(number)] = Int32(place) }
  }
  return places
}

private struct FifoReceiver {
  let client: Int
  let index: ClientIndex
  let findings: Findings
  let places: [Int32]

  init(_ client: Int, _ index: ClientIndex, _ findings: Findings, _ places: [Int32]) {
    self.client = client
    self.index = index
    self.findings = findings
    self.places = places
  }

  func check() {
    /// Record of the last message by sender; -1: none.
    var last = [Int](repeating: -1, count: index.trace.names.count)
    let numbers = index.messageOf[client]
    for (record, entry) in index.trace.clients[client].records.enumerated() {
      guard case .receive(let id, _, let payload) = entry.event, payload.service.rank >= 2 else { continue }
      let before = last[id.sender.index]
      if before >= 0 {
        let previous = index.messages[Int(numbers[before])]
        if previous.id.counter >= id.counter {
          // Equal counters are a duplicate, which integrity reports.
          if previous.id.counter > id.counter {
            findings.fail(
              "C2.fifoOrder", "messages of one sender are received in the order of sending",
              [.client(client, before), .client(client, record)])
          }
          continue
        }
        checkGap(numbers[before], before, numbers[record], record)
      }
      last[id.sender.index] = record
    }
  }

  /// Every message the sender sent between two that came, to a group the receiver shared all the time, came too.
  private func checkGap(_ first: Int32, _ firstRecord: Int, _ second: Int32, _ secondRecord: Int) {
    let (start, end) = (Int(places[Int(first)]), Int(places[Int(second)]))
    let message = index.messages[Int(first)]
    // A later session may bear the same name.
    guard message.sender >= 0, index.messages[Int(second)].sender == message.sender, start >= 0, end > start + 1 else {
      return
    }
    let sends = index.clients[Int(message.sender)].sends
    for place in start + 1..<end {
      let missing = index.messages[Int(sends[place])]
      guard missing.rank >= 2, !missing.isVoid, missing.id.counter > message.id.counter,
        !index.isDiscarded(sends[place], at: client)
      else { continue }
      for group in index.groups(missing) where shares(group, missing.id.sender, firstRecord, secondRecord) {
        findings.fail(
          "C2.fifoGap", "no message of a sender is left out while sender and receiver stay in a view",
          [
            .client(Int(missing.sender), Int(missing.sendRecord)), .client(client, firstRecord),
            .client(client, secondRecord),
          ])
        return
      }
    }
  }

  /// Both records lie in one view with the sender in it, and on the same side of its signal.
  private func shares(_ group: NameID, _ sender: NameID, _ first: Int, _ second: Int) -> Bool {
    guard let stay = index.stay(client, group, at: first), stay == index.stay(client, group, at: second) else {
      return false
    }
    let here = index.stays[stay]
    guard !here.signals.contains(where: { $0 > first && $0 < second }) else { return false }
    // After the signal the sender may be on the other side.
    guard here.signals.first.map({ $0 > second }) ?? true else { return false }
    return index.view(here).members.contains(sender)
  }
}
