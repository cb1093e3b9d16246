// From a plan to a running daemon: sockets, runtime directory, identity, and what the person at the terminal reads.

import Logging
import SpreadCore
import SpreadPlatform

struct Launch {
  let plan: LaunchPlan
  let log: Logger
  let sink: LogSink

  func run() throws(LaunchFailure) {
    // A descriptor per session, and some for connections in their handshake and for the daemon itself.
    let wanted = Limits.sessions + 128
    let descriptors = System.raiseDescriptorLimit(to: wanted)
    if descriptors < wanted {
      note(
        .warning, "limit.descriptors",
        "only \(descriptors) open files are allowed, which is less than \(Limits.sessions) sessions need (ulimit -n)")
    }
    let listeners = try listen()
    let unixSocket = openUnixSocket()
    try settleIn(unixSocket)
    announce(unixSocket)
    do throws(SystemError) {
      let daemon = Daemon(configuration: plan.configuration, me: plan.me, seed: try System.randomSeed())
      try Shell(daemon: daemon, listeners: listeners, unixSocket: unixSocket, log: log, sink: sink).run()
    } catch {
      unixSocket?.remove()
      throw LaunchFailure(error.description)
    }
  }

  private func listen() throws(LaunchFailure) -> [Listener] {
    do throws(SystemError) {
      return try ListenSockets.listen(at: plan.clientAddresses, port: plan.port)
    } catch {
      throw LaunchFailure(error.description, advice(for: error))
    }
  }

  private func advice(for error: SystemError) -> String {
    let change =
      plan.file.map { "or give the segment another port in \($0)." }
      ?? "or choose another port, for example: spread --port \(plan.port > 60000 ? 4813 : plan.port + 10)"
    return switch error.reason {
    case .addressInUse: "Another program has this port, most likely a Spread daemon that runs already. Stop it, \(change)"
    case .addressNotHere: "This address belongs to no interface of this machine."
    case .notAllowed: "Ports below 1024 need root. Start it as root, \(change)"
    case .other: "The daemon needs this port for its clients."
    }
  }

  /// Clients on TCP are served without it, so a failure is told and no more.
  private func openUnixSocket() -> UnixSocketFile? {
    do throws(UnixSocketFile.Failure) {
      return try UnixSocketFile(directory: "/tmp", name: String(plan.port))
    } catch {
      note(
        .error, "unix-socket.failed",
        "\(error); clients of this machine must connect to \"\(plan.port)@localhost\" instead of \"\(plan.port)\"")
      return nil
    }
  }

  /// Runtime directory and identity. A user or a directory that somebody asked for must work; the standard ones are
  /// done without.
  private func settleIn(_ unixSocket: UnixSocketFile?) throws(LaunchFailure) {
    let identity = try chooseIdentity()
    let directory = plan.runtimeDirectory ?? RuntimeDirectory.standardPath()
    do throws(SystemError) {
      try RuntimeDirectory.prepare(directory, for: identity)
    } catch {
      if plan.isLockedIn { throw LaunchFailure(error.description) }
      note(.warning, "runtime-directory.failed", "\(error); nothing will be remembered over a restart")
    }
    guard let identity else { return }
    do throws(SystemError) {
      try identity.take(unixSocket: unixSocket, lockedInto: plan.isLockedIn ? directory : nil)
    } catch {
      throw LaunchFailure(error.description, "Name another user with --user, or start the daemon as that user.")
    }
    note(.info, "identity.taken", "started as root, running as \(identity.name)", ["user": "\(identity.name)"])
  }

  /// nil: not root, everything stays as it is.
  private func chooseIdentity() throws(LaunchFailure) -> Identity? {
    guard Identity.isRoot else { return nil }
    do throws(Identity.Failure) {
      return if let user = plan.user { try Identity(user: user, group: plan.group) } else { try .standard() }
    } catch {
      throw LaunchFailure(
        error.description, "Make it, or name another user with --user (--user root stays root).")
    }
  }

  private func announce(_ unixSocket: UnixSocketFile?) {
    let addresses = plan.clientAddresses.map { $0.endpoint(port: plan.port) }.joined(separator: ", ")
    note(
      .info, "daemon.listening",
      "clients connect to \(addresses)" + (unixSocket.map { " and \($0.path)" } ?? ""),
      ["tcp": "\(addresses)", "unix": "\(unixSocket?.path ?? "none")"])
    guard plan.file == nil else { return }
    let spec = unixSocket == nil ? "\(plan.port)@localhost" : String(plan.port)
    Terminal.print(
      """

      No configuration file (\(LaunchPlan.searchedFiles.joined(separator: ", "))): this is a single daemon
      called 'localhost' that serves programs on this machine.

        TCP          \(addresses)
        unix socket  \(unixSocket?.path ?? "none")

      Programs connect to "\(spec)". Try it in another terminal:

        spuser -s \(spec) -u alice

      Stop it with Ctrl-C.

      """)
  }

  private func note(_ level: Logger.Level, _ event: String, _ text: String, _ fields: Logger.Metadata = [:]) {
    log.log(level: level, "\(text)", metadata: fields.merging(["event": "\(event)"]) { $1 })
  }
}
