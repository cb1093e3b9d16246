// From a plan to a running daemon: log, sockets, runtime directory, identity, and what the person at the terminal
// reads.

import SpreadCore
import SpreadPlatform
import SpreadWire

struct Launch {
  let plan: LaunchPlan
  let own: Int
  let log: EventLog
  private let isForPeople: Bool
  private let wantsSessionLog: Bool

  private var configuration: Configuration { plan.configuration }
  private var port: UInt16 { configuration.port(of: own) }
  private var addresses: [NetworkAddress] { configuration.clientAddresses(of: own) }

  init(_ plan: LaunchPlan, logFormat: LogFormat, sessionLog: Bool) throws(LaunchFailure) {
    switch plan.own {
    case .success(let index): own = index
    case .failure(let failure):
      throw LaunchFailure(
        failure.description,
        plan.file.map { "Configuration file: \($0)" }
          ?? "Without a configuration file the only daemon is 'localhost'; name a file with -c, or leave -n out.")
    }
    self.plan = plan
    isForPeople = logFormat == .text
    wantsSessionLog = sessionLog
    log = Self.openLog(plan, logFormat)
  }

  func run() throws(LaunchFailure) {
    tellConfiguration()
    System.keepHeapSmall()
    let sessions = raiseLimit()
    let identity = try chooseIdentity()
    let listeners = try listen()
    let ring = try openRing()
    let service = connectService()
    let unixSocket = openUnixSocket()
    do throws(LaunchFailure) {
      let memory = try settleIn(as: identity, unixSocket)
      let shell = try makeShell(listeners, unixSocket, ring, memory, service, sessions: sessions)
      announce(unixSocket)
      shell.run()
    } catch {
      unixSocket?.remove()
      throw error
    }
  }

  private func makeShell(
    _ listeners: [Listener], _ unixSocket: UnixSocketFile?, _ ring: RingSockets?, _ memory: MembershipMemory?,
    _ service: ServiceManager?, sessions: Int
  ) throws(LaunchFailure) -> Shell {
    do throws(SystemError) {
      var daemon = Daemon(
        configuration: configuration, me: own, authentication: plan.authentication, seed: try System.randomSeed(),
        lastTime: memory?.lastTime ?? 0)
      daemon.maxSessions = sessions
      let shell = try Shell(
        daemon: daemon, listeners: listeners, unixSocket: unixSocket, log: log, tellsMemberships: plan.file != nil,
        sessionLog: openSessionLog(), ring: ring, memory: memory, file: plan.source, service: service)
      shell.explainHash = { [plan] in plan.changeOnDisk(of: $1, givingHash: $0) }
      return shell
    } catch {
      throw LaunchFailure(error.description)
    }
  }

  // MARK: Log

  private static func openLog(_ plan: LaunchPlan, _ format: LogFormat) -> EventLog {
    let settings = plan.configuration.log
    var sink = LogSink()
    var trouble: SystemError?
    if let file = settings.logFile(hostName: System.hostName) {
      do throws(SystemError) {
        sink = try LogSink(path: file, isStandard: true)
      } catch {
        trouble = error
      }
    }
    let log = EventLog.with(
      settings, to: sink, format: format, otherwise: TimeStampStyle(format: plan.file == nil ? "%H:%M:%S" : nil))
    if let trouble {
      log.tell(LogLine(.error, "log.open-failed", "\(trouble); logging to standard output"))
    }
    return log
  }

  /// A file named as the daemon in the directory it runs in: after a chroot, the runtime directory (configuration 9).
  private func openSessionLog() -> SessionLog? {
    guard wantsSessionLog else { return nil }
    do throws(SystemError) {
      return SessionLog(try LogSink(path: configuration.daemons[own].name.text, isStandard: false))
    } catch {
      log.tell(LogLine(.error, "session-log.open-failed", "\(error); -l y has no effect"))
      return nil
    }
  }

  private func tellConfiguration() {
    guard let file = plan.file else { return }
    for line in StartLines.loaded(configuration, fileName: file) {
      log.tell(.verbatim(line, "configuration.read", .info, in: .configuration))
    }
    if let line = StartLines.chosen(configuration, own: own) {
      log.tell(.verbatim(line, "configuration.read", .info, in: .configuration))
    }
    for finding in plan.warnings {
      log.tell(LogLine(.warning, "configuration.warning", finding.description, in: .configuration))
    }
    if plan.lacksAccessFile {
      let files = ConfigurationFile.accessFiles.joined(separator: " or ")
      log.tell(
        LogLine(
          .warning, "access.no-file", "no \(files): clients that need the method IP are all refused"))
    }
  }

  // MARK: Sockets

  /// A descriptor per session; how many sessions there are descriptors for.
  private func raiseLimit() -> Int {
    let sessions = System.sessions(wanted: configuration.maxSessions)
    if sessions < configuration.maxSessions {
      log.tell(
        LogLine(
          .warning, "limit.descriptors",
          "only \(sessions) of \(configuration.maxSessions) sessions, more open files are not allowed (ulimit -n)",
          [("sessions", String(sessions))]))
    }
    return sessions
  }

  private func listen() throws(LaunchFailure) -> [Listener] {
    do throws(SystemError) {
      return try ListenSockets.listen(at: addresses, port: port, reuse: configuration.socketPortReuse)
    } catch {
      throw LaunchFailure(lines: [error.description] + advice(for: error))
    }
  }

  private func advice(for error: SystemError) -> [String] {
    let change =
      plan.file.map { "or change the port in the Spread_Segment line of \($0)." }
      ?? "or choose another port: spread --port \((1024...60000).contains(port) ? port + 10 : 4813)"
    return switch error.reason {
    case .addressInUse:
      [
        "Another program has this port, most likely a Spread daemon that runs already.",
        "Stop it, " + change,
      ]
    case .addressNotHere: ["No interface of this machine has this address."]
    case .notAllowed: ["Ports below 1024 need root. Start it as root, " + change]
    case .other: []
    }
  }

  /// nil: without a configuration file there is nobody to talk to.
  private func openRing() throws(LaunchFailure) -> RingSockets? {
    guard plan.file != nil else { return nil }
    do throws(SystemError) {
      let ring = try RingSockets(RingAddresses(configuration, own: own))
      for error in ring.notJoined {
        log.tell(LogLine(.error, "ring.not-joined", "\(error); it is done without (IgnoreMulticastJoinErrors)"))
      }
      return ring
    } catch {
      throw LaunchFailure(lines: [error.description] + advice(for: error))
    }
  }

  /// Clients on TCP are served without it, so a failure is told and no more.
  private func openUnixSocket() -> UnixSocketFile? {
    do throws(UnixSocketFile.Failure) {
      return try UnixSocketFile(directory: "/tmp", name: String(port))
    } catch {
      log.tell(
        LogLine(
          .error, "unix-socket.failed",
          "\(error); clients of this machine must connect to \"\(port)@localhost\" instead of \"\(port)\""))
      return nil
    }
  }

  /// Before root and the file system are given up. The manager ends a daemon that it hears nothing of.
  private func connectService() -> ServiceManager? {
    do throws(SystemError) {
      return try ServiceManager()
    } catch {
      log.tell(LogLine(.error, "service-manager.failed", "\(error); it is not told that the daemon is ready"))
      return nil
    }
  }

  // MARK: Identity

  /// Runtime directory and identity. A user or a directory that somebody asked for must work; the standard ones are
  /// done without.
  private func settleIn(as identity: Identity?, _ unixSocket: UnixSocketFile?) throws(LaunchFailure)
    -> MembershipMemory?
  {
    let directory = configuration.runtimeDirectory ?? RuntimeDirectory.standardPath()
    var memory: MembershipMemory?
    do throws(SystemError) {
      try RuntimeDirectory.prepare(directory, for: identity)
      memory = try MembershipMemory(directory: directory, daemon: configuration.daemons[own])
    } catch {
      if configuration.runtimeDirectory != nil, identity != nil { throw LaunchFailure(error.description) }
      log.tell(LogLine(.warning, "runtime-directory.failed", "\(error); nothing will be remembered over a restart"))
    }
    guard let identity else { return memory }
    log.sink.give(to: identity)
    do throws(SystemError) {
      // A chroot only into a directory that somebody named.
      try identity.take(unixSocket: unixSocket, lockedInto: configuration.runtimeDirectory)
    } catch {
      throw LaunchFailure(error.description, "Name another user with --user, or start the daemon as that user.")
    }
    let place = configuration.runtimeDirectory.map { ", locked into \($0)" } ?? ""
    log.tell(
      LogLine(
        .info, "identity.taken", "started as root, running as \(identity.name)\(place)", [("user", identity.name)],
        in: .security))
    return memory
  }

  /// nil: not root, everything stays as it is.
  private func chooseIdentity() throws(LaunchFailure) -> Identity? {
    guard Identity.isRoot else { return nil }
    do throws(Identity.Failure) {
      guard let user = plan.user ?? configuration.daemonUser else {
        return try Identity.standard(group: configuration.daemonGroup)
      }
      return try Identity(user: user, group: configuration.daemonGroup)
    } catch {
      throw LaunchFailure(
        error.description, "Add it to this machine, or name another user with --user (--user root stays root).")
    }
  }

  // MARK: The terminal

  private func announce(_ unixSocket: UnixSocketFile?) {
    let tcp = addresses.map { $0.endpoint(port: port) }.joined(separator: ", ")
    let places = addresses.map { $0.endpoint(port: port) } + (unixSocket.map { [$0.path] } ?? [])
    log.tell(
      LogLine(
        .info, "daemon.listening", "clients connect to " + places.joined(separator: ", "),
        [("tcp", tcp), ("unix", unixSocket?.path ?? "none")], in: .session))
    guard plan.file == nil, isForPeople else { return }
    let place = unixSocket == nil ? "\(port)@localhost" : String(port)
    Terminal.print(
      """

      No configuration file (\(LaunchPlan.searchedFiles.joined(separator: ", "))): this
      is a single daemon called 'localhost' that serves programs on this machine.

        TCP          \(tcp)
        unix socket  \(unixSocket?.path ?? "none")

      Programs connect to "\(place)". Try it in another terminal:

        spuser -s \(place) -u alice

      Stop it with Ctrl-C.

      """)
  }
}
