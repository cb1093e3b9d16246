// Monitor commands and the status answer (monitor 1 to 5, daemon-ring 2.11).

/// What monitors of Spread 4.4.0 write instead of the hash, the transmitter and the membership (monitor 7).
public enum Monitor44 {
  /// Taken by every daemon, whatever its configuration.
  public static let hash: UInt32 = 1100
  /// In the place of the membership's process.
  public static let mark = ProcessID(15_051_963)
}

/// Component numbers, one for each configured daemon in the order of the configuration (monitor 3).
public struct PartitionCommand {
  /// The sender's entries for the configured daemons; stock monitors send 128, what is over is left out here.
  public let components: WireList<Int16>
  /// At a daemon's own place: exit.
  public static let terminate: Int16 = -1

  /// Fails with `monitorBody` when there are fewer entries than configured daemons.
  public init(_ header: PacketHeader, body: UnsafeRawBufferPointer, daemons: Int) throws(WireFailure) {
    guard daemons >= 0, body.count / 2 >= daemons else { throw .monitorBody }
    components = WireList(body, count: daemons, header.order)
  }

  public static func encode(
    _ header: PacketHeader, components: some Collection<Int16>, into memory: UnsafeMutableRawBufferPointer
  ) -> Int? {
    encodePacket(header, .partition, into: memory) { for component in components { $0.put(component) } }
  }
}

/// Flow control windows (monitor 4). nil: leave unchanged.
public struct FlowControlCommand {
  private let values: WireList<Int16>
  private let daemons: Int

  /// Fails with `monitorBody` when the body has no pair for each configured daemon and one more: stock does not
  /// check and reads stale memory.
  public init(_ header: PacketHeader, body: UnsafeRawBufferPointer, daemons: Int) throws(WireFailure) {
    guard daemons >= 0, body.count / 4 >= 1, body.count / 4 - 1 >= daemons else { throw .monitorBody }
    values = WireList(body, count: 2 * (daemons + 1), header.order)
    self.daemons = daemons
  }

  public var window: Int16? { value(2 * daemons) }
  public func personalWindow(_ daemon: Int) -> Int16? { value(2 * daemon) }
  public func acceleratedWindow(_ daemon: Int) -> Int16? { value(2 * daemon + 1) }

  private func value(_ index: Int) -> Int16? {
    let value = values[index]
    return value == -1 ? nil : value
  }

  /// `pairs`: (personal, accelerated) for each daemon.
  public static func encode(
    _ header: PacketHeader, pairs: some Collection<(Int16, Int16)>, window: Int16,
    into memory: UnsafeMutableRawBufferPointer
  ) -> Int? {
    encodePacket(header, .flowControl, into: memory) { writer in
      for (personal, accelerated) in pairs {
        writer.put(personal)
        writer.put(accelerated)
      }
      writer.put(window)
      writer.put(Int16(0))
    }
  }
}

/// What a STATUS request asks for: whom to answer, and at which UDP port.
public struct StatusRequest: Equatable, Sendable {
  public var process: ProcessID
  public var port: UInt16

  /// The body, if any, is ignored.
  public init(_ header: PacketHeader) {
    process = header.process
    port = UInt16(truncatingIfNeeded: header.sequence)
  }
}

/// The 96 bytes of a status answer, named as in monitor 2: 18 integers of 32 bits, then 12 of 16.
public struct DaemonStatus: Equatable, Sendable {
  public static let size = 96

  /// Since start.
  public var seconds: Int32 = 0
  /// 1 OP, 2 SEG, 3 REPRESENTED, 4 GATHER, 5 FORM, 6 EVS.
  public var state: Int32 = 0
  /// 1 GOP, 2 GTRANS, 3 GGATHER, 4 GGT.
  public var groupsState: Int32 = 0
  public var packetsSent: Int32 = 0
  public var packetsReceived: Int32 = 0
  public var packetsDelivered: Int32 = 0
  public var retransmissions: Int32 = 0
  public var retransmissionsToOne: Int32 = 0
  public var retransmissionsToSegment: Int32 = 0
  public var retransmissionsToAll: Int32 = 0
  public var aru: Int32 = 0
  public var myAru: Int32 = 0
  public var highest: Int32 = 0
  public var hurries: Int32 = 0
  public var tokenRounds: Int32 = 0
  public var process = ProcessID(0)
  public var leader = ProcessID(0)
  public var messagesDelivered: Int32 = 0
  public var membershipChanges: Int16 = 0
  public var daemons: Int16 = 0
  public var segments: Int16 = 0
  public var window: Int16 = 0
  public var personalWindow: Int16 = 0
  /// 0 or 1: the protocol really used.
  public var acceleratedRing: Int16 = 0
  public var acceleratedWindow: Int16 = 0
  public var sessions: Int16 = 0
  public var groups: Int16 = 0
  public var majorVersion: Int16 = 0
  public var minorVersion: Int16 = 0
  public var patchVersion: Int16 = 0

  public init() {}

  /// Fails with `bodyLength` unless `body` is 96 bytes.
  public init(_ header: PacketHeader, body: UnsafeRawBufferPointer) throws(WireFailure) {
    guard body.count == Self.size else { throw .bodyLength }
    var reader = ByteReader(body, order: header.order)
    walk { (value: inout Int32) in
      value = reader.i32() ?? 0
    } short: { value in
      value = reader.i16() ?? 0
    }
  }

  /// Writes a whole answer (type, length and body; the other header fields are zero except `process`, as stock's).
  public func encode(order: Endianness = .native, into memory: UnsafeMutableRawBufferPointer) -> Int? {
    var copy = self
    let header = PacketHeader(
      type: .status, order: order, transmitter: ProcessID(0), process: process, configurationHash: 0)
    return encodePacket(header, .status, into: memory) { writer in
      copy.walk { (value: inout Int32) in
        writer.put(value)
      } short: { value in
        writer.put(value)
      }
    }
  }

  /// All fields in the order of the wire.
  private mutating func walk(_ long: (inout Int32) -> Void, short: (inout Int16) -> Void) {
    func id(_ process: inout ProcessID) {
      var value = Int32(bitPattern: process.rawValue)
      long(&value)
      process = ProcessID(UInt32(bitPattern: value))
    }
    long(&seconds)
    long(&state)
    long(&groupsState)
    long(&packetsSent)
    long(&packetsReceived)
    long(&packetsDelivered)
    long(&retransmissions)
    long(&retransmissionsToOne)
    long(&retransmissionsToSegment)
    long(&retransmissionsToAll)
    long(&aru)
    long(&myAru)
    long(&highest)
    long(&hurries)
    long(&tokenRounds)
    id(&process)
    id(&leader)
    long(&messagesDelivered)
    short(&membershipChanges)
    short(&daemons)
    short(&segments)
    short(&window)
    short(&personalWindow)
    short(&acceleratedRing)
    short(&acceleratedWindow)
    short(&sessions)
    short(&groups)
    short(&majorVersion)
    short(&minorVersion)
    short(&patchVersion)
  }
}
