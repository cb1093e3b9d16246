// Everything that happens in a run besides what the network does to single datagrams, drawn before it starts: faults
// and what clients do. A run is repeated with some of it left out by leaving entries out of the list.

import SpreadCheck
import SpreadWire

/// A directed pair of daemons.
public struct Link: Hashable, Sendable {
  public var from: Int
  public var to: Int

  public init(_ from: Int, _ to: Int) {
    self.from = from
    self.to = to
  }
}

public struct Sending: Sendable {
  public var service: Service
  /// Groups by number; -1 - n: the private name of client n. With Flush one of them, or one and members of it.
  public var groups: [Int]
  public var size: Int
  public var selfDiscard: Bool

  public init(_ service: Service, to groups: [Int], size: Int = 20, selfDiscard: Bool = false) {
    self.service = service
    self.groups = groups
    self.size = size
    self.selfDiscard = selfDiscard
  }

  var type: ServiceType {
    let type = ServiceType(rawValue: 1 << UInt32(service.rawValue))
    return selfDiscard ? type.union(.selfDiscard) : type
  }
}

/// In what a file differs from the first one.
public struct FileChange: Equatable, Sendable {
  public var window: Int
  /// Who is not in it.
  public var without: Int?
  /// Daemons in the order in which each segment lists its own; empty: as ever.
  public var order: [Int] = []
  /// Whose interface list is another: it stops and is started again, and the others form rings of one first.
  public var changed: Int?
  /// Accelerated where the first file is not, and the other way round.
  public var otherRing = false
}

public enum Action: Sendable {
  /// These links carry nothing for so many nanoseconds; `.max`: for ever.
  case cut([Link], UInt64)
  /// What is sent on these links in so many nanoseconds arrives when they are over.
  case stall([Link], UInt64)
  /// `afterDatagrams`: in the middle of the next outputs. Comes back after so many nanoseconds; nil: never.
  case crash(Int, afterDatagrams: Int?, restart: UInt64?)
  /// Leaves in order. Comes back so many nanoseconds after it was asked to.
  case retire(Int, restart: UInt64)
  case pause(Int, UInt64)
  case wallStep(Int, seconds: Int)
  /// A monitor divides the ring for so many nanoseconds; component by daemon.
  case divide([Int], UInt64)
  /// Another file for so many nanoseconds. All daemons read it within `spread`, and the first file again within
  /// `spread` of the end.
  case reconfigure(UInt64, spread: UInt64, FileChange)
  case connect(Int)
  case join(Int, group: Int)
  case leave(Int, group: Int)
  /// The program of a Flush client agrees to the next view.
  case flush(Int, group: Int)
  case send(Int, Sending)
  case disconnect(Int)
  /// The stream ends after a part (0...1) of what was written last.
  case vanish(Int, part: Double)
  /// Messages per second; nil: as fast as they come.
  case readingRate(Int, Double?)

  /// The family that shrinking leaves out together.
  var family: String {
    switch self {
    case .cut: "cut"
    case .stall: "stall"
    case .crash: "crash"
    case .retire: "retire"
    case .pause: "pause"
    case .wallStep: "wall"
    case .divide: "divide"
    case .reconfigure: "reconfigure"
    case .connect: "connect"
    case .join, .leave, .flush: "churn"
    case .send: "send"
    case .disconnect, .vanish: "disconnect"
    case .readingRate: "slow"
    }
  }

  var client: Int? {
    switch self {
    case .connect(let client), .join(let client, _), .leave(let client, _), .flush(let client, _),
      .send(let client, _), .disconnect(let client), .vanish(let client, _), .readingRate(let client, _):
      client
    default: nil
    }
  }
}

public struct PlanEntry: Sendable {
  public var time: UInt64
  public var action: Action

  public init(_ time: UInt64, _ action: Action) {
    self.time = time
    self.action = action
  }
}

extension Options {
  /// The plan of the run. Client n belongs to daemon n % daemons.
  public func plan() -> [PlanEntry] {
    var entries: [PlanEntry] = []
    addFaults(&entries)
    addCore(&entries)
    for client in 0..<clientsPerDaemon * daemons { addClient(client, &entries) }
    // A stable order for equal times.
    return entries.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
  }

  /// Times of a Poisson process.
  private func times(
    _ random: inout Xoshiro256, rate: Double, from: UInt64 = 0, until: UInt64,
    _ body: (UInt64, inout Xoshiro256) -> Void
  ) {
    guard rate > 0 else { return }
    var time = Double(from)
    while true {
      time += exponential(UInt32(truncatingIfNeeded: random.next() >> 32)) / rate * Double(Options.second)
      guard time < Double(until) else { return }
      body(UInt64(time), &random)
    }
  }

  private func seconds(_ x: Double) -> UInt64 { UInt64(x * Double(Options.second)) }

  // MARK: Faults

  private func addFaults(_ entries: inout [PlanEntry]) {
    var random = Xoshiro256(seed, stream: 2)
    times(&random, rate: clogs, until: quiet) { time, random in
      let link = Link(random.below(daemons), random.below(daemons))
      if link.from != link.to { entries.append(PlanEntry(time, .cut([link], seconds(random.uniform(0, 5))))) }
    }
    random = Xoshiro256(seed, stream: 3)
    times(&random, rate: partitions, until: quiet) { time, random in
      addPartition(time, &random, &entries)
    }
    random = Xoshiro256(seed, stream: 15)
    times(&random, rate: stalls, until: quiet) { time, random in addStall(time, &random, &entries) }
    random = Xoshiro256(seed, stream: 4)
    times(&random, rate: crashes, until: quiet) { time, random in
      let pause = random.chance(0.3) ? random.uniform(0, 0.5) : random.uniform(0, 15)
      entries.append(
        PlanEntry(
          time,
          .crash(
            random.below(daemons), afterDatagrams: random.chance(0.5) ? random.below(6) : nil,
            restart: seconds(pause))))
    }
    // The last ones are back before the quiet begins.
    random = Xoshiro256(seed, stream: 21)
    times(&random, rate: retirements, until: quiet - min(quiet, 2 * Options.second)) { time, random in
      entries.append(
        PlanEntry(time, .retire(random.below(daemons), restart: seconds(random.uniform(1.5, 10)))))
    }
    random = Xoshiro256(seed, stream: 5)
    times(&random, rate: pauses, until: quiet) { time, random in
      entries.append(PlanEntry(time, .pause(random.below(daemons), seconds(random.spread(0.01, 10)))))
    }
    random = Xoshiro256(seed, stream: 12)
    times(&random, rate: monitorPartitions, until: quiet) { time, random in
      let parts = random.within(2...3)
      entries.append(
        PlanEntry(time, .divide((0..<daemons).map { _ in random.below(parts) }, seconds(random.spread(0.5, 15)))))
    }
    addReloads(&entries)
    // No ring that began late outlives the time of late starts: it could run out of numbers in the quiet phase.
    if numbersLeft > 0 {
      entries.append(PlanEntry(lateStartEnds, .cut(links { $0 != $1 }, 5 * Options.second)))
    }
    random = Xoshiro256(seed, stream: 6)
    times(&random, rate: wallSteps, until: quiet) { time, random in
      entries.append(PlanEntry(time, .wallStep(random.below(daemons), seconds: random.within(-10...10))))
    }
  }

  /// A daemon's datagrams wait in the network, and come to each of the others at another time: often when these have
  /// given it up already, some of them in the middle of a formation.
  private func addStall(_ time: UInt64, _ random: inout Xoshiro256, _ entries: inout [PlanEntry]) {
    let from = random.below(daemons)
    let length = random.chance(0.4) ? random.uniform(0.1, 2) : random.uniform(2.4, 4)
    for to in 0..<daemons where to != from {
      entries.append(PlanEntry(time, .stall([Link(from, to)], seconds(length + random.uniform(0, 0.6)))))
    }
  }

  /// One after the other, each over before the quiet phase.
  private func addReloads(_ entries: inout [PlanEntry]) {
    var random = Xoshiro256(seed, stream: 13)
    // A stream of its own: what else a seed means stays as it was.
    var extras = Xoshiro256(seed, stream: 22)
    var time = random.uniform(3, 10)
    for _ in 0..<reloads {
      let length = random.uniform(3, 10)
      let spread = random.uniform(0.05, 1.5)
      guard seconds(time + length + spread + 0.5) < quiet else { return }
      var change = FileChange(window: random.chance(0.5) ? window : random.within(2...window))
      change.without = daemons > 1 && random.chance(0.7) ? random.below(daemons) : nil
      if extras.chance(0.3) {
        change.order = Array(0..<daemons)
        extras.shuffle(&change.order)
      }
      if extras.chance(0.25) { change.changed = extras.below(daemons) }
      if extras.chance(0.15) { change.otherRing = true }
      entries.append(PlanEntry(seconds(time), .reconfigure(seconds(length), spread: seconds(spread), change)))
      time += length + spread + random.uniform(0.1, 8)
    }
  }

  /// What stays broken for ever (evs-properties 10, "Core"). Nothing of the others reaches the core: a daemon that is
  /// heard but does not hear is asked into every new ring, and no ring with it can form.
  private func addCore(_ entries: inout [PlanEntry]) {
    guard !core.isEmpty else { return }
    var random = Xoshiro256(seed, stream: 8)
    var cuts: [Link] = []
    for outsider in 0..<daemons where !core.contains(outsider) {
      if random.chance(0.3) {
        entries.append(PlanEntry(quiet, .crash(outsider, afterDatagrams: nil, restart: nil)))
        continue
      }
      let hearsCore = random.chance(0.3)
      for member in core {
        cuts.append(Link(outsider, member))
        if !hearsCore { cuts.append(Link(member, outsider)) }
      }
      for other in 0..<daemons where other != outsider && !core.contains(other) && random.chance(0.3) {
        cuts.append(Link(outsider, other))
      }
    }
    if !cuts.isEmpty { entries.append(PlanEntry(quiet, .cut(cuts, .max))) }
  }

  private func links(_ separated: (Int, Int) -> Bool) -> [Link] {
    var links: [Link] = []
    for a in 0..<daemons {
      for b in 0..<daemons where a != b && separated(a, b) { links.append(Link(a, b)) }
    }
    return links
  }

  private func addPartition(_ time: UInt64, _ random: inout Xoshiro256, _ entries: inout [PlanEntry]) {
    guard daemons > 1 else { return }
    let length = seconds(random.spread(0.1, 20))
    func cut(_ links: [Link]) { if !links.isEmpty { entries.append(PlanEntry(time, .cut(links, length))) } }
    switch random.below(6) {
    case 0:
      let alone = random.below(daemons)
      cut(links { a, b in a == alone || b == alone })
    case 1:
      let parts = random.within(2...min(4, daemons))
      let part = (0..<daemons).map { _ in random.below(parts) }
      cut(links { part[$0] != part[$1] })
    case 2:
      let at = random.within(1...daemons - 1)
      cut(links { ($0 < at) != ($1 < at) })
    case 3:
      // A bridge: two daemons do not hear each other, everybody else hears both.
      let (a, b) = (random.below(daemons), random.below(daemons))
      cut(links { ($0 == a && $1 == b) || ($0 == b && $1 == a) })
    case 4:
      let from = random.below(daemons)
      cut(links { a, _ in a == from })
    default:
      // Cut one by one, healed one by one in another order.
      let at = random.within(1...daemons - 1)
      for link in links({ a, b in (a < at) != (b < at) }) where link.from < link.to {
        let start = time + seconds(random.uniform(0, 3))
        let pair = [link, Link(link.to, link.from)]
        entries.append(PlanEntry(start, .cut(pair, seconds(random.uniform(1, 10)))))
      }
    }
  }

  // MARK: Clients

  private func addClient(_ client: Int, _ entries: inout [PlanEntry]) {
    var random = Xoshiro256(seed, stream: 1000 + UInt64(client))
    entries.append(PlanEntry(seconds(random.uniform(0.001, 4)), .connect(client)))
    times(&random, rate: 0.3, until: quiet + 2 * Options.second) { time, _ in
      entries.append(PlanEntry(time, .connect(client)))
    }
    let ownGroups = groups(of: client)
    times(&random, rate: churn, until: quiet) { time, random in
      let group = ownGroups.lowerBound + random.below(ownGroups.count)
      entries.append(PlanEntry(time, random.chance(0.6) ? .join(client, group: group) : .leave(client, group: group)))
    }
    times(&random, rate: disconnects, until: quiet) { time, random in
      entries.append(
        PlanEntry(time, random.chance(clientCrash) ? .vanish(client, part: random.unit()) : .disconnect(client)))
    }
    if random.chance(slowReaders) {
      entries.append(
        PlanEntry(
          seconds(random.uniform(0, 30)), .readingRate(client, random.chance(0.3) ? 0 : random.spread(0.5, 50))))
      entries.append(PlanEntry(quiet, .readingRate(client, nil)))
    }
    // The ring rests in the last seconds of a run.
    times(&random, rate: sendRate, until: quiet) { time, random in
      entries.append(PlanEntry(time, .send(client, sending(client, &random))))
    }
    times(&random, rate: min(sendRate, 1), from: quiet, until: quiet + bound) { time, random in
      var sending = sending(client, &random)
      sending.size = min(sending.size, 3000)
      entries.append(PlanEntry(time, .send(client, sending)))
    }
  }

  private func sending(_ client: Int, _ random: inout Xoshiro256) -> Sending {
    if usesFlush(client: client) {
      let group = groups(of: client).lowerBound + (random.chance(0.5) ? 0 : random.below(flushGroups))
      return flushSending(to: group, &random)
    }
    var groups: [Int] = []
    if random.chance(manyGroups) {
      for _ in 0..<random.within(2...min(100, 2 * self.groups)) { groups.append(random.below(self.groups)) }
    } else if random.chance(privateMessages) {
      groups.append(-1 - random.below(coreClients))
    } else {
      // The first group is everybody's.
      groups.append(random.chance(0.5) ? 0 : random.below(self.groups))
    }
    return Sending(
      Service.allCases[weighted(services, &random)], to: groups, size: size(&random, groups.count),
      selfDiscard: random.chance(selfDiscard))
  }

  /// To a group of Flush, some of its members, or one session.
  func flushSending(to group: Int, _ random: inout Xoshiro256) -> Sending {
    var groups = [group]
    if random.chance(manyGroups + 0.1) {
      for _ in 0..<random.within(1...3) { groups.append(-1 - flushClient(&random)) }
    } else if random.chance(privateMessages) {
      groups = [-1 - flushClient(&random)]
    }
    return Sending(
      Service.allCases[weighted(services, &random)], to: groups, size: size(&random, groups.count),
      selfDiscard: random.chance(selfDiscard))
  }

  private func flushClient(_ random: inout Xoshiro256) -> Int { coreClients + random.below(flushClients * daemons) }

  private func weighted(_ weights: [Double], _ random: inout Xoshiro256) -> Int {
    var left = random.unit() * weights.reduce(0, +)
    for (place, weight) in weights.enumerated() where weight > 0 {
      left -= weight
      if left < 0 { return place }
    }
    return weights.lastIndex { $0 > 0 } ?? 0
  }

  private func size(_ random: inout Xoshiro256, _ groups: Int) -> Int {
    let header = MessageHeader.size + groups * GroupName.size
    switch weighted(sizes, &random) {
    case 0: return random.chance(0.1) ? random.below(2) : random.within(17...200)
    case 1: return max(0, DatagramSize.maxPacketBody - header + random.within(-1...1))
    case 2: return random.within(1433...8000)
    default: return random.within(20_000...(DatagramSize.maxPacketBody * DatagramSize.maxPieces - header))
    }
  }
}
