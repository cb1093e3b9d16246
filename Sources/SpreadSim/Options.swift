// What a run is like, drawn from its seed: swarm testing, each family of faults is switched off altogether in half of
// the runs (evs-properties 12).

/// Runs that are asked for by a flag.
public enum Flavour: Sendable {
  case usual, corrupt, core
}

public struct Options: Sendable {
  public var seed: UInt64
  /// Daemons in the configuration.
  public var daemons = 3
  /// Nanoseconds: the whole run, and from when on nothing is broken.
  public var end: UInt64 = 60 * second
  public var quiet: UInt64 = 40 * second
  /// Within this time after `quiet` everything has come together.
  public var bound: UInt64 = 15 * second

  // Network.
  /// Per datagram and receiver, by class: token, data, membership, hurry.
  public var loss: [Double] = [0, 0, 0, 0]
  public var duplicate = 0.0
  /// Seconds.
  public var delayFloor = 0.0005
  public var delayMean = 0.001
  /// Datagrams of one link stay in their order.
  public var keepsOrder = true
  /// Two neighbours of a link change places.
  public var swap = 0.0
  /// A datagram takes up to five seconds longer.
  public var late = 0.0
  /// FORM tokens take that much longer on average, in seconds: long formations meet more.
  public var slowForms = 0.0
  /// What daemons tell each other of their groups gets lost, also when it is sent again: exchanges take long, and other
  /// faults come upon them half done (daemon-groups 5.4, 5.5).
  public var exchangeLoss = 0.0
  /// A multicast misses a receiver.
  public var partialMulticast = 0.0
  /// Datagrams a socket holds.
  public var queueLimit = 4096
  /// Time a daemon spends on one datagram, seconds.
  public var service = 0.000_005

  // Faults: events per second.
  public var clogs = 0.0
  public var partitions = 0.0
  public var stalls = 0.0
  public var crashes = 0.0
  public var retirements = 0.0
  public var pauses = 0.0
  /// Partitions that a monitor makes, a second.
  public var monitorPartitions = 0.0
  /// How often the configuration is changed and read again.
  public var reloads = 0
  public var wallSteps = 0.0

  // Clocks.
  public var clockRate = 0.0
  public var timerJitter = 0.0
  public var wallOffset = 0

  // Clients.
  public var clientsPerDaemon = 2
  /// Messages per second of one client.
  public var sendRate = 2.0
  /// Weights: unreliable, reliable, fifo, causal, agreed, safe.
  public var services: [Double] = [1, 1, 1, 1, 1, 1]
  public var groups = 4
  /// Weights of sizes: small, one packet, several packets, many packets.
  public var sizes: [Double] = [10, 1, 1, 0]
  public var manyGroups = 0.0
  public var privateMessages = 0.0
  public var selfDiscard = 0.0
  /// Joins and leaves per second of one client.
  public var churn = 0.2
  /// Disconnects per second of one client, and of these the part that ends without a word.
  public var disconnects = 0.0
  public var clientCrash = 0.5
  /// A session's stream is cut into pieces.
  public var cutsStream = false
  public var slowReaders = 0.0
  public var reusesNames = true
  public var withoutMembership = 0.0
  public var maxSessionMessages = 1000
  public var window = 160
  public var personalWindow = 20

  // View synchrony (events-and-flush part 2).
  /// So many clients of each daemon, the last ones, speak Flush. They have groups of their own, behind the others: who
  /// does not speak Flush never agrees to a view.
  public var flushClients = 0
  public var flushGroups = 0
  /// How long programs take to agree, seconds on average; 0: they agree only where the plan says so.
  public var flushDelay = 0.0
  /// How often they do something else when they should agree: leave, disconnect, die.
  public var flushTricks = 0.0

  // What the daemons do beyond stock (docs/performance.md).
  public var earlyRepetition = true
  public var tokenCopies = true

  // Segments and the kind of ring.
  /// Daemons of each segment, in order; empty: all are in one (daemon-ring 1.3).
  public var segments: [Int] = []
  /// Addresses of each segment; whoever is in it hears everything so many times (daemon-ring 1.1).
  public var segmentAddresses = 1
  /// Wide area timers, and what stock does beyond them (wide-area 2).
  public var wide = false
  public var accelerated = false
  public var acceleratedWindow = 15
  /// Daemons that write the other byte order (daemon-ring 2.1).
  public var otherOrder: [Int] = []

  /// Rings have so many numbers left when they begin; 0: all (daemon-ring 3.2, evs-properties K10).
  public var numbersLeft = 0

  /// These daemons are in the configuration but never run.
  public var absent: [Int] = []
  /// From `quiet` on only these live together, and everything else stays broken for ever; empty: all is healed
  /// (evs-properties 10, "Core").
  public var core: [Int] = []
  /// Datagrams are damaged: then only "does not stop, other sessions live" is checked (evs-properties 12).
  public var corrupt = 0.0
  /// Every client joins the first group when it is connected.
  public var joinsFirst = true

  public static let second: UInt64 = 1_000_000_000

  public init(seed: UInt64) { self.seed = seed }

  /// The options of the run `seed`.
  public static func drawn(_ seed: UInt64, _ flavour: Flavour = .usual) -> Options {
    var random = Xoshiro256(seed, stream: 1)
    var options = Options(seed: seed)
    options.drawShape(&random)
    options.drawNetwork(&random)
    options.drawFaults(&random)
    options.drawClients(&random)
    // Streams of their own: what else a seed means stays as it was.
    random = Xoshiro256(seed, stream: 20)
    options.drawExtras(&random)
    random = Xoshiro256(seed, stream: 14)
    options.drawWaits(&random)
    random = Xoshiro256(seed, stream: 17)
    options.drawRare(&random)
    random = Xoshiro256(seed, stream: 23)
    if random.chance(0.25) { options.drawFlush(&random) }
    random = Xoshiro256(seed, stream: 11)
    switch flavour {
    case .usual: if random.chance(0.05) { options.drawCore(&random) }
    case .corrupt:
      options.corrupt = random.spread(0.0001, 0.01)
      // A daemon that is not in the file any more stops and closes its sessions.
      options.reloads = 0
    case .core: options.drawCore(&random)
    }
    return options
  }

  private mutating func drawShape(_ random: inout Xoshiro256) {
    daemons = random.chance(0.05) ? random.within(8...20) : random.within(1...7)
    if daemons <= 7, random.chance(0.2) {
      window = random.within(2...40)
      personalWindow = random.within(1...min(window, 20))
    }
  }

  private mutating func drawNetwork(_ random: inout Xoshiro256) {
    if random.chance(0.5) {
      for place in loss.indices where random.chance(0.6) { loss[place] = random.spread(0.001, 0.3) }
    }
    if random.chance(0.5) { duplicate = random.spread(0.001, 0.3) }
    delayFloor = random.spread(0.0005, 0.005)
    delayMean = random.chance(0.02) ? random.uniform(0.5, 2) : random.spread(0.0005, 0.05)
    keepsOrder = random.chance(0.5)
    if random.chance(0.3) { late = random.spread(0.0005, 0.03) }
    if random.chance(0.5) { swap = random.uniform(0, 0.1) }
    if random.chance(0.25) { partialMulticast = random.uniform(0, 0.2) }
    if random.chance(0.2) { queueLimit = Int(random.spread(4, 400)) }
    service = random.spread(0.000_001, 0.001)
  }

  private mutating func drawExtras(_ random: inout Xoshiro256) {
    earlyRepetition = random.chance(0.7)
    tokenCopies = random.chance(0.7)
    if random.chance(0.4) { retirements = random.spread(0.02, 0.4) }
    drawSegments(&random)
    if random.chance(0.3) {
      accelerated = true
      acceleratedWindow = random.within(0...20)
    }
    if random.chance(0.15) { monitorPartitions = random.spread(0.03, 0.2) }
    if random.chance(0.15) { reloads = random.within(1...2) }
    if random.chance(0.25) { otherOrder = (0..<daemons).filter { _ in random.chance(0.5) } }
  }

  /// Several segments merge by asking each other one by one, which takes longer than one multicast.
  private mutating func drawSegments(_ random: inout Xoshiro256) {
    if random.chance(0.1) { segmentAddresses = random.within(2...5) }
    guard daemons > 1, random.chance(0.35) else { return }
    var left = daemons
    while left > 0 {
      let size = segments.count == 19 ? left : random.chance(0.3) ? 1 : random.within(1...left)
      segments.append(size)
      left -= size
    }
    wide = random.chance(0.3)
    // Section 10 of evs-properties knows no delays: a formation breaks off when an ALIVE or a JOIN that a member sent
    // before FORM1 comes behind FORM2 (daemon-ring 4.5), the more often the longer packets are on their way.
    let delays = 100 * Swift.min(delayMean, 0.05)
    bound = (wide ? 55 : 25) * Options.second + UInt64(delays * Double(Options.second))
    end = quiet + bound + 5 * Options.second
  }

  private mutating func drawWaits(_ random: inout Xoshiro256) {
    if random.chance(0.3) { stalls = random.spread(0.05, 0.3) }
    if daemons <= 7, random.chance(0.3) { slowForms = random.uniform(0.02, 0.5 / Double(daemons)) }
  }

  private mutating func drawRare(_ random: inout Xoshiro256) {
    if random.chance(0.2) { exchangeLoss = random.uniform(0.5, 0.97) }
    // The clocks tell which rings begin late: all those of the time before the end of `lateStart`.
    if daemons > 1, random.chance(0.04) {
      numbersLeft = random.within(10...500)
      (wallOffset, wallSteps) = (0, 0)
    }
  }

  private mutating func drawFlush(_ random: inout Xoshiro256) {
    flushClients = random.within(1...clientsPerDaemon)
    flushGroups = random.within(1...3)
    flushDelay = random.spread(0.002, 1)
    if random.chance(0.5) { flushTricks = random.spread(0.01, 0.3) }
  }

  /// Clients that speak Flush come behind all others: client n is the n / daemons-th of its daemon.
  var coreClients: Int { (clientsPerDaemon - flushClients) * daemons }

  func usesFlush(client: Int) -> Bool { client >= coreClients }

  var allGroups: Int { max(groups + flushGroups, 1) }

  /// What a client joins and sends to.
  func groups(of client: Int) -> Range<Int> {
    usesFlush(client: client) ? groups..<groups + flushGroups : 0..<groups
  }

  /// Until this wall clock time rings begin late: the last of them is broken before the quiet phase.
  var lateStartEnds: UInt64 { quiet - min(quiet, 6 * Options.second) }

  private mutating func drawFaults(_ random: inout Xoshiro256) {
    if random.chance(0.4) { clogs = random.uniform(0, 0.2) }
    if random.chance(0.5) { partitions = random.spread(0.03, 0.6) }
    if random.chance(0.5) { crashes = random.spread(0.02, 0.3) }
    if random.chance(0.3) { pauses = random.spread(0.02, 0.2) }
    if random.chance(0.3) { wallSteps = 0.1 }
    if random.chance(0.5) { clockRate = random.uniform(0, 0.1) }
    if random.chance(0.5) { timerJitter = random.uniform(0, 0.05) }
    if random.chance(0.5) { wallOffset = 3600 }
  }

  /// Some daemons, one at least, that stay together while the rest is broken for ever.
  private mutating func drawCore(_ random: inout Xoshiro256) {
    guard daemons > 1 else { return }
    core = (0..<daemons).filter { _ in random.chance(0.6) }
    if core.isEmpty { core = [random.below(daemons)] }
    if core.count == daemons { core.removeLast() }
  }

  private mutating func drawClients(_ random: inout Xoshiro256) {
    clientsPerDaemon = random.within(1...(daemons > 7 ? 2 : 5))
    sendRate = random.spread(0.2, daemons > 7 ? 2 : 20)
    services = services.map { _ in random.chance(0.35) ? 0 : random.uniform(0.1, 1) }
    if services.allSatisfy({ $0 == 0 }) { services[5] = 1 }
    groups = random.within(1...10)
    sizes = [10, random.chance(0.5) ? 2 : 0, random.chance(0.5) ? 1 : 0, random.chance(0.15) ? 0.1 : 0]
    if random.chance(0.3) { manyGroups = 0.1 }
    if random.chance(0.4) { privateMessages = 0.2 }
    if random.chance(0.4) { selfDiscard = 0.2 }
    churn = random.chance(0.5) ? random.spread(0.02, 2) : 0
    if random.chance(0.5) {
      disconnects = random.spread(0.02, 0.5)
      clientCrash = random.unit()
    }
    cutsStream = random.chance(0.3)
    if random.chance(0.3) { slowReaders = random.uniform(0, 0.3) }
    reusesNames = random.chance(0.7)
    if random.chance(0.3) { withoutMembership = 0.3 }
    if random.chance(0.3) { maxSessionMessages = random.within(5...100) }
    sendRate = min(sendRate, 0.25 * capacity / Double(clientsPerDaemon * daemons))
  }

  /// The run lasts until everything must have come together.
  var endsSettled: Bool { end > quiet + bound }

  /// Messages per second that the ring carries, roughly; in the end of a run everything must be through.
  private var capacity: Double {
    let round = Double(daemons) * (delayFloor + delayMean + service)
    // Of a longer burst the sockets lose the rest.
    let packetsPerRound = Double(min(window, min(personalWindow, queueLimit) * daemons))
    let weight = sizes.reduce(0, +)
    let packetsPerMessage = (sizes[0] + sizes[1] + 4 * sizes[2] + 60 * sizes[3]) / weight
    return min(packetsPerRound / round / packetsPerMessage, 0.05 / service / Double(daemons))
  }

}
