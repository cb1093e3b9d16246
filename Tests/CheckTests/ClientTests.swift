// Every client property on the good run and on one damaged in one place. Where a damage breaks several properties at
// once, all are named.

import SpreadCheck
import Testing

private func bad(
  _ properties: Set<String>, lines: Int? = nil, _ options: CheckOptions = CheckOptions(),
  sourceLocation: SourceLocation = #_sourceLocation, _ damage: (inout Script) -> Void
) throws {
  var script = Script.good()
  damage(&script)
  try expect(properties, script, options, lines: lines, sourceLocation: sourceLocation)
}

private let join = "\"ev\":\"join\""
private let view = "\"ev\":\"view\""
private let signal = "\"ev\":\"trans\""
private func received(_ sender: String, _ number: Int) -> [String] {
  ["\"recv\"", "\"\(Script.name(sender)):\(number)\""]
}
private func gid(_ id: String) -> String { "\"gid\":[\(id)]" }

/// The good run, known to be settled.
private func settled(_ script: inout Script) {
  script.files["run"] = ["{\"ev\":\"run\",\"daemons\":[\"d1\",\"d2\",\"d3\"],\"quiet\":0,\"settled\":true}"]
}

@Suite struct GoodRunTests {
  @Test func theGoodRunIsClean() throws {
    try expectClean(.good())
    var contract = CheckOptions()
    contract.level = .contract
    try expectClean(.good(), contract)
    var script = Script.good()
    settled(&script)
    try expectClean(script)
  }
}

@Suite struct IntegrityTests {
  @Test func creation() throws {
    // The others of the view miss it too, but a RELIABLE message only draws a warning.
    try bad(["C1.creation", "E5r"]) { s in
      s.receive("b", "a", 77, "RELIABLE")
      s.move("b", received("a", 77), behind: received("a", 1))
    }
  }
  @Test func altered() throws {
    try bad(["C1.altered"], lines: 2) {
      $0.replace("b", "\"recv\"", "\"#a#d1:2\"", from: "\"hash\":2", to: "\"hash\":3")
    }
    try bad(["C1.altered"], lines: 2) {
      $0.replace("b", "\"recv\"", "\"#a#d1:2\"", from: "\"mtype\":7", to: "\"mtype\":8")
    }
    try bad(["C1.altered"], lines: 2) {
      $0.replace("b", "\"recv\"", "\"#a#d1:2\"", from: "\"sender\":\"#a#d1\"", to: "\"sender\":\"#e#d1\"")
    }
  }
  @Test func duplicate() throws {
    try bad(["C1.duplicate"], lines: 2) { s in
      s.insert("c", behind: received("c", 1), s.files["c"]![s.find("c", received("c", 1))])
    }
  }
  @Test func notAddressed() throws {
    try bad(["C1.notAddressed"], lines: 1) { s in
      s.send("a", 10, "RELIABLE", "\"zz\"")
      s.receive("e", "a", 10, "RELIABLE", "\"zz\"")
    }
  }
  @Test func selfDiscard() throws {
    try bad(["C1.selfDiscard"], lines: 2) { s in
      s.receive("a", "a", 4, "SAFE")
      s.move("a", received("a", 4), behind: received("c", 1))
    }
  }
  @Test func selfDelivery() throws {
    try bad(["C1.selfDelivery"], lines: 1) { s in
      settled(&s)
      s.send("e", 5, "RELIABLE")
    }
  }
  @Test func afterLeave() throws {
    try bad(["G5.afterLeave"], lines: 2) { s in
      s.receive("c", "a", 9, "AGREED")
      s.move("c", received("e", 4), behind: received("a", 9))
    }
  }
  @Test func beforeJoin() throws {
    var script = Script()
    for client in ["a", "e"] { script.connect(client) }
    script.join("a")
    script.light("a", "JOIN", "a", "1,10,1", "a")
    script.join("e")
    script.send("a", 1, "AGREED")
    script.receive("a e", "a", 1, "AGREED")
    script.light("a e", "JOIN", "e", "1,10,2", "a e")
    try expect(["G5.beforeJoin"], script, lines: 1)
    script.files["e"]!.swapAt(2, 3)
    try expect(["C4.order"], script, lines: 4)
  }
  @Test func twoSendsOfOneID() throws {
    try bad(["trace.mid"], lines: 2) { $0.send("a", 9, "AGREED") }
  }
}

@Suite struct OrderTests {
  @Test func fifoOrder() throws {
    try bad(["C2.fifoOrder", "C4.order", "C4.prefix"]) { $0.move("c", received("a", 1), behind: received("a", 2)) }
  }
  @Test func fifoGap() throws {
    try bad(["C2.fifoGap", "C3.gap", "C4.prefix"]) { $0.remove("c", "\"recv\"", "\"#a#d1:2\"") }
    // FIFO knows nothing of causality.
    var script = Script()
    for client in ["a", "e"] { script.connect(client) }
    script.join("a")
    script.join("e")
    script.light("a", "JOIN", "a", "1,10,1", "a")
    script.light("a e", "JOIN", "e", "1,10,2", "a e")
    for number in 1...3 { script.send("a", number, "FIFO") }
    for number in [1, 3] { script.receive("e", "a", number, "FIFO") }
    try expect(["C2.fifoGap"], script, lines: 3)
    // A rejected message, or one whose call failed, is not missed.
    script.replace("a", "\"sent\"", "#a#d1:2", from: "\"rc\":10", to: "\"rc\":-8")
    try expectClean(script)
  }
  @Test func causalOrder() throws {
    // c knew a's second message when it sent its first.
    try bad(["C3.order", "C4.order", "C4.prefix", "G4.same"]) {
      $0.move("e", received("a", 2), behind: received("c", 1))
    }
  }
  @Test func causalGap() throws {
    try bad(["C3.gap", "C4.prefix", "G4.same"]) { $0.remove("e", "\"recv\"", "\"#b#d2:1\"") }
  }
  @Test func causalGapIsTransitive() throws {
    // b:1 reaches e through nobody but a chain: c received it, sent c:1; a received c:1, sent a:5.
    try bad(["C3.gap", "C4.prefix", "G4.same"]) { s in
      s.remove("e", "\"recv\"", "\"#b#d2:1\"")
      s.remove("e", "\"recv\"", "\"#c#d3:1\"")
    }
  }
  @Test func totalOrderAcrossGroups() throws {
    // a:5 goes to g, c:2 to h.
    try bad(["C3.order", "C4.order"]) { $0.move("b", received("a", 5), behind: received("c", 2)) }
  }
  @Test func totalOrderOfViews() throws {
    // a sees b's join before a message to another group, e behind it.
    var script = Script()
    for client in ["a", "b", "e"] { script.connect(client) }
    for client in ["a", "e"] { script.join(client) }
    script.light("a", "JOIN", "a", "1,10,1", "a")
    script.light("a e", "JOIN", "e", "1,10,2", "a e")
    script.join("b")
    script.send("b", 1, "FIFO", "\"#a#d1\",\"#e#d1\"")
    script.light("a", "JOIN", "b", "1,10,3", "a e b")
    script.receive("a e", "b", 1, "FIFO", "\"#a#d1\",\"#e#d1\"")
    script.light("e b", "JOIN", "b", "1,10,3", "a e b")
    try expect(["C4.order"], script, lines: 4)
  }
  @Test func circle() throws {
    // No two disagree, but there is no one order of the three.
    var script = Script()
    for client in ["a", "b", "c", "e"] { script.connect(client) }
    let all = "\"#a#d1\",\"#b#d2\",\"#c#d3\""
    script.send("e", 1, "AGREED", all)
    script.send("a", 1, "AGREED", all)
    script.send("b", 1, "AGREED", all)
    script.receive("a", "e", 1, "AGREED", all)
    script.receive("a", "a", 1, "AGREED", all)
    script.receive("b", "a", 1, "AGREED", all)
    script.receive("b", "b", 1, "AGREED", all)
    script.receive("c", "b", 1, "AGREED", all)
    script.receive("c", "e", 1, "AGREED", all)
    try expect(["C4.order"], script, lines: 6)
  }
  @Test func prefix() throws {
    try bad(["C4.prefix"], lines: 3) { $0.remove("c", "\"recv\"", "\"#e#d1:1\"") }
  }
  @Test func contractDoesNotOrderFifo() throws {
    var contract = CheckOptions()
    contract.level = .contract
    // e:1 is FIFO; its place among the others' messages is not promised.
    try bad([], contract) { $0.move("c", received("e", 1), behind: received("a", 5)) }
    try bad(["C4.order", "C4.prefix"]) { $0.move("c", received("e", 1), behind: received("a", 5)) }
  }
  @Test func selfDiscardIsNoGap() throws {
    // Nobody but a misses a:4; were it a's only, the others would say so.
    try bad(["C4.prefix", "C5.safe", "C2.fifoGap", "C3.gap", "G4.same"]) { $0.remove("b", "\"recv\"", "\"#a#d1:4\"") }
  }
}

@Suite struct SafeTests {
  @Test func beforeTheSignal() throws {
    try bad(["C5.safe"], lines: 3) { $0.remove("c", "\"recv\"", "\"#a#d1:5\"") }
  }
  @Test func afterTheSignal() throws {
    try bad(["C5.safe", "G4.same"]) { $0.remove("e", "\"recv\"", "\"#b#d2:2\"") }
  }
  @Test func whoIsCutOffIsNotBlamed() throws {
    // c's trace ends in the first view: whatever it misses may still be on the way.
    var script = Script.good()
    script.files["c"]!.removeSubrange(script.find("c", received("a", 5))...)
    for file in ["a", "b", "e"] {
      script.files[file]!.removeSubrange((script.find(file, received("b", 2)) + 1)...)
      script.files[file]!.removeAll { $0.contains("#c#d3:2") }
    }
    try expectClean(script)
    settled(&script)
    try expect(["C5.safe"], script, lines: 2)
  }
}

@Suite struct SignalTests {
  private static let cut = [signal, "\"group\":\"g\""]

  @Test func once() throws {
    try bad(["T1.once"], lines: 2) { s in
      s.insert("a", behind: Self.cut, s.files["a"]![s.find("a", Self.cut)])
    }
  }
  @Test func oldID() throws {
    try bad(["T1.gid"], lines: 2) { $0.replace("a", signal, from: ",100,4]", to: ",110,1]") }
  }
  @Test func onlyToMembers() throws {
    try bad(["T1.noView"], lines: 1) { $0.signal("c", "\(Script.d1),100,2", "h") }
  }
  @Test func notBeforeLightViews() throws {
    try bad(["T2.light"], lines: 2) { s in
      s.signal("a", "\(Script.d1),120,1")
      s.move("a", [signal, ",120,1]"], behind: received("b", 3))
    }
  }
  @Test func notBeforeMerges() throws {
    try bad(["T3.merge"], lines: 3) { s in
      s.signal("a", "\(Script.d1),110,1")
      s.move("a", [signal, ",110,1]"], behind: received("a", 6))
    }
  }
  @Test func notLeftOut() throws {
    // Without its signal a's last safe message counts as known to all: c should have it.
    try bad(["T4.missing", "C5.safe"]) { $0.remove("a", signal) }
  }
  @Test func cascadeNeedsNoSignal() throws {
    // Nobody received anything after the cut, so nobody needs to be told.
    var script = Script.good()
    for file in ["a", "e", "b"] { script.remove(file, "\"recv\"", "\"#e#d1:2\"") }
    for file in ["a", "e", "b"] { script.remove(file, "\"recv\"", "\"#b#d2:2\"") }
    for file in ["a", "e", "b", "c"] { script.remove(file, signal) }
    try expectClean(script)
  }
  @Test func untouchedGroups() throws {
    try bad(["T5.untouched"], lines: 2) { s in
      s.network("a b", "\(Script.d1),110,1", "a b", ["a b"], "h")
      for file in ["a", "b"] { s.move(file, [view, "NETWORK", "\"h\""], behind: received("a", 6)) }
    }
  }

  /// b leaves d2's side of a cut; in the transitional period e joins g at d1.
  private func transitional() -> Script {
    var s = Script()
    for client in ["a", "b", "e"] { s.connect(client) }
    s.join("a")
    s.light("a", "JOIN", "a", "\(Script.d1),100,1", "a")
    s.join("b")
    s.light("a b", "JOIN", "b", "\(Script.d1),100,2", "a b")
    s.signal("a", "\(Script.d1),100,2")
    s.join("e")
    s.network("a e", "\(Script.d1),105,2", "a e b", ["a", "b", "e"])
    s.signal("a e", "\(Script.d1),105,2")
    s.network("a e", "\(Script.d1),110,1", "a e", ["a e"])
    return s
  }

  @Test func joinInTheTransitionalPeriod() throws {
    try expectClean(transitional())
    var script = transitional()
    script.remove("a", signal, ",100,2]")
    try expect(["T6.before"], script, lines: 2)
    script = transitional()
    for file in ["a", "e"] {
      script.replace(file, view, ",105,2]", from: "[\"#b#d2\"],[\"#e#d1\"]", to: "[\"#e#d1\"],[\"#b#d2\"]")
    }
    script.replace("e", view, ",105,2]", from: "\"mine\":2", to: "\"mine\":1")
    try expect(["T6.joiner"], script, lines: 2)
    script = transitional()
    script.remove("a", signal, ",105,2]")
    // A member is lost unannounced, but nobody could receive anything else.
    try expect(["T6.after"], script, lines: 1)
  }
}

extension Script {
  fileprivate mutating func daemon(_ name: String, _ rest: String) { add(name, "{\"d\":\"\(name)\",\(rest)}") }

  fileprivate mutating func configuration(_ name: String, _ kind: String, _ id: String, _ members: String) {
    let commit = kind == "trans" ? ",\"commit\":[\(members)]" : ""
    daemon(name, "\"ev\":\"conf\",\"kind\":\"\(kind)\",\"id\":[\(id)],\"members\":[\(members)]\(commit)")
  }

  /// A daemon's table: group g alone, with ids that ring 100 began.
  fileprivate mutating func table(_ name: String, _ state: String, _ number: Int, _ members: String) {
    let group = "[\"g\",[\(Self.d1),100,\(number)],\(Self.list(members))]"
    daemon(name, "\"ev\":\"gstate\",\"state\":\"\(state)\",\"groups\":[\(group)]")
  }
}

/// D14: the ring of d1 and d2 parts behind b's join, which only d2 delivered; in the transitional period, with
/// `companions`, d1 counts on.
private func collision(_ companions: String) -> Script {
  var s = Script()
  for client in ["a", "b", "e"] { s.connect(client) }
  func view(_ at: String, _ cause: String, _ changed: String, _ number: Int, _ members: String) {
    s.light(at, cause, changed, "\(Script.d1),100,\(number)", members)
  }
  for (name, id) in [("d1", Script.d1), ("d2", Script.d2)] {
    s.configuration(name, "trans", "\(id),99", "\"\(name)\"")
    s.configuration(name, "reg", "\(Script.d1),100", "\"d1\",\"d2\"")
    s.table(name, "GOP", 2, "a e")
  }
  for client in ["a", "e", "b"] { s.join(client) }
  view("a", "JOIN", "a", 1, "a")
  view("a e", "JOIN", "e", 2, "a e")
  s.table("d2", "GOP", 3, "a e b")
  view("b", "JOIN", "b", 3, "a e b")
  s.event("b", "\"ev\":\"closed\",\"rc\":-8")
  s.daemon("d2", "\"ev\":\"stop\"")
  s.configuration("d1", "trans", "\(Script.d1),109", companions)
  s.table("d1", "GTRANS", 3, "a")
  s.event("e", "\"ev\":\"leave\",\"group\":\"g\",\"rc\":0")
  s.event("e", "\"ev\":\"selfleave\",\"group\":\"g\"")
  view("a", "LEAVE", "e", 3, "a")
  s.join("e")
  s.table("d1", "GTRANS", 4, "a e")
  view("a e", "JOIN", "e", 4, "a e")
  s.configuration("d1", "reg", "\(Script.d1),110", companions)
  s.table("d1", "GOP", 4, "a e")
  return s
}

/// D14: in ring 110 only d2 finishes the exchange. b and c join there, then d2 dies; back in ring 120 they join again,
/// and get the same ids and members.
private func joinedTwice() -> Script {
  var s = Script()
  s.connect("a")
  s.join("a")
  s.light("a", "JOIN", "a", "\(Script.d1),100,1", "a")
  s.configuration("d1", "trans", "\(Script.d1),99", "\"d1\"")
  s.configuration("d1", "reg", "\(Script.d1),100", "\"d1\"")
  s.table("d1", "GOP", 1, "a")
  for ring in [110, 120] {
    let isSecond = ring == 120
    let daemons = isSecond ? ["d1", "d2"] : ["d2"]
    for client in ["b", "c"] { s.connect(client) }
    for (name, id) in [("d1", Script.d1), ("d2", Script.d2)] {
      s.configuration(name, "trans", "\(id),\(ring - 1)", "\"\(name)\"")
      s.configuration(name, "reg", "\(Script.d1),\(ring)", "\"d1\",\"d2\",\"d3\"")
      s.table(name, "GGATHER", 1, "a")
    }
    for name in daemons { s.table(name, "GOP", 1, "a") }
    s.join("b")
    for name in daemons { s.table(name, "GOP", 2, "a b") }
    s.light(isSecond ? "a b" : "b", "JOIN", "b", "\(Script.d1),100,2", "a b")
    if isSecond {
      s.send("a", 1, "SAFE")
      s.receive("a b", "a", 1, "SAFE")
    }
    s.join("c")
    for name in daemons { s.table(name, "GOP", 3, "a b c") }
    s.light(isSecond ? "a b c" : "b c", "JOIN", "c", "\(Script.d1),100,3", "a b c")
    guard !isSecond else { break }
    for client in ["b", "c"] {
      s.event(client, "\"ev\":\"closed\",\"rc\":-8")
      s.files["\(client) dead"] = s.files.removeValue(forKey: client)
    }
    s.daemon("d2", "\"ev\":\"stop\"")
    s.files["d2 dead"] = s.files.removeValue(forKey: "d2")
  }
  return s
}

@Suite struct ViewTests {
  @Test func oneIDCountedInTwoRings() throws {
    try expectClean(joinedTwice())
    // Where nothing says that ring 110 counted, too, the first b should have received what a sent in its view.
    var script = joinedTwice()
    for id in [",100,2]", ",100,3]"] { script.remove("d2 dead", "gstate", id) }
    try expect(["C5.safe", "G4.light"], script)
  }
  @Test func oneIDOnBothSidesOfACut() throws {
    try expectClean(collision("\"d1\""))
    // Who comes along has delivered the same.
    try expect(["G1.agreement"], collision("\"d1\",\"d2\""), lines: 2)
  }

  private static let merge = [view, ",120,1]"]

  @Test func agreement() throws {
    // The leave that follows does not fit it either.
    try bad(["G1.agreement", "G1.memberOrder", "G3.leave"]) {
      $0.replace("b", view, ",120,1]", from: "[\"#a#d1\",\"#e#d1\",", to: "[\"#e#d1\",\"#a#d1\",")
    }
  }
  @Test func memberOrder() throws {
    try bad(["G1.memberOrder"]) { s in
      for file in ["a", "b", "c", "e"] {
        s.replace(file, view, ",120,1]", from: "[\"#a#d1\",\"#e#d1\",", to: "[\"#e#d1\",\"#a#d1\",")
      }
      s.replace("a", view, ",120,1]", from: "\"index\":0", to: "\"index\":1")
      s.replace("e", view, ",120,1]", from: "\"index\":1", to: "\"index\":0")
      for file in ["a", "b", "e"] {
        s.replace(file, view, ",120,2]", from: "[\"#a#d1\",\"#e#d1\",", to: "[\"#e#d1\",\"#a#d1\",")
      }
      s.replace("a", view, ",120,2]", from: "\"index\":0", to: "\"index\":1")
      s.replace("e", view, ",120,2]", from: "\"index\":1", to: "\"index\":0")
      for file in ["a", "e"] {
        s.replace(file, view, ",120,3]", from: "[\"#a#d1\",\"#e#d1\"]", to: "[\"#e#d1\",\"#a#d1\"]")
      }
      s.replace("a", view, ",120,3]", from: "\"index\":0", to: "\"index\":1")
      s.replace("e", view, ",120,3]", from: "\"index\":1", to: "\"index\":0")
    }
  }
  @Test func myIndex() throws {
    try bad(["G1.myIndex"], lines: 1) { $0.replace("b", view, ",120,1]", from: "\"index\":2", to: "\"index\":1") }
  }
  @Test func missingAndLost() throws {
    // e does not see b's join, but c's.
    try bad(["G1.missing", "G2.lostView", "G3.join", "G4.light"]) { $0.remove("e", view, ",100,3]") }
  }
  @Test func selfInclusion() throws {
    try bad(["G2.self", "G1.agreement", "G4.mine", "G4.agree", "G3.leave"]) { s in
      s.replace("b", view, ",120,1]", from: ",\"#b#d2\"", to: "")
      s.replace("b", view, ",120,1]", from: ",\"#b#d2\"", to: "")
    }
  }
  @Test func order() throws {
    var script = Script()
    for client in ["a", "b"] { script.connect(client) }
    for client in ["a", "b"] { script.join(client) }
    script.network("a", "1,10,1", "a b", ["a b"])
    script.network("a", "1,20,1", "a b", ["a", "b"])
    script.network("b", "1,20,1", "a b", ["a", "b"])
    script.network("b", "1,10,1", "a b", ["a b"])
    try expect(["G2.order", "T5.untouched"], script)
    #expect(try script.report().violations.first { $0.property == "G2.order" }?.evidence.count == 4)
  }
  @Test func repeated() throws {
    try bad(["G2.repeated", "G2.lostView", "G4.same", "T4.missing", "C5.safe"]) { s in
      s.insert("c", behind: Self.merge, s.files["c"]![s.find("c", Self.merge)])
    }
  }
  @Test func noViewAfterLeave() throws {
    var script = Script()
    for client in ["a", "e"] {
      script.connect(client)
      script.join(client)
    }
    script.network("a e", "1,10,1", "a e", ["a e"])
    script.event("e", "\"ev\":\"leave\",\"group\":\"g\",\"rc\":0")
    script.event("e", "\"ev\":\"selfleave\",\"group\":\"g\"")
    try expectClean(script)
    script.network("e", "1,20,1", "a e", ["a e"])
    try expect(["G2.afterLeave"], script, lines: 2)
    script.join("e")
    try expectClean(script)
  }
  @Test func causes() throws {
    try bad(["G3.join", "G1.agreement"]) {
      $0.replace("a", view, ",100,4]", from: "\"changed\":\"#c#d3\"", to: "\"changed\":\"#b#d2\"")
    }
    try bad(["G3.leave", "G1.agreement"]) {
      $0.replace("a", view, ",120,2]", from: "\"changed\":\"#c#d3\"", to: "\"changed\":\"#b#d2\"")
    }
    try bad(["G3.disconnect", "G1.agreement"]) {
      $0.replace("a", view, ",120,3]", from: "\"changed\":\"#b#d2\"", to: "\"changed\":\"#e#d1\"")
    }
    try bad(["G3.leave"], lines: 2) {
      $0.replace("a", view, ",120,2]", from: "\"vs\":[[\"#c#d3\"]]", to: "\"vs\":[[\"#c#d3\"],[\"#b#d2\"]]")
    }
  }
  @Test func disconnectedEverywhere() throws {
    try bad(["G3.everywhere"], lines: 2) { $0.remove("a", view, "DISCONNECT", "\"h\"") }
  }
}

@Suite struct VirtualSynchronyTests {
  @Test func partition() throws {
    var script = Script()
    for client in ["a", "e", "b"] {
      script.connect(client)
      script.join(client)
    }
    script.network("a", "1,10,1", "a e b", ["a", "e b"])
    script.network("e b", "1,10,1", "a e b", ["a", "e b"])
    try expectClean(script)
    for file in ["a", "b", "e"] { script.replace(file, view, from: "[[\"#a#d1\"],", to: "[[\"#a#d1\",\"#b#d2\"],") }
    try expect(["G4.partition"], script, lines: 1)
    for file in ["a", "b", "e"] { script.replace(file, view, from: ",[\"#e#d1\",\"#b#d2\"]", to: ",[\"#b#d2\"]") }
    try expect(["G4.partition", "G4.mine"], script)
  }
  @Test func mine() throws {
    try bad(["G4.mine"], lines: 1) { $0.replace("a", view, ",120,1]", from: "\"mine\":1", to: "\"mine\":0") }
  }
  @Test func oldAndAgree() throws {
    // One view tells b apart from those it came with.
    try bad(["G4.agree"], lines: 2) {
      $0.replace("b", view, ",120,1]", from: "[\"#a#d1\",\"#e#d1\",\"#b#d2\"]", to: "[\"#a#d1\",\"#e#d1\"],[\"#b#d2\"]")
      $0.replace("b", view, ",120,1]", from: "\"mine\":1", to: "\"mine\":2")
    }
    // All put c with a.
    try bad(["G4.old", "G4.same"]) { s in
      for file in ["a", "b", "c", "e"] {
        s.replace(
          file, view, ",120,1]", from: "[[\"#c#d3\"],[\"#a#d1\",\"#e#d1\",\"#b#d2\"]]",
          to: "[[\"#a#d1\",\"#e#d1\",\"#b#d2\",\"#c#d3\"]]")
        if file != "c" { s.replace(file, view, ",120,1]", from: "\"mine\":1", to: "\"mine\":0") }
      }
    }
  }
  @Test func same() throws {
    try bad(["G4.same"], lines: 3) { $0.remove("b", "\"recv\"", "\"#a#d1:6\"") }
  }
  @Test func order() throws {
    try bad(["G4.order"], lines: 3) { s in
      for file in ["a", "b", "c", "e"] {
        s.replace(
          file, view, ",120,1]", from: "[[\"#c#d3\"],[\"#a#d1\",\"#e#d1\",\"#b#d2\"]]",
          to: "[[\"#a#d1\",\"#e#d1\",\"#b#d2\"],[\"#c#d3\"]]")
        s.replace(
          file, view, ",120,1]", from: file == "c" ? "\"mine\":0" : "\"mine\":1",
          to: file == "c" ? "\"mine\":1" : "\"mine\":0")
      }
    }
  }
  @Test func light() throws {
    // b:3 is safe, between the merge and c's leave; a does not have it.
    try bad(["G4.light", "C5.safe"]) { $0.remove("a", "\"recv\"", "\"#b#d2:3\"") }
  }
  @Test func reliableIsAWarning() throws {
    try bad(["E5r"], lines: 2) { $0.remove("e", "\"recv\"", "\"#a#d1:3\"") }
    var script = Script.good()
    script.remove("e", "\"recv\"", "\"#a#d1:3\"")
    #expect(try script.report().violationCount == 0)
    var strict = CheckOptions()
    strict.strictReliable = true
    #expect(try script.report(strict).violationCount == 1)
  }
}

@Suite struct SessionTests {
  @Test func names() throws {
    try bad(["S1.name"], lines: 1) { $0.replace("e", "connect", from: "\"daemon\":\"d1\"", to: "\"daemon\":\"d2\"") }
    var script = Script()
    script.add("x", "{\"c\":\"x\",\"ev\":\"connect\",\"daemon\":\"d1\",\"private\":\"#12345678901#d1\"}")
    try expect(["S1.name"], script, lines: 1)
  }
  @Test func unique() throws {
    var script = Script()
    script.add("x", "{\"t\":1,\"c\":\"x\",\"ev\":\"connect\",\"daemon\":\"d1\",\"private\":\"#a#d1\"}")
    script.add("x", "{\"t\":9,\"c\":\"x\",\"ev\":\"closed\",\"rc\":0}")
    script.add("y", "{\"t\":10,\"c\":\"y\",\"ev\":\"connect\",\"daemon\":\"d1\",\"private\":\"#a#d1\"}")
    try expectClean(script)
    script.replace("y", "connect", from: "\"t\":10", to: "\"t\":5")
    try expect(["S1.unique"], script, lines: 2)
  }
  @Test func afterClose() throws {
    try bad(["S3.afterClose"], lines: 2) { $0.receive("b", "e", 4, "SAFE", "\"g\",\"#c#d3\"") }
  }
  @Test func limits() throws {
    try bad(["S5.groups"], lines: 2) { s in
      s.send("a", 10, "FIFO", (0...100).map { "\"g\($0)\"" }.joined(separator: ","))
    }
    try bad(["S5.size"], lines: 2) { s in
      s.send("a", 10, "FIFO", "\"zz\"")
      s.replace("a", "\"send\"", "#a#d1:10", from: "\"len\":10", to: "\"len\":143121")
    }
    try bad([]) { s in
      s.send("a", 10, "FIFO", "\"zz\"")
      s.replace("a", "\"send\"", "#a#d1:10", from: "\"len\":10", to: "\"len\":143120")
    }
  }
}

@Suite struct ClientLivenessTests {
  @Test func lastViews() throws {
    // e does not see b go; it also lacks the view its last safe message was received in.
    try bad(["L3.views", "L3.ghost", "C5.safe"]) { s in
      settled(&s)
      s.remove("e", view, ",120,3]")
    }
  }
  @Test func ghosts() throws {
    try bad(["L3.ghost"], lines: 2) { s in
      settled(&s)
      for file in ["a", "e"] { s.files[file]!.removeAll { $0.contains("DISCONNECT") } }
    }
  }
  @Test func delivery() throws {
    try bad(["L2.delivery"], lines: 2) { s in
      settled(&s)
      s.add("a", "{\"t\":50,\"c\":\"a\",\"ev\":\"send\",\"mid\":\"#a#d1:30\",\"svc\":\"RELIABLE\",\"groups\":[\"g\"]}")
      s.add(
        "a",
        "{\"t\":60,\"c\":\"a\",\"ev\":\"recv\",\"mid\":\"#a#d1:30\",\"sender\":\"#a#d1\",\"svc\":\"RELIABLE\",\"groups\":[\"g\"]}"
      )
    }
  }
}
