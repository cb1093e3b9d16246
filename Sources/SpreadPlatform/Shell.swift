// The thin shell around the core: waits, turns what happens into inputs, and carries out what the core answers.
// Everything runs on one thread. One wake-up:
//
//   timers -> signals -> (ring packets, then the token) -> writable clients -> readable clients -> flush

import CSpreadSystem
import SpreadCore
import SpreadWire

public final class Shell: SessionOwner {
  private var daemon: Daemon
  private var outbox = Outbox()
  private var deadlines = Deadlines()
  private var now = Instant.read()
  private var isStopping = false
  private var clientsArePaused = false

  private let loop: EventLoop
  private let signals: Signals
  private let sockets: SessionSockets
  private let unixSocket: UnixSocketFile?
  private let log: EventLog
  private let tellsMemberships: Bool
  private var refusals = RefusalLimiter()

  /// - Parameters:
  ///   - listeners: the TCP sockets.
  ///   - unixSocket: nil when there is none; its file is removed at the end of `run`.
  ///   - tellsMemberships: whether each membership is told in the lines that scripts of users look for as well.
  public init(
    daemon: Daemon, listeners: [Listener], unixSocket: UnixSocketFile?, log: EventLog, tellsMemberships: Bool
  ) throws(SystemError) {
    self.daemon = daemon
    self.unixSocket = unixSocket
    self.log = log
    self.tellsMemberships = tellsMemberships
    signals = try Signals()
    loop = try EventLoop()
    sockets = try SessionSockets(listeners: listeners + (unixSocket.map { [$0.listener] } ?? []))
    try loop.add(signals.descriptor, .signals)
    try loop.add(sockets.writable.descriptor, .writableClients)
    try loop.add(sockets.readable.descriptor, .readableClients)
  }

  /// Runs until SIGTERM or SIGINT.
  public func run() {
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
    // The ring's sockets come here: all packets first, a token only when no packet was readable (daemon-ring 3.1).
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

  func handle(_ input: Input) {
    daemon.handle(input, at: now, into: &outbox)
    for action in outbox.sessions {
      switch action {
      case .write(let id, let message): sockets.write(id, message)
      case .close(let id, let flushing): sockets.close(id, flushing: flushing)
      }
    }
    for action in outbox.timers { deadlines.set(action.timer, action.deadline) }
    for event in outbox.log { tell(event) }
    outbox.reset()
  }

  // MARK: Log

  private func tell(_ event: LogEvent) {
    if case .connectionRefused(_, _, let reason) = event,
      !refusals.admits(reason, at: now.nanoseconds)
    {
      return
    }
    log.tell(LogLine(event))
    if case .membership(let id, let members) = event, tellsMemberships { tellMembership(id, members) }
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
        isStopping = true
      case .hangUp:
        hangUp()
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
