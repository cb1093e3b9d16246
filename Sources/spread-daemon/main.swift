// spread: the daemon. Options, then a plan, then the launch.

import Logging
import SpreadPlatform

func fail(_ lines: [String], code: Int32) -> Never {
  Terminal.error(lines.enumerated().map { $0.offset == 0 ? "spread: \($0.element)" : "        \($0.element)" })
  System.exit(code)
}

func start(_ options: Options) throws(LaunchFailure) {
  let sink = LogSink()
  let log = Logger(label: "spread", factory: { _ in LogOutput(sink) })
  let plan = try LaunchPlan.make(options)
  if options.sessionLog {
    log.warning(
      "-l y: the session log file is not written yet; connects and disconnects are in this log",
      metadata: ["event": "session-log.missing"])
  }
  try Launch(plan: plan, log: log, sink: sink).run()
}

do throws(Options.Failure) {
  let options = try Options(Array(CommandLine.arguments.dropFirst()))
  if options.wantsHelp {
    Terminal.print(Options.helpText)
  } else if options.wantsVersion {
    Terminal.print(Options.versionText)
  } else {
    do throws(LaunchFailure) {
      try start(options)
    } catch {
      fail(error.lines, code: 1)
    }
  }
} catch {
  fail([error.message, "Try: spread --help"], code: 2)
}
