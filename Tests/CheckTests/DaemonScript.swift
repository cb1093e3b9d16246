// A run of three daemons as their recorders would write it down, made by a ring in miniature without loss: recovery
// tokens, installation, packets, tokens by the rules of daemon-ring 3.3, delivery; then d3 stops with a hole behind
// it, and d1 and d2 go on.

import SpreadCheck

final class RingScript {
  private(set) var script = Script()
  private struct Packet {
    var text: String
    /// nil: a join that changes the group table.
    var mid: String?
    var service: String
  }
  private struct Daemon {
    var highest = 0
    var aru = 0
    var lastAru = 0
    var delivered = 0
    var members: [String] = []
  }
  private var time = 0
  private var ring = "1,100"
  private var members = ["d1", "d2", "d3"]
  private var daemons: [String: Daemon] = ["d1": Daemon(), "d2": Daemon(), "d3": Daemon()]
  private var packets: [Int: Packet] = [:]
  private var token = (seq: 0, aru: 0, aruID: 0, round: 0)
  private var counter = 0

  func event(_ daemon: String, _ rest: String) {
    time += 1
    script.add(daemon, "{\"t\":\(time),\"d\":\"\(daemon)\",\(rest)}")
  }

  private func list(_ names: [String]) -> String { "[" + names.map { "\"\($0)\"" }.joined(separator: ",") + "]" }
  private func number(_ daemon: String) -> Int { Int(String(daemon.last!))! }

  private func conf(_ daemon: String, _ kind: String, _ id: String, _ members: [String], commit: [String]? = nil) {
    let tail = commit.map { ",\"commit\":\(list($0))" } ?? ""
    event(daemon, "\"ev\":\"conf\",\"kind\":\"\(kind)\",\"id\":[\(id)],\"members\":\(list(members))\(tail)")
  }

  private func passToken(_ daemon: String, _ direction: String, rtr: [Int] = []) {
    event(
      daemon,
      "\"ev\":\"token\",\"ring\":[\(ring)],\"dir\":\"\(direction)\",\"seq\":\(token.seq),\"aru\":\(token.aru),\"aruId\":\(token.aruID),\"arq\":\(token.round),\"retrans\":0,\"fcc\":0,\"rtr\":\(rtr)"
    )
  }

  /// Recovery rounds of the ring about to be installed: the last member sends the first token.
  private func recover() {
    token = (0, 0x7fff_ffff, 0, 0)
    passToken(members.last!, "out")
    for _ in 0..<2 {
      for daemon in members {
        passToken(daemon, "in")
        if daemon == members[0] { token.round += 1 }
        token.aru = 3333
        passToken(daemon, "out")
        if token.round == 2 { install(daemon) }
      }
    }
  }

  private func install(_ daemon: String) {
    let isFirst = ring == "1,100"
    let n = number(daemon)
    if isFirst {
      conf(daemon, "trans", "\(n),99", [daemon], commit: [daemon])
    } else {
      conf(daemon, "trans", "1,109", members, commit: members)
      deliverRest(daemon)
    }
    conf(daemon, "reg", ring, members)
    let old = daemons[daemon]!.members
    daemons[daemon] = Daemon()
    daemons[daemon]!.members = old.filter { member in members.contains { member.hasSuffix($0) } }
    if isFirst { table(daemon, "GGATHER") }
    table(daemon, "GOP")
  }

  func table(_ daemon: String, _ state: String) {
    let list = daemons[daemon]!.members.map { "\"\($0)\"" }.joined(separator: ",")
    let groups = list.isEmpty ? "" : "[\"g\",[1,100,\(daemons[daemon]!.members.count)],[\(list)]]"
    event(daemon, "\"ev\":\"gstate\",\"state\":\"\(state)\",\"groups\":[\(groups)]")
  }

  /// A visit that makes one packet for each of `services`; a JOIN makes the client `#x#daemon` join.
  func visit(_ daemon: String, _ services: [String] = [], lostTo lost: [String] = []) {
    passToken(daemon, "in")
    let oldSeq = token.seq
    daemons[daemon]!.highest = max(daemons[daemon]!.highest, token.seq)
    for service in services { make(daemon, service, lost) }
    let mine = contiguous(daemon)
    let n = number(daemon)
    if token.aru > mine || token.aruID == n || token.aru == oldSeq {
      token.aru = mine
      token.aruID = n
    }
    token.seq = daemons[daemon]!.highest
    if daemon == members[0] { token.round = (token.round + 1) % 16 }
    passToken(daemon, "out", rtr: requests(daemon))
    daemons[daemon]!.aru = min(token.aru, daemons[daemon]!.lastAru)
    daemons[daemon]!.lastAru = token.aru
    deliver(daemon)
    horizon(daemon)
  }

  /// Numbers `daemon` has.
  private var has: [String: Set<Int>] = [:]

  private func contiguous(_ daemon: String) -> Int {
    var last = 0
    while has[daemon, default: []].contains(last + 1) { last += 1 }
    return last
  }

  private func requests(_ daemon: String) -> [Int] {
    let first = contiguous(daemon) + 1
    guard first <= token.seq else { return [] }
    return (first...token.seq).filter { !has[daemon, default: []].contains($0) }
  }

  private func horizon(_ daemon: String) {
    let state = daemons[daemon]!
    event(
      daemon,
      "\"ev\":\"aru\",\"ring\":[\(ring)],\"myAru\":\(contiguous(daemon)),\"aru\":\(state.aru),\"highest\":\(state.highest),\"discarded\":\(min(state.aru, state.delivered)),\"delivered\":\(state.delivered),\"op\":true"
    )
  }

  private func make(_ daemon: String, _ service: String, _ lost: [String]) {
    daemons[daemon]!.highest += 1
    let seq = daemons[daemon]!.highest
    counter += 1
    let mid = service == "JOIN" ? nil : "#x#\(daemon):\(counter)"
    packets[seq] = Packet(text: daemon, mid: mid, service: service == "JOIN" ? "AGREED" : service)
    let frag = mid.map { "\"\($0)\"" } ?? "null"
    event(
      daemon,
      "\"ev\":\"seq\",\"ring\":[\(ring)],\"seq\":\(seq),\"ptype\":\"\(packets[seq]!.service)\",\"frags\":[[\(frag),-1]]"
    )
    has[daemon, default: []].insert(seq)
    for other in members where other != daemon && !lost.contains(other) { take(other, seq) }
  }

  func take(_ daemon: String, _ seq: Int) {
    event(daemon, "\"ev\":\"have\",\"ring\":[\(ring)],\"seq\":\(seq),\"hash\":\(seq * 7)")
    has[daemon, default: []].insert(seq)
    daemons[daemon]!.highest = max(daemons[daemon]!.highest, seq)
    deliver(daemon)
  }

  private func deliver(_ daemon: String) {
    let top = contiguous(daemon)
    while daemons[daemon]!.delivered < top {
      let seq = daemons[daemon]!.delivered + 1
      if packets[seq]!.service == "SAFE", seq > daemons[daemon]!.aru { return }
      handUp(daemon, seq, "pre")
      daemons[daemon]!.delivered = seq
    }
  }

  private func handUp(_ daemon: String, _ seq: Int, _ phase: String) {
    let packet = packets[seq]!
    let mid = packet.mid.map { "\"\($0)\"" } ?? "null"
    let of = phase == "post" ? "1,100" : ring
    event(
      daemon,
      "\"ev\":\"dlv\",\"ring\":[\(of)],\"seq\":\(seq),\"mid\":\(mid),\"svc\":\"\(packet.service)\",\"phase\":\"\(phase)\""
    )
    if packet.mid == nil {
      daemons[daemon]!.members.append("#x#\(packet.text)")
      daemons[daemon]!.members.sort()
      table(daemon, "GOP")
    }
  }

  /// After the transitional configuration: everything to the first hole, then what members made.
  private func deliverRest(_ daemon: String) {
    table(daemon, "GTRANS")
    let known = members.reduce(into: Set<Int>()) { $0.formUnion(has[$1, default: []]) }
    let hole = (1...).first { !known.contains($0) }!
    for seq in known.sorted() where seq > daemons[daemon]!.delivered {
      if seq < hole || members.contains(packets[seq]!.text) { handUp(daemon, seq, "post") }
    }
  }

  /// The good run.
  static func good(idle: Bool = false) -> Script {
    let run = RingScript()
    for daemon in ["d1", "d2", "d3"] { run.event(daemon, "\"ev\":\"start\",\"inc\":1") }
    run.recover()
    run.token = (0, 3333, 0, 2)
    run.visit("d1", ["JOIN", "AGREED", "FIFO"])
    run.visit("d2", ["JOIN", "SAFE"])
    run.visit("d3", ["AGREED", "RELIABLE"])
    for _ in 0..<2 { for daemon in run.members { run.visit(daemon) } }
    run.visit("d1", ["CAUSAL", "SAFE"], lostTo: ["d2"])
    run.visit("d2")
    run.take("d2", 8)
    run.take("d2", 9)
    for daemon in ["d3", "d1", "d2", "d3"] { run.visit(daemon) }
    run.stopD3()
    run.end()
    return run.script
  }

  /// d2 and d3 make packets at the end; what d3 makes first is lost to all, its last reaches d1. Then d3 stops.
  private func stopD3() {
    visit("d1")
    visit("d2")
    visit("d3", ["AGREED", "AGREED"], lostTo: ["d1", "d2"])
    take("d1", 11)
    visit("d1", ["AGREED"])
    event("d3", "\"ev\":\"stop\"")
    take("d2", 11)
    ring = "1,110"
    members = ["d1", "d2"]
    recover()
    has = [:]
    packets = [:]
    token.seq = 0
    for daemon in members { daemons[daemon]!.aru = 0 }
    visit("d1", ["AGREED"])
    visit("d2", ["SAFE"])
    for _ in 0..<3 { for daemon in members { visit(daemon) } }
  }

  private func end() {
    for daemon in members {
      event(daemon, "\"ev\":\"sess\",\"c\":\"#x#\(daemon)\",\"queued\":0,\"action\":\"deliver\"")
    }
    script.add(
      "run",
      "{\"ev\":\"run\",\"daemons\":[\"d1\",\"d2\",\"d3\"],\"core\":[\"d1\",\"d2\"],\"quiet\":1,\"bound\":\(time),\"end\":\(time + 3000),\"settled\":true,\"simulated\":true,\"window\":160,\"personalWindow\":20,\"sessionLimit\":1000,\"hurry\":500}"
    )
  }
}
