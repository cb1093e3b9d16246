// spread: the daemon. Options, then a plan, then the launch (configuration 1 and 9).

import SpreadPlatform

func fail(_ lines: [String], code: Int32) -> Never {
  Terminal.error(
    lines.enumerated().map { $0.offset == 0 ? "spread: \($0.element)" : "  \($0.element)" }.joined(separator: "\n"))
  System.exit(code)
}

/// --check: what the configuration amounts to. Which daemon this machine runs is told, but is no error: the file may
/// be checked anywhere.
func check(_ plan: LaunchPlan) {
  for finding in plan.warnings { Terminal.error(finding.description) }
  Terminal.print(plan.configuration.checkReport(fileName: plan.file ?? "built-in configuration", own: plan.own))
}

/// --against: exit status 1 when daemons with the two files do not find each other.
func compare(_ plan: LaunchPlan, _ options: Options, with file: String) throws(LaunchFailure) {
  var other = options
  other.configurationFile = file
  let (name, ours) = (plan.file ?? "the built-in configuration", plan.configuration)
  let theirs = try LaunchPlan.make(other).configuration
  Terminal.print("\n" + ours.comparison(name, with: theirs, file))
  if ours.hash != theirs.hash { System.exit(1) }
}

func run(_ options: Options) throws(LaunchFailure) {
  if options.wantsHelp { return Terminal.print(Options.helpText) }
  if options.wantsVersion { return Terminal.print(Options.versionText) }
  let plan = try LaunchPlan.make(options)
  if options.wantsCheck {
    check(plan)
    if let file = options.comparedFile { try compare(plan, options, with: file) }
    return
  }
  let launch = try Launch(plan, logFormat: options.logFormat, sessionLog: options.sessionLog)
  try launch.run()
}

do throws(Options.Failure) {
  let options = try Options(System.arguments)
  do throws(LaunchFailure) {
    try run(options)
  } catch {
    fail(error.lines, code: 1)
  }
} catch {
  fail([error.message, "Try: spread --help"], code: 2)
}
