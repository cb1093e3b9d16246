import SpreadWire
import Testing

@testable import SpreadCore

private func v4(_ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32) -> PeerAddress {
  .network(.v4(a << 24 | b << 16 | c << 8 | d))
}

private func v6(_ text: String) -> PeerAddress {
  let (high, low) = AddressText.v6(Array(text.utf8)[...])!
  return .network(.v6(high, low, scope: 0))
}

private func rules(_ text: String) -> AccessRules {
  AccessRules.parse(Array(text.utf8), fileName: "f").rules
}

@Suite struct AccessRulesTests {
  @Test func anEmptyFileAllowsNobody() {
    for peer in [.unixSocket, v4(127, 0, 0, 1), v6("::1")] { #expect(!rules("# nothing\n").allows(peer)) }
  }

  @Test func unixMatchesTheUnixSocketOnly() {
    #expect(rules("unix").allows(.unixSocket))
    #expect(!rules("unix").allows(v4(0, 0, 0, 0)))
    #expect(!rules("0.0.0.0/0\n::/0\n").allows(.unixSocket))
  }

  @Test func localIsTheLoopbackNetwork() {
    let local = rules("local\n")
    #expect(local.allows(v4(127, 9, 9, 9)))
    #expect(local.allows(v6("::1")))
    #expect(!local.allows(v4(128, 0, 0, 1)))
    #expect(!local.allows(v6("::2")))
    #expect(!local.allows(.unixSocket))
  }

  @Test(arguments: [
    ("10.1.2.3", v4(10, 1, 2, 3), true), ("10.1.2.3", v4(10, 1, 2, 4), false),
    ("10.1.0.0/16", v4(10, 1, 255, 255), true), ("10.1.0.0/16", v4(10, 2, 0, 0), false),
    ("10.1.2.0/23", v4(10, 1, 3, 9), true), ("10.1.2.0/23", v4(10, 1, 4, 9), false),
    ("0.0.0.0/0", v4(200, 1, 1, 1), true), ("0.0.0.0/0", v6("fd91::1"), false),
    ("128.0.0.0/1", v4(127, 255, 255, 255), false), ("128.0.0.0/1", v4(128, 0, 0, 0), true),
    ("10.1.2.3/16", v4(10, 1, 2, 3), false),
    ("010.001.002.003", v4(10, 1, 2, 3), true),
    ("10.1.2.3 said my colleague", v4(10, 1, 2, 3), true), ("10.1.2.3#x", v4(10, 1, 2, 3), true),
    (" \t10.1.2.3\r", v4(10, 1, 2, 3), true),
    ("fd91::/64", v6("fd91::1:2"), true), ("fd91::/64", v6("fd91:0:0:1::"), false),
    ("fd91::1", v6("fd91::1"), true), ("fd91::1", v6("fd91::2"), false),
    ("fd91::8000:0/97", v6("fd91::ffff:1"), true), ("fd91::8000:0/97", v6("fd91::7fff:1"), false),
    ("::/0", v6("ffff::"), true), ("::/0", v4(10, 0, 0, 1), false),
    // An IPv4 client on an IPv6 socket.
    ("10.1.0.0/16", v6("::ffff:a01:203"), true), ("10.1.0.0/16", v6("::fffe:a01:203"), false),
  ])
  func matching(line: String, peer: PeerAddress, allowed: Bool) {
    #expect(rules(line).allows(peer) == allowed)
  }

  @Test func linesAfterAnUnreadableOneStillCount() {
    // Stock stops at a line with fewer than three dots, an empty one included.
    let parsed = AccessRules.parse(Array("unix\n\ngarbage\n10.0.0.1\n".utf8), fileName: "access")
    #expect(parsed.rules.rules == [.unixSocket, .v4(0x0a00_0001, prefix: 32)])
    #expect(
      parsed.findings.map { "\($0)" } == [
        "access:3:1: warning: 'garbage' is no rule and is ignored; expected 'unix', 'local' or an address"
      ])
  }

  @Test(arguments: [
    ("10.0.0.256", 1, Diagnostic.Severity.error), ("unix\n  10.0.0.x", 3, .error), ("10.0.0.0.0", 1, .error),
    ("10.0.0.0/33", 1, .error), ("10.0.0.0/", 1, .error), ("10.0.0.0/-1", 1, .error), ("10.0.0.0/8/8", 1, .error),
    ("10.0.0.0/99999999999999999999", 1, .error), ("fd91::/129", 1, .error), ("fd91:::1", 1, .error),
    ("10.0.0.1/8", 1, .warning), ("fd91::1/64", 1, .warning), ("fd91::1/127", 1, .warning),
  ])
  func findings(text: String, column: Int, severity: Diagnostic.Severity) {
    let findings = AccessRules.parse(Array(text.utf8), fileName: "f").findings
    #expect(findings.count == 1)
    #expect(findings.first?.column == column)
    #expect(findings.first?.severity == severity)
  }

  @Test func everyByteStringIsRead() {
    let text = Array("unix\nlocal\n10.0.0.0/8 x\nfd91::1/64\n#c\n".utf8)
    for cut in 0...text.count { _ = AccessRules.parse(Array(text[..<cut]), fileName: "f") }
    for at in 0..<text.count {
      for byte in UInt8.min...UInt8.max {
        var changed = text
        changed[at] = byte
        _ = AccessRules.parse(changed, fileName: "f")
      }
    }
  }
}
