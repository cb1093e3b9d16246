// A run of four sessions as their recorders would write it down: a and e at daemon d1, b at d2, c at d3. All join g;
// messages of every service; a network cut that takes c away with one safe message after the signal; a merge; a
// leave and a disconnect.

import SpreadCheck

extension Script {
  /// Processes of the three daemons, in the order of the ids' wrapped differences d3 < d2 < d1 (daemon-groups 8).
  static let d1 = "1552775919"
  static let d2 = "348480928"
  static let d3 = "4014350958"

  static let daemonOf = ["a": "d1", "e": "d1", "b": "d2", "c": "d3"]
  static func name(_ client: String) -> String { "#\(client)#\(daemonOf[client]!)" }
  static func list(_ clients: String) -> String {
    "[" + clients.split(separator: " ").map { "\"\(name(String($0)))\"" }.joined(separator: ",") + "]"
  }

  mutating func event(_ client: String, _ rest: String) { add(client, "{\"c\":\"\(client)\",\(rest)}") }

  mutating func connect(_ client: String) {
    event(
      client,
      "\"ev\":\"connect\",\"daemon\":\"\(Self.daemonOf[client]!)\",\"private\":\"\(Self.name(client))\",\"wantsMemb\":true"
    )
  }

  mutating func join(_ client: String, _ group: String = "g") {
    event(client, "\"ev\":\"join\",\"group\":\"\(group)\",\"rc\":0")
  }

  mutating func send(
    _ client: String, _ number: Int, _ service: String, _ groups: String = "\"g\"", discard: Bool = false
  ) {
    let id = "\"mid\":\"\(Self.name(client)):\(number)\""
    let flag = discard ? ",\"selfDiscard\":true" : ""
    event(
      client,
      "\"ev\":\"send\",\(id),\"svc\":\"\(service)\",\"groups\":[\(groups)]\(flag),\"mtype\":7,\"hash\":\(number),\"len\":10"
    )
    event(client, "\"ev\":\"sent\",\(id),\"rc\":10")
  }

  mutating func receive(
    _ clients: String, _ sender: String, _ number: Int, _ service: String, _ groups: String = "\"g\""
  ) {
    for client in clients.split(separator: " ") {
      event(
        String(client),
        "\"ev\":\"recv\",\"mid\":\"\(Self.name(sender)):\(number)\",\"sender\":\"\(Self.name(sender))\",\"svc\":\"\(service)\",\"groups\":[\(groups)],\"mtype\":7,\"hash\":\(number)"
      )
    }
  }

  mutating func signal(_ clients: String, _ id: String, _ group: String = "g") {
    for client in clients.split(separator: " ") {
      event(String(client), "\"ev\":\"trans\",\"group\":\"\(group)\",\"gid\":[\(id)]")
    }
  }

  /// A light view at all of `members` that are in `at`.
  mutating func light(
    _ at: String, _ cause: String, _ changed: String, _ id: String, _ members: String, _ group: String = "g"
  ) {
    let list = members.split(separator: " ")
    for client in at.split(separator: " ") {
      let place = list.firstIndex(of: client)!
      event(
        String(client),
        "\"ev\":\"view\",\"group\":\"\(group)\",\"gid\":[\(id)],\"members\":\(Self.list(members)),\"index\":\(place),\"cause\":\"\(cause)\",\"changed\":\"\(Self.name(changed))\",\"vs\":[[\"\(Self.name(changed))\"]],\"mine\":0"
      )
    }
  }

  /// A network view with `sets`, at all of `at`.
  mutating func network(_ at: String, _ id: String, _ members: String, _ sets: [String], _ group: String = "g") {
    let list = members.split(separator: " ")
    for client in at.split(separator: " ") {
      let mine = sets.firstIndex { $0.split(separator: " ").contains(client) }!
      event(
        String(client),
        "\"ev\":\"view\",\"group\":\"\(group)\",\"gid\":[\(id)],\"members\":\(Self.list(members)),\"index\":\(list.firstIndex(of: client)!),\"cause\":\"NETWORK\",\"vs\":[\(sets.map { Self.list($0) }.joined(separator: ","))],\"mine\":\(mine)"
      )
    }
  }

  mutating func run(_ fields: String) { add("run", "{\"ev\":\"run\",\(fields)}") }

  /// The good run. Ring R1 = (d1, 100), after the cut R2 = (d1, 110) and R3 = (d3, 111), merged R4 = (d1, 120).
  static func good() -> Script {
    var s = Script()
    let r1 = "\(d1),100,"
    for client in ["a", "b", "c", "e"] { s.connect(client) }
    s.join("a")
    s.light("a", "JOIN", "a", r1 + "1", "a")
    s.join("e")
    s.light("a e", "JOIN", "e", r1 + "2", "a e")
    s.join("b")
    s.light("a e b", "JOIN", "b", r1 + "3", "a e b")
    s.join("c")
    s.light("a e b c", "JOIN", "c", r1 + "4", "a e b c")
    // A second group without c.
    s.join("a", "h")
    s.light("a", "JOIN", "a", r1 + "1", "a", "h")
    s.join("b", "h")
    s.light("a b", "JOIN", "b", r1 + "2", "a b", "h")
    s.traffic()
    s.cutAndMerge()
    // Leave and disconnect.
    let r4 = "\(d1),120,"
    s.event("c", "\"ev\":\"leave\",\"group\":\"g\",\"rc\":0")
    s.event("c", "\"ev\":\"selfleave\",\"group\":\"g\"")
    s.light("a e b", "LEAVE", "c", r4 + "2", "a e b")
    s.send("a", 9, "AGREED")
    s.receive("a e b", "a", 9, "AGREED")
    s.event("b", "\"ev\":\"closed\",\"rc\":0")
    s.light("a e", "DISCONNECT", "b", r4 + "3", "a e")
    s.light("a", "DISCONNECT", "b", r1 + "3", "a", "h")
    s.send("e", 4, "SAFE", "\"g\",\"\(name("c"))\"")
    s.receive("a e c", "e", 4, "SAFE", "\"g\",\"\(name("c"))\"")
    s.run("\"daemons\":[\"d1\",\"d2\",\"d3\"]")
    return s
  }

  private mutating func traffic() {
    send("a", 1, "FIFO")
    send("a", 2, "AGREED")
    send("b", 1, "CAUSAL")
    send("a", 3, "RELIABLE")
    receive("a", "a", 3, "RELIABLE")
    receive("a e b c", "a", 1, "FIFO")
    receive("a e b c", "b", 1, "CAUSAL")
    receive("a e b c", "a", 2, "AGREED")
    receive("e b c", "a", 3, "RELIABLE")
    send("c", 1, "AGREED")
    receive("a e b c", "c", 1, "AGREED")
    send("a", 4, "SAFE", discard: true)
    receive("e b c", "a", 4, "SAFE")
    send("e", 1, "FIFO", "\"g\",\"h\"")
    receive("a e b c", "e", 1, "FIFO", "\"g\",\"h\"")
    send("a", 5, "SAFE")
    receive("a e b c", "a", 5, "SAFE")
    send("c", 2, "AGREED", "\"h\"")
    receive("a b", "c", 2, "AGREED", "\"h\"")
  }

  private mutating func cutAndMerge() {
    let old = "\(Self.d1),100,4"
    send("e", 2, "AGREED")
    receive("a e b", "e", 2, "AGREED")
    signal("a e b", old)
    signal("c", old)
    // A safe message that c's side never has.
    send("b", 2, "SAFE")
    receive("a e b", "b", 2, "SAFE")
    network("a e b", "\(Self.d1),110,1", "a e b", ["a e b"])
    network("c", "\(Self.d3),111,1", "c", ["c"])
    send("a", 6, "FIFO")
    receive("a e b", "a", 6, "FIFO")
    send("c", 3, "SAFE")
    receive("c", "c", 3, "SAFE")
    // h, without a member at d3, is untouched: no event, its id stays.
    send("a", 7, "AGREED", "\"h\"")
    receive("a b", "a", 7, "AGREED", "\"h\"")
    network("c a e b", "\(Self.d1),120,1", "a e b c", ["c", "a e b"])
    send("c", 4, "AGREED")
    receive("a e b c", "c", 4, "AGREED")
    send("b", 3, "SAFE")
    receive("a e b c", "b", 3, "SAFE")
  }
}
