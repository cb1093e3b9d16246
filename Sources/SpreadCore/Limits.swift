// Every bound of the daemon in one place, with its source.

public enum Limits {
  /// Sessions of one daemon (client-protocol 1).
  public static let sessions = 997
  /// Destinations of one message (client-protocol 1).
  public static let groupsPerMessage = 100
  /// Body of a data packet, also the size of the pieces a message is cut into (daemon-ring 1.2).
  public static let packetBody = 1432
  /// Pieces of a message (daemon-ring 1.2).
  public static let fragmentsPerMessage = 100
  /// data + 32 * groups of the largest message a ring can carry (client-protocol 6.3).
  public static let messageBody = packetBody * fragmentsPerMessage - 48
  /// data_len and data + groups as stock's header check bounds them (client-protocol 6.1 rules 6 and 7).
  public static let headerDataLength: Int32 = 144_000
  /// A whole CONNECT record must be there this long after accept (client-protocol 3.2 rule 1).
  public static let greetingNanoseconds: UInt64 = 1_000_000_000
  /// The choice of an authentication method must come within this time (docs/architecture.md, decisions).
  public static let choiceNanoseconds: UInt64 = 30_000_000_000
  /// Messages waiting for the token at which clients are no longer read (client-protocol 1).
  public static let waterMark = 500
  /// Local members of one group, and members in all: what a stock peer can carry in one message.
  public static let localMembersPerGroup = 3122
  public static let membersPerGroup = 4400
}
