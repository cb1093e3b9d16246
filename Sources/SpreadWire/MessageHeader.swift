// The 48-byte header before every message, client to daemon, daemon to client and inside the ring
// (client-protocol 4, daemon-ring 2.6).

/// type 4 | sender or group name 32 | number of groups 4 | hint 4 | data length 4
public struct MessageHeader: Equatable, Sendable {
  /// Bytes on the wire.
  public static let size = 48
  public static let typeOffset = 0
  public static let nameOffset = 4
  public static let groupCountOffset = 36
  public static let hintOffset = 40
  public static let dataLengthOffset = 44

  /// Type bits without the marks.
  public var type: ServiceType
  /// The order the header was, or is to be, written in.
  public var order: Endianness
  /// The 32 bytes as they stand; compare `name.normalized`.
  public var name: GroupName
  /// As it came: may be negative or absurd.
  public var groupCount: Int32
  public var hint: MessageHint
  /// As it came: may be negative or absurd.
  public var dataLength: Int32

  public init(
    type: ServiceType, order: Endianness = .native, name: GroupName, groupCount: Int32, hint: MessageHint,
    dataLength: Int32
  ) {
    self.type = type
    self.order = order
    self.name = name
    self.groupCount = groupCount
    self.hint = hint
    self.dataLength = dataLength
  }

  /// Decodes the first 48 of `bytes`; nil when there are fewer. Counts are not judged here.
  @inlinable public init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= Self.size else { return nil }
    let word = bytes.u32(at: Self.typeOffset, .little)
    let order = Endianness(marksIn: word)
    self.init(
      type: ServiceType(rawValue: (order == .little ? word : word.byteSwapped) & ~endianMarks), order: order,
      name: GroupName(rawAt: bytes.baseAddress.unsafelyUnwrapped + Self.nameOffset),
      groupCount: bytes.i32(at: Self.groupCountOffset, order),
      hint: MessageHint(littleEndianWord: bytes.u32(at: Self.hintOffset, .little)),
      dataLength: bytes.i32(at: Self.dataLengthOffset, order))
  }

  /// Writes 48 bytes in `order`, marks included.
  @inlinable public func store(at pointer: UnsafeMutableRawPointer) {
    pointer.put32(type.rawValue & ~endianMarks | order.marks, at: Self.typeOffset, order)
    name.store(at: pointer + Self.nameOffset)
    pointer.put32(UInt32(bitPattern: groupCount), at: Self.groupCountOffset, order)
    pointer.put32(hint.littleEndianWord, at: Self.hintOffset, .little)
    pointer.put32(UInt32(bitPattern: dataLength), at: Self.dataLengthOffset, order)
  }
}
