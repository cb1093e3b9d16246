// The whole daemon as one deterministic value: inputs in, an outbox out. It passes results between the sub-machines,
// which do not know each other:
//
//   client bytes -> Admission, Framing -> Ring -> delivered messages -> GroupsMachine -> notices
//                                                                    -> Routing       -> local sessions

import SpreadWire

public struct Daemon {
  public internal(set) var configuration: Configuration
  /// This daemon's entry and its place in configuration order.
  public let me: ConfiguredDaemon
  let position: Int
  public var maxSessions = Limits.sessions

  var authentication: AuthenticationPolicy
  var sessions = SessionTable()
  var groups: GroupsMachine
  var ring = Ring()
  var pool = MessagePool()
  var random: SplitMix64
  /// Regular messages routed so far; numbers them.
  var routed: UInt64 = 0

  /// - Parameters:
  ///   - me: index of this daemon in `configuration.daemons`.
  ///   - seed: of all randomness.
  public init(
    configuration: Configuration, me: Int, authentication: AuthenticationPolicy = AuthenticationPolicy(), seed: UInt64
  ) {
    self.configuration = configuration
    self.me = configuration.daemons[me]
    self.authentication = authentication
    position = me
    groups = GroupsMachine(me: me, process: self.me.id)
    random = SplitMix64(seed: seed)
  }

  /// One step. Everything that follows from the input is in `out` when it returns.
  public mutating func handle(_ input: Input, at now: Instant, into out: inout Outbox) {
    switch input {
    case .start:
      out.log.append(.started(daemon: me.name, process: me.id))
      installAlone(at: now)
    case .sessionOpened(let id, let peer):
      sessionOpened(id, peer, at: now, into: &out)
    case .sessionBytes(let id, let bytes):
      sessionBytes(id, bytes, at: now, into: &out)
    case .sessionEnded(let id, let end):
      sessionEnded(id, end, into: &out)
    case .sessionBacklog(let id, let messages):
      sessionBacklog(id, messages, into: &out)
    case .timer(.admission):
      admissionTimer(at: now, into: &out)
    case .stop:
      break
    }
    deliverAll(into: &out)
  }

  /// The only membership of a lone daemon: transitional and regular, itself both times (daemon-groups 3).
  private mutating func installAlone(at now: Instant) {
    groups.transitionalMembers = [position]
    groups.transitional = MembershipID(me.id, now.wallSeconds)
    groups.regular = MembershipID(me.id, now.wallSeconds)
  }

  private mutating func deliverAll(into out: inout Outbox) {
    while let message = ring.nextDelivery() { deliver(message, into: &out) }
  }

  /// daemon-groups 1: by type bits in this order.
  private mutating func deliver(_ message: MessageBuffer, into out: inout Outbox) {
    guard let header = MessageHeader(message.bytes) else { return }
    if header.type.isDisjoint(with: [.join, .leave, .kill, .groups]) {
      route(message, header, into: &out)
      return
    }
    applyToGroups(message, header)
    carryOut(into: &out)
  }

  private mutating func applyToGroups(_ message: MessageBuffer, _ header: MessageHeader) {
    let member = header.name.normalized
    guard let sender = PrivateName(member), let at = configuration.daemons.firstIndex(where: { $0.name == sender.daemon })
    else { return }
    let user = at == position ? sessions.user(named: sender.user) : nil
    if header.type.contains(.kill) {
      groups.kill(member, at: at, user: user, &pool)
      return
    }
    guard header.groupCount > 0, message.count >= MessageHeader.size + GroupName.size else { return }
    let group = GroupName(at: message.base + MessageHeader.size)
    if header.type.contains(.join) {
      let local = user.map { ($0, sessions[$0]) }
      if at == position, local == nil { return }
      groups.join(member, group, at: at, process: configuration.daemons[at].id, user: local, &pool)
    } else if header.type.contains(.leave) {
      groups.leave(member, group, at: at, &pool)
    }
  }

  private mutating func carryOut(into out: inout Outbox) {
    for effect in groups.effects {
      switch effect {
      case .notify(let user, let notice):
        if let connection = sessions[user].connection { out.sessions.append(.write(connection, notice)) }
      case .bury(let user):
        sessions.bury(user)
      }
    }
    groups.effects.removeAll(keepingCapacity: true)
  }
}
