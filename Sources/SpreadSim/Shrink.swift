// The smallest schedule that still breaks the same property (evs-properties 13): the run is repeated with parts of its
// plan, of the network's faults and of its options left out. Faults are named by key, so leaving one out does not shift
// the rest. What remains is a scenario (`Shrunk.scenario`).

import SpreadCheck

public struct Shrunk {
  public var property: String
  public var options: Options
  public var plan: [PlanEntry]
  /// Faults of the network that are still needed.
  var decisions: [Decision]
  public var repetitions: Int
  public var report: Report
  public var trace: Trace

  public var faults: Int { decisions.count }
}

private struct Shrinker {
  let property: String
  let limit: Int
  let mayGoOn: () -> Bool
  var repetitions = 0

  var options: Options
  var plan: [PlanEntry]
  /// All decisions seen, and those left out.
  var decisions: [Decision] = []
  var suppressed: Set<UInt64> = []
  var best: (report: Report, trace: Trace)?

  var isOver: Bool { repetitions >= limit || !mayGoOn() }

  /// Whether the property is still violated; then this becomes the schedule.
  @discardableResult
  mutating func tries(_ options: Options? = nil, _ plan: [PlanEntry]? = nil, without: Set<UInt64> = []) -> Bool {
    guard !isOver else { return false }
    repetitions += 1
    let options = options ?? self.options
    let plan = plan ?? self.plan
    let suppressed = self.suppressed.union(without)
    let world = World(options, plan: plan, .without(suppressed), recordsDecisions: true)
    world.run()
    let report = world.judge()
    guard report.violations.contains(where: { $0.property == property && !$0.isWarning }) else { return false }
    (self.options, self.plan, self.suppressed) = (options, plan, suppressed)
    self.options.end = world.now
    decisions = world.network.decisions
    best = (report, world.trace)
    return true
  }

  /// Nothing after the proof matters, unless the proof is that something did not happen until the end.
  mutating func endEarly() {
    guard let best, let violation = best.report.violations.first(where: { $0.property == property }) else { return }
    var shorter = options
    shorter.end = min(options.end, UInt64(best.trace.lastTime(violation)) + Options.second)
    let plan = plan.filter { $0.time <= shorter.end }
    if shorter.end < options.end { tries(shorter, plan) }
  }

  /// Leaves out ever smaller parts of a list.
  private mutating func reduce<T>(_ list: KeyPath<Shrinker, [T]>, _ leaveOut: (inout Shrinker, Range<Int>) -> Bool) {
    var size = max(self[keyPath: list].count / 2, 1)
    while !isOver {
      var at = 0
      while at < self[keyPath: list].count, !isOver {
        let end = min(at + size, self[keyPath: list].count)
        if !leaveOut(&self, at..<end) { at = end }
      }
      if size == 1 { break }
      size /= 2
    }
  }

  mutating func reducePlan() {
    reduce(\.plan) { $0.tries(nil, Array($0.plan[..<$1.lowerBound] + $0.plan[$1.upperBound...])) }
  }

  mutating func reduceDecisions() {
    reduce(\.decisions) { $0.tries(without: Set($0.decisions[$1].map(\.key))) }
  }

  /// Each option that was drawn becomes what it is when nothing is drawn.
  mutating func simplifyOptions() {
    var plain = Options(seed: options.seed)
    plain.delayMean = 0
    let shape = [
      "seed", "daemons", "end", "quiet", "bound", "clientsPerDaemon", "groups", "flushClients", "flushGroups", "absent",
      "core", "corrupt",
    ]
    for field in Options.fields where !shape.contains(field.name) {
      let text = field.text(plain)
      guard field.text(options) != text else { continue }
      var simpler = options
      if field.read(text, &simpler) { tries(simpler) }
    }
  }

  /// Daemons that need not be there.
  mutating func leaveOutDaemons() {
    for daemon in 0..<options.daemons where !options.absent.contains(daemon) && !options.core.contains(daemon) {
      var fewer = options
      fewer.absent = (options.absent + [daemon]).sorted()
      tries(fewer, plan.filter { $0.action.client.map { $0 % options.daemons } != daemon })
    }
  }
}

/// Nil when the property does not fail again. `mayGoOn` ends the search early.
public func shrink(
  _ options: Options, _ property: String, limit: Int = 2000, while mayGoOn: @escaping () -> Bool = { true }
) -> Shrunk? {
  var shrinker = Shrinker(
    property: property, limit: limit, mayGoOn: mayGoOn, options: options, plan: options.plan())
  guard shrinker.tries() else { return nil }
  shrinker.endEarly()
  for family in ["slow", "wall", "pause", "disconnect", "churn", "crash", "retire", "stall", "cut", "send"] {
    let rest = shrinker.plan.filter { $0.action.family != family }
    if rest.count != shrinker.plan.count { shrinker.tries(nil, rest) }
  }
  shrinker.tries(without: Set(shrinker.decisions.map(\.key)))
  shrinker.leaveOutDaemons()
  for client in 0..<options.daemons * options.clientsPerDaemon {
    let rest = shrinker.plan.filter { $0.action.client != client }
    if rest.count != shrinker.plan.count { shrinker.tries(nil, rest) }
  }
  shrinker.endEarly()
  shrinker.reducePlan()
  shrinker.reduceDecisions()
  shrinker.simplifyOptions()
  shrinker.endEarly()
  shrinker.reducePlan()
  guard let best = shrinker.best else { return nil }
  return Shrunk(
    property: property, options: shrinker.options, plan: shrinker.plan, decisions: shrinker.decisions,
    repetitions: shrinker.repetitions, report: best.report, trace: best.trace)
}

extension Options {
  /// The whole run as a scenario without an expectation: also what compat-tests/ring/run.py tries on real daemons.
  public var schedule: String {
    let world = ["world \(daemons)"] + words(beside: Scenario.options(daemons))
    let lines = [world.joined(separator: " ")] + plan().map { "at \(timeText($0.time)) \($0.action.text)" }
    return lines.joined(separator: "\n") + "\nrun \(timeText(end))\n\(endsSettled ? "check settled" : "check")\n----\n"
  }
}

extension Shrunk {
  /// The schedule as a scenario; run it to have its expectation filled in.
  public var scenario: String {
    let violation = report.violations.first { $0.property == property }
    let world = ["world \(options.daemons)"] + options.words(beside: Scenario.options(options.daemons))
    var lines = ["# Seed \(hexadecimal(options.seed)), \(property): \(violation?.text ?? "")"]
    lines += [world.joined(separator: " "), "faults"]
    lines += decisions.map { "fault " + $0.text(daemons: options.daemons) }
    lines += plan.map { "at \(timeText($0.time)) \($0.action.text)" }
    lines += ["run \(timeText(options.end))", options.endsSettled ? "check settled" : "check", "----"]
    return lines.joined(separator: "\n") + "\n"
  }
}
