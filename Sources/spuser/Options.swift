// The command line of spuser and sptuser (tools, "spuser and sptuser"): the stock options, compared by their first two
// characters with the value in the next argument, and a longer `--help`.

import ToolSupport

struct Options {
  var user = "user"
  var address = "4803"
  /// sptuser: a thread receives all the time, so the commands r p e d do not exist.
  let threaded: Bool

  enum Parsed {
    case run(Options)
    /// Text to print before ending with exit code 0, as stock does for a wrong option as well.
    case text(String)
  }

  static func parse(_ arguments: [String]) -> Parsed {
    var rest = Arguments(arguments, otherwise: "spuser")
    let program = rest.program
    var options = Options(threaded: program == "sptuser")
    while let option = rest.next() {
      if option.asksForHelp { return .text(help(program)) }
      switch String(option.prefix(2)) {
      case "-r":
        options.user = ""  // the daemon invents a name
      case "-u":
        guard let value = rest.next() else { return .text(usage(program)) }
        options.user = value
      case "-s":
        guard let value = rest.next() else { return .text(usage(program)) }
        options.address = value
      case "-n", "-p":
        // Taken for the sake of old command lines; a password has no effect, as in stock's usual build.
        guard rest.next() != nil else { return .text(usage(program)) }
      default:
        return .text(usage(program))
      }
    }
    return .run(options)
  }

  static func usage(_ program: String) -> String {
    """
    Usage: \(program) [-s ADDRESS] [-u NAME | -r] [-n NAME -p PASSWORD]
    \t-s ADDRESS   the daemon: PORT or PORT@HOST (4803)
    \t-u NAME      private name, unique at that daemon, at most 10 characters (user)
    \t-r           let the daemon invent a name
    \t-n, -p       accepted, without effect
    \t--help       more, with examples

    """
  }

  static func help(_ program: String) -> String {
    usage(program) + """

      A session with a Spread daemon by hand: join groups, send messages, see what arrives and who comes and goes.

      Two people talking, each in a terminal of their own:
        \(program) -u alice          then:  j chat
        \(program) -u bob            then:  j chat
        and in either:          s chat, Enter, the message, Enter

      Over the network, to the daemon of another machine:
        \(program) -u carol -s 4803@host.example.org

      To one client only, by the private group that every received message shows:
        s #bob#localhost

      From a script (commands and messages are lines of the standard input):
        printf 's chat\\nhello\\nq\\n' | \(program) -u script

      Addresses: PORT alone means the unix socket /tmp/PORT of this machine, PORT@HOST means TCP.
      spuser shows what arrives whenever it arrives; d stops that, then r waits for one message and p asks how many
      bytes wait; e starts it again. sptuser receives in a thread of its own and has no r, p, e, d.
      Exit code 0 in all cases, also without a daemon: the last lines say why it ended.

      """
  }
}
