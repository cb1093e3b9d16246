// The command line of spmonitor: stock's options (monitor 8), and what scripts need.

import ToolSupport

struct Options {
  /// Our own UDP port; nil: 6543, for a single question any free one from there on.
  var port: UInt16?
  /// The configured daemon on whose machine we are; nil: the first that has a local address.
  var name: String?
  /// Seconds between questions for the status.
  var interval = 10
  var file: String?
  var once = false
  var json = false
  /// Seconds to wait for answers (--once).
  var timeout = 2
  /// Daemons to ask (--once); none: all.
  var daemons: [String] = []

  static let defaultPort: UInt16 = 6543

  enum Parsed {
    case run(Options)
    case help(String)
    case wrong(String)
  }

  static func parse(_ arguments: [String]) -> Parsed {
    var rest = Arguments(arguments, otherwise: "spmonitor")
    var options = Options()
    while let option = rest.next() {
      if option.asksForHelp { return .help(help) }
      if let complaint = options.take(option, &rest) { return .wrong("Error: \(complaint)\n\n" + usage) }
    }
    if !options.once, options.json || !options.daemons.isEmpty {
      return .wrong("Error: --json and names of daemons go with --once\n\n" + usage)
    }
    return .run(options)
  }

  /// What is wrong with the option, nil when nothing is.
  private mutating func take(_ option: String, _ rest: inout Arguments) -> String? {
    switch option {
    case "-p":
      guard let value = rest.number(in: 1...65535) else { return "-p wants a port, 1 to 65535" }
      port = UInt16(value)
    case "-n":
      guard let value = rest.next(), !value.isEmpty else { return "-n wants the name of a daemon" }
      name = value
    case "-t":
      guard let value = rest.number(in: 1...86_400) else { return "-t wants seconds, 1 to 86400" }
      interval = value
    case "-c":
      guard let value = rest.next(), !value.isEmpty else { return "-c wants a configuration file" }
      file = value
    case "--timeout":
      guard let value = rest.number(in: 1...3600) else { return "--timeout wants seconds, 1 to 3600" }
      timeout = value
    case "--once": once = true
    case "--json": json = true
    default:
      if option.hasPrefix("-") { return "unknown option \(option)" }
      daemons.append(option)
    }
    return nil
  }

  static let usage = """
    Usage: spmonitor [-c FILE] [-n NAME] [-p PORT] [-t SECONDS]
           spmonitor --once [--json] [--timeout SECONDS] [-c FILE] [-n NAME] [-p PORT] [DAEMON...]
    \t-c FILE      the configuration file of the daemons (spread.conf, then /etc/spread.conf)
    \t-n NAME      the configured daemon on this machine (the first that has an address of it)
    \t-p PORT      UDP port of the monitor itself (6543)
    \t-t SECONDS   from one question for the status to the next (10)
    \t--once       ask the named daemons, or all, once, print their status and end
    \t--json       as one JSON object
    \t--timeout S  wait so long for answers (2)
    \t--help       more, with examples

    """

  static let help = usage + """

    Watches and commands the daemons of a ring: their status, the windows of their flow control, partitions for tests,
    termination, reload of the configuration. It must run on the machine of a configured daemon and read the same file,
    because daemons compare its address and its configuration. Without --once it shows a menu.

      spmonitor -c /etc/spread.conf                      the menu
      spmonitor --once                                   the status of all daemons
      spmonitor --once --json | jq '.daemons[].state'    for scripts
      spmonitor --once d1 d2 || echo "somebody is down"

    Partitions, termination and windows need DangerousMonitor = true in the file of the daemons.
    Exit code of --once: 0 all answered, 1 somebody did not, or the start failed, 2 wrong use of the options.

    """
}
