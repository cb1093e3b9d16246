// Events to JSON lines, for recorders and for the evidence of a report.

import SpreadWire

extension Trace {
  /// The line of an event of `client`.
  public func line(_ record: Record<ClientEvent>, of client: ClientTrace) -> String {
    var rest = members(record.event)
    if case .connect = record.event, client.layer != .core { rest.append(("layer", .string(client.layer.rawValue))) }
    return line(record.time, "c", client.name, rest)
  }

  /// The line of an event of `daemon`.
  public func line(_ record: Record<DaemonEvent>, of daemon: DaemonTrace) -> String {
    line(record.time, "d", daemon.name, members(record.event))
  }

  /// The `run` line.
  public func runLine() -> String {
    var fields: Fields = [("ev", .string("run"))]
    func add(_ key: String, _ value: Int64?) { if let value { fields.append((key, .integer(value))) } }
    if !run.daemons.isEmpty { fields.append(("daemons", json(run.daemons))) }
    if !run.otherOrders.isEmpty { fields.append(("otherOrders", .array(run.otherOrders.map { json($0) }))) }
    if !run.core.isEmpty { fields.append(("core", json(run.core))) }
    add("quiet", run.quiet)
    add("end", run.end)
    add("bound", run.bound)
    fields.append(("settled", .bool(run.isSettled)))
    fields.append(("simulated", .bool(run.isSimulated)))
    add("window", run.window.map { Int64($0) })
    add("personalWindow", run.personalWindow.map { Int64($0) })
    fields.append(("accelerated", .bool(run.isAccelerated)))
    add("sessionLimit", run.sessionLimit.map { Int64($0) })
    add("hurry", run.hurry)
    return object(fields).description
  }

  private typealias Fields = [(String, JSON)]

  private func line(_ time: Int64, _ key: String, _ name: NameID, _ rest: Fields) -> String {
    object((time < 0 ? [] : [("t", .integer(time))]) + [(key, json(name))] + rest).description
  }

  private func object(_ fields: Fields) -> JSON { .object(fields.map { JSON.Member(key: $0.0, value: $0.1) }) }
  private func json(_ name: NameID) -> JSON { .string(names[name]) }
  private func json(_ list: [NameID]) -> JSON { .array(list.map { json($0) }) }
  private func json(_ number: Int32) -> JSON { .integer(Int64(number)) }
  private func json(_ id: MembershipID) -> JSON {
    .array([.integer(Int64(id.process.rawValue)), json(id.time)])
  }
  private func json(_ id: GroupID) -> JSON {
    .array([.integer(Int64(id.membership.process.rawValue)), json(id.membership.time), json(id.index)])
  }
  private func json(_ id: MessageID?) -> JSON {
    id.map { .string("\(names[$0.sender]):\($0.counter)") } ?? .null
  }

  private func members(_ payload: Payload) -> Fields {
    var fields: Fields = [("svc", .string(payload.service.traceName)), ("groups", json(names[payload.groups]))]
    if payload.selfDiscard { fields.append(("selfDiscard", .bool(true))) }
    if let type = payload.type { fields.append(("mtype", .integer(Int64(type)))) }
    if let hash = payload.hash { fields.append(("hash", .integer(Int64(bitPattern: hash)))) }
    if payload.length != 0 { fields.append(("len", json(payload.length))) }
    return fields
  }

  private func members(_ event: ClientEvent) -> Fields {
    func kind(_ name: String) -> (String, JSON) { ("ev", .string(name)) }
    switch event {
    case .connect(let daemon, let name, let wantsMembership):
      return [
        kind("connect"), ("daemon", json(daemon)), ("private", json(name)), ("wantsMemb", .bool(wantsMembership)),
      ]
    case .send(let id, let payload): return [kind("send"), ("mid", json(id))] + members(payload)
    case .sent(let id, let result): return [kind("sent"), ("mid", json(id)), ("rc", json(result))]
    case .join(let group, let result): return [kind("join"), ("group", json(group)), ("rc", json(result))]
    case .leave(let group, let result): return [kind("leave"), ("group", json(group)), ("rc", json(result))]
    case .receive(let id, let sender, let payload):
      return [kind("recv"), ("mid", json(id)), ("sender", json(sender))] + members(payload)
    case .signal(let group, let id): return [kind("trans"), ("group", json(group)), ("gid", json(id))]
    case .view(let group, let index):
      let view = views[Int(index)]
      var fields: Fields = [
        kind("view"), ("group", json(group)), ("gid", json(view.id)), ("members", json(view.members)),
        ("index", .integer(Int64(view.index))), ("cause", .string(view.cause.traceName)),
      ]
      if let changed = view.changed { fields.append(("changed", json(changed))) }
      fields.append(("vs", .array(view.sets.map { json($0) })))
      fields.append(("mine", .integer(Int64(view.mine))))
      return fields
    case .selfLeave(let group): return [kind("selfleave"), ("group", json(group))]
    case .reject(let id): return [kind("reject"), ("mid", json(id))]
    case .flushRequest(let group): return [kind("flushreq"), ("group", json(group))]
    case .flush(let group, let result): return [kind("flush"), ("group", json(group)), ("rc", json(result))]
    case .closed(let result): return [kind("closed"), ("rc", json(result))]
    }
  }

  private func members(_ event: DaemonEvent) -> Fields {
    func kind(_ name: String) -> (String, JSON) { ("ev", .string(name)) }
    switch event {
    case .start(let incarnation): return [kind("start"), ("inc", json(incarnation))]
    case .stop: return [kind("stop")]
    case .left: return [kind("left")]
    case .configuration(let index):
      let configuration = configurations[Int(index)]
      let isRegular = configuration.kind == .regular
      let fields: Fields = [
        kind("conf"), ("kind", .string(isRegular ? "reg" : "trans")), ("id", json(configuration.id)),
        ("members", json(configuration.members)),
      ]
      return isRegular ? fields : fields + [("commit", json(configuration.commit))]
    case .sequence(let ring, let sequence, let service, let index):
      let list = fragments[Int(index)].map { JSON.array([json($0.message), .integer(Int64($0.index))]) }
      return [
        kind("seq"), ("ring", json(ring)), ("seq", json(sequence)), ("ptype", .string(service.traceName)),
        ("frags", .array(list)),
      ]
    case .have(let ring, let sequence, let hash):
      return [
        kind("have"), ("ring", json(ring)), ("seq", json(sequence)), ("hash", .integer(Int64(bitPattern: hash))),
      ]
    case .token(let ring, let token):
      let requests = token.requests < 0 ? [] : sequences[Int(token.requests)]
      return [
        kind("token"), ("ring", json(ring)), ("dir", .string(token.isOut ? "out" : "in")),
        ("seq", json(token.sequence)), ("aru", json(token.aru)),
        ("aruId", .integer(Int64(token.aruProcess.rawValue))), ("arq", .integer(Int64(token.round))),
        ("retrans", .integer(Int64(token.repeats))), ("fcc", json(token.flowControl)),
        ("rtr", .array(requests.map { json($0) })),
      ]
    case .horizon(let ring, let horizon):
      return [
        kind("aru"), ("ring", json(ring)), ("myAru", json(horizon.myAru)), ("aru", json(horizon.aru)),
        ("highest", json(horizon.highest)), ("discarded", json(horizon.discarded)),
        ("delivered", json(horizon.delivered)), ("op", .bool(horizon.isOperating)),
      ]
    case .deliver(let ring, let sequence, let id, let service, let phase):
      return [
        kind("dlv"), ("ring", json(ring)), ("seq", json(sequence)), ("mid", json(id)),
        ("svc", .string(service.traceName)), ("phase", .string(phase == .pre ? "pre" : "post")),
      ]
    case .groups(let index):
      let table = tables[Int(index)]
      let list = table.groups.map { JSON.array([json($0.name), json($0.id), json($0.members)]) }
      return [kind("gstate"), ("state", .string(table.state.traceName)), ("groups", .array(list))]
    case .session(let client, let queued, let action):
      return [
        kind("sess"), ("c", json(client)), ("queued", json(queued)),
        ("action", .string(action == .kill ? "kill" : "deliver")),
      ]
    }
  }
}
