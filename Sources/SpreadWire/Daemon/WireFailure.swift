// Why a datagram or a GROUPS message was not understood. Decoders answer a value or one of these, never more:
// the daemon drops what failed and counts it by reason (daemon-ring 5.1, 6.2).

/// The reason a decoder refused its input. Dense from 0, so an array of `WireFailure.count` counters fits.
public enum WireFailure: UInt8, Error, CaseIterable, Sendable {
  // Any datagram (daemon-ring 2.1, 2.3, 2.7).
  /// Shorter than the 40-byte header.
  case shortHeader
  /// One byte order mark of two.
  case byteOrderMarks
  /// The datagram is not exactly header + length field.
  case length
  /// Longer than any packet or token may be.
  case tooLong
  /// No kind, or no single kind, for these type bits.
  case unknownType

  // Data packets (daemon-ring 2.4).
  /// A fragment header or its data runs past the end of the body.
  case fragmentBounds
  /// An index that is no piece of a message, or a later fragment that is not a whole message.
  case fragmentIndex
  /// A middle piece that does not fill its packet, an empty piece, or a whole message shorter than its header.
  case fragmentLength

  // Plain tokens (daemon-ring 2.7).
  /// A request entry cut off, or with no or a negative number of sequence numbers.
  case requestBounds
  /// Sequence numbers of a request not positive and ascending.
  case requestOrder

  // Lists in FORM tokens and membership packets (daemon-ring 2.9, 2.10).
  case memberCount
  case representativeCount
  /// The next representative to visit lies outside the list.
  case representativeIndex
  /// A type nobody knows, or one that may not stand here.
  case representativeType
  /// A segment number no configuration can have.
  case segment
  case ringCount
  case holeCount
  /// Missing sequence numbers not positive, ascending and at most the ring's highest.
  case holeOrder
  case commitCount
  case transitionalCount
  /// A daemon twice in the members of a FORM2 token.
  case duplicateMember
  /// The body ends before, or goes on after, what its counts promise.
  case bodyLength

  // Monitor commands (monitor 3, 4).
  /// Too short for the configured daemons.
  case monitorBody

  // GROUPS messages (daemon-groups 4).
  case groupsHeader
  case groupsFlag
  case groupsSyncedCount
  /// A record cut off, or a member name without its NUL.
  case groupsRecord

  public static var count: Int { allCases.count }
}
