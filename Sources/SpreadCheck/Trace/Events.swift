// What recorders write down (evs-properties 2): client events, seen above the library, and daemon events.
// The values are plain integers; lists stand in tables of the trace.

import SpreadWire

public enum Service: UInt8, CaseIterable, Sendable {
  case unreliable, reliable, fifo, causal, agreed, safe

  /// UNRELIABLE = RELIABLE = 1, FIFO = 2, CAUSAL = AGREED = 3, SAFE = 4 (evs-properties 3).
  public var rank: Int {
    switch self {
    case .unreliable, .reliable: 1
    case .fifo: 2
    case .causal, .agreed: 3
    case .safe: 4
    }
  }
}

/// What a message carries, at its sender and at its receivers.
public struct Payload: Equatable, Sendable {
  public var service: Service
  public var groups: NameListID
  public var selfDiscard: Bool
  /// The application's message type and a hash of the data; nil when not recorded.
  public var type: Int16?
  public var hash: UInt64?
  /// Bytes of data.
  public var length: Int32

  public init(
    _ service: Service, _ groups: NameListID, selfDiscard: Bool = false, type: Int16? = nil, hash: UInt64? = nil,
    length: Int32 = 0
  ) {
    self.service = service
    self.groups = groups
    self.selfDiscard = selfDiscard
    self.type = type
    self.hash = hash
    self.length = length
  }
}

public enum Cause: UInt8, CaseIterable, Sendable {
  case join, leave, disconnect, network
  var isLight: Bool { self != .network }
}

/// A regular membership message of a group.
public struct ViewRecord: Equatable, Sendable {
  public var id: GroupID
  public var members: [NameID]
  /// Place of the receiver in `members` as the library reported it.
  public var index: Int
  public var cause: Cause
  /// JOIN, LEAVE, DISCONNECT: who.
  public var changed: NameID?
  public var sets: [[NameID]]
  /// Which of `sets` the receiver came with.
  public var mine: Int

  public init(
    id: GroupID, members: [NameID], index: Int, cause: Cause, changed: NameID? = nil, sets: [[NameID]], mine: Int = 0
  ) {
    self.id = id
    self.members = members
    self.index = index
    self.cause = cause
    self.changed = changed
    self.sets = sets
    self.mine = mine
  }
}

/// Index into a table of the trace.
public typealias TableIndex = Int32

/// Above which calls a session is recorded.
public enum Layer: String, Sendable {
  /// The plain ones, SP_*.
  case core
  /// View synchrony, FL_* (evs-properties 9).
  case flush
}

public enum ClientEvent: Sendable {
  /// A connect call succeeded.
  case connect(daemon: NameID, name: NameID, wantsMembership: Bool)
  /// Just before the send call.
  case send(MessageID, Payload)
  case sent(MessageID, result: Int32)
  case join(NameID, result: Int32)
  case leave(NameID, result: Int32)
  case receive(MessageID, sender: NameID, Payload)
  /// Transitional signal of a group.
  case signal(NameID, GroupID)
  /// A view of a group; the record is `trace.views[index]`.
  case view(NameID, TableIndex)
  /// The leave notice without REG bit.
  case selfLeave(NameID)
  /// An own message came back rejected.
  case reject(MessageID)
  /// Flush only: the application is asked to agree to the next view of a group.
  case flushRequest(NameID)
  /// Flush only: it agreed, and what the call returned.
  case flush(NameID, result: Int32)
  /// Connection lost (result) or closed by us (0).
  case closed(result: Int32)
}

public enum ConfigurationKind: UInt8, Sendable {
  case regular, transitional
}

public struct ConfigurationRecord: Equatable, Sendable {
  public var kind: ConfigurationKind
  public var id: MembershipID
  /// In the order of the configuration file.
  public var members: [NameID]
  /// Transitional only.
  public var commit: [NameID]

  public init(_ kind: ConfigurationKind, _ id: MembershipID, members: [NameID], commit: [NameID] = []) {
    self.kind = kind
    self.id = id
    self.members = members
    self.commit = commit
  }
}

/// A piece of a message in a packet; no id for messages that daemons make themselves.
public struct FragmentRecord: Equatable, Sendable {
  public var message: MessageID?
  /// k: the k-th piece, not the last; -n: the last of n.
  public var index: Int16

  public init(_ message: MessageID?, _ index: Int16) {
    self.message = message
    self.index = index
  }
}

public struct TokenRecord: Equatable, Sendable {
  /// in: accepted. out: the end of the visit, whether the token was sent or held.
  public var isOut: Bool
  public var sequence: Int32
  public var aru: Int32
  public var aruProcess: ProcessID
  public var round: UInt8
  public var repeats: UInt8
  public var flowControl: Int32
  /// out: sequence numbers this daemon asks for itself, in `trace.sequences[index]`; -1 for none.
  public var requests: TableIndex

  public init(
    isOut: Bool, sequence: Int32, aru: Int32, aruProcess: ProcessID = ProcessID(0), round: UInt8 = 0,
    repeats: UInt8 = 0, flowControl: Int32 = 0, requests: TableIndex = -1
  ) {
    self.isOut = isOut
    self.sequence = sequence
    self.aru = aru
    self.aruProcess = aruProcess
    self.round = round
    self.repeats = repeats
    self.flowControl = flowControl
    self.requests = requests
  }
}

/// The sequence variables of a daemon.
public struct HorizonRecord: Equatable, Sendable {
  public var myAru: Int32
  public var aru: Int32
  public var highest: Int32
  public var discarded: Int32
  public var delivered: Int32
  /// The installed ring works: OP, or GATHER with a live token. Recorded as false before anything is delivered by
  /// a FORM2 token or a recovery, because both move these variables by other rules.
  public var isOperating: Bool

  public init(
    myAru: Int32, aru: Int32, highest: Int32, discarded: Int32, delivered: Int32, isOperating: Bool = true
  ) {
    self.myAru = myAru
    self.aru = aru
    self.highest = highest
    self.discarded = discarded
    self.delivered = delivered
    self.isOperating = isOperating
  }
}

public enum Phase: UInt8, Sendable {
  /// Before, after the transitional configuration.
  case pre, post
}

/// The numbers of the status report.
public enum GroupsState: UInt8, Sendable {
  case operating = 1
  case transitional, gathering, gatheringTransitional
}

public struct GroupTableRecord: Equatable, Sendable {
  public struct Group: Equatable, Hashable, Sendable {
    public var name: NameID
    public var id: GroupID
    public var members: [NameID]

    public init(_ name: NameID, _ id: GroupID, members: [NameID]) {
      self.name = name
      self.id = id
      self.members = members
    }
  }
  public var state: GroupsState
  public var groups: [Group]

  public init(_ state: GroupsState, _ groups: [Group]) {
    self.state = state
    self.groups = groups
  }
}

public enum SessionAction: UInt8, Sendable {
  case deliver, kill
}

public enum DaemonEvent: Sendable {
  case start(incarnation: Int32)
  case stop
  /// It left in order, and all it had numbered had reached the whole ring.
  case left
  /// `trace.configurations[index]`
  case configuration(TableIndex)
  /// This daemon gave a packet its number: ring, number, packet type's service, `trace.fragments[index]`.
  case sequence(MembershipID, Int32, Service, TableIndex)
  /// A packet was accepted from the network.
  case have(MembershipID, Int32, hash: UInt64)
  case token(MembershipID, TokenRecord)
  case horizon(MembershipID, HorizonRecord)
  /// A message, whose last piece was in packet (ring, number), was handed to the session layer.
  case deliver(MembershipID, Int32, MessageID?, Service, Phase)
  /// `trace.tables[index]`, after each change.
  case groups(TableIndex)
  case session(NameID, queued: Int32, SessionAction)
}
