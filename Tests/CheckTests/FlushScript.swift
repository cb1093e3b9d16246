// A run of four sessions of the Flush layer, recorded above and below it: joins, a leave, a cut during which one member
// ends before it agrees, so that two changes become one view, and a merge.

import SpreadCheck

extension Script {
  mutating func flushConnect(_ client: String) {
    event(
      client,
      "\"ev\":\"connect\",\"daemon\":\"\(Self.daemonOf[client]!)\",\"private\":\"\(Self.name(client))\""
        + ",\"wantsMemb\":true,\"layer\":\"flush\"")
  }

  mutating func request(_ clients: String, _ group: String = "g") {
    for client in clients.split(separator: " ") {
      event(String(client), "\"ev\":\"flushreq\",\"group\":\"\(group)\"")
    }
  }

  mutating func answer(_ clients: String, _ group: String = "g") {
    for client in clients.split(separator: " ") {
      event(String(client), "\"ev\":\"flush\",\"group\":\"\(group)\",\"rc\":0")
    }
  }

  static let subgroup = "\"\(name("e"))\",\"\(name("b"))\",\"g\""

  /// Above and below, of a run that has come to its end.
  static func goodFlush() -> Script {
    var script = flushAbove()
    for (client, lines) in flushBelow().files {
      script.files["below-" + client] = lines.map {
        $0.replacing("{\"c\":\"\(client)\"", with: "{\"c\":\"\(client).\"")
      }
    }
    script.run("\"daemons\":[\"d1\",\"d2\",\"d3\"],\"quiet\":0,\"settled\":true")
    return script
  }

  static func flushAbove() -> Script {
    var s = Script()
    let r1 = "\(d1),100,"
    for client in ["a", "e", "b", "c"] {
      s.flushConnect(client)
      s.join(client)
    }
    s.light("a", "JOIN", "a", r1 + "1", "a")
    // Asked, one may still send.
    s.request("a")
    s.send("a", 1, "FIFO")
    s.answer("a")
    s.receive("a", "a", 1, "FIFO")
    s.light("a e", "JOIN", "e", r1 + "2", "a e")
    s.request("a e")
    s.answer("a e")
    s.light("a e b", "JOIN", "b", r1 + "3", "a e b")
    s.request("a e b")
    s.answer("a e b")
    s.light("a e b c", "JOIN", "c", r1 + "4", "a e b c")
    s.flushTraffic()
    // b leaves and comes back.
    s.event("b", "\"ev\":\"leave\",\"group\":\"g\",\"rc\":0")
    s.request("a e c")
    s.signal("a e c", r1 + "4")
    s.send("a", 8, "AGREED")
    s.receive("b", "a", 8, "AGREED")
    s.event("b", "\"ev\":\"selfleave\",\"group\":\"g\"")
    s.receive("a e c", "a", 8, "AGREED")
    s.answer("a e c")
    s.light("a e c", "LEAVE", "b", r1 + "5", "a e c")
    s.join("b")
    s.request("a e c")
    s.answer("a e c")
    s.light("a e b c", "JOIN", "b", r1 + "6", "a e b c")
    s.send("b", 2, "SAFE")
    s.receive("a e b c", "b", 2, "SAFE")
    s.flushCut()
    return s
  }

  private mutating func flushTraffic() {
    send("a", 2, "FIFO")
    send("a", 3, "AGREED")
    receive("a e b c", "a", 2, "FIFO")
    receive("a e b c", "a", 3, "AGREED")
    send("b", 1, "CAUSAL")
    receive("a e b c", "b", 1, "CAUSAL")
    send("c", 1, "AGREED")
    receive("a e b c", "c", 1, "AGREED")
    send("a", 4, "RELIABLE")
    receive("a e b c", "a", 4, "RELIABLE")
    send("a", 5, "SAFE", discard: true)
    receive("e b c", "a", 5, "SAFE")
    send("a", 6, "AGREED", Self.subgroup)
    receive("e b", "a", 6, "AGREED", Self.subgroup)
    send("c", 2, "FIFO", "\"\(Self.name("a"))\"")
    receive("a", "c", 2, "FIFO", "\"\(Self.name("a"))\"")
    send("a", 7, "SAFE")
    receive("a e b c", "a", 7, "SAFE")
  }

  private mutating func flushCut() {
    let old = "\(Self.d1),100,6"
    request("a e b c")
    signal("a e b c", old)
    send("e", 1, "AGREED")
    receive("a e b", "e", 1, "AGREED")
    answer("a e c")
    network("c", "\(Self.d3),111,1", "c", ["c"])
    // b never agrees.
    event("b", "\"ev\":\"closed\",\"rc\":0")
    network("a e", "\(Self.d1),110,2", "a e", ["a e"])
    send("e", 2, "AGREED")
    receive("a e", "e", 2, "AGREED")
    request("a e c")
    answer("a e c")
    network("a e", "\(Self.d1),120,1", "a e c", ["a e"])
    network("c", "\(Self.d1),120,1", "a e c", ["c"])
    send("c", 3, "AGREED")
    receive("a e c", "c", 3, "AGREED")
  }

  /// The views of the same run as the layer below tells them.
  static func flushBelow() -> Script {
    var s = Script()
    let r1 = "\(d1),100,"
    for client in ["a", "e", "b", "c"] {
      s.connect(client)
      s.join(client)
    }
    s.light("a", "JOIN", "a", r1 + "1", "a")
    s.light("a e", "JOIN", "e", r1 + "2", "a e")
    s.light("a e b", "JOIN", "b", r1 + "3", "a e b")
    s.light("a e b c", "JOIN", "c", r1 + "4", "a e b c")
    s.event("b", "\"ev\":\"leave\",\"group\":\"g\",\"rc\":0")
    s.event("b", "\"ev\":\"selfleave\",\"group\":\"g\"")
    s.light("a e c", "LEAVE", "b", r1 + "5", "a e c")
    s.join("b")
    s.light("a e b c", "JOIN", "b", r1 + "6", "a e b c")
    s.signal("a e b c", r1 + "6")
    s.network("a e b", "\(d1),110,1", "a e b", ["a e b"])
    s.network("c", "\(d3),111,1", "c", ["c"])
    s.event("b", "\"ev\":\"closed\",\"rc\":0")
    s.light("a e", "DISCONNECT", "b", "\(d1),110,2", "a e")
    s.network("a e c", "\(d1),120,1", "a e c", ["c", "a e"])
    return s
  }
}
