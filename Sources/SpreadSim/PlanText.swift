// The plan and the network's faults as words, for reports, saved schedules and scenarios. Daemons are d1.., clients
// c0.., groups g0...
//
//   cut TIME D>D ...              these links carry nothing for so long; `ever` instead of a time
//   stall TIME D>D ...            what is sent on them in that time arrives when it is over
//   crash D [after=N] [back=TIME] behind the N-th datagram of its next outputs; comes back
//   pause D TIME                  wall D SECONDS
//   divide TIME N,N,...           a monitor divides the ring; components by daemon
//   reconfigure TIME SPREAD W [D] [order=D,D,...] [changed=D] [ring]
//                                 another file with window W, without D, with its daemons in that order, D with another
//                                 interface list, the other kind of ring; all read it within SPREAD, and the first one
//                                 again at its end
//   connect C   disconnect C      vanish C PART   join C G   leave C G
//   flush C G                     a client of Flush agrees to the next view
//   send C SERVICE G[,G...] SIZE [discard]        a group or a client; of Flush: a client, a group, or a group and
//                                 clients of it
//   slow C [PER SECOND]           without a number: as fast as messages come

import SpreadCheck

/// 1.25s, exact to the nanosecond.
func timeText(_ time: UInt64) -> String {
  var text = "\(time / Options.second)"
  var rest = time % Options.second
  guard rest > 0 else { return text + "s" }
  var digits = 9
  while rest % 10 == 0 { (rest, digits) = (rest / 10, digits - 1) }
  let fraction = String(rest)
  text += "." + String(repeating: "0", count: digits - fraction.utf8.count) + fraction
  return text + "s"
}

/// 20ms, 5s, 1.25s.
func readTime(_ word: String) -> UInt64? {
  if word.hasSuffix("ms") { return UInt64(word.dropLast(2)).map { $0 * 1_000_000 } }
  guard word.hasSuffix("s") else { return nil }
  let parts = word.dropLast().split(separator: ".", omittingEmptySubsequences: false)
  guard let whole = parts.first.flatMap({ UInt64($0) }), whole < 1 << 32, parts.count <= 2 else { return nil }
  guard parts.count == 2 else { return whole * Options.second }
  guard parts[1].utf8.count <= 9, let rest = UInt64(parts[1] + String(repeating: "0", count: 9 - parts[1].utf8.count))
  else { return nil }
  return whole * Options.second + rest
}

/// `prefix` and a number.
private func number(_ word: some StringProtocol, _ prefix: Character) -> Int? {
  word.first == prefix ? Int(word.dropFirst()) : nil
}

private func daemon(_ word: some StringProtocol) -> Int? { number(word, "d").map { $0 - 1 } }

extension Link {
  var text: String { "d\(from + 1)>d\(to + 1)" }

  init?(_ word: String) {
    let ends = word.split(separator: ">")
    guard ends.count == 2, let from = daemon(ends[0]), let to = daemon(ends[1]) else { return nil }
    self.init(from, to)
  }
}

extension FileChange {
  fileprivate var text: String {
    var text = "\(window)" + (without.map { " d\($0 + 1)" } ?? "")
    if !order.isEmpty { text += " order=" + order.map { "d\($0 + 1)" }.joined(separator: ",") }
    return text + (changed.map { " changed=d\($0 + 1)" } ?? "") + (otherRing ? " ring" : "")
  }

  /// Window and what else is different.
  fileprivate init?(_ words: ArraySlice<String>) {
    guard let window = words.first.flatMap({ Int($0) }) else { return nil }
    self.init(window: window)
    for word in words.dropFirst() {
      let parts = word.split(separator: "=")
      let named = parts.last!.split(separator: ",").compactMap { daemon($0) }
      switch parts[0] {
      case "order": order = named
      case "changed": changed = named.first
      case "ring": otherRing = true
      default:
        guard let daemon = daemon(word) else { return nil }
        without = daemon
      }
    }
  }

  fileprivate func isWithin(_ options: Options) -> Bool {
    (1...32767).contains(window) && (without ?? 0) < options.daemons && (changed ?? 0) < options.daemons
      && (order.isEmpty || order.sorted() == Array(0..<options.daemons))
  }
}

extension Action {
  var text: String {
    switch self {
    case .cut(let links, let length):
      return "cut \(length == .max ? "ever" : timeText(length)) " + links.map(\.text).joined(separator: " ")
    case .stall(let links, let length):
      return "stall \(timeText(length)) " + links.map(\.text).joined(separator: " ")
    case .crash(let daemon, let after, let back):
      return "crash d\(daemon + 1)" + (after.map { " after=\($0)" } ?? "")
        + (back.map { " back=\(timeText($0))" } ?? "")
    case .retire(let daemon, let back): return "retire d\(daemon + 1) \(timeText(back))"
    case .pause(let daemon, let length): return "pause d\(daemon + 1) \(timeText(length))"
    case .wallStep(let daemon, let seconds): return "wall d\(daemon + 1) \(seconds)"
    case .divide(let parts, let length):
      return "divide \(timeText(length)) " + parts.map(\.description).joined(separator: ",")
    case .reconfigure(let length, let spread, let change):
      return "reconfigure \(timeText(length)) \(timeText(spread)) \(change.text)"
    case .connect(let client): return "connect c\(client)"
    case .join(let client, let group): return "join c\(client) g\(group)"
    case .leave(let client, let group): return "leave c\(client) g\(group)"
    case .flush(let client, let group): return "flush c\(client) g\(group)"
    case .send(let client, let sending):
      let groups = sending.groups.map { $0 >= 0 ? "g\($0)" : "c\(-1 - $0)" }.joined(separator: ",")
      return "send c\(client) \(sending.service) \(groups) \(sending.size)\(sending.selfDiscard ? " discard" : "")"
    case .disconnect(let client): return "disconnect c\(client)"
    case .vanish(let client, let part): return "vanish c\(client) \(part)"
    case .readingRate(let client, let rate): return "slow c\(client)" + (rate.map { " \($0)" } ?? "")
    }
  }

  /// Whether it names only what there is.
  func isWithin(_ options: Options) -> Bool {
    let clients = 0..<options.daemons * options.clientsPerDaemon
    let groups = 0..<options.allGroups
    if let client, !clients.contains(client) { return false }
    switch self {
    case .cut(let links, _), .stall(let links, _):
      return links.allSatisfy { (0..<options.daemons).contains($0.from) && (0..<options.daemons).contains($0.to) }
    case .crash(let daemon, _, _), .retire(let daemon, _), .pause(let daemon, _), .wallStep(let daemon, _):
      return (0..<options.daemons).contains(daemon)
    case .divide(let parts, _): return parts.count == options.daemons
    case .reconfigure(_, _, let change): return change.isWithin(options)
    case .join(_, let group), .leave(_, let group), .flush(_, let group): return groups.contains(group)
    case .send(_, let sending):
      return sending.groups.allSatisfy { $0 >= 0 ? groups.contains($0) : clients.contains(-1 - $0) }
    case .connect, .disconnect, .vanish, .readingRate: return true
    }
  }

  init?(_ words: [String]) {
    guard words.count >= 2 else { return nil }
    let rest = Array(words.dropFirst(2))
    switch words[0] {
    case "cut", "stall":
      let links = rest.compactMap(Link.init)
      guard links.count == rest.count, let length = words[1] == "ever" ? .max : readTime(words[1]) else { return nil }
      self = words[0] == "cut" ? .cut(links, length) : .stall(links, length)
    case "divide":
      let parts = (rest.first ?? "").split(separator: ",").compactMap { Int($0) }
      guard let length = readTime(words[1]), !parts.isEmpty else { return nil }
      self = .divide(parts, length)
    case "reconfigure":
      guard rest.count >= 2, let length = readTime(words[1]), let spread = readTime(rest[0]),
        let change = FileChange(rest.dropFirst())
      else { return nil }
      self = .reconfigure(length, spread: spread, change)
    case "crash", "retire", "pause", "wall":
      guard let daemon = daemon(words[1]), let action = Action(words[0], daemon, rest) else { return nil }
      self = action
    default:
      guard let client = number(words[1], "c"), let action = Action(words[0], client: client, rest) else { return nil }
      self = action
    }
  }

  private init?(_ word: String, _ daemon: Int, _ rest: [String]) {
    switch word {
    case "retire":
      guard let back = rest.first.flatMap(readTime) else { return nil }
      self = .retire(daemon, restart: back)
    case "pause":
      guard let length = rest.first.flatMap(readTime) else { return nil }
      self = .pause(daemon, length)
    case "wall":
      guard let seconds = rest.first.flatMap({ Int($0) }) else { return nil }
      self = .wallStep(daemon, seconds: seconds)
    default:
      var after: Int?
      var back: UInt64?
      for option in rest {
        let parts = option.split(separator: "=").map(String.init)
        guard parts.count == 2 else { return nil }
        switch parts[0] {
        case "after": after = Int(parts[1])
        case "back": back = readTime(parts[1])
        default: return nil
        }
      }
      self = .crash(daemon, afterDatagrams: after, restart: back)
    }
  }

  private init?(_ word: String, client: Int, _ rest: [String]) {
    switch word {
    case "connect": self = .connect(client)
    case "disconnect": self = .disconnect(client)
    case "join", "leave", "flush":
      guard let group = rest.first.flatMap({ number($0, "g") }) else { return nil }
      self =
        word == "join"
        ? .join(client, group: group) : word == "leave" ? .leave(client, group: group) : .flush(client, group: group)
    case "vanish":
      guard let part = rest.first.flatMap({ Double($0) }) else { return nil }
      self = .vanish(client, part: part)
    case "slow":
      self = .readingRate(client, rest.first.flatMap { Double($0) })
    case "send":
      guard rest.count >= 3, let service = Service.allCases.first(where: { "\($0)" == rest[0] }),
        let size = Int(rest[2])
      else { return nil }
      let names = rest[1].split(separator: ",")
      let groups = names.compactMap { number($0, "g") ?? number($0, "c").map { -1 - $0 } }
      guard groups.count == names.count else { return nil }
      self = .send(
        client, Sending(service, to: groups, size: size, selfDiscard: rest.dropFirst(3).first == "discard"))
    default: return nil
    }
  }
}

extension Decision {
  /// loss d1>d2 data 17
  func text(daemons: Int) -> String {
    "\(kind) \(Link(link / daemons, link % daemons).text) \(datagramClass) \(use)"
  }

  init?(_ words: [String], daemons: Int) {
    guard words.count == 4, let kind = Kind.allCases.first(where: { "\($0)" == words[0] }), let link = Link(words[1]),
      let datagramClass = DatagramClass.allCases.first(where: { "\($0)" == words[2] }), let use = Int(words[3])
    else { return nil }
    self.init(kind, link: link.from * daemons + link.to, datagramClass, use: use)
  }
}
