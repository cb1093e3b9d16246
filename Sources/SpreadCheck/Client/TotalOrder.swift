// C4: one total order of ordered messages and light views (evs-properties 6.4), G2.order: views of a group in one order.

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
        let key = ViewKey(group: group, id: view.id)
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
      let key = ViewKey(group: group, id: index.trace.views[Int(viewIndex)].id)
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
        let key = ViewKey(group: group, id: index.view(index.stays[stay]).id)
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
/// group, so only these are compared; each list with the union of those before it, own discarded messages aside.
private func checkPrefix(_ key: ViewKey, _ stays: [Int], _ index: ClientIndex, _ findings: Findings) {
  guard stays.count > 1 else { return }
  let rank = findings.options.orderedRank
  let lists = stays.map { (stay: $0, items: index.items($0, rank: rank, preOnly: true)) }
    .sorted { $0.items.count != $1.items.count ? $0.items.count > $1.items.count : $0.stay < $1.stay }
  var reference = OrderedUnion(index)
  for list in lists {
    guard let conflict = reference.add(list.items, of: list.stay) else { continue }
    findings.fail(
      "C4.prefix", "before the signal members of a view receive the same messages in the same order, some fewer",
      [conflict.reference, conflict.here, index.evidence(index.stays[list.stay])])
  }
}

/// The messages that some sessions received in a view, in their common order. A message discarded by its sender is
/// missing at that sender alone.
struct OrderedUnion {
  private struct Entry {
    var message: Int32
    var evidence: Evidence
  }
  struct Conflict {
    var reference: Evidence
    var here: Evidence
  }
  private let index: ClientIndex
  private var entries: [Entry] = []
  /// From which entry on which client alone vouches for the list.
  private var regions: [(start: Int, client: Int)] = []
  /// So many entries are confirmed by a second client.
  private var confirmed = 0

  init(_ index: ClientIndex) {
    self.index = index
  }

  var count: Int { entries.count }

  /// Compares `items` with the union as far as both go, then extends the union by what is over. Answers where they
  /// part; with `whole`, also when one ends before the other.
  mutating func add(_ items: [ReceivedItem], of stay: Int, whole: Bool = false) -> Conflict? {
    let client = index.stays[stay].client
    var merged: [Entry] = []
    merged.reserveCapacity(max(entries.count, items.count))
    var i = 0
    var j = 0
    while i < entries.count || j < items.count {
      if i < entries.count, j < items.count, entries[i].message == items[j].message {
        merged.append(entries[i])
        i += 1
        j += 1
      } else if i < entries.count, index.isDiscarded(entries[i].message, at: client) {
        merged.append(entries[i])
        i += 1
      } else if j < items.count, i < entries.count || whole, mayInsert(items[j].message, at: i) {
        merged.append(Entry(message: items[j].message, evidence: .client(client, Int(items[j].record))))
        j += 1
      } else if i < entries.count, j < items.count {
        return Conflict(reference: entries[i].evidence, here: .client(client, Int(items[j].record)))
      } else {
        break
      }
    }
    if whole, !regions.isEmpty {
      if i < entries.count { return Conflict(reference: entries[i].evidence, here: index.evidence(index.stays[stay])) }
      if j < items.count {
        return Conflict(reference: .client(client, Int(items[j].record)), here: index.evidence(index.stays[stay]))
      }
    }
    let reached = merged.count
    merged += entries[i...]
    if j < items.count {
      regions.append((merged.count, client))
      merged += items[j...].map { Entry(message: $0.message, evidence: .client(client, Int($0.record))) }
    }
    if regions.isEmpty { regions.append((0, client)) } else { confirmed = max(confirmed, reached) }
    entries = merged
    return nil
  }

  /// Whether the union lacks `message` at place `i` only because the one client that vouches for it there sent it.
  private func mayInsert(_ message: Int32, at i: Int) -> Bool {
    guard i >= confirmed, let region = regions.last(where: { $0.start <= i }) else { return false }
    return index.isDiscarded(message, at: region.client)
  }
}
