// C4: one total order of ordered messages and light views (evs-properties 6.4), G2.order: a group's views in one order.

import SpreadWire

func checkTotalOrder(_ index: ClientIndex, _ findings: Findings) {
  checkOneOrder(index, findings)
  checkViewOrder(index, findings)
  for entry in index.byView { checkPrefix(entry.key, entry.stays, index, findings) }
}

/// Nodes are the messages; light views are messages too, with their group id as name.
private func checkOneOrder(_ index: ClientIndex, _ findings: Findings) {
  let rank = findings.options.orderedRank
  var viewNodes: [ViewKey: Int32] = [:]
  var lists: [[Int32]] = []
  var recordOf: [[Int32: Int]] = []
  for client in index.clients.indices {
    var list: [Int32] = []
    var seen: Set<Int32> = []
    for (record, entry) in index.trace.clients[client].records.enumerated() {
      var node: Int32 = -1
      switch entry.event {
      case .receive(_, _, let payload):
        if payload.service.rank >= rank { node = index.messageOf[client][record] }
      case .view(let group, let viewIndex):
        let view = index.trace.views[Int(viewIndex)]
        guard view.cause.isLight else { continue }
        let key = index.key(group, viewIndex)
        node = viewNodes[key] ?? Int32(index.messages.count + viewNodes.count)
        viewNodes[key] = node
      default: break
      }
      // Duplicates are reported by integrity; one order is asked for the first of each.
      if node >= 0, seen.insert(node).inserted { list.append(node) }
    }
    lists.append(list)
    recordOf.append([:])
  }
  report(
    "C4.order", "ordered messages have one order at all receivers", lists,
    index.messages.count + viewNodes.count, findings
  ) { client, node in
    if recordOf[client].isEmpty { recordOf[client] = records(client, index, viewNodes) }
    return recordOf[client][node].map { Evidence.client(client, $0) }
  }
}

/// Records by node, made only for clients that stand in a report.
private func records(_ client: Int, _ index: ClientIndex, _ viewNodes: [ViewKey: Int32]) -> [Int32: Int] {
  var result: [Int32: Int] = [:]
  for (record, entry) in index.trace.clients[client].records.enumerated() {
    switch entry.event {
    case .receive:
      let node = index.messageOf[client][record]
      if result[node] == nil { result[node] = record }
    case .view(let group, let viewIndex):
      let key = index.key(group, viewIndex)
      if let node = viewNodes[key], result[node] == nil { result[node] = record }
    default: break
    }
  }
  return result
}

private func report(
  _ property: String, _ text: String, _ lists: [[Int32]], _ nodeCount: Int, _ findings: Findings,
  _ evidence: (Int, Int32) -> Evidence?
) {
  let precedence = Precedence(lists, nodeCount: nodeCount)
  guard precedence.hasCycle else { return }
  let inversions = precedence.inversions(limit: 20)
  for inversion in inversions {
    let (a, b) = (inversion.a, inversion.b)
    findings.fail(
      property, text,
      [
        evidence(inversion.first, a), evidence(inversion.first, b), evidence(inversion.second, b),
        evidence(inversion.second, a),
      ]
      .compactMap { $0 })
  }
  if inversions.isEmpty {
    let lines = precedence.cycle().flatMap { [evidence($0.list, $0.from), evidence($0.list, $0.to)] }
    findings.fail(property, text + ": these steps go round in a circle", lines.compactMap { $0 })
  }
}

private func checkViewOrder(_ index: ClientIndex, _ findings: Findings) {
  var nodes: [ViewKey: Int32] = [:]
  var lists: [[Int32]] = []
  var owners: [[Int32: Int]] = []
  for client in index.clients.indices {
    for group in index.clients[client].stays.keys.sorted() {
      var list: [Int32] = []
      var stayOf: [Int32: Int] = [:]
      for stay in index.clients[client].stays[group]! {
        let key = index.key(group, index.stays[stay].viewIndex)
        let node = nodes[key] ?? Int32(nodes.count)
        nodes[key] = node
        if stayOf[node] == nil {
          stayOf[node] = stay
          list.append(node)
        } else {
          findings.fail(
            "G2.repeated", "a session sees each view of a group once",
            [index.evidence(index.stays[stayOf[node]!]), index.evidence(index.stays[stay])])
        }
      }
      lists.append(list)
      owners.append(stayOf)
    }
  }
  report("G2.order", "views of a group come in one order to all", lists, nodes.count, findings) { list, node in
    owners[list][node].map { index.evidence(index.stays[$0]) }
  }
}

/// C4.prefix: before the signal two members of a view differ only in how far they got. Exact for messages to the
/// group, so only these are compared.
private func checkPrefix(_ key: ViewKey, _ stays: [Int], _ index: ClientIndex, _ findings: Findings) {
  guard stays.count > 1 else { return }
  let rank = findings.options.orderedRank
  let lists = stays.map { MessageList(stay: $0, items: index.items($0, rank: rank, preOnly: true)) }
    .sorted { $0.items.count != $1.items.count ? $0.items.count > $1.items.count : $0.stay < $1.stay }
  for (first, second) in MessageList.pairs(lists.count) {
    guard let conflict = lists[first].conflict(with: lists[second], whole: false, index) else { continue }
    findings.fail(
      "C4.prefix", "before the signal members of a view receive the same messages in the same order, some fewer",
      [conflict.reference, conflict.here, index.evidence(index.stays[lists[second].stay])])
  }
}

/// The messages that one session received in a view.
struct MessageList {
  struct Conflict {
    var reference: Evidence
    var here: Evidence
  }
  var stay: Int
  var items: [ReceivedItem]

  /// Which of so many lists are compared: each with the first two. What is missing because its sender discarded it is
  /// missing at one session only, so that one of the two shows it.
  static func pairs(_ count: Int) -> [(Int, Int)] {
    guard count > 1 else { return [] }
    return [(0, 1)] + (2..<max(count, 2)).flatMap { [(0, $0), (1, $0)] }
  }

  /// Compares both as far as they go, with `whole` also their ends; messages that one of the two had sent and
  /// discarded aside. Answers where they part.
  func conflict(with other: MessageList, whole: Bool, _ index: ClientIndex) -> Conflict? {
    let (a, b) = (index.stays[stay].client, index.stays[other.stay].client)
    func counts(_ item: ReceivedItem) -> Bool {
      !index.isDiscarded(item.message, at: a) && !index.isDiscarded(item.message, at: b)
    }
    func line(_ client: Int, _ item: ReceivedItem) -> Evidence { .client(client, Int(item.record)) }
    var i = 0
    var j = 0
    while true {
      while i < items.count, !counts(items[i]) { i += 1 }
      while j < other.items.count, !counts(other.items[j]) { j += 1 }
      guard i < items.count, j < other.items.count else { break }
      if items[i].message != other.items[j].message {
        return Conflict(reference: line(a, items[i]), here: line(b, other.items[j]))
      }
      i += 1
      j += 1
    }
    guard whole else { return nil }
    if i < items.count {
      return Conflict(reference: line(a, items[i]), here: index.evidence(index.stays[other.stay]))
    }
    if j < other.items.count {
      return Conflict(reference: line(b, other.items[j]), here: index.evidence(index.stays[stay]))
    }
    return nil
  }
}
