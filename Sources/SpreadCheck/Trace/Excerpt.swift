// A part of a trace as a trace of its own, so that what checks a whole one checks a part of it too.

import SpreadWire

struct Excerpt {
  /// Its names, tables, daemons and run are those of the whole.
  let trace: Trace
  /// Client trace of the whole by client trace here.
  private let clients: [Int]
  /// Record of the whole by client trace and record here; nil where all records are taken.
  private let records: [[Int]]?

  /// The sessions recorded at one layer.
  init(_ whole: Trace, _ layer: Layer) {
    clients = whole.clients.indices.filter { whole.clients[$0].layer == layer }
    records = nil
    trace = clients.count == whole.clients.count ? whole : whole.part(clients.map { whole.clients[$0] })
  }

  /// These sessions, or some of their records: `trace` holds copies of them.
  init(_ trace: Trace, clients: [Int], records: [[Int]]?) {
    self.trace = trace
    self.clients = clients
    self.records = records
  }

  /// The same line in the whole.
  func original(_ evidence: Evidence) -> Evidence {
    guard case .client(let client, let record) = evidence else { return evidence }
    return .client(clients[client], records?[client][record] ?? record)
  }
}
