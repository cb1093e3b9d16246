// Scenarios written by hand: a text file of blocks, each some commands, a line `----` and what they print. Blocks of
// one file follow each other in one world (evs-properties 14).
//
//   world DAEMONS [CLIENTS] [name=value ...]
//                                    begins anew; daemons d1.., clients c0.. (cN lives at d(N % DAEMONS + 1)); names:
//                                    delay (ms), limit, personal and all options of the simulator (OptionText)
//   at TIME ACTION                   what shall happen then (PlanText); right behind world
//   faults                           of the faults that the options draw only those named happen; right behind world
//   fault KIND FROM>TO CLASS N       the N-th datagram of this class on the link
//   run TIME                         20ms, 5s
//   until D KIND [xN]                the daemon sends its N-th such datagram, at most 30 s
//   connect C ...   disconnect C   vanish C   join C G[-G]   leave C G
//   flush C G                        a client of Flush (option flushClients) agrees to the next view; with flushDelay
//                                    all agree by themselves
//   slow C [PER SECOND]              reads so many messages a second, none without a number
//   send C SERVICE G[,G...] [SIZE] [xN]
//   split D... | D... [| ...]        cuts what was whole      oneway D D      heal
//   retire D ...                     leaves in order, as at SIGTERM
//   stop D ...   start D ...   pause D   resume D   clock D SECONDS
//   foreign D [accelerated]          when it starts next, D has another configuration file: another port, or another
//                                    kind of ring; `same` D: the file of the others again
//   drop|duplicate|delay FROM>TO KIND [xN] [TIME]         FROM, TO: a daemon or *; `through` ends them all
//   stop-after D KIND [xN]           the daemon stops behind the N-th such datagram
//   clients [C ...]                  what these (all) clients saw since they were last asked, above the Flush layer
//                                    where there is one
//   rings                            the configurations installed since last asked
//   daemons                          state and ring of every daemon
//   groups                           how far every daemon is with its groups, and what it holds of them
//   packets                          the packets that daemons made, and got, since last asked
//   tokens                           how many tokens daemons took since last asked, how many of them had been sent
//                                    again, and how many packets were asked for
//   settle                           goes on until all that was sent is through, as at the end of a seed
//   check [settled]                  all checkers; those of a healed end when the world has an end

import SpreadCheck
import SpreadCore
import SpreadWire

public struct ScenarioError: Error, CustomStringConvertible {
  public var line: Int
  public var text: String
  public var description: String { "line \(line): \(text)" }
}

/// Runs a file; answers it with what is printed now.
public func runScenario(_ file: String) throws(ScenarioError) -> String {
  var scenario = Scenario()
  var output = ""
  var printed = ""
  var isExpectation = false
  var number = 0
  for line in file.split(separator: "\n", omittingEmptySubsequences: false) {
    number += 1
    if isExpectation {
      guard line.isEmpty else { continue }
      isExpectation = false
      output += printed + "\n"
      printed = ""
    } else if line == "----" {
      output += "----\n"
      isExpectation = true
    } else if line.isEmpty || line.hasPrefix("#") {
      output += line + "\n"
    } else {
      output += line + "\n"
      do throws(ScenarioFailure) {
        printed += try scenario.command(line.split(separator: " ").map(String.init))
      } catch {
        throw ScenarioError(line: number, text: error.text)
      }
    }
  }
  if isExpectation { output += printed }
  while output.hasSuffix("\n\n") { output.removeLast() }
  return output
}

struct ScenarioFailure: Error {
  var text: String
}

struct Scenario {
  private var world: World!
  private var shownClients: [Int: Int] = [:]
  private var shownDaemons: [Int: Int] = [:]
  private var shownPackets: [Int: Int] = [:]
  private var shownTokens: [Int: Int] = [:]
  private var cuts: [Link] = []
  private var isStarted = false

  /// What a scenario's world is like when nothing else is said.
  static func options(_ daemons: Int) -> Options {
    var options = Options(seed: 1)
    options.daemons = daemons
    options.clientsPerDaemon = 1
    options.delayFloor = 0.001
    options.delayMean = 0
    options.quiet = .max / 4
    options.end = .max / 2
    options.joinsFirst = false
    return options
  }

  fileprivate mutating func command(_ words: [String]) throws(ScenarioFailure) -> String {
    let rest = Array(words.dropFirst())
    if words[0] == "world" {
      try begin(rest)
      return ""
    }
    guard world != nil else { throw ScenarioFailure(text: "begin with world") }
    if try prepare(words[0], rest) { return "" }
    if !isStarted {
      isStarted = true
      world.start()
    }
    switch words[0] {
    case "run": world.advance(to: world.now + (try time(rest.first)))
    case "settle": world.settle()
    case "until": try wait(rest)
    case "connect": for word in rest { world.connect(try client(word)) }
    case "disconnect": world.disconnect(try client(rest.first))
    case "vanish": world.vanish(try client(rest.first), part: 0.5)
    case "join":
      let ends = (rest.last ?? "").split(separator: "-").map(String.init)
      for group in try group(ends.first)...(try group(ends.last)) { world.join(try client(rest.first), group) }
    case "flush": world.flush(try client(rest.first), try group(rest.last))
    case "leave": world.leave(try client(rest.first), try group(rest.last))
    case "slow": world.setReadingRate(try client(rest.first), rest.count > 1 ? Double(try number(rest[1])) : 0)
    case "send": try send(rest)
    case "split": try split(rest)
    case "oneway": cut([Link(try daemon(rest.first).index, try daemon(rest.last).index)])
    case "heal": heal()
    case "retire": for word in rest { world.handle(.stop, at: try daemon(word)) }
    case "stop": for word in rest { world.stop(try daemon(word)) }
    case "start": for word in rest { world.boot(try daemon(word)) }
    case "pause": try daemon(rest.first).isPaused = true
    case "resume": world.resume(try daemon(rest.first))
    case "foreign":
      let node = try daemon(rest.first)
      node.configuration = world.configuration
      if rest.last == "accelerated" {
        node.configuration?.acceleratedRing = !world.options.accelerated
      } else {
        node.configuration?.segments[0].port = 4804
      }
    case "same": try daemon(rest.first).configuration = nil
    case "clock": try daemon(rest.first).wallOffset += try number(rest.last)
    case "through": world.rules.removeAll()
    case "drop": try rule(rest, .drop)
    case "duplicate": try rule(rest, .duplicate)
    case "delay": try rule(Array(rest.dropLast()), .delay(try time(rest.last)))
    case "stop-after": try stopAfter(rest)
    case "clients": return try clients(rest)
    case "rings": return rings()
    case "daemons": return daemons()
    case "groups": return groups()
    case "packets": return packets()
    case "tokens": return tokens()
    case "check": return check(isSettled: rest.first == "settled")
    default: throw ScenarioFailure(text: "unknown command \(words[0])")
    }
    return ""
  }

  // MARK: Words

  private func number(_ word: String?) throws(ScenarioFailure) -> Int {
    guard let word, let number = Int(word) else { throw ScenarioFailure(text: "a number is missing") }
    return number
  }

  private func time(_ word: String?) throws(ScenarioFailure) -> UInt64 {
    guard let word else { throw ScenarioFailure(text: "a time is missing") }
    guard let time = readTime(word) else { throw ScenarioFailure(text: "\(word) is no time") }
    return time
  }

  private func daemon(_ word: String?) throws(ScenarioFailure) -> Node {
    guard let node = world.nodes.first(where: { $0.name == word }) else {
      throw ScenarioFailure(text: "no daemon \(word ?? "")")
    }
    return node
  }

  private func client(_ word: String?) throws(ScenarioFailure) -> SimClient {
    guard let word, word.hasPrefix("c"), let index = Int(word.dropFirst()), world.clients.indices.contains(index) else {
      throw ScenarioFailure(text: "no client \(word ?? "")")
    }
    return world.clients[index]
  }

  private func group(_ word: String?) throws(ScenarioFailure) -> Int {
    guard let word, word.hasPrefix("g"), let index = Int(word.dropFirst()), world.groupNames.indices.contains(index)
    else { throw ScenarioFailure(text: "no group \(word ?? "")") }
    return index
  }

  /// `x3` at the end.
  private func times(_ words: inout [String]) -> Int {
    guard let last = words.last, last.hasPrefix("x"), let count = Int(last.dropFirst()) else { return 1 }
    words.removeLast()
    return count
  }

  // MARK: Commands

  private mutating func begin(_ words: [String]) throws(ScenarioFailure) {
    var options = Scenario.options(try number(words.first))
    var clients: Int?
    for word in words.dropFirst() {
      let parts = word.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2 else {
        clients = try number(word)
        continue
      }
      switch parts[0] {
      case "delay": options.delayFloor = Double(try number(parts[1])) / 1000
      case "personal": options.personalWindow = try number(parts[1])
      case "limit": options.maxSessionMessages = try number(parts[1])
      default:
        guard options.read(parts[0], parts[1]) else { throw ScenarioFailure(text: "unknown option \(word)") }
      }
    }
    if let clients { options.clientsPerDaemon = (clients + options.daemons - 1) / options.daemons }
    world = World(options, plan: [])
    isStarted = false
    shownClients = [:]
    shownDaemons = [:]
    shownPackets = [:]
    shownTokens = [:]
    cuts = []
  }

  /// What is said before the world starts.
  private mutating func prepare(_ word: String, _ rest: [String]) throws(ScenarioFailure) -> Bool {
    switch word {
    case "at":
      let time = try time(rest.first)
      guard let action = Action(Array(rest.dropFirst())) else {
        throw ScenarioFailure(text: "no action: \(rest.dropFirst().joined(separator: " "))")
      }
      guard action.isWithin(world.options) else { throw ScenarioFailure(text: "no such daemon, client or group") }
      world.schedule(PlanEntry(time, action))
    case "faults": world.network.filter = .only([])
    case "fault":
      guard let decision = Decision(rest, daemons: world.options.daemons) else {
        throw ScenarioFailure(text: "fault KIND FROM>TO CLASS N")
      }
      world.network.filter.add(decision.key)
    default: return false
    }
    return true
  }

  private mutating func send(_ words: [String]) throws(ScenarioFailure) {
    var words = words
    let count = times(&words)
    guard words.count >= 3, let service = Service.allCases.first(where: { "\($0)" == words[1] }) else {
      throw ScenarioFailure(text: "send CLIENT SERVICE GROUPS [SIZE] [xN]")
    }
    var groups: [Int] = []
    for name in words[2].split(separator: ",") {
      groups.append(name.hasPrefix("c") ? -1 - (try client(String(name)).index) : try group(String(name)))
    }
    let size = words.count > 3 ? try number(words[3]) : 20
    for _ in 0..<count { world.send(try client(words[0]), Sending(service, to: groups, size: size)) }
  }

  private mutating func split(_ words: [String]) throws(ScenarioFailure) {
    heal()
    var part: [Int: Int] = [:]
    var current = 0
    for word in words {
      if word == "|" { current += 1 } else { part[try daemon(word).index] = current }
    }
    var links: [Link] = []
    for (a, left) in part.sorted(by: { $0.key < $1.key }) {
      for (b, right) in part.sorted(by: { $0.key < $1.key }) where left != right { links.append(Link(a, b)) }
    }
    cut(links)
  }

  private mutating func cut(_ links: [Link]) {
    for link in links { world.network.cut(link) }
    cuts += links
  }

  private mutating func heal() {
    for link in cuts { world.network.heal(link) }
    cuts = []
  }

  private func rule(_ words: [String], _ effect: Rule.Effect) throws(ScenarioFailure) {
    var words = words
    let count = times(&words)
    let ends = words.first?.split(separator: ">") ?? []
    guard words.count == 2, ends.count == 2 else { throw ScenarioFailure(text: "FROM>TO KIND [xN]") }
    let from = ends[0] == "*" ? nil : try daemon(String(ends[0])).index
    let to = ends[1] == "*" ? nil : try daemon(String(ends[1])).index
    world.rules.append(Rule(from: from, to: to, kind: words[1], count: count, effect: effect))
  }

  private func stopAfter(_ words: [String]) throws(ScenarioFailure) {
    guard words.count == 2 else { throw ScenarioFailure(text: "stop-after DAEMON KIND") }
    world.rules.append(
      Rule(from: try daemon(words[0]).index, to: nil, kind: words[1], count: 1, effect: .stopSender))
  }

  private func wait(_ words: [String]) throws(ScenarioFailure) {
    var words = words
    let count = times(&words)
    guard words.count == 2 else { throw ScenarioFailure(text: "until DAEMON KIND [xN]") }
    let place = world.rules.count
    world.rules.append(Rule(from: try daemon(words[0]).index, to: nil, kind: words[1], count: count, effect: .mark))
    let limit = world.now + 30 * Options.second
    while world.rules[place].count > 0, world.now < limit { world.advance(to: world.now + 100_000) }
    if world.rules[place].count > 0 { throw ScenarioFailure(text: "\(words[0]) sends no such \(words[1])") }
  }

  // MARK: What is printed

  private mutating func clients(_ words: [String]) throws(ScenarioFailure) -> String {
    var wanted: Set<NameID> = []
    for word in words {
      let client = try client(word)
      if let id = client.nameID { wanted.insert(id) }
    }
    var text = ""
    for (index, file) in world.trace.clients.enumerated() {
      let owner = owner(file)
      guard words.isEmpty || wanted.contains(owner), file.layer == .flush || !isBelowFlush(index) else { continue }
      for record in file.records[shownClients[index, default: 0]...] {
        if let line = line(record.event) { text += "\(world.trace.names[owner]) \(line)\n" }
      }
      shownClients[index] = file.records.count
    }
    return text
  }

  /// The private name.
  private func owner(_ file: ClientTrace) -> NameID {
    if case .connect(_, let name, _)? = file.records.first?.event { return name }
    return file.name
  }

  /// The trace of the layer above is added at once behind that of the session.
  private func isBelowFlush(_ index: Int) -> Bool {
    let clients = world.trace.clients
    return index + 1 < clients.count && clients[index + 1].layer == .flush
  }

  private func list(_ names: [NameID]) -> String {
    names.map { world.trace.names[$0] }.joined(separator: " ")
  }

  private func line(_ event: ClientEvent) -> String? {
    let names = world.trace.names
    switch event {
    case .receive(let id, _, let payload):
      return "\(payload.service) \(names[id.sender]):\(id.counter) \(list(names[payload.groups]))"
    case .view(let group, let number):
      let view = world.trace.views[Int(number)]
      var text = "\(names[group]) \(view.cause) \(name(view.id)): \(list(view.members))"
      if view.cause == .network {
        text += " from " + view.sets.map { "[\(list($0))]" }.joined(separator: " ") + " mine \(view.mine)"
      }
      return text
    case .signal(let group, let id): return "\(names[group]) signal \(name(id))"
    case .selfLeave(let group): return "\(names[group]) left"
    case .closed(let result): return "closed \(result)"
    case .flushRequest(let group): return "\(names[group]) flush request"
    case .flush(let group, let result): return "\(names[group]) flush \(result)"
    case .sent(let id, let result) where result < 0: return "send \(id.counter) \(result)"
    case .join(let group, let result) where result < 0: return "\(names[group]) join \(result)"
    case .leave(let group, let result) where result < 0: return "\(names[group]) leave \(result)"
    case .connect, .send, .sent, .join, .leave, .reject: return nil
    }
  }

  private func name(_ id: GroupID) -> String { "\(name(id.membership)).\(id.index)" }

  private func name(_ id: MembershipID) -> String {
    let leader = world.configuration.daemons.firstIndex { $0.id == id.process }.map { world.nodes[$0].name } ?? "?"
    return "\(leader)@\(id.time - Int32(Node.epoch))"
  }

  private mutating func rings() -> String {
    var text = ""
    for (index, file) in world.trace.daemons.enumerated() {
      for record in file.records[shownDaemons[index, default: 0]...] {
        guard case .configuration(let number) = record.event else { continue }
        let configuration = world.trace.configurations[Int(number)]
        text += "\(file.file) \(configuration.kind) \(name(configuration.id)): \(list(configuration.members))"
        if configuration.kind == .transitional { text += " owed \(list(configuration.commit))" }
        text += "\n"
      }
      shownDaemons[index] = file.records.count
    }
    return text
  }

  private func daemons() -> String {
    let states = ["", "operation", "segment", "represented", "gather", "form", "recovery"]
    return world.nodes.map { node in
      guard let daemon = node.daemon else { return "\(node.name) down\n" }
      let horizon = daemon.horizon
      return "\(node.name) \(states[daemon.membershipState]) \(name(horizon.ring)) highest \(horizon.highest) "
        + "aru \(horizon.aru) discarded \(horizon.discarded)\n"
    }.joined()
  }

  private func groups() -> String {
    let states = ["", "operation", "transitional", "gathering", "gathering again"]
    var text = ""
    for node in world.nodes where node.daemon != nil {
      guard let snapshot = node.groups else { continue }
      text += "\(node.name) \(states[Int(snapshot.state)])"
      for group in snapshot.groups {
        text += ", \(world.trace.names[world.nameID(group.name)]) \(name(group.id)): "
        text += list(group.members.map(world.nameID))
      }
      text += "\n"
    }
    return text
  }

  private mutating func packets() -> String {
    var text = ""
    for (index, file) in world.trace.daemons.enumerated() {
      var rings: [(id: MembershipID, made: [Int32], got: [Int32])] = []
      func place(_ id: MembershipID) -> Int {
        if let place = rings.firstIndex(where: { $0.id == id }) { return place }
        rings.append((id, [], []))
        return rings.count - 1
      }
      for record in file.records[shownPackets[index, default: 0]...] {
        switch record.event {
        case .sequence(let ring, let number, _, _): rings[place(ring)].made.append(number)
        case .have(let ring, let number, _): rings[place(ring)].got.append(number)
        default: break
        }
      }
      shownPackets[index] = file.records.count
      for ring in rings {
        text += "\(file.file) \(name(ring.id)):"
        if !ring.made.isEmpty { text += " made \(ranges(ring.made))" }
        if !ring.got.isEmpty { text += " got \(ranges(ring.got))" }
        text += "\n"
      }
    }
    return text
  }

  /// 1-3 7
  private func ranges(_ numbers: [Int32]) -> String {
    var ranges: [ClosedRange<Int32>] = []
    for number in numbers.sorted() {
      if let last = ranges.last, number <= last.upperBound + 1 {
        ranges[ranges.count - 1] = last.lowerBound...number
      } else {
        ranges.append(number...number)
      }
    }
    return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: " ")
  }

  private mutating func tokens() -> String {
    var text = ""
    for (index, file) in world.trace.daemons.enumerated() {
      var (taken, repeated, asked) = (0, 0, 0)
      for record in file.records[shownTokens[index, default: 0]...] {
        guard case .token(_, let token) = record.event else { continue }
        if token.isOut {
          if token.requests >= 0 { asked += world.trace.sequences[Int(token.requests)].count }
        } else {
          taken += 1
          if token.repeats > 0 { repeated += 1 }
        }
      }
      shownTokens[index] = file.records.count
      text += "\(file.file) took \(taken), \(repeated) of them sent again, asked for \(asked) packets\n"
    }
    return text
  }

  private func check(isSettled: Bool) -> String {
    var run = world.trace.run
    run.isSettled = isSettled
    if world.options.quiet > world.now {
      run.quiet = nil
      run.bound = nil
      run.end = nil
    }
    world.trace.setRun(run)
    let report = Checker.check(world.trace)
    guard !report.isClean else { return "clean\n" }
    return report.violations.filter { !$0.isWarning }.map { "\($0.property): \($0.text)\n" }.joined()
  }
}
