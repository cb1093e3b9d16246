// JSON lines to events (evs-properties 2). The names of events and fields are those of the tables there; ids are
// arrays: a ring [process, time], a view's gid [process, time, index].

import SpreadWire

public struct TraceFailure: Error, Equatable {
  public var file: String
  public var line: Int
  public var text: String
}

extension Trace {
  /// Adds the events of one file. Lines of different sessions and daemons may be mixed; a daemon's `start` begins a
  /// new incarnation. Empty lines and lines that begin with # are skipped.
  public func read(_ bytes: UnsafeBufferPointer<UInt8>, file: String) throws(TraceFailure) {
    var reader = TraceReader(trace: self, file: file)
    var start = 0
    var line = 0
    while start < bytes.count {
      var end = start
      while end < bytes.count, bytes[end] != 0x0a { end += 1 }
      line += 1
      if end > start, bytes[start] != UInt8(ascii: "#") {
        do throws(JSONFailure) {
          try reader.read(UnsafeBufferPointer(rebasing: bytes[start..<end]), line: line)
        } catch {
          throw TraceFailure(file: file, line: line, text: "\(error.text) (column \(error.offset + 1))")
        }
      }
      start = end + 1
    }
  }

  public func read(_ text: String, file: String) throws(TraceFailure) {
    let bytes = Array(text.utf8)
    try bytes.withUnsafeBufferPointer { (buffer) throws(TraceFailure) in try read(buffer, file: file) }
  }
}

private struct TraceReader {
  let trace: Trace
  let file: String
  var clients: [String: ClientTrace] = [:]
  var daemons: [String: DaemonTrace] = [:]

  init(trace: Trace, file: String) {
    self.trace = trace
    self.file = file
  }

  mutating func read(_ bytes: UnsafeBufferPointer<UInt8>, line: Int) throws(JSONFailure) {
    let value = try JSONParser.parse(bytes)
    guard case .object = value else { throw JSONFailure(text: "a line is one object", offset: 0) }
    let fields = Fields(value, trace)
    let kind = try fields.string("ev")
    let time = try fields.integer("t", default: -1)
    if kind == "run" {
      trace.setRun(try fields.run())
    } else if let name = try fields.optionalString("c"), kind != "sess" {
      let client = clients[name] ?? trace.addClient(name, file: file)
      clients[name] = client
      if kind == "connect" {
        let layer = try fields.layer()
        guard layer == client.layer || client.records.isEmpty else { throw fields.otherLayer() }
        client.layer = layer
      }
      client.record(try fields.clientEvent(kind), at: time, line: line)
    } else {
      let name = try fields.string("d")
      if kind == "start" || daemons[name] == nil { daemons[name] = trace.addDaemon(name, file: file) }
      daemons[name]?.record(try fields.daemonEvent(kind), at: time, line: line)
    }
  }
}

/// The fields of one line, typed.
private struct Fields {
  let value: JSON
  let trace: Trace

  init(_ value: JSON, _ trace: Trace) {
    self.value = value
    self.trace = trace
  }

  private func wrong(_ key: String, _ what: String) -> JSONFailure {
    JSONFailure(text: "field \"\(key)\": \(what)", offset: 0)
  }

  /// Of a `connect`.
  func layer() throws(JSONFailure) -> Layer {
    guard let text = try optionalString("layer") else { return .core }
    guard let layer = Layer(rawValue: text) else { throw wrong("layer", "neither core nor flush") }
    return layer
  }

  func otherLayer() -> JSONFailure {
    wrong("layer", "a session's lines are all of one layer: give the other another c")
  }

  func string(_ key: String) throws(JSONFailure) -> String {
    guard case .string(let text)? = value[key] else { throw wrong(key, "a string is missing") }
    return text
  }

  func optionalString(_ key: String) throws(JSONFailure) -> String? {
    guard let field = value[key], field != .null else { return nil }
    guard case .string(let text) = field else { throw wrong(key, "not a string") }
    return text
  }

  func name(_ key: String) throws(JSONFailure) -> NameID { trace.names.id(try string(key)) }

  func integer(_ key: String, default fallback: Int64? = nil) throws(JSONFailure) -> Int64 {
    guard let field = value[key], field != .null else {
      if let fallback { return fallback }
      throw wrong(key, "a number is missing")
    }
    guard case .integer(let number) = field else { throw wrong(key, "not a whole number") }
    return number
  }

  func int32(_ key: String, default fallback: Int32? = nil) throws(JSONFailure) -> Int32 {
    guard let number = Int32(exactly: try integer(key, default: fallback.map { Int64($0) })) else {
      throw wrong(key, "beyond 32 bits")
    }
    return number
  }

  func bool(_ key: String, default fallback: Bool) throws(JSONFailure) -> Bool {
    switch value[key] {
    case nil, .null?: return fallback
    case .bool(let flag)?: return flag
    default: throw wrong(key, "neither true nor false")
    }
  }

  func array(_ key: String) throws(JSONFailure) -> [JSON] {
    guard case .array(let values)? = value[key] else { throw wrong(key, "an array is missing") }
    return values
  }

  func names(_ key: String, default fallback: [NameID]? = nil) throws(JSONFailure) -> [NameID] {
    if let fallback, value[key] == nil { return fallback }
    return try names(array(key), key)
  }

  private func names(_ values: [JSON], _ key: String) throws(JSONFailure) -> [NameID] {
    var names: [NameID] = []
    names.reserveCapacity(values.count)
    for value in values {
      guard case .string(let text) = value else { throw wrong(key, "not a list of names") }
      names.append(trace.names.id(text))
    }
    return names
  }

  private func integers(_ values: [JSON], _ key: String) throws(JSONFailure) -> [Int64] {
    var numbers: [Int64] = []
    for value in values {
      guard case .integer(let number) = value else { throw wrong(key, "not a list of numbers") }
      numbers.append(number)
    }
    return numbers
  }

  /// Ids are written as unsigned or signed 32-bit numbers.
  private func process(_ number: Int64, _ key: String) throws(JSONFailure) -> ProcessID {
    if let id = UInt32(exactly: number) { return ProcessID(id) }
    if let id = Int32(exactly: number) { return ProcessID(UInt32(bitPattern: id)) }
    throw wrong(key, "beyond 32 bits")
  }

  private func membership(_ numbers: [Int64], _ key: String) throws(JSONFailure) -> MembershipID {
    guard numbers.count >= 2, let time = Int32(exactly: numbers[1]) else {
      throw wrong(key, "[process, time] is missing")
    }
    return MembershipID(try process(numbers[0], key), time)
  }

  func membership(_ key: String) throws(JSONFailure) -> MembershipID {
    try membership(try integers(array(key), key), key)
  }

  private func groupID(_ value: JSON?, _ key: String) throws(JSONFailure) -> GroupID {
    guard case .array(let values)? = value else { throw wrong(key, "[process, time, index] is missing") }
    let numbers = try integers(values, key)
    guard numbers.count == 3, let index = Int32(exactly: numbers[2]) else {
      throw wrong(key, "[process, time, index] is missing")
    }
    return GroupID(try membership(numbers, key), index: index)
  }

  /// "private name:counter"
  private func message(_ text: String, _ key: String) throws(JSONFailure) -> MessageID {
    guard let colon = text.lastIndex(of: ":"), let counter = UInt32(text[text.index(after: colon)...]) else {
      throw wrong(key, "not \"name:counter\"")
    }
    return MessageID(trace.names.id(String(text[..<colon])), counter)
  }

  func message(_ key: String) throws(JSONFailure) -> MessageID { try message(string(key), key) }

  func service(_ key: String) throws(JSONFailure) -> Service {
    guard let service = Service(traceName: try string(key)) else { throw wrong(key, "no service") }
    return service
  }

  private func payload() throws(JSONFailure) -> Payload {
    Payload(
      try service("svc"), trace.names.list(try names("groups")), selfDiscard: try bool("selfDiscard", default: false),
      type: value["mtype"] == nil ? nil : Int16(truncatingIfNeeded: try integer("mtype")),
      hash: value["hash"] == nil ? nil : UInt64(bitPattern: try integer("hash")),
      length: try int32("len", default: 0))
  }

  func clientEvent(_ kind: String) throws(JSONFailure) -> ClientEvent {
    switch kind {
    case "connect":
      return .connect(
        daemon: try name("daemon"), name: try name("private"), wantsMembership: try bool("wantsMemb", default: true))
    case "send": return .send(try message("mid"), try payload())
    case "sent": return .sent(try message("mid"), result: try int32("rc"))
    case "join": return .join(try name("group"), result: try int32("rc"))
    case "leave": return .leave(try name("group"), result: try int32("rc"))
    case "recv": return .receive(try message("mid"), sender: try name("sender"), try payload())
    case "trans": return .signal(try name("group"), try groupID(value["gid"], "gid"))
    case "view": return .view(try name("group"), trace.add(try view()))
    case "selfleave": return .selfLeave(try name("group"))
    case "reject": return .reject(try message("mid"))
    case "flushreq": return .flushRequest(try name("group"))
    case "flush": return .flush(try name("group"), result: try int32("rc"))
    case "closed": return .closed(result: try int32("rc"))
    default: throw wrong("ev", "unknown client event \"\(kind)\"")
    }
  }

  private func view() throws(JSONFailure) -> ViewRecord {
    guard let cause = Cause(traceName: try string("cause")) else { throw wrong("cause", "no cause") }
    var sets: [[NameID]] = []
    for set in try array("vs") {
      guard case .array(let values) = set else { throw wrong("vs", "not a list of lists") }
      sets.append(try names(values, "vs"))
    }
    return ViewRecord(
      id: try groupID(value["gid"], "gid"), members: try names("members"), index: Int(try int32("index")),
      cause: cause, changed: try optionalString("changed").map { trace.names.id($0) }, sets: sets,
      mine: Int(try int32("mine", default: 0)))
  }

  func daemonEvent(_ kind: String) throws(JSONFailure) -> DaemonEvent {
    switch kind {
    case "start": return .start(incarnation: try int32("inc", default: 0))
    case "stop": return .stop
    case "left": return .left
    case "conf":
      let isRegular = try string("kind") == "reg"
      return .configuration(
        trace.add(
          ConfigurationRecord(
            isRegular ? .regular : .transitional, try membership("id"), members: try names("members"),
            commit: try names("commit", default: []))))
    case "seq":
      return .sequence(
        try membership("ring"), try int32("seq"), try service("ptype"), trace.add(try fragments()))
    case "have":
      return .have(try membership("ring"), try int32("seq"), hash: UInt64(bitPattern: try integer("hash")))
    case "token": return .token(try membership("ring"), try token())
    case "aru":
      return .horizon(
        try membership("ring"),
        HorizonRecord(
          myAru: try int32("myAru"), aru: try int32("aru"), highest: try int32("highest"),
          discarded: try int32("discarded"), delivered: try int32("delivered"),
          isOperating: try bool("op", default: true)))
    case "dlv":
      let message = try optionalString("mid")
      return .deliver(
        try membership("ring"), try int32("seq"),
        try message.map { (text) throws(JSONFailure) in try self.message(text, "mid") },
        try service("svc"), try string("phase") == "post" ? .post : .pre)
    case "gstate": return .groups(trace.add(try groups()))
    case "sess":
      return .session(
        try name("c"), queued: try int32("queued"), try string("action") == "kill" ? .kill : .deliver)
    default: throw wrong("ev", "unknown daemon event \"\(kind)\"")
    }
  }

  private func fragments() throws(JSONFailure) -> [FragmentRecord] {
    var list: [FragmentRecord] = []
    for entry in try array("frags") {
      guard case .array(let pair) = entry, pair.count == 2, case .integer(let index) = pair[1] else {
        throw wrong("frags", "not a list of [mid, index]")
      }
      var id: MessageID?
      if case .string(let text) = pair[0] { id = try message(text, "frags") }
      list.append(FragmentRecord(id, Int16(truncatingIfNeeded: index)))
    }
    return list
  }

  private func token() throws(JSONFailure) -> TokenRecord {
    let requests = value["rtr"] == nil ? [] : try integers(array("rtr"), "rtr").map { Int32(truncatingIfNeeded: $0) }
    return TokenRecord(
      isOut: try string("dir") == "out", sequence: try int32("seq"), aru: try int32("aru"),
      aruProcess: try process(integer("aruId", default: 0), "aruId"),
      round: UInt8(truncatingIfNeeded: try int32("arq")),
      repeats: UInt8(truncatingIfNeeded: try int32("retrans", default: 0)),
      flowControl: try int32("fcc", default: 0), requests: trace.add(requests))
  }

  private func groups() throws(JSONFailure) -> GroupTableRecord {
    guard let state = GroupsState(traceName: try string("state")) else { throw wrong("state", "no state") }
    var list: [GroupTableRecord.Group] = []
    for entry in try array("groups") {
      guard case .array(let parts) = entry, parts.count == 3, case .string(let name) = parts[0],
        case .array(let members) = parts[2]
      else { throw wrong("groups", "not a list of [name, gid, members]") }
      list.append(
        GroupTableRecord.Group(
          trace.names.id(name), try groupID(parts[1], "groups"), members: try names(members, "groups")))
    }
    return GroupTableRecord(state, list)
  }

  func run() throws(JSONFailure) -> RunRecord {
    func optional(_ key: String) throws(JSONFailure) -> Int64? { value[key] == nil ? nil : try integer(key) }
    func optional32(_ key: String) throws(JSONFailure) -> Int32? { value[key] == nil ? nil : try int32(key) }
    var run = RunRecord()
    run.daemons = try names("daemons", default: [])
    if value["otherOrders"] != nil {
      for order in try array("otherOrders") {
        guard case .array(let values) = order else { throw wrong("otherOrders", "not a list of lists of names") }
        run.otherOrders.append(try names(values, "otherOrders"))
      }
    }
    run.core = try names("core", default: [])
    run.quiet = try optional("quiet")
    run.end = try optional("end")
    run.bound = try optional("bound")
    run.isSettled = try bool("settled", default: false)
    run.isSimulated = try bool("simulated", default: false)
    run.window = try optional32("window")
    run.personalWindow = try optional32("personalWindow")
    run.isAccelerated = try bool("accelerated", default: false)
    run.sessionLimit = try optional32("sessionLimit")
    run.hurry = try optional("hurry")
    return run
  }
}

extension Service {
  var traceName: String {
    switch self {
    case .unreliable: "UNRELIABLE"
    case .reliable: "RELIABLE"
    case .fifo: "FIFO"
    case .causal: "CAUSAL"
    case .agreed: "AGREED"
    case .safe: "SAFE"
    }
  }
  init?(traceName: String) {
    guard let service = Service.allCases.first(where: { $0.traceName == traceName }) else { return nil }
    self = service
  }
}

extension Cause {
  var traceName: String {
    switch self {
    case .join: "JOIN"
    case .leave: "LEAVE"
    case .disconnect: "DISCONNECT"
    case .network: "NETWORK"
    }
  }
  init?(traceName: String) {
    guard let cause = Cause.allCases.first(where: { $0.traceName == traceName }) else { return nil }
    self = cause
  }
}

extension GroupsState {
  var traceName: String {
    switch self {
    case .operating: "GOP"
    case .transitional: "GTRANS"
    case .gathering: "GGATHER"
    case .gatheringTransitional: "GGT"
    }
  }
  init?(traceName: String) {
    switch traceName {
    case "GOP": self = .operating
    case "GTRANS": self = .transitional
    case "GGATHER": self = .gathering
    case "GGT": self = .gatheringTransitional
    default: return nil
    }
  }
}
