// From a delivered message to the local sessions it concerns (client-protocol 7.1, daemon-groups 9).

import SpreadWire

extension Daemon {
  /// Queues a regular message to every local session that one of its destinations names: once each, in the order of
  /// first mention.
  mutating func route(_ message: MessageBuffer, _ header: MessageHeader, into out: inout Outbox) {
    routed += 1
    if header.type.contains(.selfDiscard), !bug(.selfDiscardIgnored),
      let sender = sessions.user(header.name.normalized, of: me.name)
    {
      // Counting the sender as served leaves it out.
      sessions[sender].lastRouted = routed
    }
    var at = MessageHeader.size
    for _ in 0..<header.groupCount {
      // Every destination is looked at, also beyond the 43 that stock can see (client-protocol 10, Q1).
      let destination = GroupName(at: message.base + at)
      at += GroupName.size
      if destination[0] == UInt8(ascii: "#") {
        if let user = sessions.user(destination, of: me.name) { deliver(message, to: user, into: &out) }
      } else if let group = groups.group(named: destination) {
        for member in group.local { deliver(message, to: member.user, into: &out) }
      }
    }
  }

  private mutating func deliver(_ message: MessageBuffer, to user: UserIndex, into out: inout Outbox) {
    guard let connection = sessions[user].connection, sessions[user].lastRouted != routed || bug(.copyForEachGroup)
    else { return }
    sessions[user].lastRouted = routed
    out.sessions.append(.write(connection, message))
  }
}

extension SessionTable {
  /// The user that a private group name means, when it is one of the daemon `me`.
  fileprivate func user(_ privateName: GroupName, of me: GroupName) -> UserIndex? {
    guard let name = PrivateName(privateName), name.daemon == me else { return nil }
    return user(named: name.user)
  }
}
