// F8: several views below may become one (evs-properties 9). Every view is one of those below, and one below that is
// left out had lost a member that would have had to agree.

import SpreadWire

/// Sessions that are recorded at both layers.
struct BothLayers {
  let flush: FlushIndex
  let flushExcerpt: Excerpt
  let core: ClientIndex
  let coreExcerpt: Excerpt

  /// Sessions with one private name, in their order: the same process where there are as many at both layers.
  var pairs: [(flush: Int, core: Int)] {
    var below: [NameID: [Int]] = [:]
    for client in core.clients.indices { below[core.clients[client].name, default: []].append(client) }
    var above: [NameID: [Int]] = [:]
    for client in flush.trace.clients.indices { above[flush.sessions.clients[client].name, default: []].append(client) }
    return above.keys.sorted().flatMap { name -> [(flush: Int, core: Int)] in
      let (a, b) = (above[name]!, below[name] ?? [])
      return a.count == b.count ? zip(a, b).map { (flush: $0, core: $1) } : []
    }
  }

  func flushLine(_ stay: Int) -> Evidence { flushExcerpt.original(flush.evidence(stay)) }
  func coreLine(_ stay: Int) -> Evidence { coreExcerpt.original(core.evidence(core.stays[stay])) }
}

func checkCollapse(_ layers: BothLayers, _ findings: Findings) {
  let pairs = layers.pairs
  let missing = layers.flush.trace.clients.count - pairs.count
  if missing > 0 { findings.skip("F8: \(missing) sessions are not recorded below the Flush layer") }
  for (flush, core) in pairs {
    for (group, stays) in layers.flush.sessions.clients[flush].stays.sorted(by: { $0.key < $1.key }) {
      // Who leaves had a view above, so the n-th time in the group is the n-th below. A group that ran empty begins
      // with the same ids again (evs-properties D13).
      let below = times(layers.core.clients[core].stays[group] ?? [], layers.core)
      for (number, stays) in times(stays, layers.flush.sessions).enumerated() {
        CollapseChecker(layers, number < below.count ? below[number] : [], findings).check(stays)
      }
    }
  }
}

/// Stays of a session in a group, from each join to the leave.
private func times(_ stays: [Int], _ index: ClientIndex) -> [[Int]] {
  var times: [[Int]] = []
  for stay in stays {
    if times.isEmpty || index.stays[stay].previous < 0 { times.append([]) }
    times[times.count - 1].append(stay)
  }
  return times
}

private struct CollapseChecker {
  let layers: BothLayers
  /// The views below, of one session and group from a join to the leave, in their order.
  let below: [Int]
  let findings: Findings

  init(_ layers: BothLayers, _ below: [Int], _ findings: Findings) {
    self.layers = layers
    self.below = below
    self.findings = findings
  }

  func check(_ stays: [Int]) {
    var place = 0
    for stay in stays {
      let view = layers.flush.view(stay)
      guard let found = (place..<below.count).first(where: { seen($0).id == view.id }) else {
        let earlier = below.firstIndex { layers.core.view(layers.core.stays[$0]).id == view.id }
        findings.fail(
          "F8.view", "each view is one that came from below, in the same order",
          [layers.flushLine(stay)] + (earlier.map { [layers.coreLine(below[$0])] } ?? []))
        continue
      }
      if seen(found).members != view.members {
        findings.fail(
          "F8.members", "a view has the members of the view below",
          [layers.flushLine(stay), layers.coreLine(below[found])])
      }
      for skipped in place..<found where !isLost(skipped, by: found) {
        findings.fail(
          "F8.skipped", "a view below is left out only if it lost a member that had to agree",
          [layers.coreLine(below[skipped]), layers.flushLine(stay)])
      }
      place = found + 1
    }
  }

  private func seen(_ place: Int) -> ViewRecord { layers.core.view(layers.core.stays[below[place]]) }

  /// Some member of the view at `place` was gone by the view at `end`.
  private func isLost(_ place: Int, by end: Int) -> Bool {
    let members = seen(place).members
    return (place + 1...end).contains { step in
      let view = seen(step)
      switch view.cause {
      case .join: return false
      case .leave, .disconnect: return view.changed.map(members.contains) ?? false
      case .network:
        let companions = view.sets.indices.contains(view.mine) ? view.sets[view.mine] : []
        return seen(step - 1).members.contains { members.contains($0) && !companions.contains($0) }
      }
    }
  }
}
