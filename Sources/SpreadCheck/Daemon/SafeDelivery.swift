// E8: safe delivery (evs-properties 4).

import SpreadWire

func checkSafeDelivery(_ index: DaemonIndex, _ findings: Findings) {
  var byRing: [[Int]] = Array(repeating: [], count: index.ringIDs.count)
  for (number, stay) in index.stays.enumerated() where stay.ring >= 0 { byRing[Int(stay.ring)].append(number) }
  for stays in byRing where stays.count > 1 {
    require(safe(stays, .pre, index), at: stays, index, findings)
    var groups: [MembershipID: [Int]] = [:]
    for stay in stays {
      guard let (_, number) = index.stays[stay].transitional.first else { continue }
      groups[index.configuration(number).id, default: []].append(stay)
    }
    for (_, members) in groups.sorted(by: { $0.value[0] < $1.value[0] }) where members.count > 1 {
      require(safe(members, .post, index), at: members, index, findings)
    }
  }
  if index.trace.run.isSimulated {
    checkKnowledge(index, findings)
  } else {
    findings.skip("E8.knowledge: the daemons' clocks are not one")
  }
}

/// Safe messages that any of `stays` delivered in `phase`.
private func safe(_ stays: [Int], _ phase: Phase, _ index: DaemonIndex) -> [(message: Int32, evidence: Evidence)] {
  var seen: Set<Int32> = []
  var result: [(Int32, Evidence)] = []
  for stay in stays {
    for delivery in index.stays[stay].deliveries
    where delivery.service == .safe && delivery.phase == phase && delivery.message >= 0 {
      if seen.insert(delivery.message).inserted {
        result.append((delivery.message, .daemon(index.stays[stay].daemon, delivery.record)))
      }
    }
  }
  return result
}

private func require(
  _ safe: [(message: Int32, evidence: Evidence)], at stays: [Int], _ index: DaemonIndex, _ findings: Findings
) {
  guard !safe.isEmpty else { return }
  for number in stays {
    let stay = index.stays[number]
    // Who stops may not have come to it; what is still open when the trace ends cannot be judged.
    guard let next = stay.next else { continue }
    let delivered = Set(stay.deliveries.map { $0.message })
    for (message, evidence) in safe where !delivered.contains(message) {
      findings.fail(
        "E8", "a safe message delivered by one is delivered by all of the configuration",
        [evidence, index.evidence(stay), .daemon(stay.daemon, index.stays[next].begin)])
    }
  }
}

/// E8.knowledge: when a safe message is delivered, every incarnation that installed the ring and has not stopped has
/// its packet.
private func checkKnowledge(_ index: DaemonIndex, _ findings: Findings) {
  let width = index.daemons.count
  var since = [Int64](repeating: .max, count: index.packets.count * width)
  for (daemon, trace) in index.trace.daemons.enumerated() {
    for entry in trace.records {
      switch entry.event {
      case .have(let id, let sequence, _), .sequence(let id, let sequence, _, _):
        guard let ring = index.rings[id],
          let packet = index.packetNumbers[PacketKey(ring: ring, sequence: sequence)]
        else { continue }
        since[Int(packet) * width + daemon] = min(since[Int(packet) * width + daemon], entry.time)
      default: break
      }
    }
  }
  for stay in index.stays where stay.ring >= 0 {
    let members = Set(index.stays.filter { $0.ring == stay.ring }.map { $0.daemon })
    for delivery in stay.deliveries where delivery.service == .safe && delivery.phase == .pre {
      guard let packet = index.packetNumbers[PacketKey(ring: delivery.ring, sequence: delivery.sequence)] else {
        continue
      }
      let time = index.trace.daemons[stay.daemon].records[delivery.record].time
      for (daemon, info) in index.daemons.enumerated()
      where members.contains(daemon) && since[Int(packet) * width + daemon] > time {
        let origin = index.packets[Int(packet)]
        findings.fail(
          "E8.knowledge",
          "a safe message is delivered when all members have it: \(findings.text(info.name)) has not",
          [.daemon(origin.origin, origin.record), .daemon(stay.daemon, delivery.record)])
      }
    }
  }
}
