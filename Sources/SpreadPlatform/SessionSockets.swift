// All client connections: accepting, reading, writing (client-protocol 2 and 9). The core decides what is said to
// whom; here it is decided in which system calls.
//
//   reading   one large read per readable client and wake-up, straight to the core
//   writing   everything one wake-up produced for a client leaves in one gathered write after all reads; what the
//             socket does not take waits until it is writable

import CSpreadSystem
import SpreadCore

/// Who takes what the sockets report. `SessionSockets` may be told to write and to close inside `handle`.
protocol SessionOwner: AnyObject {
  func handle(_ input: Input)
  /// False: no reading and accepting for now.
  var readsClients: Bool { get }
  /// The system is out of descriptors or memory: said once, until `acceptRecovered`.
  func acceptFailed(_ code: Int32)
  func acceptRecovered()
}

final class SessionSockets {
  enum Budget {
    /// Bytes read from clients before everything else gets a turn. Who is ready shares them, so that a flooding
    /// client's messages do not stand before those of others by the thousand.
    static let bytesPerTurn = 256 * 1024
    /// A client's share at least.
    static let leastShare = 16 * 1024
    /// Connections accepted from one listener per turn.
    static let acceptsPerTurn = 64
    /// Large, so that a fast sender's messages come in few calls: 10 to 15 % less CPU per message than 64 KiB.
    static let readBuffer = 192 * 1024
    /// Reads from a client that cannot be written to any more: more than a socket holds.
    static let lastReads = 4
    /// What send and receive buffers are raised to (client-protocol 2).
    static let socketBuffer: Int32 = 200 * 1024
    /// How long nothing is accepted after the system ran out of descriptors or memory.
    static let acceptPause: UInt64 = 100_000_000
  }

  /// Ready when a client can be read or a listener has a connection.
  let readable: DescriptorSet
  /// Ready when a client that something is queued for can be written.
  let writable: DescriptorSet
  private let listeners: [Listener]

  private var connections: [ClientConnection] = []
  private var freeSlots: [Int32] = []
  private var dirty: [Int32] = []
  private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: Budget.readBuffer, alignment: 64)
  private let gather = GatherList()
  /// Until then nothing is accepted; `.max`: accepting.
  private(set) var acceptAgainAt = UInt64.max
  private var cannotAccept = false
  /// Bytes read and queued for writing since the owner last set it to 0.
  var moved = 0

  init(listeners: [Listener]) throws(SystemError) {
    self.listeners = listeners
    readable = try DescriptorSet(capacity: 256)
    writable = try DescriptorSet(capacity: 256)
    for index in listeners.indices { try watch(listener: index) }
  }

  // MARK: What the core wants

  func write(_ id: SessionID, _ message: MessageBuffer) {
    let connection = connections[id.index]
    // To a client that only ended its own stream something may still be said.
    guard connection.state != .free, !connection.isDeaf else { return }
    connection.append(message)
    moved += message.count
    guard !connection.isDirty else { return }
    connection.isDirty = true
    dirty.append(id.rawValue)
  }

  func close(_ id: SessionID, flushing: Bool) {
    let connection = connections[id.index]
    precondition(connection.state != .free, "closed twice")
    if flushing, !connection.isDeaf {
      _ = connection.writeQueue(gather)
      // What lies unread would turn the close into a reset, and a reset may overtake the last words.
      _ = sys_shutdown_write(connection.descriptor)
      _ = sys_receive(connection.descriptor, input.baseAddress, input.count)
    }
    connection.close()
    freeSlots.append(id.rawValue)
  }

  // MARK: Reading

  /// One turn of reading and accepting.
  func readClients<Owner: SessionOwner>(for owner: Owner, at now: UInt64) {
    // What the last turn left of its batch comes first, so that no client is always the one left over.
    if readable.left == 0 { readable.wait(nanoseconds: 0) }
    var budget = Budget.bytesPerTurn
    let share = min(input.count, max(Budget.leastShare, budget / max(1, readable.left)))
    while budget > 0, owner.readsClients, let token = readable.next() {
      let slot = Self.slot(of: token)
      if slot < 0 {
        if acceptAgainAt == .max { accept(from: Int(-slot - 1), for: owner, at: now) }
      } else if let id = live(slot) {
        budget -= read(id, atMost: share, for: owner)
      }
    }
  }

  /// Gives back what a burst left.
  func spareMemory() {
    for connection in connections { connection.spareMemory() }
  }

  /// Answers the bytes read.
  private func read<Owner: SessionOwner>(_ id: SessionID, atMost share: Int, for owner: Owner) -> Int {
    let descriptor = connections[id.index].descriptor
    var count = sys_receive(descriptor, input.baseAddress, share)
    // A unix socket tells first that the other side left with something unread, then what it had sent before:
    // its last messages and its disconnect are not to be lost.
    if count == -Int(sys_econnreset) {
      let rest = sys_receive(descriptor, input.baseAddress, share)
      if rest > 0 { count = rest }
    }
    if count > 0 {
      moved += count
      owner.handle(.sessionBytes(id, UnsafeRawBufferPointer(start: input.baseAddress, count: count)))
    } else if count == 0 {
      end(id, .endOfStream, for: owner)
    } else if Int32(-count) != sys_eagain {
      end(id, .failure(Int32(-count)), for: owner)
    }
    return max(count, 0)
  }

  /// The other side is gone. From here on the socket is silent until the core closes it.
  private func end<Owner: SessionOwner>(_ id: SessionID, _ end: SessionEnd, for owner: Owner) {
    let connection = connections[id.index]
    connection.state = .ended
    readable.remove(connection.descriptor)
    watchForWriting(id, false)
    connection.dropQueue()
    if case .failure = end { connection.goDeaf() }
    owner.handle(.sessionEnded(id, end))
  }

  // MARK: Accepting

  private func watch(listener index: Int) throws(SystemError) {
    try readable.add(listeners[index].descriptor, for: .reading, token: Self.token(Int32(-index - 1)))
  }

  private func accept<Owner: SessionOwner>(from index: Int, for owner: Owner, at now: UInt64) {
    let listener = listeners[index]
    for _ in 0..<Budget.acceptsPerTurn where owner.readsClients {
      var peer = sys_address()
      let descriptor = sys_accept(listener.descriptor, &peer)
      guard descriptor >= 0 else {
        let code = -descriptor
        if code == sys_eagain {
          report(recovery: true, code, to: owner)
          return
        }
        if [sys_emfile, sys_enfile, sys_enobufs, sys_enomem].contains(code) {
          pauseAccepting(at: now)
          report(recovery: false, code, to: owner)
          return
        }
        // Everything else is about a connection that is gone before it was taken.
        continue
      }
      if !listener.isUnix { _ = sys_tune_tcp(descriptor) }
      _ = sys_set_buffers(descriptor, Budget.socketBuffer)
      open(descriptor, listener.isUnix ? .unixSocket : .network(NetworkAddress(peer)), for: owner)
    }
  }

  private func open<Owner: SessionOwner>(_ descriptor: Int32, _ peer: PeerAddress, for owner: Owner) {
    let slot = freeSlots.popLast() ?? newSlot()
    let connection = connections[Int(slot)]
    connection.open(descriptor)
    do {
      try readable.add(descriptor, for: .reading, token: Self.token(slot))
    } catch {
      connection.close()
      freeSlots.append(slot)
      report(recovery: false, error.code, to: owner)
      return
    }
    owner.handle(.sessionOpened(SessionID(slot), peer))
  }

  private func newSlot() -> Int32 {
    connections.append(ClientConnection())
    return Int32(connections.count - 1)
  }

  /// Out of descriptors or memory: whoever waits in the backlog goes on waiting, and we do not spin.
  private func pauseAccepting(at now: UInt64) {
    for listener in listeners { readable.remove(listener.descriptor) }
    acceptAgainAt = now + Budget.acceptPause
  }

  private func report<Owner: SessionOwner>(recovery: Bool, _ code: Int32, to owner: Owner) {
    guard cannotAccept == recovery else { return }
    cannotAccept = !recovery
    if recovery { owner.acceptRecovered() } else { owner.acceptFailed(code) }
  }

  /// To be called when `acceptAgainAt` is reached.
  func resumeAccepting() {
    acceptAgainAt = .max
    for index in listeners.indices { try? watch(listener: index) }
  }

  func closeListeners() {
    for listener in listeners { listener.close() }
  }

  // MARK: Writing

  /// Clients that `flush` would write to.
  var waiting: Int { dirty.count }

  /// Writes what this wake-up produced, also what comes up while the core hears about it.
  func flush<Owner: SessionOwner>(for owner: Owner) {
    var at = 0
    while at < dirty.count {
      let id = SessionID(dirty[at])
      at += 1
      let connection = connections[id.index]
      connection.isDirty = false
      if connection.state == .open { writeQueue(id, for: owner) }
    }
    dirty.removeAll(keepingCapacity: true)
  }

  /// Goes on with clients whose sockets have room again.
  func continueWriting<Owner: SessionOwner>(for owner: Owner) {
    writable.wait(nanoseconds: 0)
    while let token = writable.next() {
      if let id = live(Self.slot(of: token)) { writeQueue(id, for: owner) }
    }
  }

  private func writeQueue<Owner: SessionOwner>(_ id: SessionID, for owner: Owner) {
    switch connections[id.index].writeQueue(gather) {
    case .drained:
      watchForWriting(id, false)
    case .left(let messages):
      watchForWriting(id, true)
      owner.handle(.sessionBacklog(id, messages: messages))
    case .failed(let code):
      connections[id.index].goDeaf()
      watchForWriting(id, false)
      // What the client said before it went is still to be heard: at most what its socket holds.
      for _ in 0..<Budget.lastReads {
        guard connections[id.index].state == .open, read(id, atMost: input.count, for: owner) > 0 else { break }
      }
      if connections[id.index].state == .open { end(id, .failure(code), for: owner) }
    }
  }

  private func watchForWriting(_ id: SessionID, _ wanted: Bool) {
    let connection = connections[id.index]
    guard connection.isWatchedForWriting != wanted else { return }
    connection.isWatchedForWriting = wanted
    if wanted {
      try? writable.add(connection.descriptor, for: .writing, token: Self.token(id.rawValue))
    } else {
      writable.remove(connection.descriptor)
    }
  }

  // MARK: Tokens

  // A slot; listeners are below zero. An event may be stale: its connection is gone, and even its slot may have
  // another one by now. For that one it means a read or write that finds nothing to do.
  private static func token(_ slot: Int32) -> UInt64 { UInt64(UInt32(bitPattern: slot)) }
  private static func slot(of token: UInt64) -> Int32 { Int32(bitPattern: UInt32(truncatingIfNeeded: token)) }

  private func live(_ slot: Int32) -> SessionID? {
    connections[Int(slot)].state == .open ? SessionID(slot) : nil
  }
}
