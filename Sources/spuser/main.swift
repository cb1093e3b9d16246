// spuser, and sptuser when called by that name: a user's session with a daemon (tools, "spuser and sptuser").

import ToolSupport

switch Options.parse(CommandLine.arguments) {
case .text(let text):
  say(text)
case .run(let options):
  User.connect(options).run()
}
