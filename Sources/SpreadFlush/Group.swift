// One group of one mailbox: which view is installed, which one is being agreed to (events-and-flush 2.3).

import SpreadWire

/// What happens to a member's message.
public enum FlushVerdict: Equatable, Sendable {
  case deliver
  /// It overtook the view it was sent in.
  case hold
  case drop
}

struct FlushGroup {
  enum Membership { case joining, joined, leaving }
  enum Phase {
    case steady
    /// The application owes its agreement.
    case authorize
    /// Agreed; the agreements of the others are awaited.
    case agree
    /// Installed; not yet known to be so everywhere.
    case verify
  }

  let name: GroupName
  let own: GroupName
  var membership = Membership.joining
  private(set) var phase = Phase.agree
  /// The installed view.
  private(set) var view: FlushChange
  private var transitionShown = true
  /// The latest view below, and whether its daemons are in transition.
  private var below: MemberList?
  private var inTransition = false
  /// Changes to come, the first one is worked on.
  private var pending: [FlushChange] = []
  private var pendingNames = 0
  private var working: GroupID?
  private var early: [EarlyAgreement] = []
  private var earlyCount = 0
  private var held: [FlushMessage] = []
  private(set) var heldBytes = 0

  init(name: GroupName, own: GroupName) {
    self.name = name
    self.own = own
    view = FlushChange(alone: own)
  }

  /// No membership message came yet.
  var isUnheardOf: Bool { below == nil }

  /// More piled up than may be kept.
  var isOverfull: Bool { heldBytes > FlushLimits.heldBytes || pendingNames > FlushLimits.pendingNames }

  // MARK: From the application

  mutating func flush(_ actions: inout [FlushAction]) throws(FlushRefusal) {
    guard membership == .joined else { throw .illegalGroup }
    guard phase == .authorize, let working else { throw .illegalState }
    phase = .agree
    actions.append(.send(FlushControl(.agreement, name, working)))
  }

  /// The view to name in a message about to be sent; nil where its order protects it.
  func sendingView(_ service: ServiceType) throws(FlushRefusal) -> GroupID? {
    guard membership == .joined else { throw .illegalGroup }
    guard phase != .agree || bug(.sendsAfterAgreement) else { throw .illegalState }
    let isSettling = phase == .authorize || phase == .verify
    return isSettling && !service.isDisjoint(with: .unorderedAgainstViews) ? view.id : nil
  }

  // MARK: Views below

  mutating func change(_ arrived: FlushMembership, _ actions: inout [FlushAction]) {
    var change = FlushChange(arrived)
    adoptEarly(&change)
    let leavers = departures(arrived)
    let shrank = view.remove(leavers)
    collapse(leavers, before: &change)
    pending.append(change)
    countPending()
    below = change.members
    inTransition = false
    if pending[0].id != working {
      forgetHeld()
      startNext(&actions)
    }
    if shrank { showTransition(&actions) }
  }

  /// Who is not there any more.
  private func departures(_ arrived: FlushMembership) -> [GroupName] {
    if !arrived.type.isDisjoint(with: [.causedByLeave, .causedByDisconnect]) {
      return arrived.changed.map { [$0] } ?? []
    }
    guard arrived.type.contains(.causedByNetwork), let below else { return [] }
    let together = MemberList(arrived.together)
    return below.names.filter { together.index(of: $0) == nil }
  }

  /// Drops the changes that cannot be installed any more. What follows a dropped one stands for both.
  private mutating func collapse(_ leavers: [GroupName], before last: inout FlushChange) {
    var surviving: [FlushChange] = []
    var dropped = false
    for var change in pending {
      guard change.survives(leavers) else {
        dropped = true
        continue
      }
      _ = change.remove(leavers)
      if dropped { change.type = [.regularMembership, .causedByNetwork] }
      dropped = false
      surviving.append(change)
    }
    if dropped { last.type = [.regularMembership, .causedByNetwork] }
    pending = surviving
  }

  private mutating func countPending() {
    pendingNames = 0
    for change in pending { pendingNames += change.members.count }
  }

  private mutating func startNext(_ actions: inout [FlushAction]) {
    working = pending[0].id
    // Who leaves does not agree to anything more: the others wait for its leave.
    guard membership != .leaving else { return }
    switch phase {
    case .steady, .verify:
      phase = .authorize
      actions.append(.deliver(FlushMessage(type: .flushRequest, sender: name)))
    case .authorize:
      break
    case .agree:
      actions.append(.send(FlushControl(.agreement, name, pending[0].id)))
    }
  }

  mutating func transition(_ actions: inout [FlushAction]) {
    inTransition = true
    showTransition(&actions)
  }

  /// Once in each view.
  private mutating func showTransition(_ actions: inout [FlushAction]) {
    guard !transitionShown else { return }
    transitionShown = true
    actions.append(.deliver(FlushMessage(type: .transition, sender: name)))
  }

  // MARK: Agreements

  mutating func agreement(to id: GroupID, from sender: GroupName, _ actions: inout [FlushAction]) {
    guard let index = pending.firstIndex(where: { $0.id == id }) else {
      rememberEarly(id, sender)
      return
    }
    pending[index].agree(sender)
    guard phase == .agree, index == 0 else { return }
    if pending[0].isAgreed || bug(.oneAgreementShort) && pending[0].lacksOne { install(&actions) }
  }

  private mutating func rememberEarly(_ id: GroupID, _ sender: GroupName) {
    // What the daemons repeat or a member invents must not pile up.
    guard id != view.id else { return }
    if let index = early.firstIndex(where: { $0.id == id }) {
      guard !early[index].senders.contains(sender) else { return }
      early[index].senders.append(sender)
    } else {
      early.append(EarlyAgreement(id: id, senders: [sender]))
    }
    earlyCount += 1
    while earlyCount > FlushLimits.earlyAgreements || early.count > FlushLimits.earlyViews {
      earlyCount -= early.removeFirst().senders.count
    }
  }

  private mutating func adoptEarly(_ change: inout FlushChange) {
    var kept: [EarlyAgreement] = []
    for var entry in early {
      if entry.id == change.id {
        for sender in entry.senders { change.agree(sender) }
        earlyCount -= entry.senders.count
        continue
      }
      entry.age += 1
      if entry.age > FlushLimits.earlyAge {
        earlyCount -= entry.senders.count
      } else {
        kept.append(entry)
      }
    }
    early = kept
  }

  private mutating func install(_ actions: inout [FlushAction]) {
    let next = pending.removeFirst()
    countPending()
    working = nil
    actions.append(.deliver(viewMessage(next)))
    view = next
    phase = .verify
    transitionShown = false
    if membership == .joining { membership = .joined }
    if pending.isEmpty {
      actions.append(.send(FlushControl(.installed, name, view.id)))
    } else {
      startNext(&actions)
    }
    if view.lostMembers || inTransition, !bug(.lossNotTold) { showTransition(&actions) }
    for message in held { actions.append(.deliver(message)) }
    forgetHeld()
    settle()
  }

  mutating func installed(_ id: GroupID, by sender: GroupName) {
    if id == view.id {
      view.markInstalled(by: sender)
      settle()
    } else if let index = pending.firstIndex(where: { $0.id == id }) {
      pending[index].markInstalled(by: sender)
    }
  }

  private mutating func settle() {
    if phase == .verify, view.isInstalledEverywhere { phase = .steady }
  }

  /// The body has the layout of older Spread: group id 12 | count 4 | names. One set only: who changed, or who came
  /// along from the view before, in its order.
  private func viewMessage(_ next: FlushChange) -> FlushMessage {
    var names: [GroupName] = []
    if !next.type.contains(.causedByNetwork), let changed = next.changed {
      names = [changed]
    } else {
      let source = bug(.setOfNewView) ? next : view
      for (index, name) in source.members.names.enumerated() where source.present[index] && next.isPresent(name) {
        names.append(name)
      }
    }
    var body = [UInt8](repeating: 0, count: GroupID.size + 4 + names.count * GroupName.size)
    body.withUnsafeMutableBytes { bytes in
      let at = bytes.baseAddress!
      next.id.store(at: at, .native)
      at.put32(UInt32(names.count), at: GroupID.size, .native)
      for (i, name) in names.enumerated() { name.store(at: at + GroupID.size + 4 + i * GroupName.size) }
    }
    return FlushMessage(
      type: next.type, sender: name, groups: next.members.names,
      messageType: Int16(truncatingIfNeeded: next.members.index(of: own) ?? -1), body: body)
  }

  // MARK: Messages

  /// `sentIn` is the view a vulnerable message names.
  func judge(from sender: GroupName, sentIn id: GroupID?) -> FlushVerdict {
    if let id {
      if phase == .agree, id == working, pending[0].isPresent(sender) { return bug(.heldAtOnce) ? .deliver : .hold }
      // Stock delivers it in the wrong view.
      guard id == view.id else { return .drop }
    }
    return view.isPresent(sender) ? .deliver : .drop
  }

  mutating func hold(_ message: FlushMessage) {
    held.append(message)
    heldBytes += message.body.count + 128 + message.groups.count * GroupName.size
  }

  private mutating func forgetHeld() {
    held = []
    heldBytes = 0
  }

  /// The installed view has these members, also ones that left since.
  func lists(_ name: GroupName) -> Bool { view.members.index(of: name) != nil }
}
