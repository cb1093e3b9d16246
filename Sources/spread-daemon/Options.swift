// The command line (configuration 1): -n, -c and -l as the original daemon has them, and a few of our own.

import SpreadPlatform

struct Options {
  var name: String?
  var configurationFile: String?
  var sessionLog = false
  /// For the built-in configuration only.
  var port: UInt16?
  var user: String?
  var logFormat = LogFormat.text
  var wantsCheck = false
  /// With --check: the file to compare with.
  var comparedFile: String?
  var wantsHelp = false
  var wantsVersion = false

  struct Failure: Error {
    var message: String
    init(_ message: String) {
      self.message = message
    }
  }

  init(_ arguments: [String]) throws(Failure) {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      switch option {
      case "-n": name = try Self.name(Self.value(of: option, &rest))
      case "-c": configurationFile = try Self.value(of: option, &rest)
      case "-l": sessionLog = try Self.yesOrNo(Self.value(of: option, &rest))
      case "--port", "-p": port = try Self.port(Self.value(of: option, &rest))
      case "--user": user = try Self.value(of: option, &rest)
      case "--log-format": logFormat = try Self.logFormat(Self.value(of: option, &rest))
      case "--check": wantsCheck = true
      case "--against": comparedFile = try Self.value(of: option, &rest)
      case "--help", "-h": wantsHelp = true
      case "--version": wantsVersion = true
      default: throw Failure("unknown option '\(option)'")
      }
    }
    if comparedFile != nil, !wantsCheck { throw Failure("--against FILE goes with --check") }
    if configurationFile != nil, port != nil {
      throw Failure("--port is for running without a configuration file; with -c the segment has the port")
    }
  }

  private static func value(of option: String, _ rest: inout ArraySlice<String>) throws(Failure) -> String {
    guard let value = rest.popFirst(), !value.isEmpty else { throw Failure("\(option) needs a value") }
    return value
  }

  private static func name(_ text: String) throws(Failure) -> String {
    guard text.utf8.count <= 19 else { throw Failure("the daemon name '\(text)' is longer than 19 bytes") }
    return text
  }

  private static func yesOrNo(_ text: String) throws(Failure) -> Bool {
    switch text {
    case "y": return true
    case "n": return false
    default: throw Failure("-l takes y or n, not '\(text)'")
    }
  }

  private static func logFormat(_ text: String) throws(Failure) -> LogFormat {
    guard let format = LogFormat(rawValue: text) else {
      throw Failure("--log-format takes text or json, not '\(text)'")
    }
    return format
  }

  private static func port(_ text: String) throws(Failure) -> UInt16 {
    // The ring takes the port after it as well.
    guard let port = UInt16(text), port > 0, port < 65535 else {
      throw Failure("'\(text)' is not a port (1 to 65534)")
    }
    return port
  }

  static let version = "0.1.0"

  static let versionText = """
    spread \(version) (speaks the protocol of Spread 5.0.1)
    """

  static let helpText = """
    spread: the daemon of a group communication system. Programs connect to a daemon on
    their machine or in their network, join groups, and get every message of a group in
    the same order.

    Usage: spread [-n NAME] [-c FILE] [-l y|n] [--check [--against FILE]] [--port N]
                  [--user NAME] [--log-format text|json]

      -n NAME         run as the daemon NAME of the configuration; without it, as the
                      first one whose address is an address of this machine
      -c FILE         configuration file; without it the first of ./spread.conf,
                      /etc/spread.conf and /etc/spread/spread.conf, and if there is
                      none a single daemon on this machine is run
      -l y|n          write a session log, a file named as the daemon in the directory
                      it runs in (n)
      --check         read the configuration, print what it amounts to, and exit
      --against FILE  with --check: compare it with another file. Daemons form one ring
                      only when their files have the same hash; the first difference is
                      named
      --port N        run without a configuration file, on port N instead of 4803
      --user NAME     user to become when started as root; without it DaemonUser of the
                      configuration, else 'spread', else 'nobody'. --user root stays root
      --log-format F  text, or json: one object per line
      --help          this text
      --version       the version

    Examples:
      spread                              try it: one daemon, this machine only
      spread --port 5000                  the same beside a daemon on the usual port
      spread -c /etc/spread.conf --check  is this file right?
      spread -c a.conf --check --against b.conf   why do these two not find each other?
      spread -c /etc/spread.conf -n d1    the daemon d1 of a configuration

    Clients connect to "4803" (unix socket /tmp/4803) or "4803@host" (TCP).
    SIGTERM and SIGINT (Ctrl-C) stop the daemon in order, SIGHUP makes it read its
    configuration again and opens its log file anew.

    Exit codes: 0 stopped in order (--check: the configuration is right), 1 could not
    start (--check: it is wrong), 2 wrong use of the options.
    """
}
