// flush_user: a user's session with the groups of the Flush layer (tools, "flush_user"). Nothing is received by itself:
// every event needs the command r.

import CSpread
import Glibc
import SpreadABI
import ToolSupport

let usage = """
  Usage: flush_user
  \t[-u <user name>]  : unique (in this machine) user name
  \t[-s <address>]    : either port or port@machine

  """

let help =
  usage + """

    Joins groups whose members agree to each new view (Flush). Commands are read from the standard input.

    Examples:
      flush_user -u alice                a session with the daemon of this machine, port 4803
      flush_user -u bob -s 4803@host1    a session with the daemon of another machine

    """

var user = "user"
var address = "4803"
var arguments = Arguments(CommandLine.arguments, otherwise: "flush_user")
while let option = arguments.next() {
  if option.asksForHelp {
    say(help)
    exit(0)
  }
  let prefix = option.prefix(2)
  guard prefix == "-u" || prefix == "-s", let value = arguments.next() else {
    say(usage)
    exit(0)
  }
  if prefix == "-u" { user = value } else { address = value }
}

var session = FlushUser(user: user, address: address)
session.run()
