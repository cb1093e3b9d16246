// One pass over all traces of the Flush layer (evs-properties 9): sessions, views and messages as at the layer below,
// and what was asked and answered in each stay.

import SpreadWire

/// What was asked and answered in one session's stay in one view.
struct Agreement {
  /// Records of the requests.
  var requests: [Int] = []
  /// Records of the answers that were taken.
  var answers: [Int] = []

  /// The application owes an answer.
  var isOwed: Bool { !requests.isEmpty && answers.isEmpty }
}

final class FlushIndex {
  let trace: Trace
  let sessions: ClientIndex
  /// By stay of `sessions`.
  private(set) var agreements: [Agreement] = []

  /// `trace` holds sessions of the Flush layer only.
  init(_ trace: Trace) {
    self.trace = trace
    sessions = ClientIndex(trace)
    agreements = [Agreement](repeating: Agreement(), count: sessions.stays.count)
    for client in trace.clients.indices {
      for (record, entry) in trace.clients[client].records.enumerated() {
        switch entry.event {
        case .flushRequest(let group):
          if let stay = sessions.stay(client, group, at: record) { agreements[stay].requests.append(record) }
        case .flush(let group, let result) where result >= 0:
          if let stay = sessions.stay(client, group, at: record) { agreements[stay].answers.append(record) }
        default: break
        }
      }
    }
  }

  /// The group a message belongs to: the last that is named, behind the receivers of a subgroup. Private groups are no
  /// groups of this layer (events-and-flush 2.2).
  func group(_ payload: Payload) -> NameID? {
    guard let last = trace.names[payload.groups].last, !isPrivate(last) else { return nil }
    return last
  }

  func isPrivate(_ name: NameID) -> Bool { trace.names[name].utf8.contains(UInt8(ascii: "#")) }

  /// Who a message is for: some members, or whole groups.
  func addressees(_ payload: Payload) -> [NameID] {
    let names = trace.names[payload.groups]
    return names.count > 1 ? Array(names.dropLast()) : names
  }

  /// Whether a member of the group gets the message at all.
  func isMeant(_ message: Int32, for client: Int) -> Bool {
    let payload = sessions.messages[Int(message)].payload
    guard !sessions.isDiscarded(message, at: client) else { return false }
    let names = addressees(payload)
    return names.count == 1 && !isPrivate(names[0]) || names.contains(sessions.clients[client].name)
  }

  /// What a stay is known by; nil where views that are not the same bear one id.
  func key(_ stay: Int) -> ViewKey? {
    let key = sessions.key(sessions.stays[stay].group, sessions.stays[stay].viewIndex)
    return key.serial < 0 ? key : nil
  }

  func view(_ stay: Int) -> ViewRecord { sessions.view(sessions.stays[stay]) }
  func evidence(_ stay: Int) -> Evidence { sessions.evidence(sessions.stays[stay]) }

  /// The stay after this one without a leave between.
  func next(_ stay: Int) -> Int? {
    guard case .view(let next) = sessions.stays[stay].end else { return nil }
    return next
  }

  /// Who came along to the next view, as its receiver is told: the set of a network view, else all who are in both
  /// views and are not the one who changed.
  func companions(from stay: Int, to next: Int) -> [NameID] {
    let (old, new) = (view(stay), view(next))
    if new.cause == .network { return new.sets.indices.contains(new.mine) ? new.sets[new.mine] : [] }
    return old.members.filter { $0 != new.changed && new.members.contains($0) }
  }
}
