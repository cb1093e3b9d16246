// Writing a body of variable length from front to back.

/// Fills a piece of memory. What does not fit is not written and remembered: the encoder asks `overflowed` once,
/// at the end, and answers nil then.
public struct ByteWriter {
  public let memory: UnsafeMutableRawBufferPointer
  public private(set) var position: Int
  public let order: Endianness
  public private(set) var overflowed = false

  public init(_ memory: UnsafeMutableRawBufferPointer, order: Endianness, from position: Int = 0) {
    self.memory = memory
    self.order = order
    self.position = Swift.max(position, 0)
    if self.position > memory.count {
      self.position = memory.count
      overflowed = true
    }
  }

  public var remaining: Int { memory.count - position }

  /// Room for `length` more bytes, which the caller fills; nil, and `overflowed`, when there is not enough.
  public mutating func reserve(_ length: Int) -> UnsafeMutableRawPointer? {
    guard !overflowed, length >= 0, length <= remaining, let base = memory.baseAddress else {
      overflowed = true
      return nil
    }
    defer { position += length }
    return base + position
  }

  public mutating func put<Value: WireInteger>(_ value: Value) {
    guard let place = reserve(Value.wireSize) else { return }
    value.store(at: place, order)
  }

  public mutating func put(_ value: UInt16) { put(Int16(bitPattern: value)) }

  public mutating func put(_ value: UInt8) {
    guard let place = reserve(1) else { return }
    place.storeBytes(of: value, as: UInt8.self)
  }

  public mutating func put(_ membership: MembershipID) {
    put(membership.process)
    put(membership.time)
  }

  public mutating func put(_ id: GroupID) {
    guard let place = reserve(GroupID.size) else { return }
    id.store(at: place, order)
  }

  public mutating func put(_ name: GroupName) {
    guard let place = reserve(GroupName.size) else { return }
    name.store(at: place)
  }

  public mutating func zeros(_ length: Int) {
    guard let place = reserve(length) else { return }
    UnsafeMutableRawBufferPointer(start: place, count: length).initializeMemory(as: UInt8.self, repeating: 0)
  }

  public mutating func put(_ bytes: UnsafeRawBufferPointer) {
    guard let place = reserve(bytes.count), let from = bytes.baseAddress else { return }
    place.copyMemory(from: from, byteCount: bytes.count)
  }

  /// Overwrites the 16-bit integer at `offset`, written before.
  mutating func patch(_ value: UInt16, at offset: Int) {
    guard !overflowed, offset >= 0, offset + 2 <= position, let base = memory.baseAddress else { return }
    base.put16(value, at: offset, order)
  }
}
