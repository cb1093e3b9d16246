// The whole daemon as one deterministic value: inputs in, an outbox out. It passes results between the sub-machines,
// which do not know each other:
//
//   client bytes -> Admission, Framing -> Ring -> delivered messages -> GroupsMachine -> notices
//                                                                    -> Routing       -> local sessions
//   datagrams -> Reception -> Ring, Membership
//   Membership -> effects -> Ring;  Ring -> outcomes -> Membership;  Ring -> memberships -> GroupsMachine
//   monitor packets -> Reception -> Commands;  a configuration read again -> Reload -> all of them

import SpreadWire

public struct Daemon {
  public internal(set) var configuration: Configuration
  /// This daemon's entry.
  public internal(set) var me: ConfiguredDaemon
  var topology: Topology
  public var maxSessions = Limits.sessions

  var authentication: AuthenticationPolicy
  var sessions = SessionTable()
  var groups: GroupsMachine
  var ring: Ring
  var membership: Membership
  var wire: Transmitter
  var pool = MessagePool()
  var random: SplitMix64
  /// Messages of clients on their way to the ring.
  var submissions: [(MessageBuffer, PacketClass)] = []
  /// Regular messages routed so far; numbers them.
  var routed: UInt64 = 0
  var drops = DropCounters()
  /// Set from `Input.stop` on.
  var leaving: Leaving?
  var monitor = Monitor()
  /// From the places that groups still go by to those of `topology`; nil when they are the same (Reload.swift).
  var groupsLag: Renumbering?
  /// A configuration that was read again and waits for the ring to be in operation.
  var reloading: WaitingReload?

  /// - Parameters:
  ///   - me: index of this daemon in `configuration.daemons`.
  ///   - seed: of all randomness.
  ///   - lastTime: the last time this daemon used in a membership id, before it was restarted.
  public init(
    configuration: Configuration, me: Int, authentication: AuthenticationPolicy = AuthenticationPolicy(),
    settings: ProtocolSettings? = nil, seed: UInt64, lastTime: Int32 = 0
  ) {
    let settings = settings ?? ProtocolSettings(configuration)
    self.configuration = configuration
    self.me = configuration.daemons[me]
    self.authentication = authentication
    topology = Topology(configuration, me: me)
    wire = Transmitter(topology)
    ring = Ring(topology, settings: settings.ring, timeouts: settings.timeouts)
    membership = Membership(topology, timeouts: settings.timeouts, lastTime: lastTime)
    groups = GroupsMachine(topology)
    random = SplitMix64(seed: seed)
  }

  /// The last time used in a membership id; to be given to the next run (evs-properties 4, E1).
  public var lastTime: Int32 { membership.lastTime }

  /// One step. Everything that follows from the input is in `out` when it returns.
  public mutating func handle(_ input: Input, at now: Instant, into out: inout Outbox) {
    if leaving?.hasLeft != true {
      take(input, at: now, into: &out)
    } else if case .timer(.leave) = input {
      leaveTimer(at: now, into: &out)
    }
    settle(at: now, into: &out)
    if reloading != nil { scheduleReload(at: now, into: &out) }
    if leaving != nil { goOnLeaving(at: now, into: &out) }
    observeHorizon(into: &out)
  }

  private mutating func take(_ input: Input, at now: Instant, into out: inout Outbox) {
    switch input {
    case .start:
      monitor.started = now.nanoseconds
      out.log.append(.started(daemon: me.name, process: me.id))
      membership.tokenLost(.started, &wire, at: now, into: &out)
    case .sessionOpened(let id, let peer):
      sessionOpened(id, peer, at: now, into: &out)
    case .sessionBytes(let id, let bytes):
      sessionBytes(id, bytes, at: now, into: &out)
    case .sessionEnded(let id, let end):
      sessionEnded(id, end, into: &out)
    case .sessionBacklog(let id, let messages):
      sessionBacklog(id, messages, into: &out)
    case .packet(let datagram, let source):
      packet(datagram, from: source, at: now, into: &out)
    case .token(let datagram, let source):
      token(datagram, from: source, at: now, into: &out)
    case .timer(.admission):
      admissionTimer(at: now, into: &out)
    case .timer(.hurry):
      ring.hurryTimer(&wire, at: now, into: &out)
    case .timer(.tokenCopy):
      ring.copyTimer(&wire, into: &out)
    case .timer(.leave):
      leaveTimer(at: now, into: &out)
    case .timer(.partitionEnd):
      partitionExpired(into: &out)
    case .timer(.reload):
      takeOver(at: now, into: &out)
    case .timer(let timer):
      membership.timer(timer, &wire, at: now, into: &out)
    case .reload(let configuration, let rules):
      reload(configuration, rules, at: now, into: &out)
    case .spareMemory:
      pool.trim()
      ring.spareMemory()
    case .stop:
      leave(at: now, into: &out)
    }
  }

  /// Passes results on until nothing is left to pass.
  private mutating func settle(at now: Instant, into out: inout Outbox) {
    while true {
      if !submissions.isEmpty {
        submit(at: now, into: &out)
      } else if !membership.effects.isEmpty {
        let effects = membership.effects
        membership.effects.removeAll(keepingCapacity: true)
        for effect in effects {
          carryOut(effect, at: now, into: &out)
          observeHorizon(into: &out)
        }
      } else if let event = ring.events.popFirst() {
        pass(event, at: now, into: &out)
        carryOutGroups(at: now, into: &out)
      } else if let own = wire.nextLoopback() {
        own.withUnsafeBytes { token($0, from: me.address, at: now, into: &out) }
      } else {
        break
      }
    }
    out.readClients = !ring.exchanging && ring.waiting < Limits.waterMark && leaving == nil
  }

  private mutating func submit(at now: Instant, into out: inout Outbox) {
    for (message, packetClass) in submissions { ring.submit(message, packetClass, &wire, at: now, into: &out) }
    submissions.removeAll(keepingCapacity: true)
  }

  // MARK: Membership -> ring

  private mutating func carryOut(_ effect: MembershipEffect, at now: Instant, into out: inout Outbox) {
    switch effect {
    case .loseToken(let reason):
      ring.stop(into: &out)
      out.log.append(.tokenLost(reason))
    case .stopToken:
      ring.stop(into: &out)
    case .formWanted:
      membership.createForm(ring.report(), &wire, at: now, into: &out)
    case .recover(let recovery, let old, let isLast):
      let possible = ring.canRecover(old)
        && ring.beginRecovery(recovery, old, isLast: isLast, &wire, at: now, into: &out)
      if !possible { membership.tokenLost(.contradictoryForm, &wire, at: now, into: &out) }
    }
  }

  /// What a step of the ring means for the membership.
  mutating func take(_ outcome: RingOutcome, at now: Instant, into out: inout Outbox) {
    switch outcome {
    case .done, .ignored: break
    case .loseToken(let reason): membership.tokenLost(reason, &wire, at: now, into: &out)
    case .installed: membership.ringInstalled(at: now, into: &out)
    }
  }

  // MARK: Ring -> groups and sessions

  private mutating func pass(_ event: RingEvent, at now: Instant, into out: inout Outbox) {
    switch event {
    case .message(let message, _, let sequence):
      if out.observes { out.observations.append(.delivered(sequence: sequence, message)) }
      deliver(message, into: &out)
    case .transitional(let members, let id, let commit):
      if out.observes { out.observations.append(.transitional(id, members, commit: DaemonSet(commit))) }
      groups.transitionalMembership(inGroups(members), id, &pool)
      observeGroups(into: &out)
    case .regular(let members, let id):
      if out.observes { out.observations.append(.regular(id, members)) }
      out.log.append(.membership(id, members))
      finishReload()
      groups.regularMembership(members, id, &pool)
      observeGroups(into: &out)
      monitor.note(id, members, topology)
      if monitor.isSingleton {
        _ = monitor.unite()
        membership.lookSoon(at: now, into: &out)
      }
    }
  }

  /// daemon-groups 1: by type bits in this order.
  private mutating func deliver(_ message: MessageBuffer, into out: inout Outbox) {
    guard var header = MessageHeader(message.bytes) else { return }
    if header.type.isDisjoint(with: [.join, .leave, .kill, .groups]) {
      if header.order != .native {
        header.order = .native
        header.store(at: message.base)
      }
      route(message, header, into: &out)
    } else if header.type.isDisjoint(with: [.join, .leave, .kill]) {
      groups.groupsMessage(message, &pool)
      observeGroups(into: &out)
    } else {
      applyToGroups(message, header)
      observeGroups(into: &out)
    }
  }

  private mutating func applyToGroups(_ message: MessageBuffer, _ header: MessageHeader) {
    let member = header.name.normalized
    guard let sender = PrivateName(member), let at = groups.topology.position(named: sender.daemon) else { return }
    let user = at == groups.me ? sessions.user(named: sender.user) : nil
    if !header.type.contains(.kill) || !header.type.isDisjoint(with: [.join, .leave]) {
      guard header.groupCount > 0 else { return }
      let group = GroupName(at: message.base + MessageHeader.size)
      if header.type.contains(.join) {
        let local = user.map { ($0, sessions[$0]) }
        if at == groups.me, local == nil { return }
        groups.join(member, group, at: at, process: groups.topology.ids[at], user: local, &pool)
      } else {
        groups.leave(member, group, at: at, &pool)
      }
    } else {
      groups.kill(member, at: at, user: user, &pool)
    }
  }

  private mutating func carryOutGroups(at now: Instant, into out: inout Outbox) {
    guard !groups.effects.isEmpty else { return }
    for effect in groups.effects {
      switch effect {
      case .notify(let user, let notice):
        if let connection = sessions[user].connection { out.sessions.append(.write(connection, notice)) }
      case .bury(let user):
        if sessions[user].connection == nil { sessions.bury(user) }
      case .sendGroups(let message, let packetClass):
        ring.submitGroups(message, packetClass, &wire, at: now, into: &out)
      case .exchangeBegins:
        ring.exchanging = !bug(.sendsInExchange)
        ring.threshold = bug(.earlyInExchange) ? .open : .agreed
      case .exchangeOver:
        ring.exchanging = false
        ring.threshold = .open
        ring.runPasses()
        ring.wakeIfWaiting(&wire, at: now, into: &out)
      }
    }
    groups.effects.removeAll(keepingCapacity: true)
  }
}

/// How the ring runs, from the configuration.
public struct ProtocolSettings {
  var ring = RingSettings()
  public var timeouts: Timeouts

  public init(_ configuration: Configuration) {
    ring.window = configuration.window
    ring.personalWindow = configuration.personalWindow
    ring.acceleratedWindow = configuration.acceleratedWindow
    ring.accelerated = configuration.ringProtocol == .accelerated
    ring.wide = configuration.isWideArea
    ring.repeatsEarly = configuration.earlyRepetition
    ring.copiesTokens = configuration.tokenCopies
    ring.lateStart = configuration.lateStart
    timeouts = configuration.timeouts
  }
}
