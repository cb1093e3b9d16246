// The type word of client messages (client-protocol 5).

/// Service, cause and kind bits of a message, without the endian marks.
public struct ServiceType: OptionSet, Sendable {
  public let rawValue: UInt32

  @inlinable public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  public static let unreliable = ServiceType(rawValue: 0x0000_0001)
  public static let reliable = ServiceType(rawValue: 0x0000_0002)
  public static let fifo = ServiceType(rawValue: 0x0000_0004)
  public static let causal = ServiceType(rawValue: 0x0000_0008)
  public static let agreed = ServiceType(rawValue: 0x0000_0010)
  public static let safe = ServiceType(rawValue: 0x0000_0020)
  public static let regular = ServiceType(rawValue: 0x0000_003f)
  public static let selfDiscard = ServiceType(rawValue: 0x0000_0040)
  public static let causedByJoin = ServiceType(rawValue: 0x0000_0100)
  public static let causedByLeave = ServiceType(rawValue: 0x0000_0200)
  public static let causedByDisconnect = ServiceType(rawValue: 0x0000_0400)
  public static let causedByNetwork = ServiceType(rawValue: 0x0000_0800)
  public static let regularMembership = ServiceType(rawValue: 0x0000_1000)
  public static let transition = ServiceType(rawValue: 0x0000_2000)
  public static let membership = ServiceType(rawValue: 0x0000_3f00)
  public static let join = ServiceType(rawValue: 0x0001_0000)
  public static let leave = ServiceType(rawValue: 0x0002_0000)
  public static let kill = ServiceType(rawValue: 0x0004_0000)
  public static let groups = ServiceType(rawValue: 0x0008_0000)
  public static let reject = ServiceType(rawValue: 0x0040_0000)
  public static let dropReceive = ServiceType(rawValue: 0x0100_0000)

  /// What a daemon must never take from a client: executed as daemon messages by stock (client-protocol 10, Q3, Q4).
  public static let forbiddenFromClients = ServiceType(rawValue: 0x0078_0000)
  /// Exactly one of these makes a client message (client-protocol 6.1 rule 1).
  public static let clientKinds = ServiceType(rawValue: 0x0007_003f)
}

/// The hint word: the 16-bit application message type with the marks of the client that sent it. No daemon
/// ever changes it (client-protocol 4).
public struct MessageHint: Equatable, Sendable {
  /// The four bytes as they stand on the wire, first byte lowest.
  public var littleEndianWord: UInt32

  @inlinable public init(littleEndianWord: UInt32) {
    self.littleEndianWord = littleEndianWord
  }

  public init(messageType: Int16, order: Endianness) {
    let word = (UInt32(UInt16(bitPattern: messageType)) << 8) | order.marks
    littleEndianWord = order == .little ? word : word.byteSwapped
  }

  public var order: Endianness { Endianness(marksIn: littleEndianWord) }

  public var messageType: Int16 {
    let word = order == .little ? littleEndianWord : littleEndianWord.byteSwapped
    return Int16(truncatingIfNeeded: word >> 8)
  }

  /// client-protocol 6.1 rule 5: only the marks and the message type.
  public var isLegal: Bool { littleEndianWord & ~(endianMarks | 0x00ff_ff00) == 0 }
}
