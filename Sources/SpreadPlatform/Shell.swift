// The thin shell around the core: waits, turns what happens into inputs, and carries out what the core answers.
// Everything runs on one thread. One wake-up:
//
//   timers -> signals -> (ring packets, then the token) -> writable clients -> readable clients -> flush

import CSpreadSystem
import SpreadCore
import SpreadWire

public final class Shell: SessionOwner, RingOwner {
  private var daemon: Daemon
  private var outbox = Outbox()
  private var deadlines = Deadlines()
  private var now = Instant.read()
  private var isStopping = false
  private var clientsArePaused = false
  /// Datagrams that could not be sent are told once a second.
  private var lossToldUntil: UInt64 = 0

  private let loop: EventLoop
  private let signals: Signals
  private let sockets: SessionSockets
  private let unixSocket: UnixSocketFile?
  private let log: EventLog
  private let tellsMemberships: Bool
  private let sessionLog: SessionLog?
  private let receiver: RingReceiver?
  private let sender: RingSender?
  private let memory: MembershipMemory?
  private let service: ServiceManager?
  private var refusals = RefusalLimiter()

  /// - Parameters:
  ///   - listeners: the TCP sockets.
  ///   - unixSocket: nil when there is none; its file is removed at the end of `run`.
  ///   - tellsMemberships: whether each membership is told in the lines that scripts of users look for as well.
  ///   - sessionLog: nil without `-l y`.
  ///   - ring: nil when the daemon is the only one of its configuration.
  ///   - memory: nil when nothing can be remembered over a restart.
  ///   - service: nil when no service manager asked to be told.
  public init(
    daemon: Daemon, listeners: [Listener], unixSocket: UnixSocketFile?, log: EventLog, tellsMemberships: Bool,
    sessionLog: SessionLog? = nil, ring: RingSockets? = nil, memory: MembershipMemory? = nil,
    service: ServiceManager? = nil
  ) throws(SystemError) {
    self.daemon = daemon
    self.unixSocket = unixSocket
    self.log = log
    self.tellsMemberships = tellsMemberships
    self.memory = memory
    self.service = service
    self.sessionLog = sessionLog
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

  /// Runs until SIGTERM or SIGINT.
  public func run() {
    service?.ready()
    handle(.start)
    while !isStopping {
      let ready = loop.wait(until: min(deadlines.earliest, refusals.summaryDue, sockets.acceptAgainAt))
      now = .read()
      turn(ready)
    }
    handle(.stop)
    sockets.flush(for: self)
    sockets.closeListeners()
    unixSocket?.remove()
    log.tell(LogLine(.info, "daemon.stopped", "daemon stopped in order"))
  }

  private func turn(_ ready: Sources) {
    while let timer = deadlines.popDue(at: now.nanoseconds) { handle(.timer(timer)) }
    if sockets.acceptAgainAt <= now.nanoseconds { sockets.resumeAccepting() }
    if refusals.summaryDue <= now.nanoseconds { summarizeRefusals() }
    if ready.contains(.signals) { takeSignals() }
    receiver?.turn(ready, for: self)
    if ready.contains(.writableClients) { sockets.continueWriting(for: self) }
    if ready.contains(.readableClients), outbox.readClients {
      sockets.readClients(for: self, at: now.nanoseconds)
    }
    sockets.flush(for: self)
    obeyReadClients()
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

  func handle(_ input: Input) {
    daemon.handle(input, at: now, into: &outbox)
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
    log.tell(LogLine(event))
    sessionLog?.tell(
      event, seconds: now.wallSeconds, highest: daemon.horizon.highest,
      configured: daemon.configuration.daemons.count)
    if case .membership(let id, let members) = event {
      service?.status(daemon.configuration.statusText(of: members))
      if tellsMemberships { tellMembership(id, members) }
    }
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
        isStopping = true
      case .hangUp:
        service?.reloading()
        hangUp()
        service?.ready()
      }
    }
  }

  /// SIGHUP. Reading the configuration again comes here.
  private func hangUp() {
    do {
      try log.sink.reopen()
      log.tell(
        LogLine(.info, "log.reopened", "SIGHUP: log file opened anew; the configuration is not read again"))
    } catch {
      log.tell(LogLine(.error, "log.reopen-failed", "SIGHUP: \(error)"))
    }
  }
}
