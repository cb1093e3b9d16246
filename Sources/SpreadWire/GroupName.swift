// The 32-byte names of the wire (client-protocol 1 and 4): group names, private group names, daemon names.

/// A name of at most 31 bytes in a 32-byte field, kept as four words so that it is a cheap key:
/// comparing the words is comparing the bytes as unsigned, which is the order of groups and members on the wire.
public struct GroupName: Hashable, Sendable {
  /// Bytes of the field on the wire, the NUL included.
  public static let size = 32
  /// The longest usable name.
  public static let maxLength = 31

  // Big-endian loads: word order is byte order.
  @usableFromInline var w0: UInt64
  @usableFromInline var w1: UInt64
  @usableFromInline var w2: UInt64
  @usableFromInline var w3: UInt64

  @inlinable public init() {
    (w0, w1, w2, w3) = (0, 0, 0, 0)
  }

  /// The 32 bytes at `pointer` as they stand, bytes after the NUL included.
  @inlinable public init(rawAt pointer: UnsafeRawPointer) {
    w0 = UInt64(bigEndian: pointer.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
    w1 = UInt64(bigEndian: pointer.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    w2 = UInt64(bigEndian: pointer.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
    w3 = UInt64(bigEndian: pointer.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
  }

  /// The name at `pointer` (32 bytes): everything from its NUL on is zero.
  @inlinable public init(at pointer: UnsafeRawPointer) {
    self.init(rawAt: pointer)
    self = normalized
  }

  /// The first 31 of `bytes`, up to a NUL.
  public init(_ bytes: UnsafeRawBufferPointer) {
    self.init()
    let length = Swift.min(bytes.count, Self.maxLength)
    withUnsafeMutableBytes(of: &self) { field in
      for i in 0..<length {
        if bytes[i] == 0 { break }
        field[i] = bytes[i]
      }
    }
    self = GroupName(fieldBytes: self)
  }

  /// Turns four words that hold the bytes in memory order into comparable words.
  private init(fieldBytes other: GroupName) {
    w0 = UInt64(bigEndian: other.w0)
    w1 = UInt64(bigEndian: other.w1)
    w2 = UInt64(bigEndian: other.w2)
    w3 = UInt64(bigEndian: other.w3)
  }

  /// A name from a literal, for constants and tests.
  public init(_ literal: StaticString) {
    self.init(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
  }

  /// Writes the 32 bytes.
  @inlinable public func store(at pointer: UnsafeMutableRawPointer) {
    pointer.storeBytes(of: w0.bigEndian, toByteOffset: 0, as: UInt64.self)
    pointer.storeBytes(of: w1.bigEndian, toByteOffset: 8, as: UInt64.self)
    pointer.storeBytes(of: w2.bigEndian, toByteOffset: 16, as: UInt64.self)
    pointer.storeBytes(of: w3.bigEndian, toByteOffset: 24, as: UInt64.self)
  }

  /// The byte at `index` (0..<32).
  @inlinable public subscript(index: Int) -> UInt8 {
    let word = index < 16 ? (index < 8 ? w0 : w1) : (index < 24 ? w2 : w3)
    return UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * (index & 7)))
  }

  /// Bytes before the NUL; 32 when there is none.
  public var length: Int {
    for i in 0..<Self.size where self[i] == 0 { return i }
    return Self.size
  }

  public var isEmpty: Bool { w0 >> 56 == 0 }

  /// True when a NUL lies within the 32 bytes.
  public var isTerminated: Bool { length < Self.size }

  /// The same bytes with a NUL in the last place.
  @inlinable public var terminated: GroupName {
    var name = self
    name.w3 &= ~0xff
    return name
  }

  /// The same name with zeros from its NUL on; an unterminated one loses its last byte.
  @inlinable public var normalized: GroupName {
    var name = self
    if name.w3 & 0xff != 0 { name.w3 &= ~0xff }
    if let mask = Self.maskUpToZero(name.w0) {
      (name.w0, name.w1, name.w2, name.w3) = (name.w0 & mask, 0, 0, 0)
    } else if let mask = Self.maskUpToZero(name.w1) {
      (name.w1, name.w2, name.w3) = (name.w1 & mask, 0, 0)
    } else if let mask = Self.maskUpToZero(name.w2) {
      (name.w2, name.w3) = (name.w2 & mask, 0)
    } else if let mask = Self.maskUpToZero(name.w3) {
      name.w3 &= mask
    }
    return name
  }

  /// A mask of the bytes before the first zero byte of `word` (most significant first); nil when it has none.
  @inlinable static func maskUpToZero(_ word: UInt64) -> UInt64? {
    let ones: UInt64 = 0x0101_0101_0101_0101
    guard (word &- ones) & ~word & 0x8080_8080_8080_8080 != 0 else { return nil }
    var mask: UInt64 = 0
    for shift in stride(from: UInt64(56), through: 0, by: -8) {
      if (word >> shift) & 0xff == 0 { return mask }
      mask |= 0xff << shift
    }
    return mask
  }

  @inlinable public static func == (a: GroupName, b: GroupName) -> Bool {
    a.w0 == b.w0 && a.w1 == b.w1 && a.w2 == b.w2 && a.w3 == b.w3
  }

  @inlinable public func hash(into hasher: inout Hasher) {
    hasher.combine(w0)
    // Most names fit into the first word.
    guard w1 | w2 | w3 != 0 else { return }
    hasher.combine(w1)
    hasher.combine(w2)
    hasher.combine(w3)
  }
}

extension GroupName: Comparable {
  @inlinable public static func < (a: GroupName, b: GroupName) -> Bool {
    if a.w0 != b.w0 { return a.w0 < b.w0 }
    if a.w1 != b.w1 { return a.w1 < b.w1 }
    if a.w2 != b.w2 { return a.w2 < b.w2 }
    return a.w3 < b.w3
  }
}

/// The two parts of a private group name `#user#daemon` (client-protocol 6.1 rule 2).
public struct PrivateName: Equatable, Sendable {
  public var user: GroupName
  public var daemon: GroupName

  public static let maxUserLength = 10
  public static let maxDaemonLength = 19

  public init(user: GroupName, daemon: GroupName) {
    self.user = user
    self.daemon = daemon
  }

  /// Parses a name; nil unless it is `#`, 1...10 legal bytes, `#`, 1...19 legal bytes, NUL.
  public init?(_ name: GroupName) {
    guard name[0] == UInt8(ascii: "#") else { return nil }
    let end = name.length
    guard end < GroupName.size else { return nil }
    var separator = 1
    while separator < end, name[separator] != UInt8(ascii: "#") { separator += 1 }
    let userLength = separator - 1
    let daemonLength = end - separator - 1
    guard (1...Self.maxUserLength).contains(userLength), (1...Self.maxDaemonLength).contains(daemonLength) else {
      return nil
    }
    for i in 1..<end where i != separator && !isLegalNameByte(name[i]) { return nil }
    user = name.part(1, userLength)
    daemon = name.part(separator + 1, daemonLength)
  }

  /// `#user#daemon`. Both parts are within their limits, so the result fits 31 bytes.
  public var groupName: GroupName {
    var name = GroupName()
    withUnsafeTemporaryAllocation(byteCount: GroupName.size + 2, alignment: 8) { field in
      field.initializeMemory(as: UInt8.self, repeating: 0)
      var at = 0
      func put(_ byte: UInt8) {
        field[at] = byte
        at += 1
      }
      put(UInt8(ascii: "#"))
      for i in 0..<Swift.min(user.length, Self.maxUserLength) { put(user[i]) }
      put(UInt8(ascii: "#"))
      for i in 0..<Swift.min(daemon.length, Self.maxDaemonLength) { put(daemon[i]) }
      name = GroupName(at: UnsafeRawPointer(field.baseAddress!))
    }
    return name
  }
}

/// Bytes allowed in user, daemon and (by the library) group names: '$' to '~' (client-protocol 3.2 rule 6).
@inlinable public func isLegalNameByte(_ byte: UInt8) -> Bool { byte >= 0x24 && byte <= 0x7e }

extension GroupName {
  /// The name made of `length` bytes from `start`.
  public func part(_ start: Int, _ length: Int) -> GroupName {
    var name = GroupName()
    withUnsafeTemporaryAllocation(byteCount: GroupName.size, alignment: 8) { field in
      field.initializeMemory(as: UInt8.self, repeating: 0)
      for i in 0..<length { field[i] = self[start + i] }
      name = GroupName(at: UnsafeRawPointer(field.baseAddress!))
    }
    return name
  }
}
