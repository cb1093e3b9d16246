// What goes into the Flush machine and what comes out of it (events-and-flush 2.1, 2.2).

import SpreadWire

extension ServiceType {
  /// Delivered, never on the wire: the application is asked for its agreement.
  public static var flushRequest: ServiceType { ServiceType(rawValue: 0x2000_0000) }
  /// Sent to some members of a group.
  public static var subgroup: ServiceType { ServiceType(rawValue: 0x4000_0000) }
  /// Services that the daemons do not order against views.
  public static var unorderedAgainstViews: ServiceType { [.unreliable, .reliable, .fifo] }
  /// Those that in fact overtake what came before (daemon-ring 3.10).
  static var overtakingViews: ServiceType { [.unreliable, .reliable] }
  /// Bits that no sender may set (events-and-flush 2.2).
  public static var forbiddenForFlush: ServiceType {
    ServiceType(rawValue: 0x2000_0000 | 0x3f00 | endianMarks | 0x3f_c000)
  }
}

/// A message for the application.
public struct FlushMessage: Equatable, Sendable {
  public var type: ServiceType
  /// A member, or the group for everything that is not a member's message.
  public var sender: GroupName
  public var groups: [GroupName]
  public var messageType: Int16
  /// The sender has the other byte order.
  public var isForeignOrder: Bool
  public var body: [UInt8]

  public init(
    type: ServiceType, sender: GroupName, groups: [GroupName] = [], messageType: Int16 = 0,
    isForeignOrder: Bool = false, body: [UInt8] = []
  ) {
    self.type = type
    self.sender = sender
    self.groups = groups
    self.messageType = messageType
    self.isForeignOrder = isForeignOrder
    self.body = body
  }
}

/// A regular membership message of the layer below, taken apart.
public struct FlushMembership: Equatable, Sendable {
  public var group: GroupName
  /// With its cause.
  public var type: ServiceType
  public var id: GroupID
  public var members: [GroupName]
  /// Who joined, left or disconnected; for network changes nobody.
  public var changed: GroupName?
  /// The members that came along with this one.
  public var together: [GroupName]

  public init(
    group: GroupName, type: ServiceType, id: GroupID, members: [GroupName], changed: GroupName?,
    together: [GroupName]
  ) {
    self.group = group
    self.type = type
    self.id = id
    self.members = members
    self.changed = changed
    self.together = together
  }

  /// From a membership body in this machine's order; nil when it is malformed (client-protocol 7.2).
  public init?(group: GroupName, type: ServiceType, members: [GroupName], body: UnsafeRawBufferPointer) {
    guard let id = GroupID(body, .native), body.count >= MembershipBody.setsOffset else { return nil }
    let own = Int(body.u32(at: MembershipBody.ownSetOffset, .native))
    // The first set names the changed member where one changed, the own set where the network did.
    let isNetwork = type.contains(.causedByNetwork)
    var reader = ByteReader(body, order: .native, from: MembershipBody.setsOffset + (isNetwork ? own : 0))
    guard let count = reader.u32(), Int(count) <= reader.remaining / GroupName.size else { return nil }
    var names: [GroupName] = []
    names.reserveCapacity(Int(count))
    for _ in 0..<count { names.append(reader.name()!.normalized) }
    guard isNetwork || !names.isEmpty else { return nil }
    self.init(
      group: group, type: type, id: id, members: members, changed: isNetwork ? nil : names[0],
      together: isNetwork ? names : members)
  }
}

extension GroupID {
  /// The first 12 of `bytes`; nil when there are fewer.
  public init?(_ bytes: UnsafeRawBufferPointer, _ order: Endianness) {
    guard bytes.count >= GroupID.size else { return nil }
    self.init(
      MembershipID(ProcessID(bytes.u32(at: 0, order)), bytes.i32(at: 4, order)), index: bytes.i32(at: 8, order))
  }
}

/// What the members tell each other.
public struct FlushControl: Equatable, Sendable {
  public enum Kind: Sendable {
    /// The sender agrees to the view `id` and sends nothing more before it.
    case agreement
    /// The sender installed the view `id`.
    case installed
  }
  public var kind: Kind
  public var group: GroupName
  public var id: GroupID

  public init(_ kind: Kind, _ group: GroupName, _ id: GroupID) {
    self.kind = kind
    self.group = group
    self.id = id
  }

  public var messageType: Int16 { kind == .agreement ? FlushWire.agreement : FlushWire.installed }
}

/// What is to be done, in order.
public enum FlushAction: Equatable, Sendable {
  case send(FlushControl)
  case deliver(FlushMessage)
}

/// Why a call was refused.
public enum FlushRefusal: Error, Equatable, Sendable {
  case illegalGroup
  case illegalState
  case illegalReceivers
}

/// What may pile up in the machine; behind it a mailbox is closed like that of a reader too slow.
public enum FlushLimits {
  /// Bytes of the messages that overtook their view, their own overhead included.
  public static var heldBytes: Int { 16 << 20 }
  /// Names in the changes that wait for agreement, in one group.
  public static var pendingNames: Int { 1 << 20 }
  /// Agreements to views not yet heard of, in one group: the oldest are forgotten.
  public static var earlyAgreements: Int { 16384 }
  /// And so many different views.
  public static var earlyViews: Int { 64 }
  /// Views an early agreement waits for its own.
  public static var earlyAge: Int { 200 }
}
