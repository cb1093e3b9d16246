// Lists that must agree with one order: is there any, and if not, which two lists disagree. Linear in the lists.

/// Each list names nodes 0..<nodeCount, none twice.
struct Precedence {
  let lists: [[Int32]]
  /// Nodes that lie on a cycle or between two; empty when one order fits all lists.
  private(set) var suspects: [Bool] = []
  private(set) var hasCycle = false

  init(_ lists: [[Int32]], nodeCount: Int) {
    self.lists = lists
    let forward = Self.settled(lists, nodeCount, reversed: false)
    guard forward.contains(false) else { return }
    let backward = Self.settled(lists, nodeCount, reversed: true)
    suspects = zip(forward, backward).map { !$0 && !$1 }
    hasCycle = true
  }

  /// Nodes that can be put in order from the front (or the back): takes away, again and again, a node nothing
  /// precedes.
  private static func settled(_ lists: [[Int32]], _ nodeCount: Int, reversed: Bool) -> [Bool] {
    var starts = [Int](repeating: 0, count: nodeCount + 1)
    var blockers = [Int32](repeating: 0, count: nodeCount)
    forEachEdge(lists, reversed) { from, to in
      starts[from + 1] += 1
      blockers[to] += 1
    }
    for node in 0..<nodeCount { starts[node + 1] += starts[node] }
    var targets = [Int32](repeating: 0, count: starts[nodeCount])
    var fill = starts
    forEachEdge(lists, reversed) { from, to in
      targets[fill[from]] = Int32(to)
      fill[from] += 1
    }
    var settled = [Bool](repeating: false, count: nodeCount)
    var ready = (0..<nodeCount).filter { blockers[$0] == 0 }
    while let node = ready.popLast() {
      settled[node] = true
      for edge in starts[node]..<starts[node + 1] {
        let target = Int(targets[edge])
        blockers[target] -= 1
        if blockers[target] == 0 { ready.append(target) }
      }
    }
    return settled
  }

  private static func forEachEdge(_ lists: [[Int32]], _ reversed: Bool, _ body: (Int, Int) -> Void) {
    for list in lists where list.count > 1 {
      for i in 1..<list.count {
        let (a, b) = (Int(list[i - 1]), Int(list[i]))
        if reversed { body(b, a) } else { body(a, b) }
      }
    }
  }

  /// Two lists and two nodes: `first` has a before b, `second` b before a.
  struct Inversion {
    var first: Int
    var second: Int
    var a: Int32
    var b: Int32
  }

  /// The first inversion of each disagreeing pair of lists, at most `limit`.
  func inversions(limit: Int) -> [Inversion] {
    let cut = lists.map { $0.filter { suspects[Int($0)] } }
    var place = [Int32](repeating: -1, count: suspects.count)
    var found: [Inversion] = []
    for first in cut.indices where !cut[first].isEmpty {
      for (i, node) in cut[first].enumerated() { place[Int(node)] = Int32(i) }
      for second in first + 1..<cut.count where !cut[second].isEmpty {
        var highest: Int32 = -1
        for node in cut[second] where place[Int(node)] >= 0 {
          if highest >= 0, place[Int(node)] < place[Int(highest)] {
            found.append(Inversion(first: first, second: second, a: node, b: highest))
            break
          }
          highest = node
        }
        if found.count >= limit { return found }
      }
      for node in cut[first] { place[Int(node)] = -1 }
    }
    return found
  }

  /// When no two lists disagree: a ring of steps (list, from, to) that bites its own tail.
  func cycle() -> [(list: Int, from: Int32, to: Int32)] {
    var steps: [Int32: [(list: Int, to: Int32)]] = [:]
    for (number, list) in lists.enumerated() {
      let cut = list.filter { suspects[Int($0)] }
      for i in 1..<max(cut.count, 1) { steps[cut[i - 1], default: []].append((number, cut[i])) }
    }
    guard let start = suspects.indices.first(where: { suspects[$0] && steps[Int32($0)] != nil }) else { return [] }
    // Every suspect has a successor among the suspects or leads nowhere; walk and note where we came through.
    var path: [(list: Int, from: Int32, to: Int32)] = []
    var depth: [Int32: Int] = [:]
    var choice: [Int32: Int] = [:]
    var node = Int32(start)
    while true {
      if let begin = depth[node] { return Array(path[begin...]) }
      depth[node] = path.count
      let taken = choice[node, default: 0]
      guard let options = steps[node], taken < options.count else {
        depth[node] = nil
        guard let back = path.popLast() else { return [] }
        node = back.from
        depth[node] = nil
        continue
      }
      choice[node] = taken + 1
      path.append((options[taken].list, node, options[taken].to))
      node = options[taken].to
    }
  }
}
