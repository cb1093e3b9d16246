// K1 to K3, K5, K6, K9, K10: invariants of one daemon's sequence variables and token visits (evs-properties 5).

import SpreadWire

private let slots: Int32 = 8192
private let maxGap: Int32 = 1600
private let wrap: Int32 = 1 << 30

func checkRing(_ index: DaemonIndex, _ findings: Findings) {
  let asked = ringsWithRequests(index)
  for daemon in index.daemons.indices {
    var walk = RingWalk(daemon: daemon, index: index, findings: findings, asked: asked)
    for (record, entry) in index.trace.daemons[daemon].records.enumerated() { walk.step(record, entry.event) }
  }
}

/// Retransmissions are counted in the flow control number but not limited, so its sum is bound only without them.
private func ringsWithRequests(_ index: DaemonIndex) -> Set<MembershipID> {
  var rings: Set<MembershipID> = []
  for trace in index.trace.daemons {
    for entry in trace.records {
      if case .token(let ring, let token) = entry.event, token.requests >= 0 { rings.insert(ring) }
    }
  }
  return rings
}

private struct RingWalk {
  let daemon: Int
  let index: DaemonIndex
  let findings: Findings
  let asked: Set<MembershipID>

  /// Id, dense number and record of the installed configuration.
  private var installed: (id: MembershipID, ring: Int32, record: Int)?
  /// Tokens accepted since the installation.
  private var visits = 0
  private var token: (record: Int, token: TokenRecord)?
  /// The last two tokens as this daemon left them, in the installed ring.
  private var lastOut: (record: Int, token: TokenRecord)?
  private var aruBefore: Int32 = 0
  private var horizon: (record: Int, horizon: HorizonRecord)?
  private var highest: Int32 = 0
  private var isOperating = true
  private var madeInVisit = 0
  /// By message: in which of the installations it was delivered, by their number.
  private var deliveredIn: [Int32]
  private var installations: Int32 = 0
  /// Packets below it have no safe message left to deliver.
  private var safeFrom: Int32 = 1

  init(daemon: Int, index: DaemonIndex, findings: Findings, asked: Set<MembershipID>) {
    self.daemon = daemon
    self.index = index
    self.findings = findings
    self.asked = asked
    deliveredIn = Array(repeating: -1, count: index.messages.count)
  }

  private func line(_ record: Int) -> Evidence { .daemon(daemon, record) }

  mutating func step(_ record: Int, _ event: DaemonEvent) {
    switch event {
    case .configuration(let number):
      let configuration = index.configuration(number)
      if configuration.kind == .regular { install(configuration.id, record) }
    case .token(let ring, let token):
      if token.isOut { leave(ring, token, record) } else { accept(ring, token, record) }
    case .horizon(let ring, let horizon): move(ring, horizon, record)
    case .sequence(let ring, let sequence, _, _): make(ring, sequence, record)
    case .have(let ring, let sequence, _):
      if ring == installed?.id { highest = max(highest, sequence) }
    case .deliver(let ring, let sequence, let id, let service, let phase):
      if let message = id.flatMap({ index.messageNumbers[$0] }) { deliveredIn[Int(message)] = installations }
      if service == .safe, phase == .pre { checkSafe(ring, sequence, record) }
    default: break
    }
  }

  private mutating func install(_ id: MembershipID, _ record: Int) {
    installed = (id, index.rings[id] ?? -1, record)
    visits = 0
    token = nil
    lastOut = nil
    aruBefore = 0
    horizon = nil
    highest = 0
    isOperating = true
    madeInVisit = 0
    installations += 1
    safeFrom = 1
  }

  private mutating func accept(_ ring: MembershipID, _ new: TokenRecord, _ record: Int) {
    guard ring == installed?.id else { return }
    visits += 1
    if visits > 1 { checkToken(new, record) }
    if new.sequence > lastNumber(ring), visits > 1 {
      findings.fail("K10", "a token beyond 2^30 is dropped", [line(record)])
    }
    checkSafeIsDone(record)
    token = (record, new)
    highest = max(highest, new.sequence)
    madeInVisit = 0
  }

  private func lastNumber(_ ring: MembershipID) -> Int32 {
    let run = index.trace.run
    return ring.time < run.lateUntil ? run.numbersLeft ?? wrap : wrap
  }

  /// K1
  private mutating func checkToken(_ new: TokenRecord, _ record: Int) {
    if let token, new.sequence < token.token.sequence {
      findings.fail("K1.seq", "the token's seq never falls in a ring", [line(token.record), line(record)])
    }
    if new.aru > new.sequence {
      findings.fail("K1.aru", "the token's aru is at most its seq", [line(record)])
    }
  }

  private mutating func leave(_ ring: MembershipID, _ new: TokenRecord, _ record: Int) {
    checkRequests(ring, new, record)
    guard let installed, ring == installed.id else { return }
    if visits > 1 { checkToken(new, record) }
    if let window = index.trace.run.window, let personal = index.trace.run.personalWindow, !asked.contains(ring),
      Int(new.flowControl) > Int(window) + Int(personal)
    {
      findings.fail(
        "K6.window", "without retransmissions a round carries at most window + personal window packets", [line(record)])
    }
    aruBefore = lastOut?.token.aru ?? 0
    lastOut = (record, new)
    if visits > 1 { token = (record, new) }
  }

  /// K5: only what is missing and known to exist is asked for.
  private func checkRequests(_ ring: MembershipID, _ new: TokenRecord, _ record: Int) {
    guard new.requests >= 0, let (known, horizon) = horizon else { return }
    let isRecovery = ring != installed?.id
    for sequence in index.trace.sequences[Int(new.requests)] {
      if sequence <= horizon.myAru || sequence > max(horizon.highest, highest) {
        findings.fail(
          "K5.range", "only missing packets are asked for: \(sequence) is none", [line(known), line(record)])
        return
      }
      if index.trace.run.isAccelerated, !isRecovery, let lastOut, sequence > lastOut.token.sequence {
        findings.fail(
          "K5.accelerated", "the accelerated ring asks only for what the last token covered: not for \(sequence)",
          [line(lastOut.record), line(record)])
        return
      }
    }
  }

  /// K2, K9
  private mutating func move(_ ring: MembershipID, _ new: HorizonRecord, _ record: Int) {
    if new.highest &- new.discarded >= slots {
      findings.fail("K9", "fewer than \(slots) packets are kept", [line(record)])
    }
    defer {
      horizon = (record, new)
      isOperating = new.isOperating
    }
    guard new.isOperating, ring == installed?.id else { return }
    if new.discarded > new.delivered || new.delivered > new.myAru || new.myAru > new.highest || new.discarded > new.aru
    {
      findings.fail(
        "K2.shape", "discarded <= delivered <= my aru <= highest, discarded <= aru", [line(record)])
    }
    guard let (before, old) = horizon, old.isOperating else { return }
    if new.myAru < old.myAru || new.aru < old.aru || new.highest < old.highest || new.discarded < old.discarded
      || new.delivered < old.delivered
    {
      findings.fail("K2.monotone", "the sequence variables never fall in a ring", [line(before), line(record)])
    }
  }

  /// K6
  private mutating func make(_ ring: MembershipID, _ sequence: Int32, _ record: Int) {
    guard let installed, ring == installed.id else { return }
    highest = max(highest, sequence)
    madeInVisit += 1
    if let personal = index.trace.run.personalWindow, madeInVisit == Int(personal) + 1 {
      findings.fail(
        "K6.personal", "a visit makes at most \(personal) packets",
        (token.map { [line($0.record)] } ?? []) + [line(record)])
    }
    guard let (known, horizon) = horizon else { return }
    if !isOperating {
      findings.fail("K6.recovery", "no packets are made in recovery", [line(known), line(record)])
    } else if horizon.highest > horizon.aru &+ maxGap {
      findings.fail("K6.gap", "no packets are made while highest > aru + \(maxGap)", [line(known), line(record)])
    }
  }

  private var safeHorizon: Int32 { lastOut.map { min($0.token.aru, aruBefore) } ?? 0 }

  /// K3: a safe message waits until the last two tokens cover it.
  private func checkSafe(_ ring: MembershipID, _ sequence: Int32, _ record: Int) {
    guard isOperating, ring == installed?.id, hasTokens, sequence > safeHorizon else { return }
    findings.fail(
      "K3.early", "a safe message is delivered when two tokens in a row covered it: \(safeHorizon) is covered",
      (lastOut.map { [line($0.record)] } ?? []) + [line(record)])
  }

  private var hasTokens: Bool { visits > 0 || lastOut != nil }

  /// K3: and no longer.
  private mutating func checkSafeIsDone(_ record: Int) {
    guard isOperating, let ring = installed?.ring, let lastOut else { return }
    while safeFrom <= safeHorizon {
      if let packet = index.packet(ring, safeFrom),
        packet.lastPieces.contains(where: {
          index.messages[Int($0.message)].service == .safe && deliveredIn[Int($0.message)] != installations
        })
      {
        findings.fail(
          "K3.late", "a safe message is delivered as soon as two tokens in a row covered it",
          [.daemon(packet.origin, packet.record), line(lastOut.record), line(record)])
      }
      safeFrom += 1
    }
  }
}
