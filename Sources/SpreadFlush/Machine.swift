// The Flush layer of one mailbox, without its socket: what comes from the daemon and from the application goes in, what
// is to be sent and delivered comes out (events-and-flush part 2). Purely a protocol of clients: daemons know nothing.

import SpreadWire

/// Extended virtual synchrony for the groups of one mailbox.
public struct FlushMachine {
  public let own: GroupName
  /// Sorted by nothing: a mailbox has few groups.
  private var groups: [FlushGroup] = []

  public init(own: GroupName) {
    self.own = own
  }

  private func index(_ name: GroupName) -> Int? {
    groups.firstIndex { $0.name == name }
  }

  /// Private groups are no groups of Flush: their messages pass as they are.
  public static func isPrivate(_ name: GroupName) -> Bool {
    for i in 0..<name.length where name[i] == UInt8(ascii: "#") { return true }
    return false
  }

  /// More piled up than may be kept (FlushLimits).
  public var isOverfull: Bool { groups.contains { $0.isOverfull } }

  // MARK: From the application

  /// The caller then sends the join. As in stock a second join is refused only once the first was heard of; until then
  /// the daemon takes both for one.
  public mutating func join(_ name: GroupName) throws(FlushRefusal) {
    if let index = index(name) {
      guard groups[index].isUnheardOf else { throw .illegalGroup }
      return
    }
    groups.append(FlushGroup(name: name, own: own))
  }

  /// The caller then sends the leave.
  public mutating func leave(_ name: GroupName) throws(FlushRefusal) {
    guard let index = index(name), groups[index].membership == .joined else { throw .illegalGroup }
    groups[index].membership = .leaving
  }

  /// The application agrees to the next view.
  public mutating func flush(_ name: GroupName, _ actions: inout [FlushAction]) throws(FlushRefusal) {
    guard let index = index(name) else { throw .illegalGroup }
    try groups[index].flush(&actions)
  }

  /// Whether a message may be sent now, and what it carries besides the user's bytes. `receivers` of a subgroup.
  public func decoration(
    of service: ServiceType, to name: GroupName, receivers: [GroupName]?
  ) throws(FlushRefusal) -> FlushDecoration {
    var decoration = FlushDecoration(reference: receivers == nil ? nil : name)
    if Self.isPrivate(name) {
      for receiver in receivers ?? [] where receiver != name { throw .illegalReceivers }
      return decoration
    }
    guard let index = index(name) else { throw .illegalGroup }
    decoration.vulnerableIn = try groups[index].sendingView(service)
    for receiver in receivers ?? [] where !groups[index].lists(receiver) { throw .illegalReceivers }
    return decoration
  }

  // MARK: From the daemon

  public mutating func membership(_ arrived: FlushMembership, _ actions: inout [FlushAction]) {
    guard let index = index(arrived.group) else { return }
    groups[index].change(arrived, &actions)
  }

  public mutating func transition(_ name: GroupName, _ actions: inout [FlushAction]) {
    guard let index = index(name) else { return }
    groups[index].transition(&actions)
  }

  public mutating func selfLeave(_ name: GroupName, _ actions: inout [FlushAction]) {
    groups.removeAll { $0.name == name }
    actions.append(.deliver(FlushMessage(type: .causedByLeave, sender: name, messageType: -1)))
  }

  public mutating func control(_ control: FlushControl, from sender: GroupName, _ actions: inout [FlushAction]) {
    guard let index = index(control.group) else { return }
    switch control.kind {
    case .agreement: groups[index].agreement(to: control.id, from: sender, &actions)
    case .installed: groups[index].installed(control.id, by: sender)
    }
  }

  /// What to do with a member's message to `name`, the reference group where a subgroup is meant.
  public func judge(
    _ service: ServiceType, to name: GroupName, from sender: GroupName, sentIn id: GroupID?
  ) -> FlushVerdict {
    if Self.isPrivate(name) { return .deliver }
    guard let index = index(name) else { return .drop }
    return groups[index].judge(service, from: sender, sentIn: id)
  }

  public mutating func hold(_ message: FlushMessage, _ name: GroupName) {
    guard let index = index(name) else { return }
    groups[index].hold(message)
  }
}
