// F3: who moves together from one view to the next received the same in it (evs-properties 9).

import SpreadWire

func checkTogether(_ index: FlushIndex, _ findings: Findings) {
  for entry in index.sessions.byView where entry.key.serial < 0 && entry.stays.count > 1 {
    var moves: [ViewKey: [Move]] = [:]
    for stay in entry.stays {
      guard let next = index.next(stay), let key = index.key(next) else { continue }
      moves[key, default: []].append(Move(stay, next, index))
    }
    // In the order of the stays.
    for stay in entry.stays {
      guard let next = index.next(stay), let key = index.key(next), let all = moves[key] else { continue }
      let here = all.first { $0.stay == stay }!
      for there in all where there.stay > stay {
        compareSets(here, there, index, findings)
        if here.names(there), there.names(here) { compareMessages(here, there, index, findings) }
      }
    }
  }
}

/// One session's way from a view to the next.
private struct Move {
  let stay: Int
  let next: Int
  let name: NameID
  let companions: Set<NameID>
  let messages: Set<Int32>

  init(_ stay: Int, _ next: Int, _ index: FlushIndex) {
    self.stay = stay
    self.next = next
    name = index.sessions.clients[index.sessions.stays[stay].client].name
    companions = Set(index.companions(from: stay, to: next))
    messages = Set(index.sessions.stays[stay].items.map { $0.message })
  }

  /// This one was told that the other came along.
  func names(_ other: Move) -> Bool { companions.contains(other.name) }
}

/// F11.agree
private func compareSets(_ a: Move, _ b: Move, _ index: FlushIndex, _ findings: Findings) {
  let (one, other) = (index.view(a.next), index.view(b.next))
  guard one.cause == .network, other.cause == .network, a.names(b) || b.names(a), one.sets != other.sets else { return }
  findings.fail(
    "F11.agree", "who comes along together is told the same set", [index.evidence(a.next), index.evidence(b.next)])
}

private func compareMessages(_ a: Move, _ b: Move, _ index: FlushIndex, _ findings: Findings) {
  guard a.messages != b.messages else { return }
  report(a, b, index, findings)
  report(b, a, index, findings)
}

/// What `a` received and `b` did not. RELIABLE messages as in E5r (evs-properties D3).
private func report(_ a: Move, _ b: Move, _ index: FlushIndex, _ findings: Findings) {
  let (client, other) = (index.sessions.stays[a.stay].client, index.sessions.stays[b.stay].client)
  for item in index.sessions.stays[a.stay].items where !b.messages.contains(item.message) {
    guard index.isMeant(item.message, for: other) else { continue }
    let lines: [Evidence] = [.client(client, Int(item.record)), index.evidence(b.stay), index.evidence(b.next)]
    let text = "who moves together to the next view received the same in the last"
    if index.sessions.messages[Int(item.message)].rank >= 2 {
      findings.fail("F3.same", text, lines)
    } else if findings.options.strictReliable {
      findings.fail("F3r", text + ", reliable ones too", lines)
    } else {
      findings.warn("F3r", text + ", reliable ones too", lines)
    }
  }
}
