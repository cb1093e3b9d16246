// Every daemon property on the good ring and on one damaged in one place. Where a damage breaks several properties at
// once, all are named.

import SpreadCheck
import Testing

private func bad(
  _ properties: Set<String>, lines: Int? = nil, _ options: CheckOptions = CheckOptions(),
  sourceLocation: SourceLocation = #_sourceLocation, _ damage: (inout Script) -> Void
) throws {
  var script = RingScript.good()
  damage(&script)
  try expect(properties, script, options, lines: lines, sourceLocation: sourceLocation)
}

private let old = "\"ring\":[1,100]"
private let new = "\"ring\":[1,110]"
private let dlv = "\"ev\":\"dlv\""
private let have = "\"ev\":\"have\""
private let made = "\"ev\":\"seq\""
private let aru = "\"ev\":\"aru\""
private func seq(_ number: Int) -> String { "\"seq\":\(number)," }
private func token(_ direction: String, _ round: Int) -> [String] {
  ["\"token\"", "\"dir\":\"\(direction)\"", "\"arq\":\(round),"]
}

extension Script {
  /// Every occurrence in every file.
  fileprivate mutating func replaceAll(_ old: String, _ new: String) {
    for file in files.keys { files[file] = files[file]!.map { $0.replacing(old, with: new) } }
  }
}

/// Confs of daemons, `kind|id|members|commit`, a line each.
private func configurations(_ lines: [(String, String)]) -> Script {
  var script = Script()
  for (daemon, text) in lines {
    let parts = text.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
    func list(_ text: String) -> String {
      "[" + text.split(separator: " ").map { "\"\($0)\"" }.joined(separator: ",") + "]"
    }
    let commit = parts.count > 3 ? ",\"commit\":\(list(parts[3]))" : ""
    script.add(
      daemon,
      "{\"d\":\"\(daemon)\",\"ev\":\"conf\",\"kind\":\"\(parts[0])\",\"id\":[\(parts[1])],\"members\":\(list(parts[2]))\(commit)}"
    )
  }
  return script
}

@Suite struct GoodRingTests {
  @Test func theGoodRunIsClean() throws {
    try expectClean(RingScript.good())
    let report = try RingScript.good().report()
    #expect(report.notChecked.isEmpty)
  }
}

@Suite struct ConfigurationTests {
  @Test func selfInclusionAndAgreement() throws {
    try expect(
      ["E1.selfInclusion"],
      configurations([("d3", "trans|3,9|d3|d3"), ("d3", "reg|3,10|d3"), ("d3", "trans|1,11|d1 d2|d1 d2")]),
      lines: 1)
    let run = [("d1", "trans|1,9|d1|d1"), ("d1", "reg|1,10|d1 d2"), ("d2", "trans|2,9|d2|d2")]
    try expectClean(configurations(run + [("d2", "reg|1,10|d1 d2")]))
    try expect(["E1.agreement"], configurations(run + [("d2", "reg|1,10|d1 d2 d3")]), lines: 2)
  }
  @Test func noRepeat() throws {
    func run(_ second: String) -> Script {
      var script = configurations([
        ("d1", "trans|1,8|d1|d1"), ("d1", "reg|1,10|d1"), ("d1", "trans|1,9|d1|d1"), ("d1", second),
      ])
      script.files["d1"]!.insert("{\"d\":\"d1\",\"ev\":\"start\",\"inc\":2}", at: 2)
      return script
    }
    try expectClean(run("reg|1,11|d1"))
    try expect(["E1.noRepeat"], run("reg|1,10|d1"), lines: 2)
  }
  @Test func monotone() throws {
    try bad(["E1.monotone"], lines: 2) { $0.replaceAll("[1,110]", "[1,90]") }
  }
  @Test func shape() throws {
    try expect(
      ["E2.shape"], configurations([("d1", "trans|1,9|d1|d1"), ("d1", "reg|1,10|d1"), ("d1", "reg|1,12|d1")]), lines: 2)
    try expect(
      ["E2.shape"],
      configurations([("d1", "trans|1,8|d1|d1"), ("d1", "trans|1,9|d1|d1"), ("d1", "reg|1,10|d1")]), lines: 2)
  }
  @Test func inclusion() throws {
    func run(_ transitional: String) -> Script {
      configurations([
        ("d1", "trans|1,9|d1|d1"), ("d1", "reg|1,10|d1 d2"), ("d1", transitional), ("d1", "reg|1,12|d1 d2 d3"),
      ])
    }
    try expectClean(run("trans|1,11|d1 d2|d1 d2"))
    try expectClean(run("trans|1,11|d1|d1 d2"))
    try expect(["E2.inclusion"], run("trans|1,11|d1 d2|d1"), lines: 1)
    try expect(["E2.inclusion"], run("trans|1,11|d1 d3|d1 d3"), lines: 2)
    try expect(["E2.inclusion"], run("trans|1,11|d1|d1 d3"), lines: 2)
    try expect(["E2.inclusion"], run("trans|1,11|d1 d4|d1 d4"))
  }
  @Test func origins() throws {
    let start = [("d1", "trans|1,9|d1|d1"), ("d2", "trans|2,9|d2|d2")]
    try expect(
      ["E2.oneOrigin", "E2.inclusion"],
      configurations(
        start + [
          ("d1", "reg|1,10|d1"), ("d2", "reg|2,10|d2"), ("d1", "trans|1,11|d1 d2|d1 d2"),
          ("d2", "trans|1,11|d1 d2|d1 d2"), ("d1", "reg|1,12|d1 d2"), ("d2", "reg|1,12|d1 d2"),
        ]))
    try expect(
      ["E2.oneTarget"],
      configurations(
        start + [
          ("d1", "reg|1,10|d1 d2"), ("d2", "reg|1,10|d1 d2"), ("d1", "trans|1,11|d1 d2|d1 d2"),
          ("d2", "trans|1,11|d1 d2|d1 d2"), ("d1", "reg|1,12|d1 d2"), ("d2", "reg|1,13|d1 d2"),
        ]), lines: 2)
  }
  @Test func originationInTransition() throws {
    try bad(["E9.origination", "E4", "E6.lostPacket"]) { s in
      s.insert(
        "d1", behind: ["\"kind\":\"trans\"", "[1,109]"],
        "{\"t\":172,\"d\":\"d1\",\"ev\":\"seq\",\"ring\":[1,100],\"seq\":13,\"ptype\":\"AGREED\",\"frags\":[[\"#x#d1:99\",-1]]}"
      )
    }
  }
  @Test func ringAndPhase() throws {
    try bad(["E9.phase"], lines: 1) { $0.replace("d1", dlv, old, seq(2), from: "\"pre\"", to: "\"post\"") }
    try bad(["E9.phase", "E6.gapBeforeTrans"]) { $0.replace("d1", dlv, seq(12), from: "\"post\"", to: "\"pre\"") }
    try bad(["E9.ring", "E5", "E6.lostPacket", "E4"]) { s in
      // Delivered after the next installation.
      s.move("d1", [dlv, seq(12)], behind: ["\"kind\":\"reg\"", "[1,110]"])
      s.replace("d1", dlv, seq(12), from: "\"post\"", to: "\"pre\"")
    }
  }
}

@Suite struct DeliveryTests {
  @Test func creation() throws {
    try bad(["E3.creation", "E5", "E6.lostPacket"]) { $0.replace("d2", dlv, seq(12), from: "#x#d1:12", to: "#x#d1:77") }
    try bad(["E3.creation", "K4.gap"]) { s in s.remove("d1", made, old, seq(8)) }
  }
  @Test func origin() throws {
    try bad(["E3.origin"], lines: 2) { $0.replaceAll("#x#d1:2\"", "#x#d2:2\"") }
  }
  @Test func duplicate() throws {
    try bad(["E3.duplicate"], lines: 2) { s in
      s.insert("d2", behind: [dlv, old, seq(2)], s.files["d2"]![s.find("d2", [dlv, old, seq(2)])])
    }
  }
  @Test func foreignRing() throws {
    try bad(["E3.foreignRing", "E9.ring"]) { s in
      s.insert(
        "d3", behind: [dlv, old, seq(9)],
        "{\"t\":138,\"d\":\"d3\",\"ev\":\"dlv\",\"ring\":[1,110],\"seq\":1,\"mid\":\"#x#d1:13\",\"svc\":\"AGREED\",\"phase\":\"pre\"}"
      )
    }
  }
  @Test func twoOrigins() throws {
    try bad(["E3.twoOrigins"], lines: 2) { s in
      s.insert(
        "d2", behind: [made, old, seq(5)],
        "{\"t\":61,\"d\":\"d2\",\"ev\":\"seq\",\"ring\":[1,100],\"seq\":3,\"ptype\":\"AGREED\",\"frags\":[[null,-1]]}")
    }
  }
  @Test func contents() throws {
    try bad(["E3.contentDiffers"], lines: 2) {
      $0.replace("d3", have, old, seq(2), from: "\"hash\":14", to: "\"hash\":15")
    }
  }
  @Test func selfDelivery() throws {
    try bad(["E4", "E5", "E6.lostPacket"]) { $0.remove("d1", dlv, seq(12)) }
  }
  @Test func order() throws {
    try bad(["E6.order", "E6.gapBeforeTrans"]) { $0.move("d2", [dlv, old, seq(2)], behind: [dlv, old, seq(3)]) }
  }
  @Test func gap() throws {
    try bad(["E6.gapBeforeTrans"], lines: 2) { $0.remove("d3", dlv, old, seq(2)) }
  }
  @Test func numbersWithoutGaps() throws {
    try bad(["K4.gap"], lines: 2) { s in
      s.remove("d3", made, seq(10))
      s.remove("d3", dlv, seq(10))
    }
  }
}

@Suite struct AtomicityTests {
  @Test func sameMessages() throws {
    try bad(["E5", "E6.lostPacket"]) { $0.remove("d2", dlv, seq(12)) }
  }
  @Test func reliableIsAWarning() throws {
    try bad(["E5r"], lines: 2) { $0.remove("d2", dlv, seq(7)) }
    var strict = CheckOptions()
    strict.strictReliable = true
    try bad(["E5r"], lines: 2, strict) { $0.remove("d2", dlv, seq(7)) }
  }
  @Test func afterHole() throws {
    try bad(["E6.afterHole"], lines: 3) { s in
      for daemon in ["d1", "d2"] {
        s.files[daemon]!.insert(
          "{\"t\":171,\"d\":\"\(daemon)\",\"ev\":\"dlv\",\"ring\":[1,100],\"seq\":11,\"mid\":\"#x#d3:11\",\"svc\":\"AGREED\",\"phase\":\"post\"}",
          at: s.find(daemon, [dlv, seq(12)]))
      }
    }
  }
  @Test func lostPacket() throws {
    // Both had it, neither delivers it; d1 made it.
    try bad(["E6.lostPacket", "E4"]) { s in for daemon in ["d1", "d2"] { s.remove(daemon, dlv, seq(12)) } }
  }
  @Test func safe() throws {
    try bad(["E8", "E5", "E6.gapBeforeTrans", "K3.late", "E6.lostPacket"]) { $0.remove("d1", dlv, old, seq(5)) }
  }
  @Test func safeInTransition() throws {
    // The last packet is safe, delivered after the transitional configuration by one of the two.
    try bad(["E8", "E5", "E6.lostPacket"]) { s in
      for daemon in ["d1", "d2"] { s.replace(daemon, dlv, seq(12), from: "AGREED", to: "SAFE") }
      s.replace("d1", made, seq(12), from: "AGREED", to: "SAFE")
      s.remove("d2", dlv, seq(12))
    }
  }
  @Test func knowledge() throws {
    try bad(["E8.knowledge"], lines: 2) { s in
      s.files["d1"] = s.files["d1"]!.map { line in
        guard line.contains(have), line.contains(new), line.contains(seq(2)) else { return line }
        return "{\"t\":199" + line[line.firstIndex(of: ",")!...]
      }
    }
  }
}

@Suite struct RingInvariantTests {
  @Test func tokenSeqAndAru() throws {
    try bad(["K1.seq", "K8"]) {
      $0.replace("d2", "\"token\"", new, "\"in\"", "\"arq\":5,", from: "\"seq\":2,\"aru\":2", to: "\"seq\":1,\"aru\":1")
    }
    try bad(["K1.aru", "K8"]) {
      $0.replace("d2", "\"token\"", new, "\"in\"", "\"arq\":5,", from: "\"aru\":2", to: "\"aru\":3")
    }
  }
  @Test func sequenceVariables() throws {
    try bad(["K2.shape"], lines: 1) {
      $0.replace("d2", aru, old, "\"highest\":5", from: "\"discarded\":0", to: "\"discarded\":1")
    }
    try bad(["K2.monotone"], lines: 2) {
      $0.replace(
        "d2", aru, new, "\"t\":201", from: "\"aru\":2,\"highest\":2,\"discarded\":2",
        to: "\"aru\":1,\"highest\":2,\"discarded\":1")
    }
    // An abandoned recovery lowers them.
    try bad([]) { s in
      s.insert(
        "d2", behind: [aru, new, "\"t\":201"],
        "{\"t\":202,\"d\":\"d2\",\"ev\":\"aru\",\"ring\":[1,110],\"myAru\":3333,\"aru\":1,\"highest\":2,\"discarded\":1,\"delivered\":2,\"op\":false}"
      )
    }
  }
  @Test func safeHorizon() throws {
    try bad(["K3.early"], lines: 2) { s in
      // Delivered one round too soon, by time as well as by place.
      s.move("d2", [dlv, new, seq(2)], behind: ["\"token\"", new, "\"out\"", "\"arq\":3,"])
    }
    try bad(["K3.late"], lines: 3) {
      $0.move("d1", [dlv, new, seq(2)], behind: ["\"token\"", new, "\"out\"", "\"arq\":6,"])
    }
  }
  @Test func requests() throws {
    try bad(["K5.range"], lines: 2) { $0.replace("d2", "\"rtr\":[8, 9]", from: "[8, 9]", to: "[7, 9]") }
    try bad(["K5.range"], lines: 2) { $0.replace("d2", "\"rtr\":[8, 9]", from: "[8, 9]", to: "[8, 10]") }
    try bad(["K5.accelerated"], lines: 2) {
      $0.replace("run", "\"run\"", from: "\"window\"", to: "\"accelerated\":true,\"window\"")
    }
  }
  @Test func flowControl() throws {
    try bad(["K6.personal"], lines: 2) {
      $0.replace("run", "\"run\"", from: "\"personalWindow\":20", to: "\"personalWindow\":2")
    }
    try bad(["K6.window"], lines: 1) {
      $0.replace("d2", "\"token\"", new, "\"out\"", "\"arq\":5,", from: "\"fcc\":0", to: "\"fcc\":181")
    }
    try bad(["K6.recovery"], lines: 2) { s in
      s.files["d2"] = s.files["d2"]!.map { line in
        line.contains(aru) && line.contains("\"t\":194") ? line.replacing("\"op\":true", with: "\"op\":false") : line
      }
      s.insert(
        "d2", behind: [aru, new, "\"t\":194"],
        "{\"t\":195,\"d\":\"d2\",\"ev\":\"seq\",\"ring\":[1,110],\"seq\":3,\"ptype\":\"AGREED\",\"frags\":[[null,-1]]}")
    }
    try bad(["K6.gap"], lines: 2) { s in
      for time in ["201", "207"] {
        s.replace("d2", aru, "\"t\":\(time)", from: "\"highest\":2,", to: "\"highest\":1603,")
      }
      s.insert(
        "d2", behind: [aru, new, "\"t\":201"],
        "{\"t\":202,\"d\":\"d2\",\"ev\":\"seq\",\"ring\":[1,110],\"seq\":3,\"ptype\":\"AGREED\",\"frags\":[[null,-1]]}")
      s.files["d2"]!.removeAll { $0.contains("\"t\":207") }
      s.insert(
        "d2", behind: ["\"sess\""],
        "{\"t\":210,\"d\":\"d2\",\"ev\":\"aru\",\"ring\":[1,110],\"myAru\":1603,\"aru\":1603,\"highest\":1603,\"discarded\":1603,\"delivered\":1603}"
      )
    }
  }
  @Test func slots() throws {
    try bad(["K9", "L4.ring"], lines: nil) {
      $0.replace("d2", aru, "\"t\":207", from: "\"highest\":2,", to: "\"highest\":8194,")
    }
  }
  @Test func wrap() throws {
    try bad(["K10", "K8", "K1.seq"]) {
      $0.replace("d2", "\"token\"", new, "\"in\"", "\"arq\":6,", from: "\"seq\":2", to: "\"seq\":1073741825")
    }
  }
  @Test func rounds() throws {
    // d2 accepts a token a second time.
    try bad(["K7", "K8"]) { s in
      s.insert(
        "d2", behind: ["\"token\"", new, "\"in\"", "\"arq\":4,"],
        s.files["d2"]![s.find("d2", ["\"token\"", new, "\"in\"", "\"arq\":4,"])])
    }
    // The leader accepts an old one.
    try bad(["K7", "K8"]) {
      $0.replace("d1", "\"token\"", new, "\"in\"", "\"arq\":5,", from: "\"arq\":5", to: "\"arq\":4")
    }
  }
  @Test func oneToken() throws {
    try bad(["K8"], lines: 2) {
      $0.replace("d2", "\"token\"", new, "\"in\"", "\"arq\":4,", from: "\"aru\":2", to: "\"aru\":1")
    }
    try bad(["K8"], lines: 2) { $0.remove("d1", "\"token\"", new, "\"out\"", "\"arq\":6,") }
  }
  @Test func recoveryEnds() throws {
    /// A daemon alone that accepts the token so many times before it installs its ring.
    func recovery(_ rounds: Int) -> Script {
      func token(_ direction: String, _ round: Int) -> String {
        "{\"d\":\"d1\",\"ev\":\"token\",\"ring\":[1,10],\"dir\":\"\(direction)\",\"seq\":0,\"aru\":0,\"arq\":\(round % 16)}"
      }
      var script = configurations([("d1", "trans|1,9|d1|d1"), ("d1", "reg|1,10|d1")])
      let tokens = [token("out", 0)] + (0..<rounds).flatMap { [token("in", $0), token("out", $0 + 1)] }
      script.files["d1"]!.insert(contentsOf: tokens, at: 0)
      return script
    }
    try expectClean(recovery(501))
    try expect(["K11"], recovery(502), lines: 2)
  }
}

@Suite struct GroupTableTests {
  @Test func tables() throws {
    try bad(["G6.tables"], lines: 2) {
      $0.replace("d2", "gstate", "\"t\":33", from: "#x#d1", to: "#y#d1")
    }
  }
  @Test func exchange() throws {
    try bad(["G6.exchange"], lines: 2) { s in
      s.files["d2"]!.removeAll { $0.contains("\"t\":175") }
      s.insert(
        "d2", behind: [dlv, new, seq(1)],
        "{\"t\":180,\"d\":\"d2\",\"ev\":\"gstate\",\"state\":\"GOP\",\"groups\":[[\"g\",[1,100,2],[\"#x#d1\",\"#x#d2\"]]]}"
      )
      s.insert(
        "d2", behind: ["\"kind\":\"reg\"", "[1,110]"],
        "{\"t\":175,\"d\":\"d2\",\"ev\":\"gstate\",\"state\":\"GGATHER\",\"groups\":[]}")
    }
  }
  @Test func outsiders() throws {
    try bad(["G7"], lines: 2) { s in
      for daemon in ["d1", "d2"] {
        s.files[daemon] = s.files[daemon]!.map {
          $0.contains("GOP") && $0.contains("#x#d2") ? $0.replacing("#x#d2", with: "#x#d3") : $0
        }
      }
      // In the old ring d3 is no stranger.
      s.files["d3"] = s.files["d3"]!.map { $0.contains("GOP") ? $0.replacing("#x#d2", with: "#x#d3") : $0 }
    }
  }
  @Test func sessionQueue() throws {
    try bad(["S2.limit"], lines: 1) { s in
      s.files["d1"]!.insert(
        "{\"t\":200,\"d\":\"d1\",\"ev\":\"sess\",\"c\":\"#x#d1\",\"queued\":1001,\"action\":\"deliver\"}",
        at: s.find("d1", ["sess"]))
    }
  }
}

@Suite struct DaemonLivenessTests {
  @Test func together() throws {
    try bad(["L1.together"]) { $0.replace("run", "run", from: "\"core\":[\"d1\",\"d2\"]", to: "\"core\":[\"d1\"]") }
    func apart(_ second: String) -> Script {
      var script = configurations([
        ("d1", "trans|1,9|d1|d1"), ("d1", "reg|1,10|d1 d2"), ("d2", "trans|2,9|d2|d2"), ("d2", second),
      ])
      script.add("run", "{\"ev\":\"run\",\"quiet\":1,\"bound\":10,\"end\":20}")
      return script
    }
    try expectClean(apart("reg|1,10|d1 d2"))
    try expect(["L1.one"], apart("reg|2,10|d1 d2"))
    try expect(["L1.one", "L1.together"], apart("reg|2,10|d2"))
    try bad(["L1.bound"]) { $0.replace("run", "run", from: "\"bound\":209", to: "\"bound\":100") }
  }
  @Test func steps() throws {
    var script = Script()
    for step in 0..<8 {
      script.add(
        "d1",
        "{\"t\":\(step),\"d\":\"d1\",\"ev\":\"conf\",\"kind\":\"trans\",\"id\":[1,\(2 * step)],\"members\":[\"d1\"],\"commit\":[\"d1\"]}"
      )
      script.add(
        "d1",
        "{\"t\":\(step),\"d\":\"d1\",\"ev\":\"conf\",\"kind\":\"reg\",\"id\":[1,\(2 * step + 1)],\"members\":[\"d1\"]}")
    }
    script.add("run", "{\"ev\":\"run\",\"quiet\":1,\"bound\":10,\"end\":20}")
    try expect(["L6"], script, lines: 2)
  }
  @Test func tables() throws {
    try bad(["L3.tables"], lines: 2) { s in
      s.insert("d2", behind: ["sess"], "{\"t\":210,\"d\":\"d2\",\"ev\":\"gstate\",\"state\":\"GOP\",\"groups\":[]}")
    }
    try bad(["L3.state", "L3.tables"]) { s in
      s.insert("d2", behind: ["sess"], "{\"t\":210,\"d\":\"d2\",\"ev\":\"gstate\",\"state\":\"GGATHER\",\"groups\":[]}")
    }
  }
  @Test func drained() throws {
    try bad(["L4.ring"], lines: 1) {
      $0.replace("d2", aru, "\"t\":207", from: "\"discarded\":2,", to: "\"discarded\":2,\"x\":0,")
      $0.insert(
        "d2", behind: ["sess"],
        "{\"t\":210,\"d\":\"d2\",\"ev\":\"aru\",\"ring\":[1,110],\"myAru\":2,\"aru\":2,\"highest\":3,\"discarded\":2,\"delivered\":2}"
      )
    }
    try bad(["L4.session"], lines: 1) { $0.replace("d1", "sess", from: "\"queued\":0", to: "\"queued\":4") }
  }
  @Test func hold() throws {
    // The run goes on to 3209, its hurry timeout is 500: from 209 + 1500 on there may be 9 visits.
    func idle(_ visits: Int) -> Script {
      var s = RingScript.good()
      s.replace("run", "run", from: "\"end\":3209", to: "\"end\":6209")
      for visit in 0..<visits {
        let times = (0..<4).map { 2000 + 4 * visit + $0 }
        let last = "\"ring\":[1,110],\"seq\":2,\"aru\":2,\"aruId\":1"
        let (before, after) = ((6 + visit) % 16, (7 + visit) % 16)
        s.add("d1", "{\"t\":\(times[0]),\"d\":\"d1\",\"ev\":\"token\",\(last),\"dir\":\"in\",\"arq\":\(before)}")
        s.add("d1", "{\"t\":\(times[1]),\"d\":\"d1\",\"ev\":\"token\",\(last),\"dir\":\"out\",\"arq\":\(after)}")
        s.add("d2", "{\"t\":\(times[2]),\"d\":\"d2\",\"ev\":\"token\",\(last),\"dir\":\"in\",\"arq\":\(after)}")
        s.add("d2", "{\"t\":\(times[3]),\"d\":\"d2\",\"ev\":\"token\",\(last),\"dir\":\"out\",\"arq\":\(after)}")
      }
      return s
    }
    try expectClean(idle(15))
    try expect(["L5"], idle(60), lines: 2)
  }
}
