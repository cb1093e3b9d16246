// spping: how long a message to a group and back takes (tools, "spping (5.x)"). Programs parse its lines.

import Glibc
import ToolSupport

switch Options.parse(CommandLine.arguments) {
case .help(let text):
  say(text)
case .wrong(let text):
  complain(text)
  exit(1)
case .run(let options):
  var pinger = Pinger(options)
  pinger.run()
}
