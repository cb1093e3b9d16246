// spread-sim: runs seeds of the simulator and checks them (evs-properties 12, 13).

import Glibc
import SpreadCheck
import SpreadCore
import SpreadFlush
import SpreadSim

let help = """
  Usage: spread-sim [--seeds N] [--from S]        many seeds; failing ones are told in one line each
         spread-sim --seed X                      one seed; a violation is shrunk and told in full
         spread-sim --seed X --print-schedule     the run as a scenario, for compat-tests/ring/run.py --schedule too
         spread-sim --scenarios [--rewrite] FILE...   compares, or writes anew, what scenarios print
         spread-sim --bugs [--bug NAME] [--seeds N] [--scenarios FILE...]   each planted bug with up to N seeds, then
                                                  with the scenarios (builds with SPREAD_BUGS only)
         spread-sim --planted NAME ...            any of these with a planted bug (builds with SPREAD_BUGS only)
         spread-sim --measure                     virtual seconds per second of processor, 5 daemons under load

  Runs:    --corrupt        datagrams are damaged: only "no daemon stops, no session is lost, all come together" is
                            checked
           --core           some daemons stay together in the end, everything else is broken for ever
                            (without the flag: in one run of twenty)
  Output:  -v               a line for every seed          --dump PREFIX   trace lines of the files that begin so
           --no-shrink      do not look for the shortest schedule
           --minutes M      look for it so long (5)        --save DIR      writes it there as a scenario

  The last line is "n seeds, v violations"; exit status 1 when there are any.

  Examples:
    spread-sim --seeds 500 --from 20001        spread-sim --seed 13712 --save /var/tmp
    spread-sim --corrupt --seeds 1000          spread-sim --scenarios Tests/Scenarios/stale-arq.txt
  """

struct Arguments {
  var seeds: UInt64 = 100
  var from: UInt64 = 1
  var single: UInt64?
  var printsSchedule = false
  var shrinks = true
  var minutes: UInt64 = 5
  var save: String?
  var verbose = false
  var bugs = false
  var measures = false
  var onlyBug: String?
  var planted: String?
  var dump: String?
  var scenarios: [String]?
  var rewrites = false
  var flavour = Flavour.usual

  init() {
    var rest = CommandLine.arguments.dropFirst()
    func fail(_ text: String) -> Never {
      print("spread-sim: \(text)")
      exit(2)
    }
    func next(_ option: String) -> String {
      guard let value = rest.popFirst() else { fail("\(option) wants a value; see spread-sim --help") }
      return value
    }
    func number(_ option: String) -> UInt64 {
      let text = next(option)
      let value = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
      guard let value else { fail("\(option) wants a number, not \(text)") }
      return value
    }
    while let option = rest.popFirst() {
      switch option {
      case "--help", "-h":
        print(help)
        exit(0)
      case "--seeds": seeds = number(option)
      case "--from": from = number(option)
      case "--seed": single = number(option)
      case "--no-shrink": shrinks = false
      case "--print-schedule": printsSchedule = true
      case "--minutes": minutes = number(option)
      case "--save": save = next(option)
      case "--corrupt": flavour = .corrupt
      case "--core": flavour = .core
      case "-v": verbose = true
      case "--bugs": bugs = true
      case "--bug": onlyBug = next(option)
      case "--planted": planted = next(option)
      case "--measure": measures = true
      case "--scenarios": scenarios = []
      case "--rewrite": rewrites = true
      case "--dump": dump = next(option)
      case _ where scenarios != nil && !option.hasPrefix("-"): scenarios?.append(option)
      default: fail("unknown option \(option); see spread-sim --help")
      }
    }
    if !Options.unlisted.isEmpty { fail("options without a name in OptionText: \(Options.unlisted)") }
  }

  /// What repeats a run.
  func command(_ seed: UInt64) -> String {
    let flag = flavour == .usual ? "" : " OPTS=--\(flavour)"
    return "make sim SEED=\(hexadecimal(seed))\(flag)\(planted.map { "   (planted bug \($0))" } ?? "")"
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
    running = seed
    let outcome = runSeed(seed, .drawn(seed, arguments.flavour))
    violations += outcome.report.violationCount
    if arguments.verbose || !outcome.report.isClean { tell(outcome.line) }
  }
  print("\(arguments.seeds) seeds, \(violations) violations")
  return violations == 0
}

func runOne(_ seed: UInt64) -> Bool {
  running = seed
  let outcome = runSeed(seed, .drawn(seed, arguments.flavour))
  if let dump = arguments.dump { print(lines(outcome.trace, dump)) }
  print(outcome.line)
  if !outcome.report.isClean {
    let shrunk = arguments.shrinks ? outcome.properties.first.flatMap { shortest(outcome, $0) } : nil
    let saved = shrunk.flatMap(saved)
    print(outcome.text(arguments.command(seed), shrunk: shrunk, saved: saved))
  }
  print("1 seeds, \(outcome.report.violationCount) violations")
  return outcome.report.isClean
}

func shortest(_ outcome: Outcome, _ property: String) -> Shrunk? {
  let start = time(nil)
  return shrink(outcome.options, property) { time(nil) - start < Int(arguments.minutes) * 60 }
}

/// Writes the schedule as a scenario with what it prints now.
func saved(_ shrunk: Shrunk) -> String? {
  guard let directory = arguments.save else { return nil }
  var text = shrunk.scenario
  do throws(ScenarioError) {
    text = try runScenario(text)
  } catch {
    tell("the shortest schedule is no scenario: \(error)")
  }
  let path = "\(directory)/\(hexadecimal(shrunk.options.seed))-\(shrunk.property).txt"
  guard let file = fopen(path, "w") else {
    tell("\(path) cannot be written")
    return nil
  }
  fputs(text, file)
  fclose(file)
  return path
}

/// The seed that runs, for the message of a trap.
nonisolated(unsafe) var running: UInt64 = 0

/// A trap says which seed it was.
func tellSeedOfTraps() {
  for number in [SIGILL, SIGTRAP, SIGSEGV, SIGABRT] {
    signal(number) { number in
      var digits = [UInt8](repeating: 0x20, count: 21)
      var rest = running
      var at = 19
      repeat {
        digits[at] = 0x30 + UInt8(rest % 10)
        (rest, at) = (rest / 10, at - 1)
      } while rest > 0
      digits[20] = 0x0a
      _ = write(2, "spread-sim: trapped in seed", 27)
      _ = write(2, digits, digits.count)
      signal(number, SIG_DFL)
      raise(number)
    }
  }
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
  for (name, floor, mean, rate) in [
    ("light", 0.01, 0.01, 0.5), ("medium", 0.002, 0.002, 4.0), ("heavy", 0.0005, 0.0005, 20.0),
  ] {
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
  /// Those of the core and those of the Flush layer.
  let bugNames = Bug.allCases.map(\.rawValue) + FlushBug.allCases.map(\.rawValue)

  func plant(_ name: String) {
    plantedBug = Bug(rawValue: name)
    plantedFlushBug = FlushBug(rawValue: name)
    if plantedBug != nil || plantedFlushBug != nil { return }
    print("spread-sim: no bug \(name); there are \(bugNames.joined(separator: " "))")
    exit(2)
  }

  /// For a bug that no seed meets: the first scenario that prints something else than it says.
  func differing(_ paths: [String]) -> String? {
    for path in paths {
      guard let text = read(path), let printed = try? runScenario(text), printed != text else { continue }
      return "by \(arguments.seeds) seeds not, by the scenario \(path)"
    }
    return nil
  }

  func runBugs() -> Bool {
    var missed = 0
    let names = arguments.onlyBug.map { [$0] } ?? bugNames
    for name in names {
      plant(name)
      var caught: String?
      for seed in 1...arguments.seeds {
        running = seed
        let outcome = runSeed(seed)
        guard !outcome.report.isClean else { continue }
        caught = "seed \(seed) by \(outcome.properties.joined(separator: " "))"
        break
      }
      if caught == nil { caught = arguments.scenarios.flatMap(differing) }
      tell("\(name): \(caught ?? "not caught")")
      if caught == nil { missed += 1 }
    }
    print("\(names.count) bugs, \(missed) not caught within \(arguments.seeds) seeds")
    return missed == 0
  }
#else
  func plant(_ name: String) {
    print("spread-sim: this build contains no bugs; see make bugbank")
    exit(2)
  }

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

tellSeedOfTraps()
if let name = arguments.planted { plant(name) }
let isGood: Bool
if arguments.bugs {
  isGood = runBugs()
} else if let scenarios = arguments.scenarios {
  isGood = runScenarios(scenarios)
} else if arguments.measures {
  measure()
  isGood = true
} else if arguments.printsSchedule {
  let seed = arguments.single ?? arguments.from
  print(runSeed(seed, Options.drawn(seed, arguments.flavour)).options.schedule, terminator: "")
  isGood = true
} else if let seed = arguments.single {
  isGood = runOne(seed)
} else {
  isGood = runMany()
}
exit(isGood ? 0 : 1)
