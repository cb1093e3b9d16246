// spuser, and sptuser when called by that name: a user's session with a daemon (tools, "spuser and sptuser").

switch Options.parse(CommandLine.arguments) {
case .text(let text):
  var out = TextOutput()
  out.put(text)
  out.flush()
case .run(let options):
  User.connect(options).run()
}
