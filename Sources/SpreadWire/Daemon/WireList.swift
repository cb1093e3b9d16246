// Lists of 32- and 16-bit values read in place, so that decoding allocates nothing.

/// A value that is one integer on the wire.
public protocol WireInteger {
  static var wireSize: Int { get }
  init(wire bytes: UnsafeRawBufferPointer, at offset: Int, _ order: Endianness)
  func store(at pointer: UnsafeMutableRawPointer, _ order: Endianness)
}

extension Int32: WireInteger {
  public static var wireSize: Int { 4 }
  @inlinable public init(wire bytes: UnsafeRawBufferPointer, at offset: Int, _ order: Endianness) {
    self = bytes.i32(at: offset, order)
  }
  @inlinable public func store(at pointer: UnsafeMutableRawPointer, _ order: Endianness) {
    pointer.put32(UInt32(bitPattern: self), at: 0, order)
  }
}

extension Int16: WireInteger {
  public static var wireSize: Int { 2 }
  @inlinable public init(wire bytes: UnsafeRawBufferPointer, at offset: Int, _ order: Endianness) {
    self = bytes.i16(at: offset, order)
  }
  @inlinable public func store(at pointer: UnsafeMutableRawPointer, _ order: Endianness) {
    pointer.put16(UInt16(bitPattern: self), at: 0, order)
  }
}

extension ProcessID: WireInteger {
  public static var wireSize: Int { 4 }
  @inlinable public init(wire bytes: UnsafeRawBufferPointer, at offset: Int, _ order: Endianness) {
    self.init(bytes.u32(at: offset, order))
  }
  @inlinable public func store(at pointer: UnsafeMutableRawPointer, _ order: Endianness) {
    pointer.put32(rawValue, at: 0, order)
  }
}

/// `count` values at the front of `bytes`; valid as long as the memory it was made from.
public struct WireList<Element: WireInteger>: RandomAccessCollection {
  @usableFromInline let bytes: UnsafeRawBufferPointer
  @usableFromInline let order: Endianness
  public let count: Int

  /// The caller has checked that `count` values lie in `bytes`.
  @usableFromInline init(_ bytes: UnsafeRawBufferPointer, count: Int, _ order: Endianness) {
    assert(count >= 0 && count * Element.wireSize <= bytes.count)
    self.bytes = bytes
    self.order = order
    self.count = count
  }

  @inlinable public var startIndex: Int { 0 }
  @inlinable public var endIndex: Int { count }
  @inlinable public subscript(index: Int) -> Element {
    precondition(index >= 0 && index < count)
    return Element(wire: bytes, at: index * Element.wireSize, order)
  }
}

extension ByteReader {
  /// The next `count` values; nil when they are not all there or `count` is negative.
  mutating func list<Element: WireInteger>(_ count: Int, of: Element.Type) -> WireList<Element>? {
    // Divided, not multiplied: `count` may be anything.
    guard count >= 0, count <= remaining / Element.wireSize else { return nil }
    guard let bytes = take(count * Element.wireSize) else { return nil }
    return WireList(bytes, count: count, order)
  }

  mutating func process() -> ProcessID? {
    u32().map { ProcessID($0) }
  }

  mutating func membership() -> MembershipID? {
    guard remaining >= 8, let process = process(), let time = i32() else { return nil }
    return MembershipID(process, time)
  }
}
