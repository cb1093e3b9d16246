// GROUPS messages: how daemons tell each other their groups after a membership change (daemon-groups 4).
// Read in place after one validation; the splitting over several messages is the groups machine's.

/// The 48-byte message header of a GROUPS message, which bends two fields: the sender field holds the
/// representative's name in 28 bytes and the size of its synced set in the last 4.
public struct GroupsHeader: Equatable, Sendable {
  /// Bytes of the name part of the sender field.
  static let nameSize = 28

  public var order: Endianness
  /// `.reliable`, or `.agreed` for the last one sent, besides `.groups`.
  public var type: ServiceType
  public var representative: GroupName
  /// Daemons the representative stands for.
  public var syncedCount: Int
  /// Bytes after the header.
  public var dataLength: Int

  public init(
    type: ServiceType, order: Endianness = .native, representative: GroupName, syncedCount: Int, dataLength: Int
  ) {
    self.type = type
    self.order = order
    self.representative = representative
    self.syncedCount = syncedCount
    self.dataLength = dataLength
  }

  /// Decodes the header of `message`, one whole reassembled message. Fails with `groupsHeader` or
  /// `groupsSyncedCount`.
  public init(_ message: UnsafeRawBufferPointer) throws(WireFailure) {
    guard let header = MessageHeader(message), header.type.contains(.groups), header.groupCount == 0,
      header.dataLength >= 0, message.count - MessageHeader.size == Int(header.dataLength)
    else { throw .groupsHeader }
    order = header.order
    type = header.type
    dataLength = Int(header.dataLength)
    representative = GroupName(message.slice(MessageHeader.nameOffset, Self.nameSize))
    let count = message.i32(at: MessageHeader.nameOffset + Self.nameSize, header.order)
    guard count >= 1, count <= MembershipSize.members else { throw .groupsSyncedCount }
    syncedCount = Int(count)
  }

  /// Writes 48 bytes.
  public func store(at pointer: UnsafeMutableRawPointer) {
    MessageHeader(
      type: type, order: order, name: representative, groupCount: 0, hint: MessageHint(messageType: 0, order: order),
      dataLength: Int32(truncatingIfNeeded: dataLength)
    ).store(at: pointer)
    pointer.put32(
      UInt32(truncatingIfNeeded: syncedCount), at: MessageHeader.nameOffset + Self.nameSize, order)
  }
}

/// membership id 8 | flag 1 | flag 1: count 4, ids | group records
public struct GroupsBody {
  /// The membership the message was made for.
  public let membership: MembershipID
  /// The daemons the representative stands for; only the message built first carries them.
  public let synced: WireList<ProcessID>?
  public let groups: GroupRecords

  /// Validates the whole body. Fails with `groupsFlag`, `groupsSyncedCount` or `groupsRecord`.
  public init(_ body: UnsafeRawBufferPointer, _ order: Endianness) throws(WireFailure) {
    var reader = ByteReader(body, order: order)
    guard let membership = reader.membership(), let flag = reader.u8() else { throw .groupsRecord }
    guard flag <= 1 else { throw .groupsFlag }
    if flag == 1 {
      guard let count = reader.i32(), count >= 1, count <= MembershipSize.members,
        let list = reader.list(Int(count), of: ProcessID.self)
      else { throw .groupsSyncedCount }
      synced = list
    } else {
      synced = nil
    }
    self.membership = membership
    groups = GroupRecords(reader)
    while reader.remaining > 0 {
      guard let group = GroupRecord(&reader), group.name.isTerminated else { throw .groupsRecord }
      for daemon in group.daemons {
        for member in daemon.members where !member.isTerminated { throw .groupsRecord }
      }
    }
  }
}

/// name 32 | group id 12 | changed 2 | daemon records in this message 2 | daemon records
public struct GroupRecord {
  static let headerSize = 48

  /// 32 bytes as they stand.
  public let name: GroupName
  public let id: GroupID
  public let isChanged: Bool
  public let daemons: DaemonRecords

  fileprivate init?(_ reader: inout ByteReader) {
    guard let name = reader.name(), let membership = reader.membership(), let index = reader.i32(),
      let changed = reader.u16(), let count = reader.u16()
    else { return nil }
    self.name = name
    id = GroupID(membership, index: index)
    isChanged = changed != 0
    daemons = DaemonRecords(reader, count: Int(count))
    for _ in 0..<count {
      guard DaemonRecord(&reader) != nil else { return nil }
    }
  }
}

/// process 4 | membership id 8 | members 2 | members, 32 each
public struct DaemonRecord {
  static let headerSize = 14

  public let process: ProcessID
  public let membership: MembershipID
  public let members: NameList

  fileprivate init?(_ reader: inout ByteReader) {
    guard let process = reader.process(), let membership = reader.membership(), let count = reader.u16(),
      let names = reader.take(GroupName.size * Int(count))
    else { return nil }
    self.process = process
    self.membership = membership
    members = NameList(names)
  }
}

/// The records of a validated GROUPS body.
public struct GroupRecords: Sequence {
  private let reader: ByteReader

  fileprivate init(_ reader: ByteReader) {
    self.reader = reader
  }

  public func makeIterator() -> Iterator { Iterator(reader: reader) }

  public struct Iterator: IteratorProtocol {
    fileprivate var reader: ByteReader
    public mutating func next() -> GroupRecord? {
      reader.remaining > 0 ? GroupRecord(&reader) : nil
    }
  }
}

/// The daemon records of one validated group record.
public struct DaemonRecords: Sequence {
  private let reader: ByteReader
  public let count: Int

  fileprivate init(_ reader: ByteReader, count: Int) {
    self.reader = reader
    self.count = count
  }

  public func makeIterator() -> Iterator { Iterator(reader: reader, left: count) }

  public struct Iterator: IteratorProtocol {
    fileprivate var reader: ByteReader
    fileprivate var left: Int
    public mutating func next() -> DaemonRecord? {
      guard left > 0 else { return nil }
      left -= 1
      return DaemonRecord(&reader)
    }
  }
}

/// 32-byte names one after another, as they stand.
public struct NameList: RandomAccessCollection {
  private let bytes: UnsafeRawBufferPointer

  /// `bytes` are the names, without rest.
  public init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { bytes.count / GroupName.size }
  public subscript(index: Int) -> GroupName {
    precondition(index >= 0 && index < endIndex)
    return GroupName(rawAt: bytes.baseAddress.unsafelyUnwrapped + GroupName.size * index)
  }
}

/// Writes a GROUPS body record by record. The caller decides where a message ends (daemon-groups 4, "Splitting").
public struct GroupsBodyWriter {
  private var writer: ByteWriter
  private var daemonCountAt = 0
  private var daemonCount: UInt16 = 0

  public static let groupRecordSize = GroupRecord.headerSize
  public static func daemonRecordSize(members: Int) -> Int { DaemonRecord.headerSize + GroupName.size * members }

  /// `memory` takes the body alone, without the message header.
  public init(
    _ memory: UnsafeMutableRawBufferPointer, order: Endianness = .native, membership: MembershipID,
    synced: (some Collection<ProcessID>)?
  ) {
    writer = ByteWriter(memory, order: order)
    writer.put(membership)
    guard let synced else {
      writer.put(UInt8(0))
      return
    }
    writer.put(UInt8(1))
    writer.put(Int32(truncatingIfNeeded: synced.count))
    for process in synced { writer.put(process) }
  }

  /// Bytes of the body so far; nil when something did not fit or was counted beyond 16 bits.
  public var length: Int? { writer.overflowed || failed ? nil : writer.position }
  private var failed = false

  /// Opens a group record; the daemons that follow belong to it.
  public mutating func group(_ name: GroupName, _ id: GroupID, isChanged: Bool) {
    writer.put(name)
    writer.put(id)
    writer.put(UInt16(isChanged ? 1 : 0))
    daemonCountAt = writer.position
    daemonCount = 0
    writer.put(daemonCount)
  }

  /// Adds a daemon record to the open group.
  public mutating func daemon(_ process: ProcessID, _ membership: MembershipID, members: some Collection<GroupName>) {
    guard daemonCountAt > 0, daemonCount < .max, members.count <= Int(UInt16.max) else {
      failed = true
      return
    }
    writer.put(process)
    writer.put(membership)
    writer.put(UInt16(members.count))
    for member in members { writer.put(member) }
    daemonCount += 1
    writer.patch(daemonCount, at: daemonCountAt)
  }
}
