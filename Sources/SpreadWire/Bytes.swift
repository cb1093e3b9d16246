// Reading and writing integers of either byte order in raw memory.
//
// Spread writes integers in the byte order of the sender and marks the order in the message
// (client-protocol 4, daemon-ring 2.1), so every access names the order it wants. Access at an offset
// is for structures whose size was checked once before; `ByteReader` is for everything of variable length.

/// The byte order of integers in a message.
public enum Endianness: UInt8, Sendable {
  case little
  case big

  /// The order of this machine.
  @inlinable public static var native: Endianness {
    UInt16(1).littleEndian == 1 ? .little : .big
  }
}

/// The two bits that every type word and every hint carries: both set by little-endian writers, both clear
/// by big-endian ones. The pattern is a byte-swap palindrome, so it can be tested before the order is known.
public let endianMarks: UInt32 = 0x8000_0080

extension Endianness {
  /// The order declared by the marks in a type or hint word, loaded in any order.
  @inlinable public init(marksIn word: UInt32) {
    self = word & endianMarks == endianMarks ? .little : .big
  }

  /// The marks a writer of this order sets.
  @inlinable public var marks: UInt32 { self == .little ? endianMarks : 0 }
}

extension UnsafeRawBufferPointer {
  /// The 32-bit integer at `offset`. The caller has checked that `offset + 4 <= count`.
  @inlinable public func u32(at offset: Int, _ order: Endianness) -> UInt32 {
    assert(offset >= 0 && offset + 4 <= count)
    let raw = baseAddress.unsafelyUnwrapped.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
    return order == .little ? UInt32(littleEndian: raw) : UInt32(bigEndian: raw)
  }

  @inlinable public func i32(at offset: Int, _ order: Endianness) -> Int32 {
    Int32(bitPattern: u32(at: offset, order))
  }

  /// The 16-bit integer at `offset`. The caller has checked that `offset + 2 <= count`.
  @inlinable public func u16(at offset: Int, _ order: Endianness) -> UInt16 {
    assert(offset >= 0 && offset + 2 <= count)
    let raw = baseAddress.unsafelyUnwrapped.loadUnaligned(fromByteOffset: offset, as: UInt16.self)
    return order == .little ? UInt16(littleEndian: raw) : UInt16(bigEndian: raw)
  }

  @inlinable public func i16(at offset: Int, _ order: Endianness) -> Int16 {
    Int16(bitPattern: u16(at: offset, order))
  }

  /// The part `range`, which the caller has checked to lie inside.
  @inlinable public func slice(_ start: Int, _ length: Int) -> UnsafeRawBufferPointer {
    assert(start >= 0 && length >= 0 && start + length <= count)
    return UnsafeRawBufferPointer(start: baseAddress.map { $0 + start }, count: length)
  }
}

extension UnsafeMutableRawPointer {
  @inlinable public func put32(_ value: UInt32, at offset: Int, _ order: Endianness) {
    storeBytes(of: order == .little ? value.littleEndian : value.bigEndian, toByteOffset: offset, as: UInt32.self)
  }

  @inlinable public func put16(_ value: UInt16, at offset: Int, _ order: Endianness) {
    storeBytes(of: order == .little ? value.littleEndian : value.bigEndian, toByteOffset: offset, as: UInt16.self)
  }
}

/// Reads a byte string from front to back; every read answers nil when too few bytes are left.
public struct ByteReader {
  @usableFromInline let bytes: UnsafeRawBufferPointer
  public private(set) var position: Int
  public let order: Endianness

  @inlinable public init(_ bytes: UnsafeRawBufferPointer, order: Endianness, from position: Int = 0) {
    self.init(unchecked: bytes, order, Swift.min(Swift.max(position, 0), bytes.count))
  }

  @usableFromInline init(unchecked bytes: UnsafeRawBufferPointer, _ order: Endianness, _ position: Int) {
    self.bytes = bytes
    self.order = order
    self.position = position
  }

  public var remaining: Int { bytes.count - position }

  public mutating func u32() -> UInt32? {
    guard remaining >= 4 else { return nil }
    defer { position += 4 }
    return bytes.u32(at: position, order)
  }

  public mutating func i32() -> Int32? {
    u32().map { Int32(bitPattern: $0) }
  }

  public mutating func u16() -> UInt16? {
    guard remaining >= 2 else { return nil }
    defer { position += 2 }
    return bytes.u16(at: position, order)
  }

  public mutating func i16() -> Int16? {
    u16().map { Int16(bitPattern: $0) }
  }

  public mutating func u8() -> UInt8? {
    guard remaining >= 1 else { return nil }
    defer { position += 1 }
    return bytes[position]
  }

  /// A 32-byte name as it stands, bytes after its NUL included.
  public mutating func name() -> GroupName? {
    guard remaining >= GroupName.size else { return nil }
    defer { position += GroupName.size }
    return GroupName(rawAt: bytes.baseAddress.unsafelyUnwrapped + position)
  }

  /// The next `length` bytes; nil when they are not all there or `length` is negative.
  public mutating func take(_ length: Int) -> UnsafeRawBufferPointer? {
    guard length >= 0, length <= remaining else { return nil }
    defer { position += length }
    return bytes.slice(position, length)
  }
}
