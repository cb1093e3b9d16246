// The packets by which daemons find each other: ALIVE, JOIN, REFER, and HURRY (daemon-ring 2.3, 2.9).
// Fields that stock leaves to chance are ignored when read and written as 0 (daemon-ring 6.3).

/// number of members 2 | 0 2 | ids; the first is the sender.
public struct AliveMessage {
  public let members: WireList<ProcessID>

  /// Fails with `memberCount` or `bodyLength`; `body` is what follows the header.
  public init(_ header: PacketHeader, body: UnsafeRawBufferPointer) throws(WireFailure) {
    var reader = ByteReader(body, order: header.order)
    members = try reader.memberList(atLeast: 1)
    guard reader.remaining == 0 else { throw .bodyLength }
  }

  /// Writes a whole ALIVE packet; its type and length are set here. Answers its size, nil when it does not fit.
  public static func encode(
    _ header: PacketHeader, members: some Collection<ProcessID>, into memory: UnsafeMutableRawBufferPointer
  ) -> Int? {
    encodePacket(header, .alive, into: memory) { $0.putMembers(members) }
  }
}

/// members as in ALIVE | number of representatives 2 | garbage 2 | representatives, the first is the sender.
public struct JoinMessage {
  /// Empty when the sender stands for a working ring.
  public let members: WireList<ProcessID>
  /// The sender itself: never `.potential`.
  public let sender: Representative
  private let body: UnsafeRawBufferPointer
  private let representativesAt: Int
  private let order: Endianness
  public let representativeCount: Int

  /// Fails with the reason of the first part that is wrong: stock exits on unknown types and reads stale memory
  /// when the packet is shorter than its counts (daemon-ring 6.2). `body` is what follows the header.
  public init(_ header: PacketHeader, body: UnsafeRawBufferPointer) throws(WireFailure) {
    var reader = ByteReader(body, order: header.order)
    members = try reader.memberList(atLeast: 0)
    guard let count = reader.i16(), reader.i16() != nil else { throw .bodyLength }
    guard count >= 1, count <= MembershipSize.representatives else { throw .representativeCount }
    representativesAt = reader.position
    sender = try reader.representative()
    guard sender.type != .potential else { throw .representativeType }
    for _ in 1..<count { _ = try reader.representative() }
    guard reader.remaining == 0 else { throw .bodyLength }
    self.body = body
    order = header.order
    representativeCount = Int(count)
  }

  /// The representative at `index` (0..<representativeCount).
  public func representative(_ index: Int) -> Representative {
    precondition(index >= 0 && index < representativeCount)
    var reader = ByteReader(body, order: order, from: representativesAt + Representative.size * index)
    // Every entry was validated by init.
    return (try? reader.representative()) ?? sender
  }

  /// Writes a whole JOIN packet; its type and length are set here. Answers its size, nil when it does not fit.
  public static func encode(
    _ header: PacketHeader, members: some Collection<ProcessID>, representatives: some Collection<Representative>,
    into memory: UnsafeMutableRawBufferPointer
  ) -> Int? {
    encodePacket(header, .join, into: memory) { writer in
      writer.putMembers(members)
      writer.put(UInt16(truncatingIfNeeded: representatives.count))
      writer.put(UInt16(0))
      for representative in representatives { writer.put(representative) }
    }
  }
}

/// A packet without body that says: talk to that daemon.
public struct ReferMessage: Equatable, Sendable {
  public var process: ProcessID
  public var type: RepresentativeType

  /// Fails with `bodyLength` or `representativeType`.
  public init(_ header: PacketHeader) throws(WireFailure) {
    guard header.dataLength == 0 else { throw .bodyLength }
    switch header.membership.time {
    case 1: type = .segment
    case 2: type = .ring
    default: throw .representativeType
    }
    process = header.membership.process
  }

  public init(_ process: ProcessID, _ type: RepresentativeType) {
    self.process = process
    self.type = type
  }

  /// The whole packet, all other fields those of `header`.
  public func header(_ header: PacketHeader) -> PacketHeader {
    var header = header
    header.type = .refer
    header.membership = MembershipID(process, Int32(type.rawValue))
    header.dataLength = 0
    return header
  }
}

extension ByteReader {
  fileprivate mutating func memberList(atLeast: Int) throws(WireFailure) -> WireList<ProcessID> {
    // The second number, of pending members, means nothing in packets.
    guard let count = i16(), i16() != nil else { throw .bodyLength }
    guard count >= atLeast, count <= MembershipSize.members else { throw .memberCount }
    guard let list = list(Int(count), of: ProcessID.self) else { throw .bodyLength }
    return list
  }
}

extension ByteWriter {
  fileprivate mutating func putMembers(_ members: some Collection<ProcessID>) {
    put(UInt16(truncatingIfNeeded: members.count))
    put(UInt16(0))
    for member in members { put(member) }
  }
}

/// Writes body, then header; nil when the packet is larger than `memory` or than any packet may be.
func encodePacket(
  _ header: PacketHeader, _ type: PacketType, into memory: UnsafeMutableRawBufferPointer,
  _ body: (inout ByteWriter) -> Void
) -> Int? {
  let usable = Swift.min(memory.count, DatagramSize.maxPacket)
  var writer = ByteWriter(
    UnsafeMutableRawBufferPointer(rebasing: memory[..<usable]), order: header.order, from: PacketHeader.size)
  body(&writer)
  guard !writer.overflowed, let base = memory.baseAddress else { return nil }
  var header = header
  header.type = type
  header.dataLength = UInt16(writer.position - PacketHeader.size)
  header.store(at: base)
  return writer.position
}
