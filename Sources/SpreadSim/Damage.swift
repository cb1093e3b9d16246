// Damaged datagrams (evs-properties 12, "corrupt"): the wire has no checksum, so what a daemon believes then may be
// wrong. What must hold all the same: no daemon stops, no session is lost, and when the damage ends all come together.

import SpreadCheck

struct Damage {
  private var random: Xoshiro256
  private let probability: Double
  /// Datagrams seen before: packets, tokens.
  private var old: [[[UInt8]]] = [[], []]

  init(_ options: Options) {
    random = Xoshiro256(options.seed, stream: 9)
    probability = options.corrupt
  }

  /// What arrives instead of `bytes`; nil: just that.
  mutating func strike(_ bytes: UnsafeRawBufferPointer, isToken: Bool) -> [UInt8]? {
    guard probability > 0 else { return nil }
    let kind = isToken ? 1 : 0
    if random.chance(0.02) {
      if old[kind].count < 64 { old[kind].append(Array(bytes)) } else { old[kind][random.below(64)] = Array(bytes) }
    }
    guard random.chance(probability) else { return nil }
    var changed = Array(bytes)
    switch random.below(6) {
    case 0: changed.removeLast(1 + random.below(changed.count))
    case 1: for _ in 0..<1 + random.below(64) { changed.append(UInt8(truncatingIfNeeded: random.next())) }
    case 2: if !old[kind].isEmpty { return random.pick(old[kind]) }
    default:
      for _ in 0..<1 + random.below(8) { changed[random.below(changed.count)] ^= 1 << UInt8(random.below(8)) }
    }
    return changed
  }
}

extension World {
  func judgeDamaged() -> Report {
    var report = Report()
    func fail(_ property: String, _ text: String, _ evidence: [Evidence]) {
      report.violationCount += 1
      report.counts[property, default: 0] += 1
      report.violations.append(Violation(property: property, text: text, evidence: evidence, isWarning: false))
    }
    for (client, waiting) in closedByDaemon where waiting < options.maxSessionMessages {
      let file = trace.clients.lastIndex { $0.name == client.nameID }
      fail(
        "X.session", "a session that reads its messages is not closed by the daemon",
        file.map { [.client($0, max(trace.clients[$0].records.count - 1, 0))] } ?? [])
    }
    guard options.endsSettled else { return report }
    for (place, file) in trace.daemons.enumerated() {
      guard let node = nodes.first(where: { $0.trace === file }), let daemon = node.daemon else { continue }
      let others = nodes.filter { other in
        options.core.isEmpty || options.core.contains(other.index) == options.core.contains(node.index)
      }
      guard options.core.isEmpty || options.core.contains(node.index) else { continue }
      let ring = daemon.horizon.ring
      if others.contains(where: { $0.daemon.map { $0.horizon.ring != ring } ?? false }) {
        fail(
          "X.together", "when nothing is damaged any more all come together", [.daemon(place, file.records.count - 1)])
      }
    }
    return report
  }
}
