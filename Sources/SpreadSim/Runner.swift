// Runs of seeds and what is told of them (evs-properties 13).

import SpreadCheck
import SpreadCore

/// What came out of one seed.
public struct Outcome {
  public var seed: UInt64
  public var hash: UInt64
  public var events: Int
  public var options: Options
  public var report: Report
  public var trace: Trace

  /// Properties violated, warnings left out.
  public var properties: [String] {
    var names: [String] = []
    for violation in report.violations where !violation.isWarning && !names.contains(violation.property) {
      names.append(violation.property)
    }
    return names.sorted()
  }
}

public func runSeed(_ seed: UInt64, _ options: Options? = nil) -> Outcome {
  var options = options ?? Options.drawn(seed)
  let world = World(options)
  world.run()
  options.end = world.now
  return Outcome(
    seed: seed, hash: world.hash, events: world.events, options: options, report: world.judge(), trace: world.trace)
}

extension World {
  /// What the checkers say of the run.
  func judge() -> Report { options.corrupt > 0 ? judgeDamaged() : Checker.check(trace) }
}

extension Outcome {
  /// One line for a file of continuous runs.
  public var line: String {
    "seed \(seed) daemons \(options.daemons) events \(events) hash \(hexadecimal(hash)) "
      + (properties.isEmpty ? "pass" : properties.joined(separator: " "))
  }
}

public func hexadecimal(_ value: UInt64) -> String {
  let text = String(value, radix: 16)
  return "0x" + String(repeating: "0", count: 16 - text.utf8.count) + text
}
