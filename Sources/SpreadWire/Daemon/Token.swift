// The token's header and the plain token with its retransmission requests (daemon-ring 2.7).

/// type 4 | transmitter 4 | process 4 | membership id 8 | seq 4 | aru 4 | who set aru 4 | flow control 2 |
/// body length 2 | configuration hash 4
public struct TokenHeader: Equatable, Sendable {
  /// Bytes on the wire.
  public static let size = DatagramSize.header

  /// Type bits without the marks; `type.round` is ARQ and `type.repeats` is RETRANS.
  public var type: PacketType
  /// The order the header was, or is to be, written in.
  public var order: Endianness
  public var transmitter: ProcessID
  /// FORM: the last daemon that filled it.
  public var process: ProcessID
  /// Plain: the active membership. FORM: this attempt's creator and time.
  public var membership: MembershipID
  public var sequence: Int32
  public var aru: Int32
  /// Who set `aru` last.
  public var aruProcess: ProcessID
  /// Packets sent and retransmitted in one round.
  public var flowControl: Int16
  /// Bytes after the header.
  public var bodyLength: UInt16
  public var configurationHash: UInt32

  public init(
    type: PacketType, order: Endianness = .native, transmitter: ProcessID, process: ProcessID,
    membership: MembershipID, sequence: Int32 = 0, aru: Int32 = 0, aruProcess: ProcessID = ProcessID(0),
    flowControl: Int16 = 0, bodyLength: UInt16 = 0, configurationHash: UInt32
  ) {
    self.type = type
    self.order = order
    self.transmitter = transmitter
    self.process = process
    self.membership = membership
    self.sequence = sequence
    self.aru = aru
    self.aruProcess = aruProcess
    self.flowControl = flowControl
    self.bodyLength = bodyLength
    self.configurationHash = configurationHash
  }

  /// Decodes the header of `datagram`, which must be exactly as long as the header says. Stock checks that for
  /// plain tokens only and aborts on a FORM token of wrong length (daemon-ring 6.2).
  ///
  /// Fails with `shortHeader`, `byteOrderMarks`, `length` or `tooLong`.
  public init(_ datagram: UnsafeRawBufferPointer) throws(WireFailure) {
    guard datagram.count >= Self.size else { throw .shortHeader }
    guard let (type, order) = PacketType.read(datagram) else { throw .byteOrderMarks }
    self.type = type
    self.order = order
    transmitter = ProcessID(datagram.u32(at: 4, order))
    process = ProcessID(datagram.u32(at: 8, order))
    membership = MembershipID(ProcessID(datagram.u32(at: 12, order)), datagram.i32(at: 16, order))
    sequence = datagram.i32(at: 20, order)
    aru = datagram.i32(at: 24, order)
    aruProcess = ProcessID(datagram.u32(at: 28, order))
    flowControl = datagram.i16(at: 32, order)
    bodyLength = datagram.u16(at: 34, order)
    configurationHash = datagram.u32(at: 36, order)
    guard datagram.count == Self.size + Int(bodyLength) else { throw .length }
    guard datagram.count <= DatagramSize.maxToken else { throw .tooLong }
  }

  /// Writes 40 bytes in `order`, marks included.
  public func store(at pointer: UnsafeMutableRawPointer) {
    pointer.put32(type.word(order), at: 0, order)
    pointer.put32(transmitter.rawValue, at: 4, order)
    pointer.put32(process.rawValue, at: 8, order)
    pointer.put32(membership.process.rawValue, at: 12, order)
    pointer.put32(UInt32(bitPattern: membership.time), at: 16, order)
    pointer.put32(UInt32(bitPattern: sequence), at: 20, order)
    pointer.put32(UInt32(bitPattern: aru), at: 24, order)
    pointer.put32(aruProcess.rawValue, at: 28, order)
    pointer.put16(UInt16(bitPattern: flowControl), at: 32, order)
    pointer.put16(bodyLength, at: 34, order)
    pointer.put32(configurationHash, at: 36, order)
  }
}

/// What a token is.
public enum TokenKind: Equatable, Sendable {
  case plain, form1, form2
}

extension TokenHeader {
  /// The kind; fails with `unknownType`.
  public func kind() throws(WireFailure) -> TokenKind {
    switch type.intersection(.form) {
    case .form1: return .form1
    case .form2: return .form2
    case []:
      // Nothing but the two counters; anything else is no token.
      guard type == PacketType(round: type.round, repeats: type.repeats) else { throw .unknownType }
      return .plain
    default: throw .unknownType
    }
  }
}

/// A daemon's request for packets it misses.
public struct RetransmissionRequest {
  /// membership id 8 | process 4 | segment 2 | number of sequence numbers 2
  public static let headerSize = 16

  /// The installed membership of the requester: in recovery the old ring.
  public let membership: MembershipID
  /// The requester; `.unknown` when more than one daemon misses some of these.
  public let process: ProcessID
  /// The requester's segment; nil when daemons of several segments miss some.
  public let segment: Int?
  /// Positive and ascending, at least one.
  public let sequences: WireList<Int32>
  /// The entry as it stands, in the order of its token.
  public let bytes: UnsafeRawBufferPointer
}

/// The validated request entries of a plain token, first to last.
public struct RetransmissionRequests: Sequence {
  private let body: UnsafeRawBufferPointer
  private let order: Endianness

  /// Checks every entry; `body` is what follows the header of a plain token.
  public init(_ header: TokenHeader, body: UnsafeRawBufferPointer) throws(WireFailure) {
    self.body = body
    order = header.order
    var reader = ByteReader(body, order: order)
    while reader.remaining > 0 {
      let request = try Self.read(&reader)
      var previous: Int32 = 0
      for sequence in request.sequences {
        guard sequence > previous else { throw .requestOrder }
        previous = sequence
      }
    }
  }

  public var isEmpty: Bool { body.isEmpty }

  fileprivate static func read(_ reader: inout ByteReader) throws(WireFailure) -> RetransmissionRequest {
    let rest = reader.rest
    guard let membership = reader.membership(), let process = reader.process(), let segment = reader.i16(),
      let count = reader.i16(), count >= 1, let sequences = reader.list(Int(count), of: Int32.self)
    else { throw .requestBounds }
    guard segment >= -1, segment < MembershipSize.segments else { throw .segment }
    return RetransmissionRequest(
      membership: membership, process: process, segment: segment < 0 ? nil : Int(segment), sequences: sequences,
      bytes: rest.slice(0, RetransmissionRequest.headerSize + 4 * sequences.count))
  }

  public func makeIterator() -> Iterator { Iterator(ByteReader(body, order: order)) }

  public struct Iterator: IteratorProtocol {
    private var reader: ByteReader

    init(_ reader: ByteReader) {
      self.reader = reader
    }

    public mutating func next() -> RetransmissionRequest? {
      guard reader.remaining > 0 else { return nil }
      // Validated by init, so nothing is thrown here; a token is never half understood.
      return try? RetransmissionRequests.read(&reader)
    }
  }
}

extension ByteReader {
  /// What was not read yet.
  var rest: UnsafeRawBufferPointer { bytes.slice(position, remaining) }
}

/// Fills a plain token with requests.
public struct TokenBuilder {
  private var writer: ByteWriter
  @usableFromInline let order: Endianness

  /// `memory` holds at least a header, at most `DatagramSize.maxToken` bytes of it are used.
  public init(_ memory: UnsafeMutableRawBufferPointer, _ order: Endianness = .native) {
    precondition(memory.count >= TokenHeader.size)
    self.order = order
    let usable = Swift.min(memory.count, DatagramSize.maxToken)
    writer = ByteWriter(
      UnsafeMutableRawBufferPointer(rebasing: memory[..<usable]), order: order, from: TokenHeader.size)
  }

  /// Sequence numbers that one more request may carry; 0 when there is no room for one.
  public var room: Int {
    Swift.min(Swift.max(writer.remaining - RetransmissionRequest.headerSize, 0) / 4, Int(Int16.max))
  }

  /// Passes another daemon's request on as it is; false when there is no room.
  public mutating func append(_ request: RetransmissionRequest) -> Bool {
    append(
      membership: request.membership, process: request.process, segment: request.segment, sequences: request.sequences)
  }

  /// Adds a request; false when there is no room or nothing is asked for. Sequence numbers are positive and ascending.
  @inlinable public mutating func append(
    membership: MembershipID, process: ProcessID, segment: Int?, sequences: some Collection<Int32>
  ) -> Bool {
    let count = sequences.count
    guard let start = open(membership, process, segment, count) else { return false }
    var offset = 0
    for sequence in sequences where offset < 4 * count {
      start.put32(UInt32(bitPattern: sequence), at: offset, order)
      offset += 4
    }
    return true
  }

  /// Writes the front of an entry; answers where its `count` numbers go.
  @usableFromInline mutating func open(
    _ membership: MembershipID, _ process: ProcessID, _ segment: Int?, _ count: Int
  ) -> UnsafeMutableRawPointer? {
    guard count > 0, count <= room else { return nil }
    writer.put(membership)
    writer.put(process)
    writer.put(Int16(truncatingIfNeeded: segment ?? -1))
    writer.put(Int16(count))
    return writer.reserve(4 * count)
  }

  /// Writes the header, its length taken from the requests added; answers the token's size.
  public func finish(_ header: TokenHeader) -> Int {
    var header = header
    header.order = writer.order
    header.bodyLength = UInt16(writer.position - TokenHeader.size)
    header.store(at: writer.memory.baseAddress.unsafelyUnwrapped)
    return writer.position
  }
}
