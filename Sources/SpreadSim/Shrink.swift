// The smallest schedule that still breaks the same property (evs-properties 13): the run is repeated with parts of its
// plan and of the network's decisions left out. Decisions are named by key, so leaving one out does not shift the rest.

import SpreadCheck

public struct Shrunk {
  public var options: Options
  public var plan: [PlanEntry]
  /// Network faults that are still needed.
  public var decisions: Int
  public var repetitions: Int
  public var report: Report
  public var trace: Trace
}

private struct Shrinker {
  let options: Options
  let property: String
  let limit: Int
  var repetitions = 0
  var plan: [PlanEntry]
  /// All decisions seen, and those left out.
  var decisions: [UInt64] = []
  var suppressed: Set<UInt64> = []
  var best: (report: Report, trace: Trace)?

  /// Whether the property is still violated; then this becomes the schedule.
  mutating func tries(_ plan: [PlanEntry], _ suppressed: Set<UInt64>) -> Bool {
    guard repetitions < limit else { return false }
    repetitions += 1
    let world = World(options, plan: plan, suppressed: suppressed, recordsDecisions: true)
    world.run()
    let report = Checker.check(world.trace)
    guard report.violations.contains(where: { $0.property == property && !$0.isWarning }) else { return false }
    self.plan = plan
    self.suppressed = suppressed
    decisions = world.network.decisions.map(\.key)
    best = (report, world.trace)
    return true
  }

  /// Leaves out ever smaller parts.
  mutating func reducePlan() {
    var size = max(plan.count / 2, 1)
    while size >= 1, repetitions < limit {
      var at = 0
      while at < plan.count, repetitions < limit {
        let end = min(at + size, plan.count)
        if !tries(Array(plan[..<at] + plan[end...]), suppressed) { at = end }
      }
      if size == 1 { break }
      size /= 2
    }
  }

  mutating func reduceDecisions() {
    var size = max(decisions.count, 1)
    while size >= 1, repetitions < limit {
      var at = 0
      while at < decisions.count, repetitions < limit {
        let end = min(at + size, decisions.count)
        if !tries(plan, suppressed.union(decisions[at..<end])) { at = end }
      }
      if size == 1 { break }
      size /= 2
    }
  }
}

/// Nil when the property does not fail again.
public func shrink(_ options: Options, _ property: String, limit: Int = 400) -> Shrunk? {
  var shrinker = Shrinker(options: options, property: property, limit: limit, plan: options.plan())
  guard shrinker.tries(shrinker.plan, []) else { return nil }
  let families = ["slow", "wall", "pause", "disconnect", "churn", "crash", "retire", "cut", "send"]
  for family in families { _ = shrinker.tries(shrinker.plan.filter { $0.action.family != family }, shrinker.suppressed) }
  _ = shrinker.tries(shrinker.plan, shrinker.suppressed.union(shrinker.decisions))
  for client in 0..<options.daemons * options.clientsPerDaemon {
    let rest = shrinker.plan.filter { $0.action.client != client }
    if rest.count != shrinker.plan.count { _ = shrinker.tries(rest, shrinker.suppressed) }
  }
  shrinker.reducePlan()
  shrinker.reduceDecisions()
  guard let best = shrinker.best else { return nil }
  return Shrunk(
    options: options, plan: shrinker.plan, decisions: shrinker.decisions.count, repetitions: shrinker.repetitions,
    report: best.report, trace: best.trace)
}
