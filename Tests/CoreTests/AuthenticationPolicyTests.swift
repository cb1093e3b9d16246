import SpreadWire
import Testing

@testable import SpreadCore

private func choice(_ methods: String...) -> [UInt8] {
  var bytes = methods.flatMap { Array($0.utf8) + [UInt8](repeating: 0, count: 30 - $0.utf8.count) }
  bytes += [UInt8](repeating: 0, count: 90 - bytes.count)
  return bytes
}

extension AuthenticationPolicy {
  fileprivate func judge(_ choice: [UInt8], from peer: PeerAddress) -> Verdict {
    choice.withUnsafeBytes { judge(choice: $0, from: peer) }
  }
}

private func notEnabled(_ name: StaticString) -> AuthenticationPolicy.Verdict {
  .refuse(.methodNotEnabled(GroupName(name)))
}

private let client = PeerAddress.network(.v4(0x0a5b_0001))
private let stranger = PeerAddress.network(.v4(0x0a5c_0001))
private let accessRules = AccessRules.parse(Array("unix\n10.91.0.0/16\n".utf8), fileName: "f").rules
private let both = AuthenticationPolicy(enabled: [.null, .ip], accessRules: accessRules)
private let onlyIP = AuthenticationPolicy(enabled: .ip, accessRules: accessRules)
private let ipRequired = AuthenticationPolicy(enabled: .null, required: .ip, accessRules: accessRules)

@Suite struct AuthenticationPolicyTests {
  @Test func offers() {
    #expect(AuthenticationPolicy().offer == Array("NULL ".utf8))
    #expect(both.offer == Array("NULL IP ".utf8))
    #expect(onlyIP.offer == Array("IP ".utf8))
    #expect(AuthenticationPolicy(enabled: []).offer == [])
  }

  @Test(arguments: [
    (AuthenticationPolicy(), choice("NULL"), client, AuthenticationPolicy.Verdict.accept),
    (AuthenticationPolicy(), choice("NULL", "NULL", "NULL"), client, .accept),
    (AuthenticationPolicy(), choice("IP"), client, notEnabled("IP")),
    (AuthenticationPolicy(), choice("NULLX"), client, notEnabled("NULLX")),
    (AuthenticationPolicy(), choice("null"), client, notEnabled("null")),
    (AuthenticationPolicy(), choice(), client, .refuse(.nothingChosen)),
    // The list ends at the first empty slot.
    (AuthenticationPolicy(), choice("", "NULL"), client, .refuse(.nothingChosen)),
    (AuthenticationPolicy(), choice("NULL", "", "PWORD"), client, .accept),
    (AuthenticationPolicy(), choice("NULL", "PWORD"), client, notEnabled("PWORD")),
    (AuthenticationPolicy(), Array(choice("NULL").dropLast()), client, .refuse(.choiceLength(89))),
    (AuthenticationPolicy(), [], client, .refuse(.choiceLength(0))),
    (both, choice("NULL"), stranger, .accept), (both, choice("IP"), client, .accept),
    (both, choice("IP"), stranger, .refuse(.addressNotAllowed)),
    (both, choice("NULL", "IP"), stranger, .refuse(.addressNotAllowed)),
    (both, choice("IP"), .unixSocket, .accept),
    (onlyIP, choice("NULL"), client, notEnabled("NULL")),
    (onlyIP, choice("IP", "NULL"), client, notEnabled("NULL")),
    (ipRequired, choice("NULL"), client, .accept), (ipRequired, choice("NULL"), .unixSocket, .accept),
    (ipRequired, choice("NULL"), stranger, .refuse(.addressNotAllowed)),
    (
      AuthenticationPolicy(enabled: [], required: .ip, accessRules: accessRules), choice("IP"), client,
      .refuse(.nothingEnabled)
    ),
    (AuthenticationPolicy(enabled: .ip), choice("IP"), client, .refuse(.noAccessFile)),
  ])
  func choices(policy: AuthenticationPolicy, choice: [UInt8], peer: PeerAddress, verdict: AuthenticationPolicy.Verdict)
  {
    #expect(policy.judge(choice, from: peer) == verdict)
  }

  @Test(arguments: [
    (AuthenticationPolicy(), client, AuthenticationPolicy.Verdict.accept), (both, client, .accept),
    (both, stranger, .refuse(.addressNotAllowed)), (onlyIP, .unixSocket, .accept),
    (ipRequired, client, .accept),
    // Stock lets this one in: it forgets the required methods of clients that cannot choose.
    (ipRequired, stranger, .refuse(.addressNotAllowed)),
    (AuthenticationPolicy(enabled: [], required: .ip), client, .refuse(.nothingEnabled)),
  ])
  func clientsBefore3_16(policy: AuthenticationPolicy, peer: PeerAddress, verdict: AuthenticationPolicy.Verdict) {
    #expect(policy.judgeWithoutChoice(from: peer) == verdict)
  }

  /// The recorded handshakes: what was offered, and whether ACCEPT or 0xf7 came in the end.
  @Test func recordings() throws {
    let expect = try vectorJSON("client/expect.json") as! [String: [String: Any]]
    var played = 0
    for (name, entry) in expect where name.hasPrefix("auth_") {
      // These two end before a choice is complete; that is the session's business.
      if ["auth_short.json", "auth_silent.json"].contains(name) { continue }
      let chunks = try vectorJSON("client/" + name) as! [[String: Any]]
      func bytes(_ direction: String) -> [UInt8] {
        chunks.filter { $0["dir"] as? String == direction }.flatMap { hexBytes($0["hex"] as! String) }
      }
      let sent = bytes("c2s")
      var answer = bytes("s2c")
      if let ours = entry["ours"] as? [String: Any] {
        answer = hexBytes((ours["any"] as! [[String: Any]])[0]["s2c"] as! String)
      }
      let policy: AuthenticationPolicy =
        switch entry["conf"] as? String {
        case "ip": both
        case "ip2": AuthenticationPolicy(enabled: [.null, .ip], required: .ip, accessRules: accessRules)
        case "ip3": onlyIP
        default: AuthenticationPolicy()
        }
      let peer = entry["transport"] as? String == "unix" ? PeerAddress.unixSocket : client
      var verdict = policy.judgeWithoutChoice(from: peer)
      if sent[0] > 3 || sent[1] > 15 {
        let offer = policy.offer
        #expect(answer.starts(with: [UInt8(offer.count)] + offer), "\(name)")
        answer.removeFirst(offer.count + 1)
        let recordLength = 5 + Int(sent[4])
        verdict = policy.judge(Array(sent[recordLength..<recordLength + 90]), from: peer)
      }
      switch verdict {
      case .accept: #expect(answer.first == 1, "\(name)")
      case .refuse: #expect(answer == [0xf7], "\(name)")
      }
      played += 1
    }
    #expect(played >= 19)
  }
}
