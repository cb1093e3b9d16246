// C3: causal order (evs-properties 6.3). m comes before n when one session sent both in that order, or when the
// sender of n had received m before. Every message carries a vector: by sender, the last message known at sending.

import SpreadWire

func checkCausal(_ index: ClientIndex, _ findings: Findings) {
  let clocks = CausalClocks(index)
  for client in index.clients.indices { CausalReceiver(client, clocks, index, findings).check() }
}

/// The vectors of all messages, one row a message, one column a recorded sender: the number of its ordered messages
/// (rank 3 and more) known.
private struct CausalClocks {
  /// By client: its messages of rank 3 and more in the order of sending.
  let ordered: [[Int32]]
  /// By message: how many of its sender's ordered messages precede it.
  let place: [Int32]
  let width: Int
  private(set) var rows: [Int32]

  init(_ index: ClientIndex) {
    width = index.clients.count
    var place = [Int32](repeating: 0, count: index.messages.count)
    ordered = index.clients.indices.map { client in
      var list: [Int32] = []
      for number in index.clients[client].sends where index.messages[Int(number)].sender == Int32(client) {
        place[Int(number)] = Int32(list.count)
        if index.messages[Int(number)].rank >= 3 { list.append(number) }
      }
      return list
    }
    self.place = place
    rows = [Int32](repeating: 0, count: width * index.messages.count)
    run(index)
  }

  /// Goes through all traces at once; a trace waits at a reception until the message was sent.
  private mutating func run(_ index: ClientIndex) {
    var known = [Int32](repeating: 0, count: width * width)
    var next = [Int](repeating: 0, count: width)
    var isSent = index.messages.map { $0.sendRecord < 0 }
    var progress = true
    while progress {
      progress = false
      for client in 0..<width {
        let numbers = index.messageOf[client]
        let records = index.trace.clients[client].records
        walk: while next[client] < records.count {
          let record = next[client]
          switch records[record].event {
          case .send:
            let number = Int(numbers[record])
            guard index.messages[number].sendRecord == Int32(record), index.messages[number].sender == Int32(client)
            else { break }
            for column in 0..<width { rows[number * width + column] = known[client * width + column] }
            isSent[number] = true
            if index.messages[number].rank >= 3 { known[client * width + client] = place[number] + 1 }
          case .receive:
            let number = Int(numbers[record])
            guard isSent[number] else { break walk }
            learn(number, client, index, &known)
          default: break
          }
          next[client] += 1
          progress = true
        }
      }
    }
  }

  private func learn(_ number: Int, _ client: Int, _ index: ClientIndex, _ known: inout [Int32]) {
    let sender = Int(index.messages[number].sender)
    guard sender >= 0, sender != client else { return }
    for column in 0..<width {
      known[client * width + column] = max(known[client * width + column], rows[number * width + column])
    }
    let own = client * width + sender
    if index.messages[number].rank >= 3 { known[own] = max(known[own], place[number] + 1) }
  }
}

private struct CausalReceiver {
  let client: Int
  let clocks: CausalClocks
  let index: ClientIndex
  let findings: Findings

  init(_ client: Int, _ clocks: CausalClocks, _ index: ClientIndex, _ findings: Findings) {
    self.client = client
    self.clocks = clocks
    self.index = index
    self.findings = findings
  }

  func check() {
    let numbers = index.messageOf[client]
    let records = index.trace.clients[client].records
    /// By message; -1: not at all.
    var receivedAt = [Int](repeating: -1, count: index.messages.count)
    for (record, entry) in records.enumerated() {
      if case .receive = entry.event, receivedAt[Int(numbers[record])] < 0 { receivedAt[Int(numbers[record])] = record }
    }
    /// By sender: how many of its ordered messages were looked at.
    var done = [Int32](repeating: 0, count: clocks.width)
    for (record, entry) in records.enumerated() {
      guard case .receive(_, _, let payload) = entry.event, payload.service.rank >= 3 else { continue }
      let row = Int(numbers[record]) * clocks.width
      for sender in 0..<clocks.width {
        while done[sender] < clocks.rows[row + sender] {
          let earlier = clocks.ordered[sender][Int(done[sender])]
          done[sender] += 1
          checkPair(earlier, receivedAt[Int(earlier)], record)
        }
      }
    }
  }

  /// `earlier` precedes the message received at `record`.
  private func checkPair(_ earlier: Int32, _ received: Int, _ record: Int) {
    if received >= 0 {
      if received > record {
        findings.fail(
          "C3.order", "what a sender knew of comes before what it sent then",
          [.client(client, record), .client(client, received)])
      }
      return
    }
    let message = index.messages[Int(earlier)]
    guard !message.isVoid, !index.isDiscarded(earlier, at: client), message.firstReceiver >= 0 else { return }
    for group in index.groups(message) {
      // Due here only if it was received in the very view this session is in, before anything was cut off.
      guard let stay = index.stay(client, group, at: record), index.stays[stay].signals.first ?? .max > record,
        let other = index.stay(Int(message.firstReceiver), group, at: Int(message.firstRecord)),
        index.key(group, index.stays[stay].viewIndex) == index.key(group, index.stays[other].viewIndex),
        index.view(index.stays[stay]).members.contains(message.id.sender)
      else { continue }
      findings.fail(
        "C3.gap", "what a sender knew of is not left out",
        [
          .client(Int(message.sender), Int(message.sendRecord)), .client(client, record),
          .client(Int(message.firstReceiver), Int(message.firstRecord)),
        ])
      return
    }
  }
}
