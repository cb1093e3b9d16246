// What people read when they write a file: positions and texts of errors and warnings.

import SpreadWire
import Testing

@testable import SpreadCore

private func messages(_ text: String) -> [String] {
  ConfigurationVectors.read(Array(text.utf8)).findings.map(\.description)
}

private let good = "Spread_Segment 225.0.0.1:4803 { d1 10.91.0.1 }\n"

@Suite struct ConfigurationMessageTests {
  /// A wrong text, and the beginning of its first error.
  @Test(arguments: [
    ("", "f:1:1: error: the file has no Spread_Segment"),
    ("\n# only a comment\n", "f:3:1: error: the file has no Spread_Segment"),
    ("NoSuchKeyword = 5\n" + good, "f:1:1: error: expected a parameter or Spread_Segment, found 'NoSuchKeyword'"),
    (good + "NoSuchKeyword", "f:2:1: error: expected a parameter or Spread_Segment, found 'NoSuchKeyword'"),
    (
      "  DangerousMonitor=true\n",
      "f:1:3: error: expected a parameter or Spread_Segment, found 'DangerousMonitor=true'; "
        + "'=' must stand alone, with white space on both sides"
    ),
    ("Window =80\n", "f:1:8: error: expected '=' behind Window, found '=80'; '=' must stand alone"),
    ("Window 80\n", "f:1:8: error: expected '=' behind Window, found the number '80'"),
    ("Window = many\n", "f:1:10: error: expected a number for Window, found 'many'"),
    ("Window = 1234567890\n", "f:1:10: error: expected a number for Window, found '1234567890'; a number has at most"),
    ("Window = 0\n" + good, "f:1:10: error: Window must be from 1 to 32767"),
    ("Window = 32768\n" + good, "f:1:10: error: Window must be from 1 to 32767"),
    ("DangerousMonitor = on", "f:1:20: error: expected true, false, yes or no for DangerousMonitor, found the keyword"),
    ("SocketPortReuse = yes", "f:1:19: error: expected on, off or auto for SocketPortReuse, found the keyword 'yes'"),
    ("DaemonUser = 42", "f:1:14: error: expected a word or a quoted string for DaemonUser, found the number '42'"),
    ("RuntimeDir = \"\u{1}\n", "f:2:1: error: the file has no"),
    ("EventPriority = DEBUG", "f:1:17: error: expected pDEBUG, INFO, WARNING, ERROR, CRITICAL or FATAL, found the"),
    ("DebugFlags = { ALL !everything }", "f:1:21: error: expected a flag, found 'everything'"),
    ("DebugFlags = { ALL", "f:1:19: error: expected a flag, '!' or '}', found the end of the file"),
    ("DebugFlags = ALL", "f:1:14: error: expected '{', found the keyword 'ALL'"),
    ("AccessControlPolicy = DENY\n" + good, "f:1:23: error: the only access control policy is \"PERMIT\""),
    ("ActiveIPVersion = IPv5\n" + good, "f:1:19: error: ActiveIPVersion must be IPv4 or IPv6"),
    (good + "ActiveIPVersion = IPv6\n", "f:2:1: error: ActiveIPVersion contradicts IPv4 used above"),
    ("TokenTimeout = 0\n" + good, "f:1:1: error: give all nine timeouts or none; missing: HurryTimeout, AliveTimeout,"),
    ("Window = 10\nPersonalWindow = 11\n" + good, "f:2:1: error: PersonalWindow (11) exceeds Window (10)"),
    (
      "AcceleratedRing = yes\nAcceleratedWindow = 21\n" + good,
      "f:2:1: error: AcceleratedWindow (21) exceeds PersonalWindow (20)"
    ),
    (
      "Spread_Segment localhost { d1 10.91.0.1 }",
      "f:1:16: error: expected the address of the segment, found 'localhost'"
    ),
    ("Spread_Segment 225.0.0.1:70000 { d1 10.91.0.1 }", "f:1:26: error: port 70000 is greater than 65535"),
    ("Spread_Segment [ff15::1]:70000 { d1 fd91::1 }", "f:1:26: error: port 70000 is greater than 65535"),
    ("Spread_Segment 225.0.0.1 225.0.0.2:4803 { d1 10.91.0.1 }", "f:1:26: error: expected '{', or an address without"),
    ("Spread_Segment 225.0.0.1 d1 10.91.0.1 }", "f:1:26: error: expected '{' or another address of the segment"),
    ("Spread_Segment 0.0.0.0 { d1 10.91.0.1 }", "f:1:16: error: a segment's address cannot be the unspecified address"),
    ("Spread_Segment 225.0.0.1\n{\n}\n", "f:1:1: error: a segment needs at least one daemon"),
    ("Spread_Segment ff15::1 { d1 10.91.0.1 }", "f:1:16: error: 'ff15::1' is not IPv4, which this configuration uses"),
    (
      "Spread_Segment 225.0.0.1 {\n  d1 10.91.0.1\n",
      "f:3:1: error: expected a daemon or the '}' of the segment that "
        + "begins in line 1, found the end of the file"
    ),
    ("Spread_Segment 225.0.0.1 { D 10.91.0.1 }", "f:1:28: error: expected the name of a daemon (put a reserved word"),
    ("Spread_Segment 225.0.0.1 { d1 10.91.0.1:4803 }", "f:1:31: error: a daemon's address has no port"),
    ("Spread_Segment 225.0.0.1 { d1 225.0.0.2 }", "f:1:28: error: a daemon's address cannot be a multicast address"),
    ("Spread_Segment 225.0.0.1 { d1 0.0.0.0 }", "f:1:28: error: a daemon's address cannot be the unspecified address"),
    ("Spread_Segment 225.0.0.1 { nohost }", "f:1:28: error: no address is known for the host 'nohost'"),
    ("Spread_Segment 225.0.0.1 {\n d1 10.91.0.1\n d1 10.91.0.2\n}", "f:3:2: error: the name 'd1' is already taken"),
    (
      "Spread_Segment 225.0.0.1 {\n d1 10.91.0.1\n d2 10.91.0.1\n}",
      "f:3:2: error: 'd2' has the address and port of 'd1': 10.91.0.1, 4803"
    ),
    (
      "Spread_Segment 225.0.0.1 {\n d1 10.91.0.1 VirtualID = 5\n d2 10.91.0.2 VirtualID = 5\n}",
      "f:3:27: error: the id 5 of 'd2' is also the id of 'd1'"
    ),
    ("Spread_Segment 225.0.0.1 { d1 10.91.0.1 VirtualID = 0 }", "f:1:53: error: a VirtualID must be from 1 to"),
    ("Spread_Segment 225.0.0.1 { d1 10.91.0.1 VirtualID=5 }", "f:1:41: error: no address is known for the host"),
    ("Spread_Segment 225.0.0.1 { d1 10.91.0.1 { } }", "f:1:43: error: an interface block needs at least one interface"),
    ("Spread_Segment 225.0.0.1 { d1 10.91.0.1 { C 10.91.0.1 } }", "f:1:41: error: one interface with D or without"),
    ("Spread_Segment 225.0.0.1 { d1 10.91.0.1 { D x } }", "f:1:45: error: expected the address of an interface"),
    ("Spread_Segment 225.0.0.1 { d1 10.91.0.1 { D 10.91.0.1:1 } }", "f:1:45: error: expected the address of an"),
    ("\u{feff}" + good, "f:1:1: error: the file begins with a byte order mark"),
    ("RouteMatrix { 1 2\n 3 4\n", "f:3:1: error: expected the '}' of RouteMatrix in line 1, found the end of the file"),
    ("#@ MaxSessions = lots\n" + good, "f:1:18: error: MaxSessions must be a number from 1 to 100000"),
    ("#@ TokenCopies = 1\n" + good, "f:1:18: error: TokenCopies must be on or off"),
    ("#@ MaxSessions = 0\n" + good, "f:1:18: error: MaxSessions must be a number from 1 to 100000"),
    // Quoted strings may hold line ends; the lines behind them are still counted.
    ("EventLogFile = \"a\n\nb\"\nWindow = x", "f:4:10: error: expected a number for Window, found 'x'"),
  ])
  func firstError(text: String, expected: String) {
    let errors = messages(text).filter { $0.contains(": error: ") }
    #expect(errors.first?.hasPrefix(expected) == true, "\(errors)")
  }

  /// A file that is accepted, and its warnings.
  @Test(arguments: [
    (good, []),
    (
      "Spread_Segment 127.0.0.255 { d1 127.0.0.1 }",
      ["f:1:16: warning: a loopback address joins daemons of one host only"]
    ),
    ("Spread_Segment fd91::ff { d1 fd91::1 }", ["f:1:16: warning: an IPv6 segment should have a multicast address"]),
    (
      "Spread_Segment [ff15::1] { d1 fd91::1 }",
      [
        "f:1:16: warning: stray '[' ignored; brackets belong around an IPv6 address with port",
        "f:1:24: warning: stray ']' ignored; brackets belong around an IPv6 address with port",
      ]
    ),
    (
      "LinkProtocol = Hop\nRouteMatrix { 10.0.0.1 2 x }\n" + good,
      [
        "f:1:1: warning: LinkProtocol is a word of Spread 4 without effect; take it out, "
          + "stock 5 does not start with it",
        "f:2:1: warning: RouteMatrix is a word of Spread 4 without effect; take it out, stock 5 does not start with it",
      ]
    ),
    ("Window = 50\nWindow = 60\n" + good, ["f:2:1: warning: Window was already given in line 1; the last one holds"]),
    (
      "AllowedAuthMethods = \"NULL PWORD\"\n" + good,
      ["f:1:22: warning: the authentication method 'PWORD' is unknown and ignored; there are NULL and IP"]
    ),
    (
      "RequiredAuthMethods = IP\n" + good,
      [
        "f:1:1: warning: no authentication method is allowed, so every client is refused; "
          + "AllowedAuthMethods = \"NULL\" allows all that pass the required ones"
      ]
    ),
    ("DaemonGroup = ''\n" + good, ["f:1:15: warning: an empty DaemonGroup is ignored"]),
    (good + "#@ Sessions = 5", ["f:2:4: warning: the setting 'Sessions' is unknown and ignored"]),
    (good + "  #@ MaxSessions 5", ["f:2:4: warning: ignored; expected '#@ name = value'"]),
    (
      good.dropLast() + "#@ MaxSessions = 5",
      ["f:1:47: warning: a '#@' setting must stand on a line of its own; this one is ignored"]
    ),
    (
      "Spread_Segment 225.0.0.1 { d1; 10.91.0.1 }",
      ["f:1:28: warning: the name 'd1;' ends in ';', which needs white space around it to separate daemons"]
    ),
  ])
  func warnings(text: String, expected: [String]) {
    #expect(messages(text) == expected)
  }

  @Test func severalErrorsAreToldTogetherInOrder() {
    let text = "Window = 0\nSpread_Segment 0.0.0.0 {\n d1 10.91.0.1\n d1 10.91.0.2 VirtualID = 0\n d2 10.91.0.2:3 }"
    let lines = messages(text).map { String($0.prefix { $0 != " " }) }
    #expect(lines == ["f:1:10:", "f:4:2:", "f:4:27:", "f:5:5:"])
  }

  @Test func limits() {
    func daemons(_ count: Int) -> String { (0..<count).map { "d\($0) 10.91.\($0 / 100).\($0 % 100 + 1)\n" }.joined() }
    func segments(_ count: Int) -> String {
      (0..<count).map { "Spread_Segment 225.0.0.1:\(5000 + $0) { d\($0) 10.91.0.1 }\n" }.joined()
    }
    func interfaces(_ count: Int) -> String { (1...count).map { "10.91.0.\($0) " }.joined() }
    func addresses(_ count: Int) -> String { (1...count).map { "225.0.0.\($0) " }.joined() }
    #expect(messages("Spread_Segment 225.0.0.1 { \(daemons(128)) }") == [])
    #expect(
      messages("Spread_Segment 225.0.0.1 { \(daemons(129)) }") == ["f:129:1: error: there are more than 128 daemons"])
    #expect(messages(segments(20)) == [])
    #expect(messages(segments(21)) == ["f:21:1: error: there are more than 20 segments"])
    #expect(messages("Spread_Segment 225.0.0.1 { d1 10.91.0.1 { \(interfaces(10)) } }") == [])
    #expect(
      messages("Spread_Segment 225.0.0.1 { d1 10.91.0.1 { \(interfaces(11)) } }").last?.contains(
        "at most 10 interfaces")
        == true)
    #expect(messages("Spread_Segment \(addresses(5)) { d1 10.91.0.1 }") == [])
    #expect(
      messages("Spread_Segment \(addresses(6)) { d1 10.91.0.1 }") == [
        "f:1:66: error: a segment has at most 5 addresses"
      ])
    // However many, they stay readable.
    #expect(messages(String(repeating: "]", count: 10_000) + good).count == 100)
  }
}
