// E3, E4, E6: what daemons deliver, and in which order (evs-properties 4); K4: numbers without gaps.

import SpreadWire

func checkDelivery(_ index: DaemonIndex, _ findings: Findings) {
  checkOrigins(index, findings)
  checkContents(index, findings)
  var lastDelivered = [Evidence?](repeating: nil, count: index.messages.count)
  for (daemon, info) in index.daemons.enumerated() {
    for message in lastDelivered.indices { lastDelivered[message] = nil }
    for number in info.stays { checkStay(index.stays[number], index, findings, &lastDelivered) }
    checkSelfDelivery(daemon, index, findings)
    checkLeaving(daemon, index, findings)
  }
}

/// E4.left: what a daemon numbered before it left in order is delivered by all of its ring who go on.
private func checkLeaving(_ daemon: Int, _ index: DaemonIndex, _ findings: Findings) {
  guard let left = index.daemons[daemon].left, let last = index.daemons[daemon].stays.last else { return }
  let ring = index.stays[last].ring
  let own = index.packets.filter { $0.origin == daemon && $0.key.ring == ring }
  guard ring >= 0, !own.isEmpty else { return }
  for stay in index.stays where stay.ring == ring && stay.daemon != daemon && !index.isCutOff(stay) {
    let delivered = Set(stay.deliveries.map { $0.message })
    for packet in own {
      for piece in packet.lastPieces where !delivered.contains(piece.message) {
        findings.fail(
          "E4.left", "what a daemon numbered before it left in order is delivered by all who go on",
          [.daemon(daemon, packet.record), .daemon(daemon, left), index.evidence(stay)])
        return
      }
    }
  }
}

/// E3.twoOrigins, K4.gap
private func checkOrigins(_ index: DaemonIndex, _ findings: Findings) {
  for (first, second) in index.twoOrigins {
    findings.fail("E3.twoOrigins", "a number of a ring is given once", [first, second])
  }
  var byRing: [[Int32]] = Array(repeating: [], count: index.ringIDs.count)
  for (number, packet) in index.packets.enumerated() { byRing[Int(packet.key.ring)].append(Int32(number)) }
  for packets in byRing {
    let ordered = packets.map { index.packets[Int($0)] }.sorted { $0.key.sequence < $1.key.sequence }
    for (a, b) in zip(ordered, ordered.dropFirst()) where b.key.sequence != a.key.sequence &+ 1 {
      findings.fail(
        "K4.gap", "the numbers of a ring are given without gaps",
        [.daemon(a.origin, a.record), .daemon(b.origin, b.record)])
    }
  }
}

/// E3.contentDiffers
private func checkContents(_ index: DaemonIndex, _ findings: Findings) {
  var known = NumberTable<PacketKey>()
  var first: [(hash: UInt64, evidence: Evidence)] = []
  for (daemon, trace) in index.trace.daemons.enumerated() {
    for (record, entry) in trace.records.enumerated() {
      guard case .have(let id, let sequence, let hash) = entry.event, let ring = index.rings[id] else { continue }
      let key = PacketKey(ring: ring, sequence: sequence)
      if let number = known[key] {
        let seen = first[Int(number)]
        if seen.hash != hash {
          findings.fail(
            "E3.contentDiffers", "a packet is the same everywhere", [seen.evidence, .daemon(daemon, record)])
        }
      } else {
        known.add(key, Int32(first.count))
        first.append((hash, .daemon(daemon, record)))
      }
    }
  }
}

private func checkStay(
  _ stay: RingStay, _ index: DaemonIndex, _ findings: Findings, _ lastDelivered: inout [Evidence?]
) {
  let me = index.daemons[stay.daemon].name
  var last: Delivery?
  /// All packets below this one were looked at for messages that should have come before.
  var complete: Int32 = 1
  for delivery in stay.deliveries {
    let here = Evidence.daemon(stay.daemon, delivery.record)
    checkSource(delivery, here, me, index, findings)
    if delivery.message >= 0 {
      if let before = lastDelivered[Int(delivery.message)] {
        findings.fail("E3.duplicate", "a daemon delivers a message once", [before, here])
      }
      lastDelivered[Int(delivery.message)] = here
    }
    // Deliveries of another ring are reported as such (E9) and have no place in this one's order.
    guard delivery.service.rank >= 2, delivery.ring == stay.ring else { continue }
    if let last, delivery.sequence < last.sequence {
      findings.fail(
        "E6.order", "ordered messages are delivered in the order of their numbers",
        [.daemon(stay.daemon, last.record), here])
      continue
    }
    last = delivery
    guard delivery.phase == .pre else { continue }
    while complete < delivery.sequence {
      if let packet = index.packet(stay.ring, complete),
        let missing = packet.lastPieces.first(where: {
          index.rank($0.message) >= 2 && lastDelivered[Int($0.message)] == nil
        })
      {
        let message = findings.text(index.messages[Int(missing.message)].id)
        findings.fail(
          "E6.gapBeforeTrans", "before the transitional configuration nothing is left out: \(message) was",
          [.daemon(packet.origin, packet.record), here])
      }
      complete += 1
    }
  }
}

/// E3.creation, E3.foreignRing
private func checkSource(
  _ delivery: Delivery, _ here: Evidence, _ me: NameID, _ index: DaemonIndex, _ findings: Findings
) {
  let members = index.ringMembers[Int(delivery.ring)]
  if !members.isEmpty, !members.contains(me) {
    findings.fail(
      "E3.foreignRing", "a daemon delivers only what was sent in a ring it was in",
      (index.ringEvidence[Int(delivery.ring)].map { [$0] } ?? []) + [here])
  }
  guard delivery.message >= 0 else { return }
  guard let packet = index.packet(delivery.ring, delivery.sequence) else {
    findings.fail("E3.creation", "nobody gave the number of what is delivered", [here])
    return
  }
  let origin = Evidence.daemon(packet.origin, packet.record)
  if !packet.lastPieces.contains(where: { $0.message == delivery.message }) {
    findings.fail("E3.creation", "the message delivered does not end in this packet", [origin, here])
  }
  let id = index.messages[Int(delivery.message)].id
  if let daemon = index.daemonOf[id.sender.index], daemon != index.daemons[packet.origin].name {
    findings.fail("E3.origin", "a message enters the ring at its sender's daemon", [origin, here])
  }
}

/// E4: a daemon delivers what it made, before its next regular configuration.
private func checkSelfDelivery(_ daemon: Int, _ index: DaemonIndex, _ findings: Findings) {
  var pending: [MessageID: Int] = [:]
  for (record, entry) in index.trace.daemons[daemon].records.enumerated() {
    switch entry.event {
    case .sequence(_, _, _, let list):
      for fragment in index.trace.fragments[Int(list)] where fragment.index < 0 {
        if let id = fragment.message { pending[id] = record }
      }
    case .deliver(_, _, let id?, _, _): pending[id] = nil
    case .configuration(let number) where index.configuration(number).kind == .regular:
      for (_, sent) in pending.sorted(by: { $0.value < $1.value }) {
        findings.fail(
          "E4", "a daemon delivers its own messages before the next regular configuration",
          [.daemon(daemon, sent), .daemon(daemon, record)])
      }
      pending = [:]
    default: break
    }
  }
}
