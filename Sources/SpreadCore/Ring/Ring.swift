// Ordering: the token, packets, aru, retransmission, delivery (daemon-ring 3), and the recovery of an old ring's
// packets on the way into a new one (daemon-ring 4.7, 4.8).
//
//   phase       token               data packets of my ring        passes of delivery
//   stopped     swallowed           stored                         none
//   operation   processed           stored, delivered              per threshold
//   recovery    processed           stored                         none until the installation
//
// The ring does not know how memberships come about: `stop`, `beginRecovery` and the events it emits are its whole
// connection with them. Parts: TokenHandler, Repetition, Retransmission, Packing, Delivery, Recovery.

import DequeModule
import SpreadWire

/// What may be delivered now (daemon-ring 3.10, "Threshold").
enum DeliveryThreshold {
  /// Nothing but what the safe pass finds: from the loss of the token, or the first FORM token, until groups are told.
  case blocked
  /// Agreed and safe passes only: while groups exchange their state.
  case agreed
  /// Reliable messages as soon as they are here.
  case open
}

/// What comes out of the ring, in order.
enum RingEvent {
  /// A whole message. `origin` is the position of the daemon that sequenced it.
  case message(MessageBuffer, origin: Int, sequence: Int32)
  case transitional(DaemonSet, MembershipID, commit: [Int])
  case regular(DaemonSet, MembershipID)
}

/// What the caller has to do after a step of the ring.
enum RingOutcome: Equatable {
  case done
  /// The token was not taken.
  case ignored(DropReason)
  /// The ring is broken; the reason is for the log.
  case loseToken(TokenLossReason)
  /// The new ring is installed.
  case installed
}

public enum TokenLossReason: Equatable, Sendable {
  /// No token for the token timeout.
  case timeout
  /// The aru went down: a peer contradicts itself (stock exits).
  case aruWentDown
  /// A request for what everybody has (stock exits).
  case requestBelowAru
  /// The aru covers a packet that is not here (stock exits).
  case aruBeyondHeld
  /// A token claims more packets than flow control allows to be under way.
  case sequenceTooHigh
  /// A daemon alone has come to the end of the sequence numbers.
  case numbersUsedUp
  /// Recovery took more than 500 rounds.
  case recoveryTooLong
  /// A packet that belongs to a message whose earlier piece never came (stock exits).
  case brokenMessage
  /// Another daemon of the ring, or one that forms a new one, was heard.
  case membershipMessage
  /// FORM2 did not come back in time.
  case formTimeout
  /// FORM2 says of my ring what cannot be.
  case contradictoryForm
  /// The daemon has just started.
  case started
  /// Another configuration is taken over.
  case reload
}

struct RingSettings {
  var window = 160
  var personalWindow = 20
  var acceleratedWindow = 15
  var accelerated = false
  var wide = false
  /// Ours (Repetition.swift): repeat early what seems lost; send tokens twice while datagrams get lost.
  var repeatsEarly = true
  var copiesTokens = true
  /// Tests only.
  var lateStart = LateStart()
}

struct Ring {
  enum Phase {
    case stopped
    case operation
    case recovery(Recovery)
  }

  var topology: Topology
  var settings: RingSettings
  var timeouts: Timeouts

  var phase = Phase.stopped
  /// The membership whose packets are stored here: in recovery the old one.
  var installedID: MembershipID
  /// The ring whose token goes around: in recovery the future one. Meaningless while stopped.
  var active: DaemonSet
  var activeID: MembershipID

  // daemon-ring 0, "State variables".
  var highest: Int32 = 0
  var myAru: Int32 = 0
  var aru: Int32 = 0
  var lastDiscarded: Int32 = 0
  var lastDelivered: Int32 = 0
  /// What the ring's numbers begin behind: 0 (`lateStart`).
  var start: Int32 = 0
  /// Daemons that were promised the old ring's messages; grows only when a recovery fails after its aru was raised.
  var commitSet: [Int]

  /// Header of the last token this daemon passed on.
  var lastToken: TokenHeader
  var tokenRounds: Int32 = 0
  var receivedRounds: Int32 = 0
  /// Rounds in which nothing was under way.
  var tokenCounter = 0
  /// The last packet of mine.
  var lastNumbered: Int32 = 0
  var lastRetransmitted = 0
  var lastSent = 0
  var justInstalled = false

  // Repetition.
  var rotation = RotationTime()
  /// I lead and keep the token, because nothing is under way.
  var holdsToken = false
  /// The count that the first repetition of an unanswered token had, at the leader.
  var firstRepetition: UInt8?
  /// Tokens are sent twice until then.
  var copiesUntil: UInt64 = 0
  /// Bytes of the last token in `store.tokenMemory`, to be sent to another segment once more; 0: none.
  var tokenToCopy = 0
  /// New packets of mine to be sent to the other segments once more.
  var packetsToCopy: ClosedRange<Int32>?
  var copyTimerIsSet = false
  /// HURRY packets since the last token.
  var hurriesSent: UInt64 = 0

  let store = PacketStore()
  var threshold = DeliveryThreshold.open
  var events = Deque<RingEvent>()
  /// Messages under construction, by position of their origin.
  var assembly: [Assembly?]
  var pool = MessagePool()

  // Packing.
  var down = DownQueue()
  var groupsDown = DownQueue()
  /// While groups exchange their state, only their messages are sent.
  var exchanging = false
  /// Packets kept back until the token is gone (accelerated ring).
  var keptBack = Deque<Int32>()
  /// My messages of several pieces that are not delivered yet, with the number of the packet that has the last piece:
  /// what is delivered here is the message itself, so its pieces need not be put together again.
  var sentInPieces = Deque<(message: MessageBuffer, last: Int32)>()

  var counters = RingCounters()

  init(_ topology: Topology, settings: RingSettings, timeouts: Timeouts) {
    self.topology = topology
    self.settings = settings
    self.timeouts = timeouts
    // A daemon that has just started is a ring of its own, with a time that is no time (daemon-ring 0).
    installedID = MembershipID(topology.myID, -1)
    activeID = installedID
    active = DaemonSet([topology.me])
    commitSet = [topology.me]
    lastToken = Ring.zeroToken(topology)
    assembly = Array(repeating: nil, count: topology.ids.count)
  }

  /// How far a sequence number may lie above what was discarded.
  static let reach: Int32 = PacketStore.slotCount - 1

  /// Packets above what everybody has and the 1600 of daemon-ring 3.6.
  static let slotsPerRound = 4096

  static func zeroToken(_ topology: Topology) -> TokenHeader {
    TokenHeader(
      type: [], transmitter: topology.myID, process: topology.myID, membership: MembershipID(topology.myID, 0),
      configurationHash: topology.hash)
  }

  var isTokenAlive: Bool {
    if case .stopped = phase { return false }
    return true
  }
  var isRecovering: Bool {
    if case .recovery = phase { return true }
    return false
  }
  var isInOperation: Bool {
    if case .operation = phase { return true }
    return false
  }

  var leads: Bool { active.first == topology.me }
  var isAlone: Bool { active.count == 1 }

  /// Messages of clients that wait for the token.
  var waiting: Int { down.count }

  // MARK: Submitting

  /// Queues a message of this daemon; wakes a held token when it is the first (daemon-ring 3.8).
  mutating func submit(
    _ message: MessageBuffer, _ packetClass: PacketClass, _ wire: inout Transmitter, at now: Instant,
    into out: inout Outbox
  ) {
    down.append(message, packetClass)
    if down.count == 1 { wake(&wire, at: now, into: &out) }
  }

  /// Queues a message of the groups layer, sent before all others (daemon-groups 4).
  mutating func submitGroups(
    _ message: MessageBuffer, _ packetClass: PacketClass, _ wire: inout Transmitter, at now: Instant,
    into out: inout Outbox
  ) {
    groupsDown.append(message, packetClass)
    if groupsDown.count == 1 { wake(&wire, at: now, into: &out) }
  }

  /// Whoever could not send until now may.
  mutating func wakeIfWaiting(_ wire: inout Transmitter, at now: Instant, into out: inout Outbox) {
    if !down.isEmpty { wake(&wire, at: now, into: &out) }
  }

  private mutating func wake(_ wire: inout Transmitter, at now: Instant, into out: inout Outbox) {
    guard mayHold else { return }
    if leads {
      hurryRequested(by: topology.me, &wire, at: now, into: &out)
    } else {
      hurriesSent = 0
      hurryLeader(&wire, at: now, into: &out)
    }
  }

  /// Nothing of mine waits for the token.
  var queueIsEmpty: Bool { exchanging ? groupsDown.isEmpty : down.isEmpty }

  /// Everybody has everything that this daemon was given to send.
  var isDrained: Bool { down.isEmpty && groupsDown.isEmpty && lastNumbered <= aru }

  /// Gives back the memory of a burst.
  mutating func spareMemory() {
    pool.trim()
    store.spareMemory()
  }

  // MARK: Stopping

  /// The token is gone: of the ring's packets and variables everything stays, for the recovery.
  /// (Its timers belong to the membership from here on.)
  mutating func stop(into out: inout Outbox) {
    if case .recovery = phase { abandonRecovery() }
    phase = .stopped
    threshold = .blocked
    lastToken = Ring.zeroToken(topology)
    keptBack.removeAll(keepingCapacity: true)
    holdsToken = false
    tokenToCopy = 0
    packetsToCopy = nil
    hurriesSent = 0
    firstRepetition = nil
    rotation = RotationTime()
    out.preferToken = false
  }

  // MARK: Timers

  func arm(_ timer: TimerID, _ milliseconds: Int, at now: Instant, into out: inout Outbox) {
    out.timers.append(
      TimerAction(timer: timer, deadline: now.nanoseconds + UInt64(milliseconds) * 1_000_000))
  }

  func cancel(_ timer: TimerID, into out: inout Outbox) {
    out.timers.append(TimerAction(timer: timer, deadline: nil))
  }
}

/// What the status report and the logs count (monitor 4).
public struct RingCounters: Equatable, Sendable {
  public var sent = 0
  public var received = 0
  public var delivered = 0
  public var retransmittedToOne = 0
  public var retransmittedToSegment = 0
  public var retransmittedToAll = 0
  public var tokenHurries = 0
  public var messagesDelivered = 0
  /// Messages whose pieces or lengths do not fit: a peer contradicts itself.
  public var brokenMessages = 0
}
