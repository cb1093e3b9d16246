// The body of a data packet: one or more pieces of messages (daemon-ring 2.4). Read in place; written by PacketBuilder.

/// index 2 | length 2
public struct FragmentHeader: Equatable, Sendable {
  public static let size = 4
  /// k (1, 2, ...): the k-th piece of a message, not the last. -n: the last piece of a message of n pieces.
  public var index: Int16
  /// Bytes of data.
  public var length: Int16

  /// The index of a message that is one piece.
  public static let whole: Int16 = -1

  @inlinable public init(index: Int16 = 0, length: Int16 = 0) {
    self.index = index
    self.length = length
  }

  @inlinable public func store(at pointer: UnsafeMutableRawPointer, _ order: Endianness) {
    pointer.put16(UInt16(bitPattern: index), at: 0, order)
    pointer.put16(UInt16(bitPattern: length), at: 2, order)
  }
}

/// One piece of a message.
public struct Fragment {
  /// Counts from 1.
  public let piece: Int
  public let isLast: Bool
  public let bytes: UnsafeRawBufferPointer

  @inlinable init(piece: Int, isLast: Bool, bytes: UnsafeRawBufferPointer) {
    self.piece = piece
    self.isLast = isLast
    self.bytes = bytes
  }

  public var isWhole: Bool { isLast && piece == 1 }
}

/// The pieces of a validated data packet, first to last.
public struct Fragments: Sequence {
  @usableFromInline let body: UnsafeRawBufferPointer
  @usableFromInline let first: FragmentHeader
  @usableFromInline let order: Endianness

  /// Checks the whole chain: every fragment inside the body, nothing left over, and the index rules of daemon-ring
  /// 2.4. Stock checks less and delivers up to the broken fragment (evs-properties D10); here a bad packet is
  /// dropped whole. `body` is what follows the header.
  public init(_ header: PacketHeader, body: UnsafeRawBufferPointer) throws(WireFailure) {
    self.body = body
    first = header.firstFragment
    order = header.order
    try validateFirst()
    var cursor = Int(first.length)
    while cursor < body.count {
      let at = Self.aligned(cursor)
      guard at + FragmentHeader.size <= body.count else { throw .fragmentBounds }
      guard body.i16(at: at, order) == FragmentHeader.whole else { throw .fragmentIndex }
      let length = Int(body.i16(at: at + 2, order))
      guard length >= MessageHeader.size else { throw .fragmentLength }
      cursor = at + FragmentHeader.size + length
    }
    guard cursor == body.count else { throw .fragmentBounds }
  }

  /// The pieces of a packet that was checked before, or made by a `PacketBuilder`, and is kept in this machine's order.
  public init(ofStored packet: UnsafeRawBufferPointer) {
    body = packet.slice(PacketHeader.size, packet.count - PacketHeader.size)
    order = .native
    first = FragmentHeader(
      index: packet.i16(at: PacketHeader.firstFragmentOffset, .native),
      length: packet.i16(at: PacketHeader.firstFragmentOffset + 2, .native))
  }

  private func validateFirst() throws(WireFailure) {
    let index = Int(first.index)
    let length = Int(first.length)
    guard index != 0, index.magnitude <= DatagramSize.maxPieces, index < DatagramSize.maxPieces else {
      throw .fragmentIndex
    }
    guard length <= body.count else { throw .fragmentBounds }
    if index > 0 {
      // A piece that is not the last fills its packet.
      guard length == DatagramSize.maxPacketBody, body.count == length else { throw .fragmentLength }
    } else {
      guard length >= (index == -1 ? MessageHeader.size : 1) else { throw .fragmentLength }
    }
  }

  /// The next multiple of 4, counted from the start of the body.
  @inlinable static func aligned(_ offset: Int) -> Int { (offset + 3) & ~3 }

  /// Writes the headers of all fragments but the first, in `order`, into `copy`, a copy of the body. (The first one's
  /// header is part of the packet's.)
  public func rewriteHeaders(in copy: UnsafeMutableRawPointer, _ order: Endianness) {
    var cursor = Int(first.length)
    while cursor < body.count {
      let at = Self.aligned(cursor)
      let header = FragmentHeader(index: body.i16(at: at, self.order), length: body.i16(at: at + 2, self.order))
      header.store(at: copy + at, order)
      cursor = at + FragmentHeader.size + Int(header.length)
    }
  }

  @inlinable public func makeIterator() -> Iterator { Iterator(self) }

  public struct Iterator: IteratorProtocol {
    @usableFromInline let fragments: Fragments
    @usableFromInline var cursor = 0

    @inlinable init(_ fragments: Fragments) {
      self.fragments = fragments
    }

    @inlinable public mutating func next() -> Fragment? {
      let body = fragments.body
      var header = fragments.first
      var start = cursor
      if cursor > 0 {
        let at = Fragments.aligned(cursor)
        guard at + FragmentHeader.size <= body.count else { return nil }
        header = FragmentHeader(index: body.i16(at: at, fragments.order), length: body.i16(at: at + 2, fragments.order))
        start = at + FragmentHeader.size
      }
      // Lengths are at least 1, so the cursor tells whether the first fragment was given. Checked once more, because
      // nothing else stands between memory and what a packet says.
      guard header.length > 0, start + Int(header.length) <= body.count else { return nil }
      cursor = start + Int(header.length)
      return Fragment(
        piece: Int(header.index.magnitude), isLast: header.index < 0, bytes: body.slice(start, Int(header.length)))
    }
  }
}

/// Fills one data packet with pieces, each copied in by the caller (daemon-ring 2.5: which pieces share a packet is
/// the ring's decision, whether they fit is known here).
public struct PacketBuilder {
  private let memory: UnsafeMutableRawPointer
  private let order: Endianness
  private var first = FragmentHeader()
  /// Bytes of the body so far.
  public private(set) var bodyLength = 0

  /// Room for `DatagramSize.maxPacket` bytes at `memory`.
  public init(at memory: UnsafeMutableRawPointer, _ order: Endianness = .native) {
    self.memory = memory
    self.order = order
  }

  public var isEmpty: Bool { bodyLength == 0 }

  /// Whether a piece of `length` bytes has room as the next one.
  public func fits(_ length: Int) -> Bool {
    guard length > 0 else { return false }
    if isEmpty { return length <= DatagramSize.maxPacketBody }
    return length <= DatagramSize.maxPacketBody - Fragments.aligned(bodyLength) - FragmentHeader.size
  }

  /// Adds a piece and answers where its `length` bytes go; nil when it does not fit.
  public mutating func append(index: Int16, length: Int) -> UnsafeMutableRawPointer? {
    guard fits(length) else { return nil }
    let body = memory + PacketHeader.size
    let header = FragmentHeader(index: index, length: Int16(length))
    guard !isEmpty else {
      first = header
      bodyLength = length
      return body
    }
    let at = Fragments.aligned(bodyLength)
    for i in bodyLength..<at { body.storeBytes(of: 0, toByteOffset: i, as: UInt8.self) }
    header.store(at: body + at, order)
    bodyLength = at + FragmentHeader.size + length
    return body + at + FragmentHeader.size
  }

  /// Writes the header, its length and first fragment taken from the pieces added; answers the packet's size.
  public func finish(_ header: PacketHeader) -> Int {
    var header = header
    header.order = order
    header.dataLength = UInt16(bodyLength)
    header.firstFragment = first
    header.store(at: memory)
    return PacketHeader.size + bodyLength
  }
}
