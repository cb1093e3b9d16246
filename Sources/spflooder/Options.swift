// The command line of spflooder: the stock options (tools, "spflooder") and a longer `--help`.

import ToolSupport

struct Options {
  /// Which half is wanted: both, `-ro`, `-wo`.
  enum Direction { case both, readOnly, writeOnly }

  var user = "flooder"
  var address = "4803"
  var messages = 10_000
  var bytes = 1000
  /// Members to wait for; more than 0 switches to FIFO with flow control over all senders.
  var members = 0
  var direction = Direction.both

  enum Parsed {
    case run(Options)
    case help(String)
    case wrong(String)
  }

  static let largestMessage = 100_000
  /// As many as a group can have on the daemons together.
  static let mostMembers = 4400

  static func parse(_ arguments: [String]) -> Parsed {
    var rest = Arguments(arguments, otherwise: "spflooder")
    var options = Options()
    while let option = rest.next() {
      if option.asksForHelp { return .help(help) }
      guard options.take(option, &rest) else { return .wrong(usage) }
    }
    if options.members > 0 && options.direction == .writeOnly {
      // Stock waits for ever: who only writes is no member.
      return .wrong("-n needs a member: not together with -wo\n" + usage)
    }
    return .run(options)
  }

  /// False for an unknown option or a missing or impossible value.
  private mutating func take(_ option: String, _ rest: inout Arguments) -> Bool {
    switch true {
    case option.hasPrefix("-u"): return Self.set(&user, rest.next())
    case option.hasPrefix("-s"): return Self.set(&address, rest.next())
    case option.hasPrefix("-b"): return Self.set(&bytes, rest.number(in: 0...Self.largestMessage))
    case option.hasPrefix("-m"): return Self.set(&messages, rest.number(in: 0...Int(Int32.max)))
    case option.hasPrefix("-n"): return Self.set(&members, rest.number(in: 0...Self.mostMembers))
    case option.hasPrefix("-ro"): direction = .readOnly
    case option.hasPrefix("-wo"): direction = .writeOnly
    default: return false
    }
    return true
  }

  private static func set<Value>(_ place: inout Value, _ value: Value?) -> Bool {
    guard let value else { return false }
    place = value
    return true
  }

  static let usage = """
    Usage: spflooder [-s ADDRESS] [-u NAME] [-m COUNT] [-b BYTES] [-n MEMBERS] [-ro | -wo]
    \t-s ADDRESS   the daemon: PORT or PORT@HOST (4803)
    \t-u NAME      private name, unique at that daemon (flooder)
    \t-m COUNT     messages to send, with -ro to receive (10000)
    \t-b BYTES     size of each, 0 to \(largestMessage) (1000)
    \t-n MEMBERS   wait for so many members first, then keep in step with all of them
    \t-ro          receive only
    \t-wo          send only
    \t--help       more, with examples

    """

  static let help = usage + """

    Sends messages to the group "flooder" and receives them, as fast as the daemon takes them. It prints no times:
    put "time" in front.

    One program, its own messages back (at most 200 on the way):
      time spflooder -m 100000 -b 1024

    From one machine to another, the receiver first:
      spflooder -ro -u receiver -s 4803@venus -m 100000
      spflooder -wo -u sender   -s 4803@mars  -m 100000

    Three senders that keep in step, one on each of three machines:
      spflooder -n 3 -u one     (and -u two, -u three)

    Messages are RELIABLE; with -n they are FIFO, nobody gets more than 200 ahead of the slowest sender, and a sender
    that leaves is not waited for.
    Exit code 0 when all messages are through, 1 for a wrong option or when the daemon cannot be reached or goes.

    """
}
