// The type word of packets and tokens between daemons (daemon-ring 2.2).

/// Type bits without the byte order marks.
public struct PacketType: OptionSet, Sendable {
  public let rawValue: UInt32

  @inlinable public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// Never sent: such messages travel as `reliable`.
  public static let unreliable = PacketType(rawValue: 0x0000_0001)
  public static let reliable = PacketType(rawValue: 0x0000_0002)
  public static let fifo = PacketType(rawValue: 0x0000_0004)
  public static let agreed = PacketType(rawValue: 0x0000_0008)
  public static let safe = PacketType(rawValue: 0x0000_0010)
  /// The bits of data packets, of which each has exactly one.
  public static let regular = PacketType(rawValue: 0x0000_001f)
  /// To be sent on to the receiver's segment (daemon-ring 1.3).
  public static let routed = PacketType(rawValue: 0x0000_0020)
  public static let hurry = PacketType(rawValue: 0x0000_0040)
  public static let alive = PacketType(rawValue: 0x0000_0100)
  public static let join = PacketType(rawValue: 0x0000_0200)
  public static let refer = PacketType(rawValue: 0x0000_0400)
  public static let membership = PacketType(rawValue: 0x0000_0700)
  public static let form1 = PacketType(rawValue: 0x0000_1000)
  public static let form2 = PacketType(rawValue: 0x0000_2000)
  public static let form = PacketType(rawValue: 0x0000_3000)
  public static let status = PacketType(rawValue: 0x0100_0000)
  public static let partition = PacketType(rawValue: 0x0200_0000)
  public static let flowControl = PacketType(rawValue: 0x0400_0000)
  public static let reload = PacketType(rawValue: 0x0800_0000)
  public static let monitor = PacketType(rawValue: 0x0f00_0000)

  @usableFromInline static let roundShift: UInt32 = 16
  @usableFromInline static let repeatShift: UInt32 = 20

  /// The bits of a plain token with these counters.
  @inlinable public init(round: UInt8, repeats: UInt8) {
    rawValue = UInt32(round & 15) << Self.roundShift | UInt32(repeats & 15) << Self.repeatShift
  }

  /// Tokens: the round counter modulo 16 (ARQ).
  @inlinable public var round: UInt8 { UInt8(truncatingIfNeeded: rawValue >> Self.roundShift) & 15 }
  /// Tokens: the retransmission counter modulo 16 (RETRANS).
  @inlinable public var repeats: UInt8 { UInt8(truncatingIfNeeded: rawValue >> Self.repeatShift) & 15 }

  /// The type word as it is loaded in `order`, marks included.
  @inlinable func word(_ order: Endianness) -> UInt32 {
    rawValue & ~endianMarks | order.marks
  }

  /// Reads the first word of a datagram; nil when only one of the two marks is set.
  @inlinable static func read(_ bytes: UnsafeRawBufferPointer) -> (type: PacketType, order: Endianness)? {
    let word = bytes.u32(at: 0, .little)
    let marks = word & endianMarks
    if marks == endianMarks { return (PacketType(rawValue: word & ~endianMarks), .little) }
    if marks == 0 { return (PacketType(rawValue: word.byteSwapped), .big) }
    return nil
  }
}

/// The sizes of datagrams between daemons (daemon-ring 1.2).
public enum DatagramSize {
  /// Packets and tokens begin with this many bytes.
  public static let header = 40
  public static let maxPacket = 1472
  public static let maxPacketBody = maxPacket - header
  public static let maxToken = 65507
  /// Pieces of one message.
  public static let maxPieces = 100
}

/// The sizes of what the membership protocol carries (daemon-ring 1.2, 2.10, 4.3).
public enum MembershipSize {
  /// Ids in a members list.
  public static let members = 128
  /// A FORM2 token with 128 members is refused by its readers: a ring of 128 daemons can never form.
  public static let formedMembers = 127
  public static let representatives = 25
  public static let rings = 20
  public static let holes = 1600
  public static let segments = 20
}
