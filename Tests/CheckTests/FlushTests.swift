// Every property of the Flush layer on the good run and on one damaged in one place.

import SpreadCheck
import Testing

private func bad(
  _ properties: Set<String>, lines: Int? = nil, _ options: CheckOptions = CheckOptions(),
  sourceLocation: SourceLocation = #_sourceLocation, _ damage: (inout Script) -> Void
) throws {
  var script = Script.goodFlush()
  damage(&script)
  try expect(properties, script, options, lines: lines, sourceLocation: sourceLocation)
}

private let view = "\"ev\":\"view\""
private let request = "\"ev\":\"flushreq\""
private let answer = "\"ev\":\"flush\""
private let signal = "\"ev\":\"trans\""
private let r1 = "\(Script.d1),100,"
private func received(_ sender: String, _ number: Int) -> [String] {
  ["\"recv\"", "\"\(Script.name(sender)):\(number)\""]
}
private func sent(_ sender: String, _ number: Int) -> [String] {
  ["\"sent\"", "\"\(Script.name(sender)):\(number)\""]
}
private func gid(_ id: String) -> String { "\"gid\":[\(id)]" }

extension Script {
  /// Without the traces from below.
  fileprivate mutating func removeBelow() { files = files.filter { !$0.key.hasPrefix("below") } }

  /// Nothing is known of the end of the run.
  fileprivate mutating func unsettle() { files["run"] = ["{\"ev\":\"run\",\"daemons\":[\"d1\",\"d2\",\"d3\"]}"] }

  /// A call of e that was answered with `result`; moved behind a line with `parts`.
  fileprivate mutating func call(_ result: Int, type: Int = 7, behind parts: [String]? = nil) {
    let id = "\"mid\":\"\(Script.name("e")):3\""
    let send =
      "{\"c\":\"e\",\"ev\":\"send\",\(id),\"svc\":\"FIFO\",\"groups\":[\"g\"],\"mtype\":\(type),\"len\":1}"
    let sent = "{\"c\":\"e\",\"ev\":\"sent\",\(id),\"rc\":\(result)}"
    if let parts { insert("e", behind: parts, send, sent) } else { files["e"]! += [send, sent] }
  }

  /// Takes the last view, and all that came after it, away from all.
  fileprivate mutating func cutLastView() {
    for client in ["a", "e", "c"] {
      files[client]!.removeLast(files[client]!.count - find(client, [view, gid("\(Script.d1),120,1")]))
    }
  }

  /// b comes again, as a new session.
  fileprivate mutating func connectAgain() {
    event(
      "b2", "\"ev\":\"connect\",\"daemon\":\"d2\",\"private\":\"#b#d2\",\"wantsMemb\":true,\"layer\":\"flush\"")
    event("b2", "\"ev\":\"join\",\"group\":\"g\",\"rc\":0")
  }
}

@Suite struct GoodFlushTests {
  @Test func theGoodRunIsClean() throws {
    try expectClean(.goodFlush())
    var contract = CheckOptions()
    contract.level = .contract
    try expectClean(.goodFlush(), contract)
    var strict = CheckOptions()
    strict.strictReliable = true
    try expectClean(.goodFlush(), strict)
  }
  @Test func oneLayerIsEnough() throws {
    var script = Script.goodFlush()
    script.removeBelow()
    try expectClean(script)
    let trace = try script.trace()
    #expect(Checker.check(trace).notChecked.contains { $0.hasPrefix("F8") })
    script.unsettle()
    try expectClean(script)
  }
  /// What the layer below may not do, the Flush layer may: two views of a configuration are not neighbours.
  @Test func layersAreCheckedByThemselves() throws {
    var script = Script.flushAbove()
    for client in script.files.keys {
      script.files[client] = script.files[client]!.map { $0.replacing(",\"layer\":\"flush\"", with: "") }
    }
    #expect(try !script.report().isClean)
  }
}

@Suite struct FlushSendingTests {
  @Test func internalTypes() throws {
    for type in [-32768, -32767, -32766] {
      try bad(["F0.internal", "F10.C1.altered"]) {
        $0.replace("e", "\"recv\"", "#c#d3:3", from: "\"mtype\":7", to: "\"mtype\":\(type)")
      }
    }
    // Refused, nothing is sent.
    try bad([]) { $0.call(-26, type: -32768) }
    try bad(["F0.internal"], lines: 2) {
      $0.unsettle()
      $0.call(1, type: -32768)
    }
  }
  @Test func receivedInAnotherView() throws {
    // c sent it when it was alone.
    try bad(["F1.view"], lines: 4) {
      $0.move("c", ["\"send\"", "#c#d3:3"], behind: [view, gid("\(Script.d3),111,1")])
      $0.move("c", sent("c", 3), behind: ["\"send\"", "#c#d3:3"])
    }
  }
  @Test func twoViewsOfOneMessage() throws {
    try bad(["F1.view", "F2.view", "F3.same", "F10.C3.gap", "F10.C4.prefix"]) {
      $0.move("c", ["\"recv\"", "#c#d3:1"], behind: [view, gid("\(Script.d1),120,1")])
    }
  }
  @Test func sentAfterTheAnswer() throws {
    try bad(["F4.send"], lines: 3) {
      $0.move("a", ["\"send\"", "#a#d1:1\""], behind: [answer])
      $0.move("a", sent("a", 1), behind: ["\"send\"", "#a#d1:1\""])
    }
  }
  @Test func refusedWithoutAnswer() throws {
    try bad(["F4.refused"], lines: 3) { $0.call(-27) }
    try bad([]) { $0.call(-8) }
    try bad([]) { $0.call(-27, behind: [answer]) }
  }
  @Test func sentFromOutside() throws {
    try bad(["F7.send"], lines: 2) {
      $0.unsettle()
      $0.call(1, behind: ["\"ev\":\"join\""])
    }
    try bad([]) { $0.call(-14, behind: ["\"ev\":\"join\""]) }
  }
  @Test func heardFromOutside() throws {
    try bad(["F7.sender"], lines: 2) {
      // A session that nobody recorded.
      for client in ["a", "e", "c"] {
        $0.event(
          client, "\"ev\":\"recv\",\"mid\":\"#z#d1:1\",\"sender\":\"#z#d1\",\"svc\":\"AGREED\",\"groups\":[\"g\"]")
      }
    }
  }
  @Test func sentAfterTheLeave() throws {
    try bad(["F7.leaving"], lines: 3) {
      $0.move("b", ["\"send\"", "#b#d2:1"], behind: ["\"ev\":\"leave\""])
      $0.move("b", sent("b", 1), behind: ["\"send\"", "#b#d2:1"])
    }
  }
}

@Suite struct FlushAgreementTests {
  @Test func twoRequests() throws {
    try bad(["F5.once"], lines: 2) { $0.insert("e", behind: [request], "{\"c\":\"e\",\(request),\"group\":\"g\"}") }
  }
  @Test func requestFromOutside() throws {
    try bad(["F5.request"], lines: 1) {
      $0.insert("b", behind: ["selfleave"], "{\"c\":\"b\",\(request),\"group\":\"g\"}")
    }
  }
  @Test func noRequest() throws {
    try bad(["F5.flush", "F5.unasked"]) { $0.remove("e", request) }
    try bad(["F5.unasked", "F9.agreed"]) {
      $0.remove("e", request)
      $0.remove("e", answer)
    }
  }
  @Test func noAnswer() throws {
    try bad(["F5.unagreed", "F9.agreed"]) { $0.remove("e", answer) }
    // Refused is not answered.
    try bad(["F5.refused", "F5.unagreed", "F9.agreed"]) {
      $0.replace("e", answer, from: "\"rc\":0", to: "\"rc\":-27")
    }
  }
  @Test func twoAnswers() throws {
    try bad(["F5.flush"], lines: 2) {
      $0.insert("e", behind: [answer], "{\"c\":\"e\",\(answer),\"group\":\"g\",\"rc\":0}")
    }
    // It is refused.
    try bad([]) { $0.insert("e", behind: [answer], "{\"c\":\"e\",\(answer),\"group\":\"g\",\"rc\":-27}") }
  }
  @Test func refused() throws {
    try bad(["F5.refused"], lines: 2) {
      $0.insert("e", behind: [request], "{\"c\":\"e\",\(answer),\"group\":\"g\",\"rc\":-27}")
    }
  }
  @Test func installedWithoutAMember() throws {
    // e ends before it answers the last request; a has it in its view all the same.
    func end(_ s: inout Script) {
      s.unsettle()
      let last = s.find("e", [view, gid("\(Script.d1),120,1")])
      s.files["e"]!.removeLast(s.files["e"]!.count - last + 1)
    }
    try bad(["F9.agreed"], lines: 2) { s in
      end(&s)
      s.event("e", "\"ev\":\"closed\",\"rc\":0")
    }
    // The recorder may have been killed before it wrote down its answer.
    try bad([]) { end(&$0) }
  }
}

@Suite struct FlushTogetherTests {
  @Test func missing() throws {
    // After the signal only those who come along say so.
    try bad(["F3.same"], lines: 3) { $0.remove("e", "\"recv\"", "#a#d1:8") }
    try bad(["F3.same", "F10.C5.safe"]) { $0.remove("e", "\"recv\"", "#a#d1:7") }
  }
  @Test func leftBehind() throws {
    // c does not come along with b, and may have heard of that before b's message.
    try bad([]) { $0.remove("c", "\"recv\"", "\(Script.name("b")):2") }
    // In the view before, b is not gone from it.
    try bad(["F3.same", "F10.C5.safe"]) { $0.remove("c", "\"recv\"", "\(Script.name("a")):7") }
  }
  @Test func reliable() throws {
    try bad(["F3r"], lines: 3) { $0.remove("e", "\"recv\"", "#a#d1:4") }
    var strict = CheckOptions()
    strict.strictReliable = true
    var script = Script.goodFlush()
    script.remove("e", "\"recv\"", "#a#d1:4")
    #expect(try script.report().isClean)
    #expect(try !script.report(strict).isClean)
  }
  @Test func setsDiffer() throws {
    let both = "\"vs\":[[\"#a#d1\",\"#e#d1\"]]"
    try bad(["F11.agree"], lines: 2) {
      $0.replace("e", view, gid("\(Script.d1),110,2"), from: both, to: "\"vs\":[[\"#e#d1\"]]")
    }
    try bad(["F11.agree", "F11.set"], lines: 2) {
      $0.replace("e", view, gid("\(Script.d1),110,2"), from: both, to: "\"vs\":[[\"#e#d1\",\"#a#d1\"]]")
    }
  }
}

@Suite struct FlushViewTests {
  @Test func twoSignals() throws {
    try bad(["F6.once"], lines: 2) { s in s.insert("e", behind: [signal], s.files["e"]![s.find("e", [signal])]) }
  }
  @Test func noSignal() throws {
    try bad(["F6.missing"], lines: 2) { $0.remove("e", signal) }
  }
  @Test func signalFromOutside() throws {
    try bad(["F6.noView"], lines: 1) { s in
      s.insert("e", behind: ["\"ev\":\"join\""], s.files["e"]![s.find("e", [signal])])
    }
  }
  @Test func members() throws {
    try bad(["F11.members"], lines: 2) {
      $0.removeBelow()
      // First in the list of members, then in the set.
      for _ in 0..<2 { $0.replace("b", view, gid(r1 + "4"), from: "\"#c#d3\"]", to: "\"#z#d3\"]") }
      $0.replace("b", view, gid(r1 + "4"), from: "\"changed\":\"#c", to: "\"changed\":\"#z")
      $0.remove("b", "\"recv\"", "#c#d3:1")
      $0.unsettle()
      for client in ["a", "e", "c"] { $0.remove(client, "\"recv\"", "#c#d3:1") }
    }
  }
  @Test func place() throws {
    try bad(["F11.place"], lines: 1) {
      $0.replace("e", view, gid(r1 + "5"), from: "\"index\":1", to: "\"index\":0")
    }
    try bad(["F11.place"], lines: 1) {
      $0.replace("e", view, gid(r1 + "5"), from: "\"index\":1", to: "\"index\":5")
    }
  }
  @Test func sets() throws {
    let last = "\(Script.d1),120,1"
    try bad(["F11.set"], lines: 2) {
      $0.replace("c", view, gid(last), from: "[[\"#c#d3\"]]", to: "[[\"#c#d3\"],[\"#a#d1\",\"#e#d1\"]]")
    }
    try bad(["F11.set"], lines: 2) { $0.replace("c", view, gid(last), from: "[[\"#c#d3\"]]", to: "[[]]") }
    try bad(["F11.set"], lines: 2) {
      $0.replace("e", view, gid(r1 + "5"), from: "\"vs\":[[\"#b#d2\"]]", to: "\"vs\":[[\"#e#d1\"]]")
    }
  }
  @Test func cause() throws {
    try bad(["F11.cause"], lines: 2) {
      for part in ["\"changed\":", "\"vs\":[["] {
        $0.replace("e", view, gid(r1 + "5"), from: part + "\"#b#d2\"", to: part + "\"#c#d3\"")
      }
    }
    try bad(["F11.cause"], lines: 1) {
      for part in ["\"changed\":", "\"vs\":[["] {
        $0.replace("e", view, gid(r1 + "2"), from: part + "\"#e#d1\"", to: part + "\"#a#d1\"")
      }
    }
  }
}

@Suite struct CollapseTests {
  @Test func unknownView() throws {
    try bad(["F8.view"], lines: 1) {
      $0.replace("c", view, gid("\(Script.d3),111,1"), from: "111,1]", to: "111,2]")
      $0.remove("below-c", view, gid("\(Script.d3),111,1"))
      $0.remove("below-c", signal)
    }
  }
  @Test func order() throws {
    // The layer below, which says so itself, sees them the other way round.
    try bad(["F8.view", "F8.skipped", "G2.lostView", "G3.join"]) { s in
      for client in ["a", "b", "c"] { s.files["below-" + client] = nil }
      s.unsettle()
      s.files["below-e"]!.swapAt(s.find("below-e", [gid(r1 + "2")]), s.find("below-e", [gid(r1 + "3")]))
    }
  }
  @Test func members() throws {
    try bad(["F8.members"], lines: 2) { s in
      for client in ["a", "e", "c"] {
        s.replace(client, gid("\(Script.d1),120,1"), from: "\"#c#d3\"]", to: "\"#c#d3\",\"#z#d3\"]")
      }
    }
  }
  @Test func idsBeginAgain() throws {
    // a leaves while the ring parts, and the view it does not wait for has the id that its next time begins with.
    let (d1, leave) = (Script.d1, "\"ev\":\"leave\",\"group\":\"g\",\"rc\":0")
    var below = Script()
    var above = Script()
    below.connect("a")
    above.flushConnect("a")
    func both(_ change: (inout Script) -> Void) {
      change(&below)
      change(&above)
    }
    both {
      $0.join("a")
      $0.light("a", "JOIN", "a", "\(d1),100,1", "a")
    }
    above.request("a")
    above.answer("a")
    both {
      $0.light("a", "JOIN", "b", "\(d1),100,2", "a b")
      $0.event("a", leave)
      $0.signal("a", "\(d1),100,2")
    }
    below.network("a", "\(d1),110,1", "a", ["a"])
    both {
      $0.event("a", "\"ev\":\"selfleave\",\"group\":\"g\"")
      $0.join("a")
      $0.light("a", "JOIN", "a", "\(d1),110,1", "a")
    }
    above.request("a")
    above.answer("a")
    both { $0.light("a", "JOIN", "e", "\(d1),110,2", "a e") }
    above.files["below"] = below.files["a"]
    try expectClean(above)
    above.remove("below", view, gid("\(d1),110,1"), "JOIN")
    try expect(["F8.view", "G3.join"], above)
  }
  @Test func skipped() throws {
    // e, with b's join left out although nobody was lost.
    try bad(["F8.skipped"], lines: 2) {
      $0.remove("e", view, gid(r1 + "3"))
      $0.remove("e", request)
      $0.remove("e", answer)
      $0.replace(
        "e", view, gid(r1 + "4"), from: "\"JOIN\",\"changed\":\"#c#d3\",\"vs\":[[\"#c#d3\"]]",
        to: "\"NETWORK\",\"vs\":[[\"#a#d1\",\"#e#d1\"]]")
    }
  }
}

@Suite struct FlushEndTests {
  @Test func notInstalled() throws {
    try bad(["F9.installed", "F9.together", "F9.behind"], lines: 2) { $0.cutLastView() }
    // One of them owes its answer.
    try bad([]) {
      $0.cutLastView()
      $0.files["e"]!.removeLast()
    }
    try bad([]) {
      $0.cutLastView()
      $0.unsettle()
    }
  }
  @Test func noRequest() throws {
    try bad(["F9.behind", "F9.first"]) { s in
      s.connectAgain()
      s.files["below-b2"] = s.files["b2"]!.map {
        $0.replacing(",\"layer\":\"flush\"", with: "").replacing("b2", with: "b2.")
      }
      var more = Script()
      more.light("a e b c", "JOIN", "b", "\(Script.d1),120,2", "a e b c")
      for (client, session) in [("a", "a"), ("e", "e"), ("c", "c"), ("b", "b2")] {
        s.files["below-" + session]! += more.files[client]!.map {
          $0.replacing("{\"c\":\"\(client)\"", with: "{\"c\":\"\(session).\"")
        }
      }
    }
  }
  @Test func noFirstView() throws {
    try bad(["F9.first"], lines: 1) {
      $0.removeBelow()
      $0.connectAgain()
    }
  }
  @Test func gone() throws {
    try bad(["F9.gone"], lines: 2) { $0.event("e", "\"ev\":\"closed\",\"rc\":0") }
    try bad(["F9.gone"], lines: 2) {
      $0.event("e", "\"ev\":\"leave\",\"group\":\"g\",\"rc\":0")
      $0.event("e", "\"ev\":\"selfleave\",\"group\":\"g\"")
    }
  }
}

/// The properties of the layer below, inside a view.
@Suite struct FlushOrderTests {
  @Test func integrity() throws {
    try bad(["F10.C1.creation"], lines: 1) { s in
      for client in ["a", "e", "c"] { s.receive(client, "a", 77, "AGREED") }
    }
    try bad(["F10.C1.altered"], lines: 2) {
      $0.replace("e", "\"recv\"", "#c#d3:3", from: "\"hash\":3", to: "\"hash\":4")
    }
    try bad(["F10.C1.duplicate"], lines: 2) { s in
      s.insert("e", behind: received("c", 3), s.files["e"]![s.find("e", received("c", 3))])
    }
    try bad(["F10.C1.selfDelivery"], lines: 1) { $0.call(1) }
  }
  @Test func subgroup() throws {
    // c is none of the receivers.
    try bad(["F10.C1.notAddressed"], lines: 1) { s in
      s.receive("c", "a", 6, "AGREED", Script.subgroup)
      s.move("c", received("a", 6), behind: received("a", 5))
    }
  }
  @Test func fifo() throws {
    try bad(["F10.C2.fifoOrder", "F10.C4.order", "F10.C4.prefix"]) {
      $0.move("b", received("a", 2), behind: received("a", 3))
    }
  }
  @Test func order() throws {
    try bad(["F10.C3.order", "F10.C4.order", "F10.C4.prefix"]) {
      $0.move("e", received("c", 1), behind: received("a", 7))
    }
  }
  @Test func nothingAcrossGroups() throws {
    var s = Script()
    for client in ["a", "e"] { s.flushConnect(client) }
    for (group, number) in [("g", 1), ("h", 2)] {
      s.light("a", "JOIN", "a", r1 + "1", "a", group)
      s.request("a", group)
      s.answer("a", group)
      s.light("a e", "JOIN", "e", r1 + "2", "a e", group)
      s.send("a", number, "AGREED", "\"\(group)\"")
    }
    s.receive("a", "a", 1, "AGREED", "\"g\"")
    s.receive("a e", "a", 2, "AGREED", "\"h\"")
    s.receive("e", "a", 1, "AGREED", "\"g\"")
    try expectClean(s)
  }
}
