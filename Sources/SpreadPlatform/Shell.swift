// The thin shell around the core: waits, turns what happens into inputs, and carries out what the core answers.
// Everything runs on one thread. One wake-up:
//
//   timers -> signals -> (ring packets, then the token) -> writable clients -> readable clients -> flush
//   -> the configuration, when it is to be read again

import CSpreadSystem
import SpreadCore
import SpreadWire

public final class Shell: SessionOwner, RingOwner {
  private var daemon: Daemon
  private var outbox = Outbox()
  private var deadlines = Deadlines()
  private var now = Instant.read()
  /// A signal asked the daemon to leave.
  private var isStopping = false
  /// There is no sense in leaving in order.
  private var mustEnd = false
  private var clientsArePaused = false
  /// Datagrams that could not be sent are told once a second.
  private var lossToldUntil: UInt64 = 0

  private let loop: EventLoop
  private let signals: Signals
  private let sockets: SessionSockets
  private let unixSocket: UnixSocketFile?
  private var log: EventLog
  private let tellsMemberships: Bool
  private let sessionLog: SessionLog?
  private var ring: RingSockets?
  private var receiver: RingReceiver?
  private var sender: RingSender?
  /// nil: the daemon runs without a file.
  private let file: ConfigurationFile?
  private var wantsConfiguration = false
  /// What the daemon runs with; the core takes a new one over when it can.
  private var configuration: Configuration
  private let memory: MembershipMemory?
  private let service: ServiceManager?
  private var refusals = RefusalLimiter()
  /// When memory is given back next; `.max`: clients have been quiet since the last time.
  private var memoryDue = UInt64.max
  /// What the configuration file says by now, if a daemon with it has this hash: to be read behind "this
  /// configuration".
  public var explainHash: ((UInt32, Configuration) -> String?)?

  /// - Parameters:
  ///   - listeners: the TCP sockets.
  ///   - unixSocket: nil when there is none; its file is removed at the end of `run`.
  ///   - tellsMemberships: whether each membership is told in the lines that scripts of users look for as well.
  ///   - sessionLog: nil without `-l y`.
  ///   - ring: nil for a daemon that nobody but its clients can reach.
  ///   - file: where the configuration is read again.
  ///   - memory: nil when nothing can be remembered over a restart.
  ///   - service: nil when no service manager asked to be told.
  public init(
    daemon: Daemon, listeners: [Listener], unixSocket: UnixSocketFile?, log: EventLog, tellsMemberships: Bool,
    sessionLog: SessionLog? = nil, ring: RingSockets? = nil, memory: MembershipMemory? = nil,
    file: ConfigurationFile? = nil, service: ServiceManager? = nil
  ) throws(SystemError) {
    self.daemon = daemon
    self.unixSocket = unixSocket
    self.log = log
    self.tellsMemberships = tellsMemberships
    self.memory = memory
    self.service = service
    self.sessionLog = sessionLog
    self.file = file
    self.ring = ring
    configuration = daemon.configuration
    receiver = ring.map { RingReceiver($0) }
    sender = ring.map { RingSender($0) }
    signals = try Signals()
    loop = try EventLoop()
    sockets = try SessionSockets(listeners: listeners + (unixSocket.map { [$0.listener] } ?? []))
    try loop.add(signals.descriptor, .signals)
    for socket in ring?.packets ?? [] { try loop.add(socket, .packets) }
    for socket in ring?.tokens ?? [] { try loop.add(socket, .tokens) }
    try loop.add(sockets.writable.descriptor, .writableClients)
    try loop.add(sockets.readable.descriptor, .readableClients)
  }

  /// Runs until SIGTERM, SIGINT, or until the daemon ends by itself, and then until it has left its ring; a second
  /// signal is not waited out.
  public func run() {
    service?.ready()
    handle(.start)
    while outbox.departure == nil, !mustEnd {
      let ready = loop.wait(until: min(deadlines.earliest, refusals.summaryDue, sockets.acceptAgainAt, memoryDue))
      now = .read()
      turn(ready)
    }
    sockets.flush(for: self)
    sockets.closeListeners()
    unixSocket?.remove()
    log.tell(
      outbox.departure == .complete
        ? LogLine(.info, "daemon.stopped", "daemon stopped in order")
        : LogLine(
          .warning, "daemon.stopped",
          "daemon stopped without leaving its ring in order; its last messages may be lost"))
  }

  private func turn(_ ready: Sources) {
    while let timer = deadlines.popDue(at: now.nanoseconds) { handle(.timer(timer)) }
    if sockets.acceptAgainAt <= now.nanoseconds { sockets.resumeAccepting() }
    if refusals.summaryDue <= now.nanoseconds { summarizeRefusals() }
    if memoryDue <= now.nanoseconds { spareMemory() }
    if ready.contains(.signals) { takeSignals() }
    receiver?.turn(ready, for: self)
    if ready.contains(.writableClients) { sockets.continueWriting(for: self) }
    if ready.contains(.readableClients), outbox.readClients {
      sockets.readClients(for: self, at: now.nanoseconds)
    }
    sockets.flush(for: self)
    obeyReadClients()
    if sockets.moved > 0, memoryDue == .max { memoryDue = now.nanoseconds + Calm.period }
    // Not in the middle of a batch of datagrams: the sockets may change.
    if wantsConfiguration { readConfiguration() }
  }

  private enum Calm {
    static let period: UInt64 = 5_000_000_000
    /// Bytes to and from clients in one period below which the system gets back what is free.
    static let bytes = 4 << 20
    /// Clients that are written to before a token is taken.
    static let clients = 4
  }

  /// What a burst needed and the period behind it did not goes back to the system.
  private func spareMemory() {
    let moved = sockets.moved
    sockets.moved = 0
    memoryDue = moved > 0 ? now.nanoseconds + Calm.period : .max
    handle(.spareMemory)
    guard moved < Calm.bytes else { return }
    sockets.spareMemory()
    sys_release_memory()
  }

  private func obeyReadClients() {
    guard clientsArePaused == outbox.readClients else { return }
    clientsArePaused = !outbox.readClients
    if clientsArePaused {
      loop.pause(sockets.readable.descriptor, .readableClients)
    } else {
      loop.resume(sockets.readable.descriptor, .readableClients)
    }
  }

  // MARK: Input and outbox

  var readsClients: Bool { outbox.readClients }
  var prefersToken: Bool { outbox.preferToken }

  /// Under load the token comes first, since other daemons wait for it; a lone message should not wait for it.
  func calmBeforeToken() {
    if sockets.waiting <= Calm.clients { sockets.flush(for: self) }
  }

  func handle(_ input: Input) {
    daemon.handle(input, at: now, into: &outbox)
    if outbox.orders.contains(.configurationChanged) { configurationChanged() }
    // First of all: other daemons wait for it.
    if !outbox.datagrams.isEmpty { send() }
    for action in outbox.sessions {
      switch action {
      case .write(let id, let message): sockets.write(id, message)
      case .close(let id, let flushing): sockets.close(id, flushing: flushing)
      }
    }
    for action in outbox.timers { deadlines.set(action.timer, action.deadline) }
    for event in outbox.log { tell(event) }
    if outbox.orders.contains(.readConfiguration) { wantsConfiguration = true }
    outbox.reset()
    if let memory, daemon.lastTime != memory.lastTime, let error = memory.remember(daemon.lastTime) {
      log.tell(
        LogLine(
          .error, "membership-time.failed", "\(error); after a restart with a clock set back ids might repeat",
          [("errno", String(error.code))]))
    }
  }

  private func send() {
    guard let sender else { return }
    sender.send(outbox)
    guard sender.lost > 0, now.nanoseconds >= lossToldUntil else { return }
    lossToldUntil = now.nanoseconds + 1_000_000_000
    log.tell(
      LogLine(
        .warning, "ring.not-sent", "\(sender.lost) datagrams could not be sent: \(errorText(sender.reason))",
        [("count", String(sender.lost)), ("errno", String(sender.reason))], in: .dataLink))
    sender.clearLost()
  }

  // MARK: Log

  private func tell(_ event: LogEvent) {
    if case .connectionRefused(_, _, let reason) = event,
      !refusals.admits(reason, at: now.nanoseconds)
    {
      return
    }
    log.tell(LogLine(explained(event)))
    sessionLog?.tell(
      event, seconds: now.wallSeconds, highest: daemon.horizon.highest,
      configured: daemon.configuration.daemons.count)
    if case .membership(let id, let members) = event {
      service?.status(daemon.configuration.statusText(of: members))
      if tellsMemberships { tellMembership(id, members) }
    }
  }

  private func explained(_ event: LogEvent) -> LogEvent {
    guard case .dropped(var report) = event, case .wrongHash(let hash) = report.reason, report.change == nil else {
      return event
    }
    report.change = explainHash?(hash, daemon.configuration)
    return .dropped(report)
  }

  private func tellMembership(_ id: MembershipID, _ members: DaemonSet) {
    let lines = StartLines.membership(id, of: daemon.configuration, at: daemon.me.name) { process in
      daemon.configuration.daemons.firstIndex { $0.id == process }.map(members.contains) ?? false
    }
    for line in lines { log.tell(.verbatim(line, "membership.lines", .print, in: .membership)) }
  }

  private func summarizeRefusals() {
    for (reason, count) in refusals.summaries(at: now.nanoseconds) {
      log.tell(
        LogLine(
          .warning, "connection.refused.more", "\(count) more connections refused within a second: \(reason)",
          [("reason", reason), ("count", String(count))]))
    }
  }

  func acceptFailed(_ code: Int32) {
    log.tell(
      LogLine(
        .error, "accept.failed", "cannot accept a connection: \(errorText(code)); others wait until there is room",
        [("errno", String(code))]))
  }

  func acceptRecovered() {
    log.tell(LogLine(.info, "accept.recovered", "connections are accepted again"))
  }

  // MARK: Signals

  private func takeSignals() {
    while let signal = signals.next() {
      switch signal {
      case .stop(let name):
        log.tell(LogLine(.info, "daemon.stopping", "\(name): stopping", [("signal", name)]))
        service?.stopping()
        // Impatience: the second signal.
        if isStopping { mustEnd = true }
        isStopping = true
        handle(.stop)
      case .hangUp:
        hangUp()
      }
    }
  }

  /// SIGHUP: the log file is opened anew and the configuration is read again.
  private func hangUp() {
    do {
      try log.sink.reopen()
      log.tell(LogLine(.info, "log.reopened", "SIGHUP: log file opened anew"))
    } catch {
      log.tell(LogLine(.error, "log.reopen-failed", "SIGHUP: \(error)"))
    }
    wantsConfiguration = true
  }

  // MARK: The configuration

  private func readConfiguration() {
    wantsConfiguration = false
    service?.reloading()
    defer { service?.ready() }
    guard let file else {
      return log.tell(LogLine(.info, "configuration.none", "there is no configuration file to read again"))
    }
    do throws(ConfigurationFile.Failure) {
      var reading = try file.read()
      for finding in reading.warnings {
        log.tell(LogLine(.warning, "configuration.warning", finding.description, in: .configuration))
      }
      _ = reading.configuration.chooseOwn(named: daemon.me.name.text)
      reading.configuration.maxSessions = System.sessions(wanted: reading.configuration.maxSessions)
      handle(.reload(reading.configuration, accessRules: reading.accessRules))
    } catch {
      for line in error.lines { log.tell(LogLine(.error, "configuration.refused", line)) }
      log.tell(LogLine(.error, "configuration.refused", "\(file.path) cannot be used; the daemon goes on as before"))
    }
  }

  /// The core runs with another configuration, and has not sent anything with it yet.
  private func configurationChanged() {
    let old = configuration
    configuration = daemon.configuration
    let (changed, failure) = log.changed(from: old.log, to: configuration.log)
    log = changed
    if let failure { log.tell(LogLine(.error, "log.open-failed", "\(failure); the log stays where it is")) }
    guard let ring else { return }
    let own = configuration.daemons.firstIndex { $0.id == daemon.me.id } ?? 0
    let addresses = RingAddresses(configuration, own: own)
    do throws(SystemError) {
      if !ring.serve(addresses) { try openRing(addresses, insteadOf: ring) }
    } catch {
      log.tell(
        LogLine(
          .error, "ring.sockets-failed", "\(error); the daemon stops, because others could no longer reach it",
          [("errno", String(error.code))]))
      mustEnd = true
    }
    sender = self.ring.map { RingSender($0) }
  }

  private func openRing(_ addresses: RingAddresses, insteadOf old: RingSockets) throws(SystemError) {
    // The ports can be had once only.
    old.close()
    let new = try RingSockets(addresses)
    for socket in new.packets { try loop.add(socket, .packets) }
    for socket in new.tokens { try loop.add(socket, .tokens) }
    ring = new
    receiver = RingReceiver(new)
  }
}
