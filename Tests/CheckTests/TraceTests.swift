// The trace format, recorded traces of stock daemons, and the order finder against a plain one.

import Foundation
import Testing

@testable import SpreadCheck

private func vector(_ name: String, _ here: String = #filePath) throws -> String {
  let tests = URL(fileURLWithPath: here).deletingLastPathComponent().deletingLastPathComponent()
  return try String(contentsOf: tests.appendingPathComponent("Vectors/traces/" + name), encoding: .utf8)
}

private func failure(_ text: String) -> String? {
  do throws(TraceFailure) {
    try Trace().read(text, file: "x")
    return nil
  } catch {
    return "\(error.line): \(error.text)"
  }
}

@Suite struct StockTraceTests {
  @Test(arguments: [
    ("stock-network.jsonl", 82), ("stock-members.jsonl", 32), ("stock-groups.jsonl", 48), ("stock-flush.jsonl", 394),
  ])
  func nothingIsFound(_ file: String, _ events: Int) throws {
    let trace = Trace()
    try trace.read(vector(file), file: file)
    #expect(trace.eventCount == events)
    let report = Checker.check(trace)
    #expect(report.counts.isEmpty, "\(report.text(trace))")
  }

  /// Every line of the Flush layer counts: what is missing is said by the property it is about.
  @Test func flushDamageIsFound() throws {
    let lines = try vector("stock-flush.jsonl").split(separator: "\n").map(String.init)
    var found: [String: Set<String>] = [:]
    for line in lines.indices {
      let kinds = ["view", "recv", "flush", "flushreq", "trans"]
      guard let kind = kinds.first(where: { lines[line].contains("\"ev\":\"\($0)\"") }) else { continue }
      var damaged = lines
      damaged.remove(at: line)
      let trace = Trace()
      try trace.read(damaged.joined(separator: "\n"), file: "x")
      let properties = Set(Checker.check(trace).counts.keys)
      #expect(!properties.isEmpty || kind != "flush", "\(lines[line])")
      found[kind, default: []].formUnion(properties)
    }
    #expect(found["view"]!.isSuperset(of: ["F1.view", "F5.once", "F11.cause"]), "\(found)")
    #expect(found["recv"]!.isSuperset(of: ["F3.same", "F3r", "F10.C1.selfDelivery", "F10.C4.prefix"]), "\(found)")
    #expect(found["flush"]!.isSuperset(of: ["F5.unagreed", "F9.agreed"]), "\(found)")
    #expect(found["flushreq"]!.isSuperset(of: ["F5.unasked", "F5.flush"]), "\(found)")
    #expect(found["trans"] == ["F6.missing"], "\(found)")
  }

  @Test func damageIsFound() throws {
    let lines = try vector("stock-network.jsonl").split(separator: "\n").map(String.init)
    func properties(_ lines: [String]) throws -> Set<String> {
      let trace = Trace()
      try trace.read(lines.joined(separator: "\n"), file: "x")
      return Set(Checker.check(trace).counts.keys)
    }
    var reached: Set<String> = []
    for line in lines.indices where lines[line].contains("\"view\"") || lines[line].contains("\"recv\"") {
      var damaged = lines
      damaged.remove(at: line)
      reached.formUnion(try properties(damaged))
    }
    #expect(reached.isSuperset(of: ["G2.lostView", "G3.join", "G4.same", "G1.missing"]), "\(reached)")
  }
}

@Suite struct TraceFormatTests {
  @Test func linesReadAndWrittenAreTheSame() throws {
    for script in [Script.good(), RingScript.good(), Script.goodFlush()] {
      let trace = try script.trace()
      // A second trace from the written lines writes the same.
      let again = Trace()
      var text: [String] = []
      for client in trace.clients {
        let lines = client.records.map { trace.line($0, of: client) }
        text += lines
        try again.read(lines.joined(separator: "\n"), file: client.file)
      }
      for daemon in trace.daemons {
        let lines = daemon.records.map { trace.line($0, of: daemon) }
        text += lines
        try again.read(lines.joined(separator: "\n"), file: daemon.file)
      }
      try again.read(trace.runLine(), file: "run")
      let written =
        again.clients.flatMap { client in client.records.map { again.line($0, of: client) } }
        + again.daemons.flatMap { daemon in daemon.records.map { again.line($0, of: daemon) } }
      #expect(written == text)
      #expect(again.runLine() == trace.runLine())
      #expect(again.eventCount == trace.eventCount && trace.eventCount > 100)
      #expect(Checker.check(again).counts.isEmpty)
    }
  }

  @Test func incarnationsAndMixedLines() throws {
    let trace = Trace()
    try trace.read(
      """
      # a comment, and an empty line

      {"d":"d1","ev":"start","inc":1}
      {"c":"x","ev":"closed","rc":-8}
      {"d":"d1","ev":"stop"}
      {"d":"d2","ev":"start"}
      {"d":"d1","ev":"start","inc":2}\r
      {"d":"d1","ev":"sess","c":"#x#d1","queued":3,"action":"kill"}
      """, file: "mixed")
    #expect(trace.daemons.map { trace.names[$0.name] } == ["d1", "d2", "d1"])
    #expect(trace.daemons.map { $0.records.count } == [2, 1, 2])
    #expect(trace.clients.count == 1 && trace.clients[0].records[0].line == 4)
  }

  @Test func layersOfOneSession() throws {
    let trace = Trace()
    let lines = [
      "{\"c\":\"x\",\"ev\":\"connect\",\"daemon\":\"d1\",\"private\":\"#x#d1\",\"wantsMemb\":true}",
      "{\"c\":\"x+\",\"ev\":\"connect\",\"daemon\":\"d1\",\"private\":\"#x#d1\",\"wantsMemb\":true,\"layer\":\"flush\"}",
      "{\"c\":\"x+\",\"ev\":\"join\",\"group\":\"g\",\"rc\":0}",
      "{\"c\":\"x+\",\"ev\":\"flushreq\",\"group\":\"g\"}",
      "{\"c\":\"x+\",\"ev\":\"flush\",\"group\":\"g\",\"rc\":-27}",
    ]
    try trace.read(lines.joined(separator: "\n"), file: "x")
    #expect(trace.clients.map { $0.layer } == [.core, .flush])
    #expect(trace.clients.map { $0.records.count } == [1, 4])
    let events = trace.clients[1].records.map { $0.event }
    if case .flushRequest(let group) = events[2], case .flush(let other, let result) = events[3] {
      #expect(trace.names[group] == "g" && group == other && result == -27)
    } else {
      Issue.record("\(events)")
    }
    #expect(trace.clients.flatMap { client in client.records.map { trace.line($0, of: client) } } == lines)
    #expect(failure(lines[0] + "\n" + lines[1].replacing("x+", with: "x"))?.contains("2: field \"layer\"") == true)
    #expect(failure(lines[1].replacing("flush", with: "both"))?.contains("layer") == true)
  }

  @Test func mistakesAreNamed() {
    #expect(
      failure("{\"c\":\"x\",\"ev\":\"closed\",\"rc\":0}\n{\"c\":\"x\"}")
        == "2: field \"ev\": a string is missing (column 1)")
    #expect(failure("{\"c\":\"x\",\"ev\":\"nonsense\"}")?.contains("unknown client event") == true)
    #expect(failure("{\"d\":\"x\",\"ev\":\"nonsense\"}")?.contains("unknown daemon event") == true)
    #expect(failure("{\"ev\":\"closed\",\"rc\":0}")?.contains("\"d\"") == true)
    #expect(failure("{\"c\":\"x\",\"ev\":\"closed\",\"rc\":99999999999}")?.contains("beyond 32 bits") == true)
    #expect(failure("{\"c\":\"x\",\"ev\":\"sent\",\"mid\":\"nocolon\",\"rc\":0}")?.contains("mid") == true)
    #expect(
      failure("{\"c\":\"x\",\"ev\":\"send\",\"mid\":\"a:1\",\"svc\":\"BEST\",\"groups\":[]}")?.contains("svc") == true)
    #expect(failure("[1]") != nil)
    #expect(failure("{\"a\":1.5}")?.contains("not a whole number") == true)
    #expect(failure("{\"a\":18446744073709551616}")?.contains("too large") == true)
    #expect(failure("{\"a\":\"") != nil)
    #expect(failure(String(repeating: "[", count: 100))?.contains("nested") == true)
  }

  @Test func everyCutAndChangeOfALineIsReadOrRefused() throws {
    var reads = 0
    let lines = RingScript.good().files["d2"]!.prefix(60) + Script.good().files["a"]!.prefix(12)
      + Script.goodFlush().files["a"]!.prefix(12)
    // One line of each form: those that differ in their numbers only are read alike.
    let forms = Dictionary(lines.map { ($0.filter { !$0.isNumber }, $0) }, uniquingKeysWith: { first, _ in first })
    for line in forms.values.sorted() {
      let bytes = Array(line.utf8)
      for cut in bytes.indices { #expect(failure(String(decoding: bytes[..<cut], as: UTF8.self)) != nil || cut == 0) }
      for place in bytes.indices {
        for byte: UInt8 in [0, 0x22, 0x2c, 0x39, 0x5b, 0x5c, 0x7d, 0xff] {
          var changed = bytes
          changed[place] = byte
          if failure(String(decoding: changed, as: UTF8.self)) == nil { reads += 1 }
        }
      }
    }
    #expect(reads > 100)
  }

  @Test func stringsKeepTheirCharacters() throws {
    let names = ["plain", "quote\"back\\slash", "tab\tline\nend\r", "umlaut ä", "\u{1}\u{1f}", ""]
    for name in names {
      let text = JSON.string(name).description
      let bytes = Array(text.utf8)
      let value = try bytes.withUnsafeBufferPointer { try JSONParser.parse($0) }
      #expect(value == .string(name))
    }
    let escapes = Array("\"\\u0041\\/\\b\\f\\ud800\"".utf8)
    #expect(try escapes.withUnsafeBufferPointer { try JSONParser.parse($0) } == .string("A/\u{8}\u{c}\u{fffd}"))
    for number in [Int64.min, -1, 0, 1, .max] {
      let bytes = Array(String(number).utf8)
      #expect(try bytes.withUnsafeBufferPointer { try JSONParser.parse($0) } == .integer(number))
    }
    let large = Array("18446744073709551615".utf8)
    #expect(try large.withUnsafeBufferPointer { try JSONParser.parse($0) } == .integer(-1))
  }
}

/// SplitMix64.
private struct Generator: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

@Suite struct PrecedenceTests {
  @Test func agreesWithThePlainWay() {
    var random = Generator(state: 9)
    var cycles = 0
    for _ in 0..<3000 {
      let nodes = Int.random(in: 1...8, using: &random)
      let order = (0..<Int32(nodes)).shuffled(using: &random)
      var lists = (0..<Int.random(in: 1...4, using: &random)).map { _ in
        order.filter { _ in Bool.random(using: &random) }
      }
      if Bool.random(using: &random), let list = lists.indices.randomElement(using: &random), lists[list].count > 1 {
        lists[list].swapAt(0, lists[list].count - 1)
      }
      let precedence = Precedence(lists, nodeCount: nodes)
      #expect(precedence.hasCycle == plainCycle(lists, nodes), "\(lists)")
      guard precedence.hasCycle else { continue }
      cycles += 1
      let pairs = plainInversions(lists)
      let found = precedence.inversions(limit: 100)
      #expect(Set(found.map { [$0.first, $0.second] }) == pairs, "\(lists)")
      for inversion in found {
        let (p, q) = (lists[inversion.first], lists[inversion.second])
        #expect(p.firstIndex(of: inversion.a)! < p.firstIndex(of: inversion.b)!)
        #expect(q.firstIndex(of: inversion.a)! > q.firstIndex(of: inversion.b)!)
      }
      let cycle = precedence.cycle()
      #expect(!cycle.isEmpty)
      for (step, following) in zip(cycle, cycle.dropFirst() + cycle.prefix(1)) {
        #expect(step.to == following.from)
        #expect(lists[step.list].firstIndex(of: step.from)! < lists[step.list].firstIndex(of: step.to)!)
      }
    }
    #expect(cycles > 300)
  }

  /// Transitive closure.
  private func plainCycle(_ lists: [[Int32]], _ nodes: Int) -> Bool {
    var before = Array(repeating: Array(repeating: false, count: nodes), count: nodes)
    for list in lists {
      for i in list.indices { for j in list.indices where i < j { before[Int(list[i])][Int(list[j])] = true } }
    }
    for k in 0..<nodes {
      for i in 0..<nodes where before[i][k] {
        for j in 0..<nodes where before[k][j] { before[i][j] = true }
      }
    }
    return (0..<nodes).contains { before[$0][$0] }
  }

  private func plainInversions(_ lists: [[Int32]]) -> Set<[Int]> {
    var result: Set<[Int]> = []
    for (i, p) in lists.enumerated() {
      for (j, q) in lists.enumerated() where i < j {
        let common = Set(p).intersection(q)
        if p.filter(common.contains) != q.filter(common.contains) { result.insert([i, j]) }
      }
    }
    return result
  }
}
