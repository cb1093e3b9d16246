// What checkers report: a property by name, what it says, and the trace lines that together prove it broken
// (evs-properties 3, 13).

import SpreadWire

/// One line of a trace.
public enum Evidence: Hashable, Sendable {
  /// Index of the client trace, index of the record.
  case client(Int, Int)
  case daemon(Int, Int)
}

public struct Violation: Sendable {
  /// E.g. `C4.prefix`.
  public var property: String
  public var text: String
  public var evidence: [Evidence]
  /// Something stock may do (evs-properties 11); not counted as a violation.
  public var isWarning: Bool

  public init(property: String, text: String, evidence: [Evidence], isWarning: Bool = false) {
    self.property = property
    self.text = text
    self.evidence = evidence
    self.isWarning = isWarning
  }
}

/// How much is asked for.
public enum Level: Sendable {
  /// What the service levels promise.
  case contract
  /// What stock and we in fact give: FIFO and CAUSAL are totally ordered too.
  case strength
}

public struct CheckOptions: Sendable {
  public var level = Level.strength
  /// RELIABLE messages keep failure atomicity too (E5r): ours hold them back while a ring forms, stock does not.
  public var strictReliable = false
  /// Reports kept for one property; more are only counted.
  public var reportsPerProperty = 5

  public init() {}

  /// The least rank of messages in the total order.
  var orderedRank: Int { level == .strength ? 2 : 3 }
}

public struct Report: Sendable {
  /// The first few of each property, in the order of the checkers.
  public var violations: [Violation] = []
  /// All, by property.
  public var counts: [String: Int] = [:]
  public var violationCount = 0
  public var warningCount = 0
  /// Properties left out because the traces do not say enough, with the reason.
  public var notChecked: [String] = []

  public init() {}

  public var isClean: Bool { violationCount == 0 }
}

/// Collects for one run of the checkers.
final class Findings {
  let trace: Trace
  let options: CheckOptions
  private(set) var report = Report()
  /// Of a part of a trace: what is found goes to the findings of the whole, as broken property and lines of the whole.
  private let outer: (findings: Findings, excerpt: Excerpt, prefix: String)?

  init(_ trace: Trace, _ options: CheckOptions) {
    self.trace = trace
    self.options = options
    outer = nil
  }

  /// For `excerpt` of the trace of `findings`. `prefix` says of which property what is found is a part.
  init(_ excerpt: Excerpt, in findings: Findings, prefix: String = "") {
    trace = excerpt.trace
    options = findings.options
    outer = (findings, excerpt, prefix)
  }

  func fail(_ property: String, _ text: @autoclosure () -> String, _ evidence: [Evidence]) {
    add(property, text(), evidence, isWarning: false)
  }

  func warn(_ property: String, _ text: @autoclosure () -> String, _ evidence: [Evidence]) {
    add(property, text(), evidence, isWarning: true)
  }

  func skip(_ text: String) {
    guard let outer else { return report.notChecked.append(text) }
    outer.findings.skip(text)
  }

  private func add(_ property: String, _ text: @autoclosure () -> String, _ evidence: [Evidence], isWarning: Bool) {
    if let outer {
      let lines = evidence.map { outer.excerpt.original($0) }
      return outer.findings.add(outer.prefix + property, text(), lines, isWarning: isWarning)
    }
    if isWarning { report.warningCount += 1 } else { report.violationCount += 1 }
    let count = report.counts[property, default: 0] + 1
    report.counts[property] = count
    guard count <= options.reportsPerProperty else { return }
    report.violations.append(
      Violation(property: property, text: text(), evidence: evidence, isWarning: isWarning))
  }

  func text(_ name: NameID) -> String { trace.names[name] }
  func text(_ id: MessageID) -> String { "\(trace.names[id.sender]):\(id.counter)" }
  func text(_ id: GroupID) -> String { "\(text(id.membership)).\(id.index)" }
  func text(_ id: MembershipID) -> String { "(\(id.process.rawValue), \(id.time))" }
}

extension Trace {
  /// `file:line: {json}`
  public func text(_ evidence: Evidence) -> String {
    switch evidence {
    case .client(let trace, let index):
      let client = clients[trace]
      let record = client.records[index]
      return "\(client.file):\(record.line): \(line(record, of: client))"
    case .daemon(let trace, let index):
      let daemon = daemons[trace]
      let record = daemon.records[index]
      return "\(daemon.file):\(record.line): \(line(record, of: daemon))"
    }
  }
}

extension Report {
  /// Everything kept, for people: one block a violation, then the properties that were left out.
  public func text(_ trace: Trace) -> String {
    var text = ""
    for violation in violations {
      text += "\(violation.isWarning ? "warning " : "")\(violation.property): \(violation.text)\n"
      for line in violation.evidence { text += "    \(trace.text(line))\n" }
    }
    for (property, count) in counts.sorted(by: { $0.key < $1.key }) {
      let shown = violations.filter { $0.property == property }.count
      if count > shown { text += "\(property): \(count - shown) more\n" }
    }
    for reason in notChecked { text += "not checked: \(reason)\n" }
    return text
  }
}
