// One run: daemons, clients, network and clocks on one thread and one queue of events (evs-properties 12). A run is a
// function of its options and its plan.

import SpreadCheck
import SpreadCore
import SpreadWire

public final class World {
  public let options: Options
  public let trace = Trace()
  private(set) var plan: [PlanEntry]
  let configuration: Configuration
  /// What the configuration file says now.
  var file: Configuration
  /// By daemon: its address, and who is in its segment.
  private let addresses: [NetworkAddress]
  private let segmentOf: [Range<Int>]
  private let writesOtherOrder: [Bool]
  private static let otherOrder = Endianness.native == .little ? Endianness.big : .little
  let settings: ProtocolSettings
  var queue = EventQueue()
  var network: Network
  var pool = PacketPool()
  var nodes: [Node] = []
  var clients: [SimClient] = []
  public internal(set) var now: UInt64 = 0
  /// Clients for whom messages wait in their daemon after the current step.
  var backlogs: [SimClient] = []
  /// Last number used by each private name, and by the program above the Flush layer.
  var counters: [GroupName: UInt32] = [:]
  var flushCounters: [GroupName: UInt32] = [:]
  /// Scenarios only.
  var rules: [Rule] = []
  private var log = Mixer()
  public private(set) var events = 0
  private var isCalm = false

  // Names.
  var groupNames: [GroupName] = []
  var groupIDs: [NameID] = []
  private var nameIDs: [GroupName: NameID] = [:]
  /// The names met last, by some of their bits: most names are met thousands of times.
  private var recentNames = [(name: GroupName, id: NameID)?](repeating: nil, count: 256)
  var lastPayload: (buffer: ObjectIdentifier, name: GroupName, id: MessageID, payload: Payload)?
  private var jitter: Xoshiro256
  private var formDelay: Xoshiro256
  private var damage: Damage
  /// Sessions that their daemon closed, and how many messages waited for them then.
  var closedByDaemon: [(client: SimClient, waiting: Int)] = []

  var time: Int64 { Int64(now) }

  /// - Parameter plan: what happens; nil: what the options' seed says.
  public convenience init(_ options: Options, plan: [PlanEntry]? = nil) {
    self.init(options, plan: plan, .all, recordsDecisions: false)
  }

  init(_ options: Options, plan: [PlanEntry]?, _ filter: FaultFilter, recordsDecisions: Bool) {
    self.options = options
    self.plan = plan ?? options.plan()
    configuration = World.configuration(options)
    addresses = configuration.daemons.map(\.address)
    var segmentOf: [Range<Int>] = []
    for segment in configuration.segments {
      let members = segmentOf.count..<segmentOf.count + segment.daemons.count
      segmentOf += members.map { _ in members }
    }
    self.segmentOf = segmentOf
    writesOtherOrder = (0..<options.daemons).map(options.otherOrder.contains)
    file = configuration
    settings = ProtocolSettings(configuration)
    let timeouts = settings.timeouts
    network = Network(options, filter, recordsDecisions: recordsDecisions)
    jitter = Xoshiro256(options.seed, stream: 7)
    formDelay = Xoshiro256(options.seed, stream: 16)
    damage = Damage(options)
    for index in 0..<options.daemons { nodes.append(Node(index: index, name: "d\(index + 1)")) }
    for index in 0..<options.daemons * options.clientsPerDaemon {
      clients.append(
        SimClient(
          index: index, node: nodes[index % options.daemons], usesFlush: options.usesFlush(client: index),
          seed: options.seed))
    }
    for index in 0..<options.allGroups {
      groupNames.append(name("g\(index)"))
      groupIDs.append(nameID(groupNames[index]))
    }
    var run = RunRecord()
    run.daemons = nodes.map { trace.names.id($0.name) }
    run.core = options.core.map { trace.names.id(nodes[$0].name) }
    run.quiet = Int64(options.quiet)
    run.end = Int64(options.end)
    run.bound = Int64(options.bound)
    run.isSettled = options.endsSettled
    run.isSimulated = true
    run.window = Int32(options.window)
    run.personalWindow = Int32(options.personalWindow)
    run.sessionLimit = Int32(options.maxSessionMessages)
    run.isAccelerated = options.accelerated
    if options.numbersLeft > 0 {
      run.numbersLeft = Int32(options.numbersLeft)
      run.lateUntil = configuration.lateStart.ends
    }
    run.hurry = Int64(timeouts.hurry) * 1_000_000
    trace.setRun(run)
    for entry in self.plan { tellCheckers(of: entry.action) }
  }

  deinit { pool.deallocate() }

  static func configuration(_ options: Options) -> Configuration {
    let daemons = (0..<options.daemons).map { index in
      let name = World.name("d\(index + 1)")
      return ConfiguredDaemon(
        // Ids further apart than 2^31 have no order (evs-properties D9).
        name: name, id: ProcessID(0x1000_0000 + oneAtATimeHash(Array("d\(index + 1)".utf8)) >> 4), hasVirtualID: true,
        address: .v4(0x0a00_0001 + UInt32(index)))
    }
    var segments: [Segment] = []
    var first = 0
    for size in options.segments.isEmpty ? [options.daemons] : options.segments {
      let base = 0xe100_0001 + UInt32(segments.count) << 8
      segments.append(
        Segment(
          port: 4803, addresses: (0..<UInt32(options.segmentAddresses)).map { .v4(base + $0) },
          daemons: Array(daemons[first..<first + size])))
      first += size
    }
    precondition(first == options.daemons, "segments hold \(first) of \(options.daemons) daemons")
    var configuration = Configuration(segments: segments)
    var timeouts = options.wide ? Timeouts.wideArea : Timeouts.localArea
    timeouts.lookup = 3000
    configuration.configuredTimeouts = timeouts
    configuration.dangerousMonitor = true
    configuration.wideAreaNetwork = options.wide
    configuration.acceleratedRing = options.accelerated
    configuration.acceleratedWindow = options.acceleratedWindow
    configuration.maxSessionMessages = options.maxSessionMessages
    configuration.window = options.window
    configuration.personalWindow = options.personalWindow
    configuration.earlyRepetition = options.earlyRepetition
    configuration.tokenCopies = options.tokenCopies
    if options.numbersLeft > 0 {
      configuration.lateStart = LateStart(
        behind: 1 << 30 - Int32(options.numbersLeft),
        until: Int32(Node.epoch) + Int32(options.lateStartEnds / Options.second))
    }
    return configuration
  }

  // MARK: Running

  /// The whole run; `now` is its end then, later than the options' if it was not through by then.
  public func run() {
    start()
    advance(to: options.end)
    if options.endsSettled { settle() }
  }

  /// Goes on until everything that clients gave to the daemons is through. L1 has a bound, L2 has none (evs-properties
  /// 10): a message of a hundred packets needs a hundred rounds where a visit sends one, and all that was sent behind
  /// it waits. Daemons that never get through with it are let off after some minutes, and the checkers see to them.
  func settle() {
    let rest = 5 * Options.second
    let limit = options.quiet + options.bound + 60 * rest
    guard now < limit, hasUnsent else { return }
    while now < limit, hasUnsent { advance(to: now + rest) }
    // As in any run the ring rests in the end.
    advance(to: now + rest)
    var run = trace.run
    run.end = Int64(now)
    trace.setRun(run)
  }

  private var hasUnsent: Bool {
    nodes.contains { node in
      guard node.isRunning, options.core.isEmpty || options.core.contains(node.index) else { return false }
      return node.daemon!.hasUnsent
    }
  }

  func start() {
    queue.plan(plan.map(\.time))
    for node in nodes where !options.absent.contains(node.index) { boot(node) }
  }

  func schedule(_ entry: PlanEntry) {
    plan.append(entry)
    tellCheckers(of: entry.action)
    queue.add(.plan, 0, plan.count - 1, at: entry.time)
  }

  func advance(to end: UInt64) {
    while let event = queue.next() {
      guard event.time <= end else {
        queue.add(event.kind, Int(event.node), Int(event.value), at: event.time)
        break
      }
      now = event.time
      if !isCalm, now >= options.quiet { calm() }
      events += 1
      log.add(event.time ^ UInt64(event.kind.rawValue) << 56 ^ UInt64(UInt16(bitPattern: event.node)) << 40)
      take(event)
    }
    now = end
  }

  /// Of everything that happened, in order.
  public var hash: UInt64 {
    var mixer = log
    mixer.add(UInt64(trace.eventCount))
    return mixer.value
  }

  func mix(_ word: UInt64) { log.add(word) }

  private func calm() {
    isCalm = true
    network.calm(settings.timeouts)
    for node in nodes { (node.stopsAfter, node.backAfter) = (nil, nil) }
  }

  private func take(_ event: Event) {
    let node = nodes[Int(event.node)]
    switch event.kind {
    case .packet, .token: arrive(event.value, isToken: event.kind == .token, node)
    case .turn: turn(node)
    case .timer: timer(TimerID.allCases[Int(event.value)], event.time, node)
    case .plan: carryOut(plan[Int(event.value)].action, place: Int(event.value))
    case .planEnd:
      endAction(Int(event.value))
    case .stream: streamArrives(clients[Int(event.value)])
    case .read: readOne(clients[Int(event.value)])
    case .agree: agree(Int(event.value))
    case .restart: if !node.isRunning, !node.isGone, !node.isUnconfigured { boot(node) }
    case .reload: reload(node)
    case .resume: resume(node)
    }
  }

  func carryOut(_ action: Action, place: Int) {
    switch action {
    case .cut(let links, let length):
      for link in links { network.cut(link) }
      if length < .max { queue.add(.planEnd, 0, place, at: min(now + length, max(options.quiet, now + 1))) }
    case .stall(let links, let length):
      for link in links { network.stall(link, until: min(now + length, max(options.quiet, now + 1))) }
    case .crash(let index, let afterDatagrams, let restart):
      let node = nodes[index]
      if restart == nil { node.isGone = true }
      guard node.isRunning else { return }
      if let afterDatagrams {
        (node.stopsAfter, node.backAfter) = (afterDatagrams, restart)
      } else {
        stop(node, backAfter: restart)
      }
    case .retire(let index, let restart):
      guard nodes[index].isRunning, !nodes[index].isPaused else { return }
      nodes[index].returnsAt = min(now + restart, max(options.quiet, now + 1))
      handle(.stop, at: nodes[index])
    case .pause(let index, let length):
      guard nodes[index].isRunning, !nodes[index].isPaused else { return }
      nodes[index].isPaused = true
      queue.add(.resume, index, 0, at: min(now + length, max(options.quiet, now + 1)))
    case .wallStep(let index, let seconds): nodes[index].wallOffset += seconds
    case .divide(let parts, let length):
      divide(parts)
      queue.add(.planEnd, 0, place, at: min(now + length, max(options.quiet, now + 1)))
    case .reconfigure(let length, let spread, let change):
      reconfigure(change, spread, place)
      queue.add(.planEnd, 0, place, at: now + length)
    case .connect(let client): connect(clients[client])
    case .join(let client, let group): join(clients[client], group)
    case .leave(let client, let group): leave(clients[client], group)
    case .flush(let client, let group): flush(clients[client], group)
    case .send(let client, let sending): send(clients[client], sending)
    case .disconnect(let client): disconnect(clients[client])
    case .vanish(let client, let part): vanish(clients[client], part: part)
    case .readingRate(let client, let rate): setReadingRate(clients[client], rate)
    }
  }

  private func endAction(_ place: Int) {
    switch plan[place].action {
    case .cut(let links, _): for link in links { network.heal(link) }
    case .divide(let parts, _): divide(parts.map { _ in 0 })
    case .reconfigure(_, let spread, _): reconfigure(FileChange(window: options.window), spread, place)
    default: break
    }
  }

  // MARK: Names

  static func name(_ text: String) -> GroupName {
    var text = text
    return text.withUTF8 { GroupName(UnsafeRawBufferPointer($0)) }
  }

  func name(_ text: String) -> GroupName { World.name(text) }

  func nameID(_ name: GroupName) -> NameID {
    let place = name.someBits & 255
    if let recent = recentNames[place], recent.name == name { return recent.id }
    let id = nameIDs[name] ?? newNameID(name)
    recentNames[place] = (name, id)
    return id
  }

  private func newNameID(_ name: GroupName) -> NameID {
    let bytes = (0..<name.length).map { name[$0] }
    let id = trace.names.id(String(decoding: bytes, as: UTF8.self))
    nameIDs[name] = id
    return id
  }

  // MARK: Daemons

  func boot(_ node: Node) {
    var random = Xoshiro256(options.seed, stream: 10_000 + UInt64(node.index) * 1000 + UInt64(node.incarnation))
    node.incarnation += 1
    node.startedAt = now
    node.rate = 1 + options.clockRate * (2 * random.unit() - 1)
    if node.incarnation == 1 || random.chance(0.3) {
      node.wallOffset = options.wallOffset == 0 ? 0 : random.within(-options.wallOffset...options.wallOffset)
    }
    (node.stopsAfter, node.backAfter) = (nil, nil)
    node.isRetiring = false
    node.isPaused = false
    node.busyUntil = now
    node.readsClients = true
    node.outbox = Outbox()
    node.outbox.observes = true
    node.ring = MembershipID(configuration.daemons[node.index].id, -1)
    node.phase = .pre
    node.horizon = nil
    node.groups = nil
    node.sending = nil
    node.trace = trace.addDaemon(node.name, file: "\(node.name).\(node.incarnation)")
    node.trace.record(.start(incarnation: node.incarnation), at: time)
    node.daemon = Daemon(
      configuration: node.configuration ?? file,
      me: file.daemons.firstIndex { $0.id == configuration.daemons[node.index].id } ?? node.index,
      seed: random.next(), lastTime: node.lastTime)
    node.isRunning = true
    meetPeers(node)
    handle(.start, at: node)
  }

  /// The daemon crashes and starts again after so many nanoseconds, in the quiet time at the latest; nil: it does not.
  private func stop(_ node: Node, backAfter: UInt64?) {
    stop(node)
    if let backAfter { queue.add(.restart, node.index, 0, at: min(now + backAfter, max(options.quiet, now + 1))) }
  }

  func stop(_ node: Node) {
    guard node.isRunning else { return }
    node.lastTime = node.daemon!.lastTime
    node.daemon = nil
    node.isRunning = false
    node.stopsAfter = nil
    node.isPaused = false
    node.trace.record(.stop, at: time)
    for packet in node.packets { pool.release(packet) }
    for packet in node.tokens { pool.release(packet) }
    node.packets.removeAll()
    node.tokens.removeAll()
    for place in node.deadlines.indices { node.deadlines[place] = nil }
    for client in clients where client.node === node {
      let hadSession = client.session != nil
      client.streamWaits = false
      if hadSession { sessionClosed(client) } else if !client.isOpen { client.state = .closed }
      client.stream.removeAll()
    }
    node.sessions.removeAll()
    node.waiting.removeAll()
  }

  func resume(_ node: Node) {
    guard node.isPaused else { return }
    node.isPaused = false
    node.busyUntil = now
    let waiting = node.waiting
    node.waiting = []
    for body in waiting { body() }
    for timer in TimerID.allCases {
      if let deadline = node.deadlines[Int(timer.rawValue)], deadline <= now { queueTimer(timer, at: now, node) }
    }
    wakeStreams(of: node)
    scheduleTurn(node)
  }

  // MARK: Sockets

  private func arrive(_ packet: Int32, isToken: Bool, _ node: Node) {
    guard node.isRunning else {
      pool.release(packet)
      return
    }
    if isToken {
      if node.tokens.count >= options.queueLimit { return pool.release(packet) }
      node.tokens.append(packet)
    } else {
      if node.packets.count >= options.queueLimit { return pool.release(packet) }
      node.packets.append(packet)
    }
    if node.isPaused || node.hasTurn { return }
    if node.busyUntil <= now { turn(node) } else { scheduleTurn(node) }
  }

  private func scheduleTurn(_ node: Node) {
    guard !node.hasTurn, !(node.packets.isEmpty && node.tokens.isEmpty) else { return }
    node.hasTurn = true
    queue.add(.turn, node.index, 0, at: max(now, node.busyUntil))
  }

  /// One datagram: packets before tokens, or the other way round when the daemon says so.
  private func turn(_ node: Node) {
    node.hasTurn = false
    guard node.isRunning, !node.isPaused else { return }
    let takesToken = node.packets.isEmpty || (node.prefersToken && !node.tokens.isEmpty)
    guard let packet = takesToken ? node.tokens.popFirst() : node.packets.popFirst() else { return }
    node.busyUntil = now + UInt64(options.service * Double(Options.second))
    current = packet
    let bytes = pool.bytes(packet)
    let source = addresses[pool.sender(packet)]
    handle(takesToken ? .token(bytes, from: source) : .packet(bytes, from: source), at: node)
    pool.release(packet)
    scheduleTurn(node)
  }

  // MARK: Timers

  private func queueTimer(_ timer: TimerID, at time: UInt64, _ node: Node) {
    node.queued[Int(timer.rawValue)] = time
    queue.add(.timer, node.index, Int(timer.rawValue), at: time)
  }

  private func set(_ action: TimerAction, _ node: Node) {
    let place = Int(action.timer.rawValue)
    guard let local = action.deadline else {
      node.deadlines[place] = nil
      return
    }
    var deadline = max(node.worldTime(local), now)
    if options.timerJitter > 0 { deadline += UInt64(jitter.unit() * options.timerJitter * Double(Options.second)) }
    node.deadlines[place] = deadline
    // An event that comes earlier looks again; most deadlines are moved on before they are reached.
    if let queued = node.queued[place], queued <= deadline { return }
    queueTimer(action.timer, at: deadline, node)
  }

  private func timer(_ timer: TimerID, _ due: UInt64, _ node: Node) {
    let place = Int(timer.rawValue)
    guard node.queued[place] == due else { return }
    node.queued[place] = nil
    guard node.isRunning, let deadline = node.deadlines[place] else { return }
    if deadline > now {
      queueTimer(timer, at: deadline, node)
      return
    }
    // A paused daemon finds it when it runs again.
    if node.isPaused { return }
    node.deadlines[place] = nil
    handle(.timer(timer), at: node)
  }

  // MARK: One step of a daemon

  /// The datagram that is being handled.
  private var current: Int32 = -1

  func handle(_ input: Input, at node: Node) {
    guard node.isRunning else { return }
    if case .stop = input { node.isRetiring = true }
    node.daemon!.handle(input, at: node.instant(now), into: &node.outbox)
    if node.outbox.orders.contains(.configurationChanged) { meetPeers(node) }
    observe(node)
    let isStopped = sendDatagrams(node)
    for action in node.outbox.timers { set(action, node) }
    node.prefersToken = node.outbox.preferToken
    let reads = node.outbox.readClients
    if isStopped {
      node.outbox.reset()
      stop(node, backAfter: node.backAfter)
      return
    }
    for action in node.outbox.sessions { carryOut(action, node) }
    node.outbox.reset()
    if let departure = node.outbox.departure {
      if departure == .complete { node.trace.record(.left, at: time) }
      stop(node)
      if let back = node.returnsAt { queue.add(.restart, node.index, 0, at: max(back, now + 1)) }
      node.returnsAt = nil
      return
    }
    if reads != node.readsClients {
      node.readsClients = reads
      if reads { wakeStreams(of: node) }
    }
    if !backlogs.isEmpty {
      let waiting = backlogs
      backlogs.removeAll()
      var last: SimClient?
      for client in waiting where client !== last {
        last = client
        reportBacklog(client)
      }
    }
  }

  private func carryOut(_ action: SpreadCore.SessionAction, _ node: Node) {
    switch action {
    case .write(let id, let message):
      if let client = node.sessions[id.index] { deliver(message, to: client) }
    case .close(let id, _):
      if let client = node.sessions[id.index] {
        node.sessions[id.index] = nil
        if client.isOpen, !node.isRetiring {
          closedByDaemon.append((client, client.inbox.count - SimClient.socketMessages))
        }
        sessionClosed(client)
      }
    }
  }

  /// Answers whether the daemon stops in the middle.
  private func sendDatagrams(_ node: Node) -> Bool {
    for datagram in node.outbox.datagrams {
      if let left = node.stopsAfter {
        if left == 0 { return true }
        node.stopsAfter = left - 1
      }
      send(node.outbox.bytes(of: datagram), datagram, node)
      if case .stopSender? = applyRule(from: node.index, to: nil, node.outbox.bytes(of: datagram), datagram.kind) {
        return true
      }
    }
    return false
  }

  /// Another datagram than was sent arrives.
  private func sendDamaged(
    _ bytes: UnsafeRawBufferPointer, _ kind: Event.Kind, from sender: Int, to receiver: Int, at arrival: UInt64
  ) -> Bool {
    guard options.corrupt > 0, !isCalm, let changed = damage.strike(bytes, isToken: kind == .token) else {
      return false
    }
    changed.withUnsafeBytes {
      let packet = pool.add($0, from: sender, hash: World.contentHash($0))
      queue.add(kind, receiver, Int(packet), at: arrival)
    }
    return true
  }

  /// What a daemon sends, as it is in this machine's order and as it goes on the wire. Packets that are passed on keep
  /// the order of their maker, others get that of the daemon.
  private func send(_ bytes: UnsafeRawBufferPointer, _ datagram: Datagram, _ node: Node) {
    let isToken = datagram.kind == .token
    if orderOfDatagram(bytes) != .native, let native = turned(bytes, isToken: isToken, to: .native) {
      native.withUnsafeBytes { send($0, asWritten: bytes, datagram, node) }
    } else if writesOtherOrder[node.index], let other = turned(bytes, isToken: isToken, to: World.otherOrder) {
      other.withUnsafeBytes { send(bytes, asWritten: $0, datagram, node) }
    } else {
      send(bytes, asWritten: bytes, datagram, node)
    }
  }

  private func send(
    _ bytes: UnsafeRawBufferPointer, asWritten wire: UnsafeRawBufferPointer, _ datagram: Datagram, _ node: Node
  ) {
    let datagramClass = DatagramClass(bytes, datagram.kind)
    let hash = World.contentHash(bytes)
    mix(hash)
    var packet: Int32?
    let kind: Event.Kind = datagram.kind == .token ? .token : .packet
    let isSlow = options.slowForms > 0 && !isCalm && Rule.kindName(bytes, datagram.kind).hasPrefix("form")
    let isExchange = options.exchangeLoss > 0 && !isCalm && datagramClass == .data && World.beginsGroups(bytes)
    func send(to receiver: Int, isMulticast: Bool) {
      var (first, second) = network.arrivals(
        from: node.index, to: receiver, datagramClass, isMulticast: isMulticast, isExchange: isExchange, at: now)
      if isSlow { first = first.map { $0 + UInt64(formDelay.unit() * 2 * options.slowForms * Double(Options.second)) } }
      switch applyRule(from: node.index, to: receiver, bytes, datagram.kind) {
      case .drop: first = nil
      case .duplicate: second = first.map { $0 + 1000 }
      case .delay(let time): first = first.map { $0 + time }
      case .stopSender, .mark, nil: break
      }
      for arrival in [first, second] {
        guard let arrival, !sendDamaged(wire, kind, from: node.index, to: receiver, at: arrival) else { continue }
        if let packet {
          pool.retain(packet)
          queue.add(kind, receiver, Int(packet), at: arrival)
        } else {
          let added = pool.add(wire, from: node.index, hash: hash)
          packet = added
          queue.add(kind, receiver, Int(added), at: arrival)
        }
      }
    }
    switch datagram.destination {
    case .daemon(let receiver): send(to: node.peers[receiver], isMulticast: false)
    case .segment:
      for _ in 0..<options.segmentAddresses {
        for receiver in segmentOf[node.index] where receiver != node.index { send(to: receiver, isMulticast: true) }
      }
    case .monitor: break
    }
  }

  /// Without the type word and the transmitter, which retransmission rewrites, and without the hash of the
  /// configuration, which a reload rewrites.
  static func contentHash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var mixer = Mixer()
    guard bytes.count > 32 else { return mixer.value }
    mixer.add(bytes.slice(8, 20))
    mixer.add(bytes.slice(32, bytes.count - 32))
    return mixer.value
  }

  /// Whether a packet, in this machine's order, begins with a GROUPS message.
  private static func beginsGroups(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let header = try? PacketHeader(bytes), [1, -1].contains(header.firstFragment.index),
      let message = MessageHeader(bytes.slice(PacketHeader.size, bytes.count - PacketHeader.size))
    else { return false }
    return message.type.contains(.groups)
  }

  var currentHash: UInt64 { pool.hash(current) }
}

extension GroupName {
  /// Different for most names that a run has; not a hash of the kind that resists anybody.
  fileprivate var someBits: Int {
    withUnsafeBytes(of: self) {
      var mixer = Mixer()
      mixer.add($0.load(as: UInt64.self))
      mixer.add($0.load(fromByteOffset: 8, as: UInt64.self))
      return Int(truncatingIfNeeded: mixer.value >> 8)
    }
  }
}
