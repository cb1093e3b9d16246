// What the daemon wants done. One outbox is reused for ever: no allocation per step in the steady state.
// The order inside each list is meaningful and kept by the shell.

import SpreadWire

public enum SessionAction {
  /// Queue the whole buffer for the client; buffers are shared between receivers and never change afterwards.
  case write(SessionID, MessageBuffer)
  /// `flushing`: try once to write what is queued, then close. Otherwise the queue is dropped, the stream may end
  /// inside a message (client-protocol 9). The id is free for another connection from here on.
  case close(SessionID, flushing: Bool)
}

public struct TimerAction {
  public var timer: TimerID
  /// Monotonic nanoseconds; nil cancels. Setting replaces.
  public var deadline: UInt64?
}

/// What the daemon wants of the program it runs in.
public struct Orders: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Read the configuration file again and say `reload`.
  public static let readConfiguration = Orders(rawValue: 1)
  /// The configuration is another one from this step on, before its datagrams: positions count anew.
  public static let configurationChanged = Orders(rawValue: 2)
}

/// Where a datagram goes.
public enum Destination: Equatable, Sendable {
  /// A configured daemon, by position: its packet port, for tokens its token port.
  case daemon(Int)
  /// All addresses of my own segment.
  case segment
  /// A monitor, from the status socket (daemon-ring 1.1).
  case monitor(NetworkAddress, port: UInt16)
}

public struct Datagram {
  public enum Kind: Equatable, Sendable { case packet, token }
  public var kind: Kind
  public var destination: Destination
  /// Where the bytes lie in the outbox: see `Outbox.bytes(of:)`.
  public var offset: Int
  public var length: Int
}

public struct Outbox {
  /// In the order of sending: packets before the token, the token, packets behind it.
  public private(set) var datagrams: [Datagram] = []
  private let arena = Arena()
  /// Set: queued tokens are read before queued packets (accelerated ring, daemon-ring 3.7). Else packets first.
  public var preferToken = false
  public var sessions: [SessionAction] = []
  public var timers: [TimerAction] = []
  public var log: [LogEvent] = []
  public var orders: Orders = []
  /// Whether the shell may read client sockets and accept. Stays as last said (client-protocol 9, "Towards senders").
  public var readClients = true
  /// Set when this daemon has left in order: there is nothing more to be done. Stays.
  public var departure: Departure?
  /// Set by recorders; nothing is observed otherwise.
  public var observes = false
  public var observations: [Observation] = []

  public init() {
    sessions.reserveCapacity(1024)
  }

  /// Empties the lists and keeps their memory.
  public mutating func reset() {
    // Most are empty after most steps, and asking is cheaper than emptying.
    if !datagrams.isEmpty { datagrams.removeAll(keepingCapacity: true) }
    arena.used = 0
    if !sessions.isEmpty { sessions.removeAll(keepingCapacity: true) }
    if !timers.isEmpty { timers.removeAll(keepingCapacity: true) }
    if !log.isEmpty { log.removeAll(keepingCapacity: true) }
    orders = []
    if !observations.isEmpty { observations.removeAll(keepingCapacity: true) }
  }
}

extension Outbox {
  /// The bytes of a datagram; valid until the next change of the outbox.
  public func bytes(of datagram: Datagram) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: arena.base + datagram.offset, count: datagram.length)
  }

  /// The bytes that an observation points to.
  public func bytes(in range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: arena.base + range.lowerBound, count: range.count)
  }

  /// Keeps a copy for an observation.
  mutating func keep(_ bytes: UnsafeRawBufferPointer) -> Range<Int> {
    let offset = arena.append(bytes)
    return offset..<offset + bytes.count
  }

  /// Adds a copy of `bytes`; answers where it lies, for changes before the next call.
  mutating func append(_ bytes: UnsafeRawBufferPointer, _ kind: Datagram.Kind, to destination: Destination)
    -> UnsafeMutableRawPointer
  {
    let offset = arena.append(bytes)
    datagrams.append(Datagram(kind: kind, destination: destination, offset: offset, length: bytes.count))
    return arena.base + offset
  }
}

/// Memory that only grows.
private final class Arena {
  var base: UnsafeMutableRawPointer
  var capacity = 65536
  var used = 0

  init() { base = .allocate(byteCount: capacity, alignment: 16) }
  deinit { base.deallocate() }

  func append(_ bytes: UnsafeRawBufferPointer) -> Int {
    if used + bytes.count > capacity { grow(used + bytes.count) }
    let offset = used
    if let from = bytes.baseAddress { (base + offset).copyMemory(from: from, byteCount: bytes.count) }
    used += bytes.count
    return offset
  }

  private func grow(_ needed: Int) {
    capacity = Swift.max(needed, capacity * 2)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    larger.copyMemory(from: base, byteCount: used)
    base.deallocate()
    base = larger
  }
}
