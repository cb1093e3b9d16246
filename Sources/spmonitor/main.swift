// spmonitor: watches and commands the daemons of a ring (monitor).

import Glibc
import ToolSupport

switch Options.parse(CommandLine.arguments) {
case .help(let text):
  say(text)
case .wrong(let text):
  complain(text)
  exit(2)
case .run(let options):
  do throws(Daemons.Failure) {
    let daemons = try Daemons(options)
    if options.once { exit(Once(daemons: daemons, options: options).run()) }
    var menu = Menu(daemons, interval: options.interval)
    menu.run()
  } catch {
    complain(error.lines.map { "spmonitor: \($0)\n" }.joined())
    exit(1)
  }
}
