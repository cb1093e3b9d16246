// The command line of spping: the stock options (tools, "spping") and a longer `--help`.

import ToolSupport

struct Options {
  var address = "4803"
  /// Empty: the daemon invents a name.
  var user = ""
  var group = "spping"
  /// Milliseconds between pings.
  var period = 1000
  var bytes = Ping.size
  /// nil: without end.
  var count: Int?
  var reflectOnly = false

  enum Parsed {
    case run(Options)
    case help(String)
    case wrong(String)
  }

  static let largestMessage = 100_000
  static let longestGroup = 31

  static func parse(_ arguments: [String]) -> Parsed {
    var rest = Arguments(arguments, otherwise: "spping")
    var options = Options()
    while let option = rest.next() {
      if option.asksForHelp { return .help(help) }
      if let complaint = options.take(option, &rest) { return .wrong("Error: \(complaint)\n\n" + usage) }
    }
    return .run(options)
  }

  /// What is wrong with the option, nil when nothing is.
  private mutating func take(_ option: String, _ rest: inout Arguments) -> String? {
    let name = option.hasPrefix("-ro") ? "-ro" : String(option.prefix(2))
    switch name {
    case "-s": return Self.set(&address, rest.next(), name, "an address")
    case "-u": return Self.set(&user, rest.next(), name, "a name")
    case "-g":
      let value = rest.next().flatMap { (1...Self.longestGroup).contains($0.utf8.count) ? $0 : nil }
      return Self.set(&group, value, name, "the name of a group, at most \(Self.longestGroup) characters")
    case "-p": return Self.set(&period, rest.number(in: 0...86_400_000), name, "milliseconds, 0 to 86400000")
    case "-b":
      let range = Ping.size...Self.largestMessage
      return Self.set(&bytes, rest.number(in: range), name, "bytes, \(range.lowerBound) to \(range.upperBound)")
    case "-m":
      // A negative number is no limit, as in stock.
      guard let value = rest.number(in: -1...Int(Int32.max)) else { return "-m wants a number of pings" }
      count = value < 0 ? nil : value
    case "-ro": reflectOnly = true
    default: return "unknown option \(option)"
    }
    return nil
  }

  private static func set<Value>(_ place: inout Value, _ value: Value?, _ name: String, _ wanted: String) -> String? {
    guard let value else { return "\(name) wants \(wanted)" }
    place = value
    return nil
  }

  static let usage = """
    Usage: spping [-s ADDRESS] [-u NAME] [-g GROUP] [-p MS] [-b BYTES] [-m COUNT] [-ro]
    \t-s ADDRESS   the daemon: PORT or PORT@HOST (4803)
    \t-u NAME      private name, unique at that daemon (the daemon invents one)
    \t-g GROUP     who is asked, and whose pings are answered (spping)
    \t-p MS        milliseconds between pings (1000)
    \t-b BYTES     size of a ping, \(Ping.size) to \(largestMessage) (\(Ping.size))
    \t-m COUNT     end after so many pings (never)
    \t-ro          reflect only: answer, do not ask
    \t--help       more, with examples

    """

  static let help = usage + """

    Measures the way of a message to a group and back. Everyone in the group answers, so start somebody who does:
      spping -ro -s 4803@venus

    and ask, ten times:
      spping -m 10 -s 4803@mars

    Long messages, a hundred a second, until Ctrl-C:
      spping -p 10 -b 20000

    Each answer is a line; at the end (after the count, one period after the last ping, or by Ctrl-C or SIGTERM) come
    the totals and percentiles. Several who answer give several answers for one ping. Percentiles below 50 are rounded
    to the next smaller answer, above 50 to the next larger: 99.9 is never better than what was seen.
    Exit code 0, or 1 for a wrong option or when the daemon cannot be reached or goes.

    """
}
