// spread-sim: runs seeds of the simulator and checks them (evs-properties 12, 13).
//
//   spread-sim --seeds N [--from S]   many seeds; failing ones are told in one line each
//   spread-sim --seed X [--no-shrink] one seed; a violation is told in full
//   spread-sim --bugs [--seeds N]     each planted bug with up to N seeds (only in builds with SPREAD_BUGS)
//   spread-sim --dump PREFIX --seed X the trace lines of files that begin so
//   spread-sim --scenarios [--rewrite] FILE ...   compares, or writes anew, what scenarios print
//   spread-sim --measure              virtual seconds per second of processor, 5 daemons under load
//
// The last line is "n seeds, v violations"; exit status 1 when there are any.

import Glibc
import SpreadCheck
import SpreadCore
import SpreadSim


struct Arguments {
  var seeds: UInt64 = 100
  var from: UInt64 = 1
  var single: UInt64?
  var shrinks = true
  var verbose = false
  var bugs = false
  var measures = false
  var onlyBug: String?
  var dump: String?
  var scenarios: [String]?
  var rewrites = false

  init() {
    var rest = CommandLine.arguments.dropFirst()
    func fail(_ text: String) -> Never {
      print("spread-sim: \(text)")
      exit(2)
    }
    func next(_ option: String) -> String {
      guard let value = rest.popFirst() else { fail("\(option) wants a value") }
      return value
    }
    func number(_ option: String) -> UInt64 {
      let text = next(option)
      let value = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
      guard let value else { fail("\(option): \(text) is no number") }
      return value
    }
    while let option = rest.popFirst() {
      switch option {
      case "--seeds": seeds = number(option)
      case "--from": from = number(option)
      case "--seed": single = number(option)
      case "--no-shrink": shrinks = false
      case "-v": verbose = true
      case "--bugs": bugs = true
      case "--bug": onlyBug = next(option)
      case "--measure": measures = true
      case "--scenarios": scenarios = []
      case "--rewrite": rewrites = true
      case "--dump": dump = next(option)
      case _ where scenarios != nil && !option.hasPrefix("-"): scenarios?.append(option)
      default: fail("unknown option \(option); see the top of Sources/spread-sim/main.swift")
      }
    }
  }
}

let arguments = Arguments()

/// At once, also into a pipe.
func tell(_ line: String) {
  print(line)
  fflush(nil)
}

func runMany() -> Bool {
  var violations = 0
  for seed in arguments.from..<arguments.from + arguments.seeds {
    let outcome = runSeed(seed)
    violations += outcome.report.violationCount
    if arguments.verbose || !outcome.report.isClean { tell(outcome.line) }
  }
  print("\(arguments.seeds) seeds, \(violations) violations")
  return violations == 0
}

func runOne(_ seed: UInt64) -> Bool {
  let outcome = runSeed(seed)
  if let dump = arguments.dump { print(lines(outcome.trace, dump)) }
  print(outcome.line)
  if !outcome.report.isClean {
    let shrunk = arguments.shrinks ? outcome.properties.first.flatMap { shrink(outcome.options, $0) } : nil
    print(outcome.text(shrunk: shrunk))
  }
  print("1 seeds, \(outcome.report.violationCount) violations")
  return outcome.report.isClean
}

func lines(_ trace: Trace, _ prefix: String) -> String {
  var text = ""
  for file in trace.daemons where file.file.hasPrefix(prefix) {
    for (i, record) in file.records.enumerated() { text += "\(file.file):\(i + 1) \(trace.line(record, of: file))\n" }
  }
  for file in trace.clients where file.file.hasPrefix(prefix) {
    for (i, record) in file.records.enumerated() { text += "\(file.file):\(i + 1) \(trace.line(record, of: file))\n" }
  }
  return text
}

func measure() {
  for (name, floor, mean, rate) in [("light", 0.01, 0.01, 0.5), ("medium", 0.002, 0.002, 4.0), ("heavy", 0.0005, 0.0005, 20.0)] {
    var options = Options(seed: 1)
    options.daemons = 5
    options.clientsPerDaemon = 4
    options.sendRate = rate
    options.delayFloor = floor
    options.delayMean = mean
    options.end = 120 * Options.second
    options.quiet = 100 * Options.second
    let start = clock()
    let world = World(options)
    world.run()
    let middle = clock()
    let report = Checker.check(world.trace)
    let end = clock()
    func seconds(_ a: Int, _ b: Int) -> Double { Double(b - a) / Double(CLOCKS_PER_SEC) }
    let run = seconds(start, middle)
    print(
      "\(name): \(Int(Double(options.end / Options.second) / run)) virtual seconds a second, "
        + "\(Int(run * 1e9 / Double(world.events))) ns an event, \(world.events) events, "
        + "\(Int(20 * rate)) messages a second, checkers \(Int(seconds(middle, end) * 1000)) ms of "
        + "\(Int(seconds(start, end) * 1000)), \(report.violationCount) violations")
  }
}

#if SPREAD_BUGS
  func runBugs() -> Bool {
    var missed = 0
    for bug in Bug.allCases where arguments.onlyBug == nil || bug.rawValue == arguments.onlyBug {
      plantedBug = bug
      var caught: String?
      for seed in 1...arguments.seeds {
        let outcome = runSeed(seed)
        guard !outcome.report.isClean else { continue }
        caught = "seed \(seed) by \(outcome.properties.joined(separator: " "))"
        break
      }
      tell("\(bug.rawValue): \(caught ?? "not caught")")
      if caught == nil { missed += 1 }
    }
    plantedBug = nil
    print("\(Bug.allCases.count) bugs, \(missed) not caught within \(arguments.seeds) seeds")
    return missed == 0
  }
#else
  func runBugs() -> Bool {
    print("spread-sim: this build contains no bugs to be found; see make bugbank")
    return false
  }
#endif

func read(_ path: String) -> String? {
  guard let file = fopen(path, "r") else { return nil }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  while true {
    let byte = fgetc(file)
    if byte == EOF { break }
    bytes.append(UInt8(truncatingIfNeeded: byte))
  }
  return String(decoding: bytes, as: UTF8.self)
}

func runScenarios(_ paths: [String]) -> Bool {
  var failures = 0
  for path in paths {
    guard let text = read(path) else {
      tell("\(path): cannot be read")
      failures += 1
      continue
    }
    do throws(ScenarioError) {
      let printed = try runScenario(text)
      guard printed != text else { continue }
      if arguments.rewrites, let file = fopen(path, "w") {
        fputs(printed, file)
        fclose(file)
        tell("\(path): written anew")
      } else {
        failures += 1
        let (old, new) = (text.split(separator: "\n", omittingEmptySubsequences: false),
          printed.split(separator: "\n", omittingEmptySubsequences: false))
        let at = zip(old, new).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(old.count, new.count)
        tell("\(path):\(at + 1): expected: \(at < old.count ? old[at] : "nothing more")")
        tell("\(path):\(at + 1):  printed: \(at < new.count ? new[at] : "nothing more")")
      }
    } catch {
      tell("\(path): \(error)")
      failures += 1
    }
  }
  tell("\(paths.count) scenarios, \(failures) failures")
  return failures == 0
}

let isGood: Bool
if let scenarios = arguments.scenarios {
  isGood = runScenarios(scenarios)
} else if arguments.measures {
  measure()
  isGood = true
} else if arguments.bugs {
  isGood = runBugs()
} else if let seed = arguments.single {
  isGood = runOne(seed)
} else {
  isGood = runMany()
}
exit(isGood ? 0 : 1)
