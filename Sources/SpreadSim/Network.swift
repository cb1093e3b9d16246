// The links between daemons: delay, loss, duplication, reordering, cuts (evs-properties 12). Every link and class of
// datagram draws from a stream of its own and the same number of times for each datagram; a decision is named by
// (kind, link, class, n-th use), so that it can be left out of a repetition (evs-properties 13).

import SpreadCore
import SpreadWire

enum DatagramClass: Int, CaseIterable {
  case token, data, membership, hurry

  init(_ bytes: UnsafeRawBufferPointer, _ kind: Datagram.Kind) {
    guard kind == .packet else {
      self = .token
      return
    }
    let type = bytes.u32(at: 0, .native)
    if type & PacketType.membership.rawValue != 0 {
      self = .membership
    } else {
      self = type & PacketType.hurry.rawValue != 0 ? .hurry : .data
    }
  }
}

/// A decision that made a fault.
struct Decision: Hashable, Sendable {
  enum Kind: UInt64, CaseIterable, Sendable {
    case loss, duplicate, swap, miss, late, exchange
  }
  var key: UInt64

  init(_ kind: Kind, link: Int, _ datagramClass: DatagramClass, use: Int) {
    key = kind.rawValue << 56 | UInt64(link) << 40 | UInt64(datagramClass.rawValue) << 32 | UInt64(use)
  }

  var kind: Kind { Kind(rawValue: key >> 56)! }
  var link: Int { Int(key >> 40 & 0xffff) }
  var datagramClass: DatagramClass { DatagramClass(rawValue: Int(key >> 32 & 0xff))! }
  var use: Int { Int(UInt32(truncatingIfNeeded: key)) }
}

/// Which of the faults that the options draw happen in a run.
enum FaultFilter: Sendable {
  case all
  /// All but these keys: a run that is being shrunk.
  case without(Set<UInt64>)
  /// These keys only: a saved schedule.
  case only(Set<UInt64>)

  func allows(_ key: UInt64) -> Bool {
    switch self {
    case .all: true
    case .without(let keys): !keys.contains(key)
    case .only(let keys): keys.contains(key)
    }
  }

  mutating func add(_ key: UInt64) {
    if case .only(let keys) = self { self = .only(keys.union([key])) } else { self = .only([key]) }
  }
}

struct Network {
  private struct Line {
    var stream: Xoshiro256
    var uses = 0
  }

  let daemons: Int
  private var lines: [Line]
  /// By link: how many cuts lie on it, and when its last datagram arrives.
  private var cuts: [Int]
  private var lastArrival: [UInt64]
  /// When what waits on the link goes on.
  private var stalledUntil: [UInt64]
  private var lateness: [Xoshiro256]
  private var exchanges: [Xoshiro256]
  private var options: Options
  var filter: FaultFilter
  let recordsDecisions: Bool
  private(set) var decisions: [Decision] = []
  private(set) var dropped = 0

  init(_ options: Options, _ filter: FaultFilter, recordsDecisions: Bool) {
    self.options = options
    self.filter = filter
    self.recordsDecisions = recordsDecisions
    daemons = options.daemons
    let links = daemons * daemons
    lines = (0..<links * 4).map { Line(stream: Xoshiro256(options.seed, stream: 1_000_000 + UInt64($0))) }
    cuts = Array(repeating: 0, count: links)
    lastArrival = Array(repeating: 0, count: links)
    stalledUntil = lastArrival
    lateness = (0..<links).map { Xoshiro256(options.seed, stream: 2_000_000 + UInt64($0)) }
    exchanges = (0..<links).map { Xoshiro256(options.seed, stream: 3_000_000 + UInt64($0)) }
  }

  mutating func cut(_ link: Link) { cuts[link.from * daemons + link.to] += 1 }
  mutating func heal(_ link: Link) { cuts[link.from * daemons + link.to] -= 1 }

  mutating func stall(_ link: Link, until time: UInt64) {
    let at = link.from * daemons + link.to
    stalledUntil[at] = max(stalledUntil[at], time)
  }

  /// From here on nothing goes wrong.
  mutating func calm(_ timeouts: Timeouts) {
    options.loss = [0, 0, 0, 0]
    options.duplicate = 0
    options.swap = 0
    options.late = 0
    options.exchangeLoss = 0
    options.partialMulticast = 0
    // An idle leader keeps the token for the hurry timeout, and then it must get around before anybody's token timeout
    // (daemon-ring 3.8, 4.2): a ring whose round takes longer than the rest of that time keeps losing its token.
    let round = 0.25 * (Double(timeouts.token) - Double(timeouts.hurry)) / 1000
    let hop = round / Double(daemons) - options.delayFloor - options.service
    options.delayMean = min(options.delayMean, 0.02, max(hop, 0.001))
    // Order has no meaning across the end of a jam.
    for link in lastArrival.indices { (lastArrival[link], stalledUntil[link]) = (0, 0) }
  }

  private mutating func happens(
    _ kind: Decision.Kind, _ probability: Double, _ draw: Double, _ link: Int, _ datagramClass: DatagramClass,
    _ use: Int
  ) -> Bool {
    guard draw < probability else { return false }
    let decision = Decision(kind, link: link, datagramClass, use: use)
    guard filter.allows(decision.key) else { return false }
    if recordsDecisions { decisions.append(decision) }
    return true
  }

  /// When copies of a datagram sent now arrive: none, one or two times.
  mutating func arrivals(
    from: Int, to: Int, _ datagramClass: DatagramClass, isMulticast: Bool, isExchange: Bool, at now: UInt64
  ) -> (UInt64?, UInt64?) {
    let link = from * daemons + to
    let at = link * 4 + datagramClass.rawValue
    let use = lines[at].uses
    lines[at].uses += 1
    let a = lines[at].stream.next()
    let b = lines[at].stream.next()
    let c = lines[at].stream.next()
    guard cuts[link] == 0 else { return (nil, nil) }
    func part(_ word: UInt64, _ shift: UInt64) -> Double { Double(UInt32(truncatingIfNeeded: word >> shift)) * 0x1p-32 }
    if happens(.loss, options.loss[datagramClass.rawValue], part(a, 32), link, datagramClass, use) {
      dropped += 1
      return (nil, nil)
    }
    if isExchange {
      let draw = part(exchanges[link].next(), 32)
      if happens(.exchange, options.exchangeLoss, draw, link, datagramClass, use) { return (nil, nil) }
    }
    if isMulticast, happens(.miss, options.partialMulticast, part(c, 32), link, datagramClass, use) {
      return (nil, nil)
    }
    let swaps = options.swap > 0 && happens(.swap, options.swap, part(c, 0), link, datagramClass, use)
    var first = arrival(link, UInt32(truncatingIfNeeded: b >> 32), overtakes: swaps, now)
    // Not tokens: a round counter of four bits cannot tell one that is sixteen rounds late (daemon-ring 3.2).
    if options.late > 0, datagramClass != .token {
      // Long enough to meet another configuration.
      let word = lateness[link].next()
      if happens(.late, options.late, part(word, 32), link, datagramClass, use) {
        first += UInt64(part(word, 0) * 5 * Double(Options.second))
      }
    }
    guard options.duplicate > 0, happens(.duplicate, options.duplicate, part(a, 0), link, datagramClass, use) else {
      return (first, nil)
    }
    return (first, arrival(link, UInt32(truncatingIfNeeded: b), overtakes: false, now))
  }

  private mutating func arrival(_ link: Int, _ bits: UInt32, overtakes: Bool, _ now: UInt64) -> UInt64 {
    let delay = options.delayFloor + min(options.delayMean * exponential(bits), 3)
    let time = max(now, stalledUntil[link]) + UInt64(delay * Double(Options.second))
    guard options.keepsOrder else { return time }
    if overtakes { return max(time, lastArrival[link]) + UInt64(2 * options.delayMean * Double(Options.second)) }
    lastArrival[link] = max(time, lastArrival[link] + 1000)
    return lastArrival[link]
  }
}
