// The 40-byte header of every packet between daemons (daemon-ring 2.3).

/// type 4 | transmitter 4 | process 4 | membership id 8 | seq 4 | token round 4 | configuration hash 4 |
/// data length 2 | padding 2 | first fragment: index 2, length 2
public struct PacketHeader: Equatable, Sendable {
  /// Bytes on the wire.
  public static let size = DatagramSize.header
  public static let typeOffset = 0
  public static let transmitterOffset = 4
  public static let tokenRoundOffset = 24
  public static let hashOffset = 28
  public static let firstFragmentOffset = 36

  /// Type bits without the marks.
  public var type: PacketType
  /// The order the header was, or is to be, written in.
  public var order: Endianness
  /// Who put the datagram on the wire last.
  public var transmitter: ProcessID
  /// Who made the packet.
  public var process: ProcessID
  /// Data: the membership it was sent in. REFER: the id referred to and its representative type. Else meaningless.
  public var membership: MembershipID
  /// Data: 1 and up. STATUS request: the port for the answer. Else meaningless.
  public var sequence: Int32
  /// Data only.
  public var tokenRound: Int32
  public var configurationHash: UInt32
  /// Bytes after the header.
  public var dataLength: UInt16
  /// Data only: header of the first fragment.
  public var firstFragment: FragmentHeader

  public init(
    type: PacketType, order: Endianness = .native, transmitter: ProcessID, process: ProcessID,
    membership: MembershipID = MembershipID(ProcessID(0), 0), sequence: Int32 = 0, tokenRound: Int32 = 0,
    configurationHash: UInt32, dataLength: UInt16 = 0, firstFragment: FragmentHeader = FragmentHeader()
  ) {
    self.type = type
    self.order = order
    self.transmitter = transmitter
    self.process = process
    self.membership = membership
    self.sequence = sequence
    self.tokenRound = tokenRound
    self.configurationHash = configurationHash
    self.dataLength = dataLength
    self.firstFragment = firstFragment
  }

  /// Decodes the header of `datagram`, which must be exactly as long as the header says.
  ///
  /// Fails with `shortHeader`, `byteOrderMarks`, `length` or `tooLong`; the kind of the packet is judged by `kind`,
  /// after the acceptance checks of daemon-ring 5.1.
  public init(_ datagram: UnsafeRawBufferPointer) throws(WireFailure) {
    guard datagram.count >= Self.size else { throw .shortHeader }
    guard let (type, order) = PacketType.read(datagram) else { throw .byteOrderMarks }
    self.type = type
    self.order = order
    transmitter = ProcessID(datagram.u32(at: 4, order))
    process = ProcessID(datagram.u32(at: 8, order))
    membership = MembershipID(ProcessID(datagram.u32(at: 12, order)), datagram.i32(at: 16, order))
    sequence = datagram.i32(at: 20, order)
    tokenRound = datagram.i32(at: 24, order)
    configurationHash = datagram.u32(at: 28, order)
    dataLength = datagram.u16(at: 32, order)
    firstFragment = FragmentHeader(index: datagram.i16(at: 36, order), length: datagram.i16(at: 38, order))
    guard datagram.count == Self.size + Int(dataLength) else { throw .length }
    guard datagram.count <= DatagramSize.maxPacket else { throw .tooLong }
  }

  /// Writes 40 bytes in `order`, marks included, padding zero.
  public func store(at pointer: UnsafeMutableRawPointer) {
    pointer.put32(type.word(order), at: 0, order)
    pointer.put32(transmitter.rawValue, at: 4, order)
    pointer.put32(process.rawValue, at: 8, order)
    pointer.put32(membership.process.rawValue, at: 12, order)
    pointer.put32(UInt32(bitPattern: membership.time), at: 16, order)
    pointer.put32(UInt32(bitPattern: sequence), at: 20, order)
    pointer.put32(UInt32(bitPattern: tokenRound), at: 24, order)
    pointer.put32(configurationHash, at: 28, order)
    pointer.put16(dataLength, at: 32, order)
    pointer.put16(0, at: 34, order)
    firstFragment.store(at: pointer + 36, order)
  }

  /// Rewrites, in a packet that is sent on (forwarded or retransmitted), the two fields every sender sets itself:
  /// the transmitter and the ROUTED bit. All else, byte order included, stays as its maker wrote it (daemon-ring 1.3).
  public static func readdress(
    _ packet: UnsafeMutableRawPointer, from transmitter: ProcessID, routed: Bool, _ order: Endianness
  ) {
    let bytes = UnsafeRawBufferPointer(start: packet, count: size)
    let type = bytes.u32(at: typeOffset, order)
    let bit = PacketType.routed.rawValue
    packet.put32(routed ? type | bit : type & ~bit, at: typeOffset, order)
    packet.put32(transmitter.rawValue, at: transmitterOffset, order)
  }
}

/// What a packet is. Data packets name the one service bit they carry.
public enum PacketKind: Equatable, Sendable {
  case partition, status, flowControl, reload
  case alive, join, refer
  case hurry
  case data(PacketType)
}

extension PacketKind {
  public var isMonitorCommand: Bool {
    switch self {
    case .partition, .status, .flowControl, .reload: true
    case .alive, .join, .refer, .hurry, .data: false
    }
  }
}

extension PacketHeader {
  /// The kind, tested in the order of daemon-ring 5.1 and monitor 1; fails with `unknownType`. A monitor command has
  /// no bits of other kinds: stock obeys any packet with a monitor bit, so that one damaged bit of a data packet
  /// divides the ring or changes its windows.
  public func kind() throws(WireFailure) -> PacketKind {
    if !type.isDisjoint(with: .monitor) {
      guard type.isSubset(of: .monitor) else { throw .unknownType }
      if type.contains(.partition) { return .partition }
      if type.contains(.status) { return .status }
      return type.contains(.flowControl) ? .flowControl : .reload
    }
    let membership = type.intersection(.membership)
    if !membership.isEmpty {
      switch membership {
      case .alive: return .alive
      case .join: return .join
      case .refer: return .refer
      default: throw .unknownType
      }
    }
    if type.contains(.hurry) { return .hurry }
    let service = type.intersection(.regular)
    guard service.rawValue.nonzeroBitCount == 1 else { throw .unknownType }
    return .data(service)
  }
}
