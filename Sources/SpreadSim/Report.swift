// What a failing seed says (evs-properties 13): how to repeat it, the property and the lines that prove it, the
// options, the shortest schedule found, and the last events before the proof.

import SpreadCheck

extension Outcome {
  /// - Parameters:
  ///   - command: what repeats the run.
  ///   - saved: where the shortest schedule is.
  public func text(_ command: String, shrunk: Shrunk?, saved: String?) -> String {
    var text = command + "\n"
    text += report.text(trace)
    text += "\noptions:\n" + options.lines.map { "  \($0)" }.joined(separator: "\n") + "\n"
    guard let shrunk else { return text }
    text += "\nshortest schedule for \(shrunk.property) after \(shrunk.repetitions) repetitions: \(shrunk.plan.count) "
    text += "entries, \(shrunk.faults) network faults\n"
    for line in shrunk.scenario.split(separator: "\n") { text += "  \(line)\n" }
    if let saved { text += "saved as \(saved)\n" }
    text += "\n" + shrunk.report.text(shrunk.trace)
    text += "\nlast events:\n" + table(shrunk)
    return text
  }
}

extension Trace {
  /// When the last line of a proof was written.
  func lastTime(_ violation: Violation) -> Int64 {
    violation.evidence.reduce(0) { last, evidence in
      switch evidence {
      case .client(let client, let record): max(last, clients[client].records[record].time)
      case .daemon(let daemon, let record): max(last, daemons[daemon].records[record].time)
      }
    }
  }
}

private func milliseconds(_ time: Int64) -> String {
  let micro = time / 1000
  let rest = String(micro % 1000)
  return "\(micro / 1000)." + String(repeating: "0", count: 3 - rest.utf8.count) + rest + "ms"
}

/// The 50 daemon events before the last line of the proof, one column per daemon.
private func table(_ shrunk: Shrunk) -> String {
  let trace = shrunk.trace
  guard let violation = shrunk.report.violations.first(where: { $0.property == shrunk.property }) else { return "" }
  let end = trace.lastTime(violation)
  var rows: [(time: Int64, daemon: Int, text: String)] = []
  for (number, daemon) in trace.daemons.enumerated() {
    for record in daemon.records where record.time <= end {
      guard let text = brief(record.event, trace) else { continue }
      rows.append((record.time, number, text))
    }
  }
  let names = trace.run.daemons
  let last = rows.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.suffix(50)
  return last.map { _, row in
    let column = names.firstIndex(of: trace.daemons[row.daemon].name) ?? 0
    return "\(milliseconds(row.time))\t" + String(repeating: ".\t", count: column)
      + "\(trace.names[trace.daemons[row.daemon].name]): \(row.text)"
  }.joined(separator: "\n") + "\n"
}

private func brief(_ event: DaemonEvent, _ trace: Trace) -> String? {
  switch event {
  case .start: "starts"
  case .stop: "stops"
  case .left: "has left in order"
  case .configuration(let index):
    "\(trace.configurations[Int(index)].kind) \(trace.configurations[Int(index)].members.map { trace.names[$0] })"
  case .sequence(_, let sequence, let service, _): "makes \(sequence) \(service)"
  case .have(_, let sequence, _): "has \(sequence)"
  case .token(_, let token):
    "token \(token.isOut ? "->" : "<-") seq \(token.sequence) aru \(token.aru) arq \(token.round)"
  case .deliver(_, let sequence, _, let service, let phase): "delivers \(sequence) \(service) \(phase)"
  case .groups(let index): "groups \(trace.tables[Int(index)].state)"
  case .horizon, .session: nil
  }
}
