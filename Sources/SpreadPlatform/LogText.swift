// The core's log events as text: stable name, a sentence for people, fields for programs.

import SpreadCore
import SpreadWire

extension LogLine {
  init(_ event: LogEvent) {
    switch event {
    case .started(let daemon, let process):
      self.init(
        .info, "daemon.started", "daemon \(daemon.text) is up",
        [("daemon", daemon.text), ("id", String(process.rawValue))])
    case .sessionAccepted(let user, _, let peer):
      self.init(
        .info, "session.accepted", "\(user.text) connected \(peer.phrase)",
        [("user", user.text), ("from", peer.text)], in: .session)
    case .connectionRefused(let user, let peer, let reason):
      var fields = [("from", peer.text), ("reason", reason.name)]
      if let user { fields.append(("user", user.text)) }
      self.init(
        .warning, "connection.refused",
        "connection of \(user?.text ?? "a client") \(peer.phrase) refused: \(reason.text)", fields)
    case .sessionEnded(let user, _, let peer, let reason):
      self.init(
        reason.isOrdinary ? .info : .warning, "session.ended", "\(user.text) disconnected: \(reason.text)",
        [("user", user.text), ("from", peer.text), ("reason", reason.name)] + reason.fields)
    case .membership(let id, let members):
      self.init(
        .info, "membership.installed", "\(members.count == 1 ? "alone" : "a ring of \(members.count) daemons")",
        [("leader", String(id.process.rawValue)), ("time", String(id.time)), ("daemons", String(members.count))],
        in: .membership)
    case .tokenLost(let reason):
      self.init(
        reason == .started ? .debug : .print, "token.lost", "looking for a new ring: \(reason.text)",
        [("reason", reason.name)], in: .membership)
    case .dropped(let report):
      self.init(
        report.reason.level, "ring.dropped",
        "\(report.count) \(report.count == 1 ? "datagram" : "datagrams") dropped: \(report.text)",
        [
          ("reason", report.reason.name), ("from", report.source.text), ("count", String(report.count)),
          ("total", String(report.total)),
        ], in: report.reason.area)
    case .joinRefused(let user, let group, let members):
      self.init(
        .warning, "join.refused", "\(user.text) may not join \(group.text): it is full with \(members) members",
        [("user", user.text), ("group", group.text), ("members", String(members))], in: .groups)
    case .partitioned(let component, let unheard):
      self.init(
        .print, "monitor.partition",
        unheard == 0
          ? "a monitor says that all daemons are heard again"
          : "a monitor divides the ring, \(unheard) daemons are not heard",
        [("component", String(component)), ("unheard", String(unheard))], in: .network)
    case .partitionExpired:
      self.init(
        .print, "monitor.partition-expired", "the partition was not renewed; all daemons are heard again", in: .network)
    case .windowsChanged(let window, let personal, let accelerated):
      self.init(
        .print, "monitor.windows", "a monitor set the windows; they hold until the next reload",
        [("window", String(window)), ("personal", String(personal)), ("accelerated", String(accelerated))],
        in: .flowControl)
    case .reloadRequested(let source):
      self.init(.info, "reload.requested", "a monitor asks for a reload", [("from", source.text)], in: .configuration)
    case .reloadWaits:
      self.init(
        .info, "reload.waits", "the configuration is taken over when the ring has formed", in: .configuration)
    case .reloaded(let summary):
      self.init(summary)
    case .stopping(let reason):
      self.init(.print, "daemon.stopping", reason.text, [("reason", reason.name)])
    }
  }

  private init(_ summary: ReloadSummary) {
    func list(_ names: [GroupName]) -> String { names.map(\.text).joined(separator: " ") }
    var parts: [String] = []
    if !summary.added.isEmpty { parts.append("new: \(list(summary.added))") }
    if !summary.removed.isEmpty { parts.append("gone: \(list(summary.removed))") }
    if summary.viaSingleton { parts.append("data of daemons changed, so every daemon forms a ring of its own first") }
    if summary.keepsRing { parts.append("the ring goes on") }
    if summary.becameAccelerated {
      parts.append(
        "AcceleratedRing is not written, which makes a reload choose the accelerated ring: daemons that start now do "
          + "not fit; write AcceleratedRing explicitly")
    }
    self.init(
      summary.becameAccelerated ? .warning : .print, "reload.done",
      (["the configuration was read again"] + parts).joined(separator: "; "),
      [("hash", String(summary.hash)), ("added", list(summary.added)), ("removed", list(summary.removed))],
      in: .configuration)
  }
}

extension StopReason {
  /// The stable word for programs.
  var name: String {
    switch self {
    case .notConfigured: "not-configured"
    case .changed(let change): "changed-\(change.name)"
    case .monitor: "monitor"
    }
  }

  var text: String {
    switch self {
    case .notConfigured: "this daemon is no longer in the configuration: stopping"
    case .changed(let change):
      "the configuration changes this daemon's \(change.name), which a reload cannot: stopping; start it again"
    case .monitor: "a monitor says that this daemon is to end: stopping"
    }
  }
}

extension StopReason.OwnChange {
  fileprivate var name: String {
    switch self {
    case .id: "id"
    case .address: "address"
    case .port: "port"
    case .interfaces: "interfaces"
    case .segmentAddresses: "segment-addresses"
    }
  }
}

extension GroupName {
  /// The bytes before the NUL; what is not UTF-8 is shown as U+FFFD.
  public var text: String { String(decoding: (0..<length).map { self[$0] }, as: UTF8.self) }
}

extension PeerAddress {
  var text: String {
    switch self {
    case .unixSocket: "unix"
    case .network(let address): address.text
    }
  }

  var phrase: String {
    switch self {
    case .unixSocket: "over the unix socket"
    case .network(let address): "from \(address.text)"
    }
  }
}

extension RefusalReason {
  /// The stable word for programs.
  var name: String {
    switch self {
    case .sessionLimit: "session-limit"
    case .silent: "silent"
    case .endedEarly: "ended-early"
    case .version: "version"
    case .nameLength: "name-length"
    case .nameCharacter: "name-character"
    case .nameInUse: "name-in-use"
    case .authentication(let refusal): "authentication-" + refusal.name
    case .authenticationSilent: "authentication-silent"
    }
  }

  var text: String {
    switch self {
    case .sessionLimit: "all \(Limits.sessions) sessions are taken"
    case .silent: "it sent no complete connect request within \(Limits.greetingNanoseconds / 1_000_000_000) s"
    case .endedEarly: "it went away during the handshake"
    case .version: "its library is older than 3.01"
    case .nameLength: "its user name is longer than \(PrivateName.maxUserLength) characters"
    case .nameCharacter: "its user name has characters outside '$' to '~'"
    case .nameInUse: "a session of that name exists"
    case .authentication(let refusal): refusal.text
    case .authenticationSilent:
      "it chose no authentication method within \(Limits.choiceNanoseconds / 1_000_000_000) s"
    }
  }
}

extension AuthenticationRefusal {
  var name: String {
    switch self {
    case .nothingEnabled: "nothing-enabled"
    case .choiceLength: "choice-length"
    case .nothingChosen: "nothing-chosen"
    case .methodNotEnabled: "method-not-enabled"
    case .addressNotAllowed: "address-not-allowed"
    case .noAccessFile: "no-access-file"
    }
  }

  var text: String {
    switch self {
    case .nothingEnabled: "no authentication method is enabled here (AllowedAuthMethods)"
    case .choiceLength(let length): "its choice of an authentication method has \(length) bytes, not \(AuthChoice.size)"
    case .nothingChosen: "it chose no authentication method"
    case .methodNotEnabled(let method): "it chose the authentication method '\(method.text)', which is not enabled here"
    case .addressNotAllowed: "no rule in spread.access_ip allows its address"
    case .noAccessFile: "it must be allowed by spread.access_ip, which does not exist"
    }
  }
}

extension SessionEndReason {
  var name: String {
    switch self {
    case .clientLeft: "client-left"
    case .endOfStream: "end-of-stream"
    case .failure: "connection-failed"
    case .badHeader(let violation): "bad-message-" + violation.name
    case .tooSlow: "too-slow"
    case .shutdown: "shutdown"
    }
  }

  var text: String {
    switch self {
    case .clientLeft: "it said goodbye"
    case .endOfStream: "its connection ended"
    case .failure(let code): "its connection failed (\(errorText(code)))"
    case .badHeader(let violation): "it sent a malformed message: \(violation.text)"
    case .tooSlow(let queued): "it does not read fast enough, \(queued) messages waited for it (MaxSessionMessages)"
    case .shutdown: "the daemon stops"
    }
  }

  var fields: [(String, String)] {
    switch self {
    case .failure(let code): [("errno", String(code))]
    case .tooSlow(let queued): [("queued", String(queued))]
    default: []
    }
  }

  /// Nobody has to look into it.
  var isOrdinary: Bool {
    switch self {
    case .clientLeft, .endOfStream, .shutdown: true
    case .failure, .badHeader, .tooSlow: false
    }
  }
}

extension HeaderViolation {
  var name: String {
    switch self {
    case .kind: "kind"
    case .forbiddenBits: "forbidden-bits"
    case .sender: "sender"
    case .groupCount: "group-count"
    case .hint: "hint"
    case .dataLength: "data-length"
    case .tooLong: "too-long"
    case .groupMissing: "group-missing"
    case .groupUnterminated: "group-unterminated"
    }
  }

  var text: String {
    switch self {
    case .kind(let type): "type 0x\(String(type, radix: 16)) is not exactly one service or request"
    case .forbiddenBits(let type): "type 0x\(String(type, radix: 16)) has bits reserved for daemons"
    case .sender: "the sender is not its own private group"
    case .groupCount(let count): "\(count) destination groups (0 to \(Limits.groupsPerMessage) are legal)"
    case .hint: "the hint has illegal bits"
    case .dataLength(let length): "data length \(length)"
    case .tooLong(let length): "\(length) bytes of groups and data (at most \(Limits.messageBody))"
    case .groupMissing: "a join or leave without a group"
    case .groupUnterminated: "a group name without end"
    }
  }
}

extension TokenLossReason {
  /// The stable word for programs.
  var name: String {
    switch self {
    case .timeout: "timeout"
    case .aruWentDown: "aru-went-down"
    case .requestBelowAru: "request-below-aru"
    case .aruBeyondHeld: "aru-beyond-held"
    case .sequenceTooHigh: "sequence-too-high"
    case .numbersUsedUp: "numbers-used-up"
    case .recoveryTooLong: "recovery-too-long"
    case .brokenMessage: "broken-message"
    case .membershipMessage: "membership-message"
    case .formTimeout: "form-timeout"
    case .contradictoryForm: "contradictory-form"
    case .started: "started"
    case .reload: "reload"
    }
  }

  var text: String {
    switch self {
    case .timeout: "no token came in time"
    case .aruWentDown: "a daemon took back that it had packets"
    case .requestBelowAru: "a daemon asked for packets it had said to have"
    case .aruBeyondHeld: "a daemon said that all have a packet that is missing here"
    case .sequenceTooHigh: "a daemon sent far more than was allowed"
    case .numbersUsedUp: "the sequence numbers of the ring are used up"
    case .recoveryTooLong: "the packets of the old ring could not be recovered"
    case .brokenMessage: "a message came without its beginning"
    case .membershipMessage: "another daemon looks for a new ring"
    case .formTimeout: "the forming of a ring broke off"
    case .contradictoryForm: "the forming of a ring contradicted what this daemon knows"
    case .started: "started"
    case .reload: "the configuration is another one"
    }
  }
}

extension DropReport {
  var text: String {
    switch reason {
    case .malformed(let failure): "\(source.text) sends what no daemon sends: \(failure.text)"
    case .wrongHash(let hash):
      "\(source.text) has another configuration (its hash is \(hash)); "
        + (change.map { "it is that of this one \($0)" }
          ?? "compare the files with spread --check -c FILE --against FILE")
    case .unknownTransmitter(let id): "\(source.text) sends as the daemon \(id.rawValue), which is not configured"
    case .wrongSource(let id): "\(source.text) sends as the daemon \(id.rawValue), which has another address"
    case .partitioned: "\(source.text) is in another part of a partition that a monitor made"
    case .monitorDenied(let denial): "the command of a monitor at \(source.text) is not obeyed: \(denial.text)"
    case .foreignRing: "\(source.text) is in another ring"
    case .replay: "\(source.text) sent it before"
    }
  }
}

extension DropReason {
  /// The stable word for programs.
  var name: String {
    switch self {
    case .malformed: "malformed"
    case .wrongHash: "wrong-hash"
    case .unknownTransmitter: "unknown-daemon"
    case .wrongSource: "wrong-source"
    case .foreignRing: "foreign-ring"
    case .replay: "replay"
    case .partitioned: "partitioned"
    case .monitorDenied(let denial): "monitor-" + denial.name
    }
  }

  /// What comes with every change of a ring, and what comes with every lost datagram, is nothing to worry about.
  var level: LogLevel {
    switch self {
    case .malformed, .wrongHash, .unknownTransmitter, .wrongSource, .monitorDenied: .warning
    case .foreignRing, .partitioned: .info
    case .replay: .debug
    }
  }

  /// Files that differ are what people look for when daemons do not find each other.
  var area: DebugFlags {
    if case .wrongHash = self { .configuration } else { .network }
  }
}

extension WireFailure {
  fileprivate var text: String {
    switch self {
    case .shortHeader: "too short for a header"
    case .byteOrderMarks: "no byte order"
    case .length: "another length than its header says, perhaps cut short"
    case .tooLong: "longer than any packet or token"
    case .unknownType: "an unknown type"
    case .fragmentBounds, .fragmentIndex, .fragmentLength: "a data packet with wrong fragments"
    case .requestBounds, .requestOrder: "a token with wrong requests for packets"
    case .memberCount, .duplicateMember: "a wrong list of members"
    case .representativeCount, .representativeIndex, .representativeType: "a wrong list of representatives"
    case .segment: "a segment that no configuration has"
    case .ringCount, .commitCount, .transitionalCount: "a form token with wrong lists of rings"
    case .holeCount, .holeOrder: "a form token with wrong missing packets"
    case .bodyLength: "another length than its counts say"
    case .monitorBody: "a monitor's command for other daemons than the configured ones"
    case .groupsHeader, .groupsFlag, .groupsSyncedCount, .groupsRecord: "a wrong message about groups"
    }
  }
}

extension MonitorDenial {
  fileprivate var name: String {
    switch self {
    case .partition: "partition-denied"
    case .flowControl: "flow-control-denied"
    case .unknownProcess: "unknown-daemon"
    case .reloading: "reloading"
    }
  }

  fileprivate var text: String {
    switch self {
    case .partition: "it would divide the ring or end this daemon, which needs DangerousMonitor = true"
    case .flowControl: "it would change the windows, which needs DangerousMonitor = true"
    case .unknownProcess: "it names a daemon that is not configured"
    case .reloading: "a changed configuration is being taken over"
    }
  }
}
