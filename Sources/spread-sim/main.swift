// spread-sim: runs seeds of the simulator. See `spread-sim --help`.

import SpreadCheck
import SpreadSim

var from: UInt64 = 1
var count: UInt64 = 20
var arguments = Array(CommandLine.arguments.dropFirst())
var verbose = false
var dump: String?
while let argument = arguments.first {
  arguments.removeFirst()
  switch argument {
  case "--seeds": count = UInt64(arguments.removeFirst())!
  case "--from": from = UInt64(arguments.removeFirst())!
  case "--seed":
    from = UInt64(arguments.removeFirst())!
    count = 1
  case "-v": verbose = true
  case "--dump": dump = arguments.removeFirst()
  default: fatalError(argument)
  }
}
var violations = 0
for seed in from..<from + count {
  let options = Options.drawn(seed)
  let world = World(options)
  world.run()
  let report = Checker.check(world.trace)
  violations += report.violationCount
  if verbose || !report.isClean {
    print("seed \(seed) daemons \(options.daemons) events \(world.events) trace \(world.trace.eventCount) hash \(world.hash) \(report.counts.filter { c in report.violations.contains { $0.property == c.key && !$0.isWarning } }.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" })")
  }
  if let dump {
    for trace in world.trace.daemons where trace.file.hasPrefix(dump) {
      for (i, record) in trace.records.enumerated() { print("\(trace.file):\(i + 1) \(world.trace.line(record, of: trace))") }
    }
    for trace in world.trace.clients where trace.file.hasPrefix(dump) {
      for (i, record) in trace.records.enumerated() { print("\(trace.file):\(i + 1) \(world.trace.line(record, of: trace))") }
    }
  }
  if count == 1 { print(report.text(world.trace)); print(options.lines.joined(separator: "\n")) }
}
print("\(count) seeds, \(violations) violations")
