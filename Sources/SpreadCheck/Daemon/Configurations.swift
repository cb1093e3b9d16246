// E1, E2, E9: identity and order of configurations (evs-properties 4).

import SpreadWire

func checkConfigurations(_ index: DaemonIndex, _ findings: Findings) {
  checkIdentity(index, findings)
  checkRepetition(index, findings)
  for stay in index.stays { checkShape(stay, index, findings) }
  checkOrigins(index, findings)
  for daemon in index.daemons.indices { checkTransition(daemon, index, findings) }
}

/// E1.selfInclusion, E1.agreement
private func checkIdentity(_ index: DaemonIndex, _ findings: Findings) {
  struct Key: Hashable {
    var kind: ConfigurationKind
    var id: MembershipID
  }
  var seen: [Key: (members: [NameID], evidence: Evidence)] = [:]
  for (daemon, trace) in index.trace.daemons.enumerated() {
    for (record, entry) in trace.records.enumerated() {
      guard case .configuration(let number) = entry.event else { continue }
      let configuration = index.configuration(number)
      let here = Evidence.daemon(daemon, record)
      if !configuration.members.contains(trace.name) {
        findings.fail("E1.selfInclusion", "who installs a configuration is a member of it", [here])
      }
      let key = Key(kind: configuration.kind, id: configuration.id)
      if let first = seen[key] {
        if first.members != configuration.members {
          findings.fail("E1.agreement", "a configuration has the same members everywhere", [first.evidence, here])
        }
      } else {
        seen[key] = (configuration.members, here)
      }
    }
  }
}

/// E1.noRepeat over all incarnations of a daemon, E1.monotone within one.
private func checkRepetition(_ index: DaemonIndex, _ findings: Findings) {
  var seen: [NameID: [MembershipID: Evidence]] = [:]
  for info in index.daemons {
    var last: (id: MembershipID, evidence: Evidence)?
    for number in info.stays {
      let stay = index.stays[number]
      guard stay.ring >= 0 else { continue }
      let id = index.ringIDs[Int(stay.ring)]
      let here = Evidence.daemon(stay.daemon, stay.begin)
      if let first = seen[info.name]?[id] {
        findings.fail("E1.noRepeat", "a daemon installs no two configurations of one id", [first, here])
      }
      seen[info.name, default: [:]][id] = here
      if let last, last.id.process == id.process, id.time <= last.id.time {
        findings.fail("E1.monotone", "the times of configurations of one leader grow", [last.evidence, here])
      }
      last = (id, here)
    }
  }
}

/// E2: one transitional configuration, and who is in it.
private func checkShape(_ stay: RingStay, _ index: DaemonIndex, _ findings: Findings) {
  for extra in stay.transitional.dropFirst() {
    findings.fail(
      "E2.shape", "between two regular configurations there is one transitional one",
      [.daemon(stay.daemon, stay.transitional[0].record), .daemon(stay.daemon, extra.record)])
  }
  guard let next = stay.next.map({ index.stays[$0] }) else { return }
  let end = Evidence.daemon(stay.daemon, next.begin)
  guard let (record, number) = stay.transitional.first else {
    findings.fail(
      "E2.shape", "between two regular configurations there is one transitional one",
      (stay.begin >= 0 ? [.daemon(stay.daemon, stay.begin)] : []) + [end])
    return
  }
  let here = Evidence.daemon(stay.daemon, record)
  let transitional = index.configuration(number)
  let members = Set(transitional.members)
  func outside(_ inner: Set<NameID>, _ outer: [NameID], _ text: String, _ evidence: [Evidence]) {
    if let stranger = inner.subtracting(outer).min() {
      findings.fail("E2.inclusion", "\(text): \(findings.text(stranger)) is not", evidence)
    }
  }
  guard case .configuration(let nextNumber) = index.trace.daemons[stay.daemon].records[next.begin].event else { return }
  outside(
    members, index.configuration(nextNumber).members, "who comes along is in the next configuration", [here, end])
  outside(members, transitional.commit, "who comes along is in the commit set", [here])
  guard stay.ring >= 0, case .configuration(let old) = index.trace.daemons[stay.daemon].records[stay.begin].event else {
    return
  }
  let begin = Evidence.daemon(stay.daemon, stay.begin)
  outside(members, index.configuration(old).members, "who comes along was in the last configuration", [begin, here])
  outside(
    Set(transitional.commit), index.configuration(old).members, "the commit set was in the last configuration",
    [begin, here])
}

/// E2.oneOrigin, E2.oneTarget: those who install one transitional configuration come from one and go to one.
private func checkOrigins(_ index: DaemonIndex, _ findings: Findings) {
  var first: [MembershipID: RingStay] = [:]
  var target: [MembershipID: RingStay] = [:]
  for stay in index.stays {
    guard let (_, number) = stay.transitional.first else { continue }
    let id = index.configuration(number).id
    if let other = first[id] {
      if other.ring != stay.ring {
        findings.fail(
          "E2.oneOrigin", "those of one transitional configuration come from one regular one",
          [index.evidence(other), index.evidence(stay)])
      }
    } else {
      first[id] = stay
    }
    guard let next = stay.next.map({ index.stays[$0] }) else { continue }
    if let other = target[id] {
      if other.ring != next.ring {
        findings.fail(
          "E2.oneTarget", "those of one transitional configuration go to one regular one",
          [.daemon(other.daemon, other.begin), .daemon(next.daemon, next.begin)])
      }
    } else {
      target[id] = next
    }
  }
}

/// E9: nothing is originated between the transitional and the next regular configuration, and what is delivered there
/// belongs to the old ring; before it, to the installed one.
private func checkTransition(_ daemon: Int, _ index: DaemonIndex, _ findings: Findings) {
  var transitional: Int?
  var installed: (id: MembershipID, record: Int)?
  for (record, entry) in index.trace.daemons[daemon].records.enumerated() {
    let here = Evidence.daemon(daemon, record)
    switch entry.event {
    case .configuration(let number):
      let configuration = index.configuration(number)
      if configuration.kind == .transitional {
        transitional = record
      } else {
        transitional = nil
        installed = (configuration.id, record)
      }
    case .sequence:
      if let transitional {
        findings.fail(
          "E9.origination", "no packet is made in a transitional configuration",
          [.daemon(daemon, transitional), here])
      }
    case .deliver(let ring, _, _, _, let phase):
      if let installed, ring != installed.id {
        findings.fail(
          "E9.ring", "what is delivered belongs to the installed ring, until the next is installed",
          [.daemon(daemon, installed.record), here])
      }
      if (phase == .post) != (transitional != nil) {
        findings.fail(
          "E9.phase", "a delivery is of the transitional phase exactly after the transitional configuration",
          (transitional.map { [.daemon(daemon, $0)] } ?? []) + [here])
      }
    default: break
    }
  }
}
