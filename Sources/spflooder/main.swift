// spflooder: many messages as fast as they go (tools, "spflooder"). Programs parse its lines.

import Glibc
import ToolSupport

switch Options.parse(CommandLine.arguments) {
case .help(let text):
  say(text)
case .wrong(let text):
  say(text)
  exit(1)
case .run(let options):
  var flooder = Flooder(options)
  flooder.run()
}
