// What the daemon has to tell its operator. Each event has a stable name and named fields; the shell makes text or
// JSON of it. Refusals and ends of sessions are always told, with their reason.

import SpreadWire

public enum LogLevel: UInt8, Sendable, Comparable {
  // The numbers of EventPriority (configuration 8).
  case debug = 1
  case info, warning, error, critical, print, fatal
  public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}

/// Why a connection was turned away before it became a session.
public enum RefusalReason: Equatable, Sendable {
  case sessionLimit
  case silent
  case endedEarly
  case version
  case nameLength
  case nameCharacter
  case nameInUse
  case authentication(AuthenticationRefusal)
  case authenticationSilent
}

/// Why a session ended.
public enum SessionEndReason: Equatable, Sendable {
  case clientLeft
  case endOfStream
  case failure(Int32)
  case badHeader(HeaderViolation)
  case tooSlow(queued: Int)
  case shutdown
}

/// What was wrong with a client's message (client-protocol 6.1, 6.2, 6.3).
public enum HeaderViolation: Equatable, Sendable {
  case kind(UInt32)
  case forbiddenBits(UInt32)
  case sender
  case groupCount(Int32)
  case hint
  case dataLength(Int32)
  case tooLong(Int)
  case groupMissing
  case groupUnterminated
}

public enum LogEvent: Sendable {
  case started(daemon: GroupName, process: ProcessID)
  case sessionAccepted(user: GroupName, SessionID, from: PeerAddress)
  case connectionRefused(user: GroupName?, from: PeerAddress, RefusalReason)
  case sessionEnded(user: GroupName, SessionID, from: PeerAddress, SessionEndReason)
  /// A regular membership of daemons was installed.
  case membership(MembershipID, DaemonSet)
  case tokenLost(TokenLossReason)
  case dropped(DropReport)
  case joinRefused(user: GroupName, group: GroupName, members: Int)
  /// A monitor divided the ring: so many daemons are no longer heard; 0: all are heard again.
  case partitioned(component: Int16, unheard: Int)
  /// The partition was not renewed in time.
  case partitionExpired
  /// A monitor changed the windows.
  case windowsChanged(window: Int, personal: Int, accelerated: Int)
  case reloadRequested(from: NetworkAddress)
  /// The configuration is taken over when the ring is in operation again.
  case reloadWaits
  case reloaded(ReloadSummary)
  case stopping(StopReason)
}
