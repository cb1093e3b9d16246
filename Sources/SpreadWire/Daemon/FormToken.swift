// FORM1 and FORM2, the tokens that form a ring (daemon-ring 2.10). They are rare and are taken apart into arrays.
// Encoding gives exactly the sum of the parts: a stock daemon recomputes the length and aborts if it differs.

/// header 40 | members 516 | FORM1: representatives 204, FORM2: membership id 8 | rings
public struct FormToken: Equatable, Sendable {
  /// What tells FORM1 from FORM2.
  public enum Stage: Equatable, Sendable {
    /// `next` is the representative to visit next; equal to the count when all were visited.
    case form1(representatives: [Representative], next: Int)
    /// Id of the ring being formed, written by its first reader; before that without meaning.
    case form2(membership: MembershipID)
  }

  public var header: TokenHeader
  /// Those who filled (FORM1) or read (FORM2) the token, then those who will.
  public var members: [ProcessID]
  /// How many at the front of `members` are done.
  public var done: Int
  public var stage: Stage
  public var rings: [FormedRing]

  public init(header: TokenHeader, members: [ProcessID], done: Int, stage: Stage, rings: [FormedRing]) {
    self.header = header
    self.members = members
    self.done = done
    self.stage = stage
    self.rings = rings
  }
}

/// One old ring in a FORM token: what its members know and owe.
public struct FormedRing: Equatable, Sendable {
  /// memb_id 8 | trans_time 4 | aru 4 | highest 4 | holes 4 | commit 2 | trans 2
  static let headerSize = 28

  /// Time -1: a fresh daemon, always a ring of its own.
  public var membership: MembershipID
  /// 0 in FORM1; in FORM2 set by the first reader of this ring.
  public var transitionalTime: Int32
  public var aru: Int32
  public var highest: Int32
  /// Sequence numbers that none of its members has: positive, ascending, at most `highest`.
  public var holes: [Int32]
  /// The commit set; its first `transitionalCount` are the members of the transitional membership.
  public var commit: [ProcessID]
  public var transitionalCount: Int

  public init(
    membership: MembershipID, transitionalTime: Int32 = 0, aru: Int32, highest: Int32, holes: [Int32],
    commit: [ProcessID], transitionalCount: Int
  ) {
    self.membership = membership
    self.transitionalTime = transitionalTime
    self.aru = aru
    self.highest = highest
    self.holes = holes
    self.commit = commit
    self.transitionalCount = transitionalCount
  }

  var encodedSize: Int { Self.headerSize + 4 * holes.count + 4 * commit.count }
}

extension FormToken {
  static let membersBlock = 4 + 4 * MembershipSize.members
  static let representativesBlock = 4 + 8 * MembershipSize.representatives
  static let membershipBlock = 8

  /// Decodes and validates a whole FORM token; `body` is what follows `header`. Fails with the reason of the first
  /// part that is wrong; the garbage behind the counted entries of the fixed blocks is skipped.
  public init(_ header: TokenHeader, body: UnsafeRawBufferPointer) throws(WireFailure) {
    let kind = try header.kind()
    var reader = ByteReader(body, order: header.order)
    self.header = header
    (members, done) = try Self.members(&reader, kind)
    switch kind {
    case .form1: stage = try Self.representatives(&reader)
    case .form2:
      guard let membership = reader.membership() else { throw .bodyLength }
      stage = .form2(membership: membership)
    case .plain: throw .unknownType
    }
    guard let count = reader.i32() else { throw .bodyLength }
    guard count >= 0, count <= MembershipSize.rings else { throw .ringCount }
    rings = []
    rings.reserveCapacity(Int(count))
    for _ in 0..<count { rings.append(try FormedRing(&reader)) }
    guard reader.remaining == 0 else { throw .bodyLength }
  }

  private static func members(_ reader: inout ByteReader, _ kind: TokenKind) throws(WireFailure) -> ([ProcessID], Int) {
    guard let block = reader.take(membersBlock) else { throw .bodyLength }
    var reader = ByteReader(block, order: reader.order)
    guard let done = reader.i16(), let pending = reader.i16() else { throw .bodyLength }
    let limit = kind == .form2 ? MembershipSize.formedMembers : MembershipSize.members
    guard done >= 0, pending >= 0, Int(done) + Int(pending) <= limit,
      let list = reader.list(Int(done) + Int(pending), of: ProcessID.self)
    else { throw .memberCount }
    let members = [ProcessID](list)
    // FORM1 is spared: a daemon that came back may stand in its old ring's list and in another's for a while.
    if kind == .form2 {
      for i in members.indices {
        for j in 0..<i where members[i] == members[j] { throw .duplicateMember }
      }
    }
    return (members, Int(done))
  }

  private static func representatives(_ reader: inout ByteReader) throws(WireFailure) -> Stage {
    guard let block = reader.take(representativesBlock) else { throw .bodyLength }
    var reader = ByteReader(block, order: reader.order)
    guard let count = reader.i16(), let next = reader.i16() else { throw .bodyLength }
    guard count >= 0, count <= MembershipSize.representatives else { throw .representativeCount }
    guard next >= 0, next <= count else { throw .representativeIndex }
    var list: [Representative] = []
    list.reserveCapacity(Int(count))
    for _ in 0..<count { list.append(try reader.representative()) }
    return .form1(representatives: list, next: Int(next))
  }

  /// Bytes of the whole token; may exceed `DatagramSize.maxToken` when many rings have many holes.
  public var encodedSize: Int {
    var size = TokenHeader.size + Self.membersBlock + 4
    switch stage {
    case .form1: size += Self.representativesBlock
    case .form2: size += Self.membershipBlock
    }
    for ring in rings { size += ring.encodedSize }
    return size
  }

  /// Writes the token, the unused parts of the fixed blocks zero; type and length are set here, the other fields of
  /// `header` are the caller's. Answers its size; nil when it is larger than `memory` or than any token may be, or
  /// when a list exceeds its limit.
  public func encode(into memory: UnsafeMutableRawBufferPointer) -> Int? {
    let size = encodedSize
    guard size <= DatagramSize.maxToken, size <= memory.count, let base = memory.baseAddress, isEncodable else {
      return nil
    }
    var header = header
    header.type.subtract(.form)
    header.bodyLength = UInt16(size - TokenHeader.size)
    var writer = ByteWriter(memory, order: header.order, from: TokenHeader.size)
    writer.put(UInt16(done))
    writer.put(UInt16(members.count - done))
    for member in members { writer.put(member) }
    writer.zeros(4 * (MembershipSize.members - members.count))
    switch stage {
    case .form1(let representatives, let next):
      header.type.insert(.form1)
      writer.put(UInt16(representatives.count))
      writer.put(UInt16(next))
      for representative in representatives { writer.put(representative) }
      writer.zeros(Representative.size * (MembershipSize.representatives - representatives.count))
    case .form2(let membership):
      header.type.insert(.form2)
      writer.put(membership)
    }
    writer.put(Int32(rings.count))
    for ring in rings { ring.encode(&writer) }
    header.store(at: base)
    return writer.overflowed ? nil : size
  }

  private var isEncodable: Bool {
    guard members.count <= MembershipSize.members, done >= 0, done <= members.count,
      rings.count <= MembershipSize.rings
    else { return false }
    if case .form1(let representatives, let next) = stage {
      guard representatives.count <= MembershipSize.representatives, next >= 0, next <= representatives.count else {
        return false
      }
    }
    for ring in rings {
      guard ring.commit.count <= MembershipSize.members, ring.transitionalCount >= 0,
        ring.transitionalCount <= ring.commit.count
      else { return false }
    }
    return true
  }
}

extension FormedRing {
  init(_ reader: inout ByteReader) throws(WireFailure) {
    guard let membership = reader.membership(), let time = reader.i32(), let aru = reader.i32(),
      let highest = reader.i32(), let holeCount = reader.i32(), let commitCount = reader.i16(),
      let transitionalCount = reader.i16()
    else { throw .bodyLength }
    guard holeCount >= 0, holeCount <= MembershipSize.holes else { throw .holeCount }
    guard commitCount >= 1, commitCount <= MembershipSize.members else { throw .commitCount }
    guard transitionalCount >= 1, transitionalCount <= commitCount else { throw .transitionalCount }
    guard let holes = reader.list(Int(holeCount), of: Int32.self),
      let commit = reader.list(Int(commitCount), of: ProcessID.self)
    else { throw .bodyLength }
    var previous: Int32 = 0
    for hole in holes {
      guard hole > previous, hole <= highest else { throw .holeOrder }
      previous = hole
    }
    self.membership = membership
    transitionalTime = time
    self.aru = aru
    self.highest = highest
    self.holes = [Int32](holes)
    self.commit = [ProcessID](commit)
    self.transitionalCount = Int(transitionalCount)
  }

  func encode(_ writer: inout ByteWriter) {
    writer.put(membership)
    writer.put(transitionalTime)
    writer.put(aru)
    writer.put(highest)
    writer.put(Int32(truncatingIfNeeded: holes.count))
    writer.put(Int16(truncatingIfNeeded: commit.count))
    writer.put(Int16(truncatingIfNeeded: transitionalCount))
    for hole in holes { writer.put(hole) }
    for process in commit { writer.put(process) }
  }
}
