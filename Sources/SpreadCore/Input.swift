// Everything that can happen to a daemon. A run is a function of its inputs (docs/architecture.md, "Modules").

import SpreadWire

/// The time that comes in with every input. Two clocks, because timers need one that never jumps and membership
/// ids are made of wall clock seconds (daemon-ring 4.2).
public struct Instant: Equatable, Sendable {
  /// Monotonic.
  public var nanoseconds: UInt64
  /// Wall clock, seconds since 1970.
  public var wallSeconds: Int32

  public init(nanoseconds: UInt64, wallSeconds: Int32) {
    self.nanoseconds = nanoseconds
    self.wallSeconds = wallSeconds
  }
}

/// A client connection as shell and core both name it: a small number chosen by the shell, dense, free for
/// another connection only after the core asked to close it.
public struct SessionID: Hashable, Sendable {
  public var rawValue: Int32
  public init(_ rawValue: Int32) {
    self.rawValue = rawValue
  }
  public var index: Int { Int(rawValue) }
}

/// Where a client connection comes from.
public enum PeerAddress: Equatable, Sendable {
  case unixSocket
  case network(NetworkAddress)
}

/// How a connection ended on the other side.
public enum SessionEnd: Equatable, Sendable {
  case endOfStream
  /// errno of the failing read or write.
  case failure(Int32)
}

public enum TimerID: UInt8, CaseIterable, Sendable {
  /// The next deadline of a handshake.
  case admission
  // The ring and its forming (daemon-ring 4.2).
  case tokenLoss, hurry
  case alive, segmentEnd, represented, join, gatherEnd, lookup
  /// A token that went to another segment goes once more.
  case tokenCopy
  /// The next step of leaving.
  case leave
  /// A partition made by a monitor expires (monitor 3).
  case partitionEnd
  /// A configuration was read again and the ring is in operation: it is time to take it over.
  case reload
}

public enum Input {
  /// First input of every run.
  case start
  case sessionOpened(SessionID, PeerAddress)
  /// The next bytes of a client's stream, cut anywhere. Valid during the call only.
  case sessionBytes(SessionID, UnsafeRawBufferPointer)
  case sessionEnded(SessionID, SessionEnd)
  /// `messages` whole or partial messages remain queued after an attempt to write (never what one wake-up just
  /// produced). Reported after each attempt that left something.
  case sessionBacklog(SessionID, messages: Int)
  case timer(TimerID)
  /// A datagram on a packet socket. Valid during the call only, as is the next.
  case packet(UnsafeRawBufferPointer, from: NetworkAddress)
  /// A datagram on a token socket.
  case token(UnsafeRawBufferPointer, from: NetworkAddress)
  /// The configuration file was read again and is right; `accessRules` are those of spread.access_ip.
  indirect case reload(Configuration, accessRules: AccessRules?)
  /// Give back memory that the time since the last such input had no use for.
  case spareMemory
  /// Leave in order; `Outbox.departure` tells when that is done.
  case stop
}
