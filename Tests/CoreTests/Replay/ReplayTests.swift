// Each recording of a stock 5.0.1 session is played to a lone daemon, and the daemon's bytes are compared with
// stock's: all of them but the masked ranges (expect.json).

import SpreadCore
import SpreadWire
import Testing

@Suite struct ReplayTests {
  @Test func everyRecordingIsListed() {
    #expect(Recordings.files.count > 80)
    for file in Recordings.files {
      #expect(Recordings.expectations[file] != nil, "\(file) is not in expect.json")
    }
    for name in Recordings.expectations.keys {
      #expect(Recordings.files.contains(name), "expect.json names \(name), which is not there")
    }
    #expect(Recordings.playable.count > 70)
  }

  /// As recorded, and with the client's bytes coming one at a time: the stream may be cut anywhere.
  @Test(arguments: Recordings.playable, [Int.max, 1])
  func replay(_ file: String, chunk: Int) {
    let expectation = Recordings.expectations[file]!
    let events = Recordings.events(file)
    let large = events.reduce(0) { $0 + $1.hex.utf8.count } > 200_000
    var player = Player(expectation, events, chunk: large && chunk == 1 ? 997 : chunk)
    let reason = player.play()
    #expect(reason == nil, "\(file): \(reason ?? "")")
  }
}

/// One recording against one fresh daemon.
struct Player {
  let expectation: Expectation
  let events: [Event]
  let chunk: Int
  let host: LoneDaemon
  private var cues: [(after: Int, client: Int, bytes: [UInt8])] = []

  init(_ expectation: Expectation, _ events: [Event], chunk: Int) {
    self.expectation = expectation
    self.events = events
    self.chunk = chunk
    let authentication = Player.policy(expectation.conf ?? "default")
    switch expectation.daemon {
    case "solo": host = LoneDaemon(name: "solo", id: 0xfad9_76be, authentication: authentication)
    case "d1": host = LoneDaemon(authentication: authentication)
    case "d2": host = LoneDaemon(name: "d2", id: 0x14c5_65a0, authentication: authentication)
    case "d3": host = LoneDaemon(name: "d3", id: 0xef46_226e, authentication: authentication)
    default: preconditionFailure("no such daemon: \(expectation.daemon ?? "-")")
    }
  }

  private static func policy(_ conf: String) -> AuthenticationPolicy {
    var rules: AccessRules?
    if conf != "default" {
      rules = AccessRules.parse(Array("unix\n127.0.0.0/8\n".utf8), fileName: "spread.access_ip").rules
    }
    switch conf {
    case "ip": return AuthenticationPolicy(enabled: [.null, .ip], accessRules: rules)
    case "ip2": return AuthenticationPolicy(enabled: [.null, .ip], required: .ip, accessRules: rules)
    case "ip3": return AuthenticationPolicy(enabled: .ip, accessRules: rules)
    default: return AuthenticationPolicy()
    }
  }

  /// Why the answer is wrong; nil when it is right.
  mutating func play() -> String? {
    let recorded = events.filter { $0.dir == "s2c" }.flatMap(\.bytes)
    openHelpers()
    let client = host.connect(from: expectation.transport == "unix" ? .unixSocket : .network(.v4(0x7f00_0001)))
    var lastSent = host.now.nanoseconds
    for event in events where event.dir == "c2s" {
      if event.close == true { break }
      var bytes = event.bytes
      if expectation.auto_name == true { bytes = renamed(bytes, recorded, client) }
      var rest = bytes[...]
      while !rest.isEmpty {
        let part = rest.prefix(chunk)
        host.send(client, Array(part))
        rest = rest.dropFirst(part.count)
        fireCues(client)
      }
      lastSent = host.now.nanoseconds
    }
    let variants =
      expectation.ours?.any
      ?? [
        Expectation.Variant(
          s2c: events.filter { $0.dir == "s2c" }.map(\.hex).joined(), end: expectation.end!, mask: expectation.mask)
      ]
    if !host.clients[client].closed, variants.contains(where: { $0.end == "daemon" }) {
      host.advance(milliseconds: 1500)
    }
    let end: String
    var elapsed = 0
    if host.clients[client].closed {
      end = "daemon"
      elapsed = Int((host.now.nanoseconds - lastSent) / 1_000_000)
    } else {
      host.advance(milliseconds: expectation.hold_ms ?? 300)
      end = host.clients[client].closed ? "daemon" : "client"
      host.end(client)
      if !host.clients[client].closed { return "the daemon did not close after us" }
    }
    let received = host.clients[client].received
    if expectation.auto_name == true { return judgeInvented(received, recorded) }
    let reasons = variants.map { judge(received, end, $0, elapsed) }
    if reasons.contains(where: { $0 == nil }) { return freshSession() }
    return reasons.compactMap { $0 }.joined(separator: " / ")
  }

  private mutating func openHelpers() {
    for helper in expectation.helpers ?? [] {
      for _ in 0..<(helper.fill ?? 0) { host.send(host.connect(), [5, 0, 1, 0, 0]) }
      guard let name = helper.name else { continue }
      let client = host.login(name, membership: helper.memb != 0, joining: helper.join ?? [])
      cues += (helper.cues ?? []).map { ($0.after, client, hexBytes($0.hex)) }
    }
  }

  private mutating func fireCues(_ client: Int) {
    while let cue = cues.first, host.clients[client].received.count >= cue.after {
      cues.removeFirst()
      host.send(cue.client, cue.bytes)
    }
  }

  /// The frames of a client whose name the daemon invented, with the name it got from us.
  private func renamed(_ bytes: [UInt8], _ recorded: [UInt8], _ client: Int) -> [UInt8] {
    let received = host.clients[client].received
    guard bytes.count >= MessageHeader.size + GroupName.size, bytes[0] & 0x80 != 0, received.count > 11 else {
      return bytes
    }
    let name = Array(received[11...]) + [UInt8](repeating: 0, count: GroupName.size - (received.count - 11))
    var result = bytes
    result.replaceSubrange(4..<36, with: name)
    result.replaceSubrange(48..<80, with: name)
    return result
  }

  private func judgeInvented(_ got: [UInt8], _ recorded: [UInt8]) -> String? {
    guard got.count > 11, got[..<10] == recorded[..<10], got.count == 11 + Int(got[10]) else {
      return "bad ACCEPT \(got)"
    }
    guard let name = PrivateName(got[11...].withUnsafeBytes { GroupName($0) }), name.daemon == host.daemon.me.name
    else { return "bad name \(got)" }
    return host.clients.last!.closed ? nil : "not closed"
  }

  private func judge(_ got: [UInt8], _ end: String, _ variant: Expectation.Variant, _ elapsed: Int) -> String? {
    guard end == variant.end else { return "ended by \(end), not \(variant.end)" }
    if elapsed < variant.not_before_ms ?? 0 { return "closed after \(elapsed) ms" }
    var want = hexBytes(variant.s2c)
    if let optional = variant.optional_from, got.count == optional { want = Array(want[..<optional]) }
    guard got.count == want.count else { return "\(got.count) bytes, not \(want.count)" }
    let masked = Set((variant.mask ?? []).flatMap { $0.at..<$0.at + $0.len })
    for i in got.indices where got[i] != want[i] && !masked.contains(i) {
      return "byte \(i) of \(want.count) is \(got[i]), not \(want[i])"
    }
    return nil
  }

  /// The daemon must be as good as before.
  private func freshSession() -> String? {
    guard expectation.conf == "default" else { return nil }
    for helper in host.clients.indices where !host.clients[helper].closed { host.end(helper) }
    let client = host.login("fresh")
    return host.clients[client].closed ? "no fresh session afterwards" : nil
  }
}
