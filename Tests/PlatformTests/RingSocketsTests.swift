// The ring's sockets on loopback addresses: bytes and order as they leave and arrive.

import CSpreadSystem
import Glibc
import SpreadCore
import SpreadWire
import Testing

@testable import SpreadCore
@testable import SpreadPlatform

@Suite(.serialized) struct RingSocketsTests {
  /// Daemons 127.0.0.71, .72, ... with interface lists, so that they can live on one machine.
  static func configuration(_ sizes: [Int], port: UInt16, addresses: [UInt32] = [0xef4d_0163]) -> Configuration {
    var host: UInt32 = 0x7f00_0047
    var segments: [Segment] = []
    for (k, size) in sizes.enumerated() {
      let daemons = (0..<size).map { _ in
        defer { host += 1 }
        let address = NetworkAddress.v4(host)
        return ConfiguredDaemon(
          name: GroupName("d"), id: ProcessID(host), address: address, interfaces: [Interface(address, .all)])
      }
      segments.append(Segment(port: port + 10 * UInt16(k), addresses: addresses.map { .v4($0) }, daemons: daemons))
    }
    return Configuration(segments: segments)
  }

  /// What a daemon receives, in order.
  final class Receiver: RingOwner {
    var received: [String] = []
    var sources: Set<NetworkAddress> = []
    /// How much had been received when the ring was found calm.
    var calmAfter: [Int] = []
    var prefersToken = false
    /// Packets after which the token is preferred.
    var prefersTokenAfter = Int.max
    let sockets: RingSockets
    private let receiver: RingReceiver

    init(_ configuration: Configuration, own: Int) throws {
      sockets = try RingSockets(RingAddresses(configuration, own: own))
      receiver = RingReceiver(sockets)
    }

    func handle(_ input: Input) {
      switch input {
      case .packet(let bytes, let source):
        received.append("packet \(bytes[0]) \(bytes.count)")
        sources.insert(source)
        if received.count == prefersTokenAfter { prefersToken = true }
      case .token(let bytes, let source):
        received.append("token \(bytes[0]) \(bytes.count)")
        sources.insert(source)
        prefersToken = false
      default: break
      }
    }

    func calmBeforeToken() { calmAfter.append(received.count) }

    func turn(_ ready: Sources = [.packets, .tokens]) { receiver.turn(ready, for: self) }
  }

  /// The two daemons of one segment.
  static func pair(port: UInt16, addresses: [UInt32] = [0xef4d_0163]) throws -> (Receiver, Receiver) {
    let configuration = configuration([2], port: port, addresses: addresses)
    return (try Receiver(configuration, own: 0), try Receiver(configuration, own: 1))
  }

  static func outbox(_ datagrams: [(Datagram.Kind, Destination, tag: UInt8, length: Int)]) -> Outbox {
    var outbox = Outbox()
    for datagram in datagrams {
      let bytes = [UInt8](repeating: datagram.tag, count: datagram.length)
      bytes.withUnsafeBytes { _ = outbox.append($0, datagram.0, to: datagram.1) }
    }
    return outbox
  }

  @Test func everyDaemonHasThePortOfItsSegment() throws {
    let addresses = RingAddresses(Self.configuration([2, 1], port: 47900), own: 2)
    #expect(addresses.daemons.map(\.port) == [47900, 47900, 47910])
    #expect(addresses.own.port == 47910)
    #expect(!addresses.sharesSegment)
  }

  @Test func packetsOfMixedSizesArriveWholeAndInOrder() throws {
    let (a, b) = try Self.pair(port: 47902)
    let sizes = Array(repeating: 1472, count: 70) + [100, 1472, 1472, 40, 40, 41]
    let datagrams = sizes.enumerated().map { (Datagram.Kind.packet, Destination.daemon(1), tag: UInt8($0), length: $1) }
    let sender = RingSender(a.sockets)
    sender.send(Self.outbox(datagrams))
    #expect(sender.lost == 0)
    b.turn()
    #expect(b.received == sizes.enumerated().map { "packet \($0) \($1)" })
    #expect(b.sources == [.v4(0x7f00_0047)])
  }

  @Test func multicastReachesAllOfTheSegmentAndTheSenderItself() throws {
    let configuration = Self.configuration([3], port: 47904)
    let receivers = try (0..<3).map { try Receiver(configuration, own: $0) }
    RingSender(receivers[1].sockets).send(
      Self.outbox([(.packet, .segment, 1, 1472), (.packet, .daemon(2), 2, 1000), (.packet, .segment, 3, 1472)]))
    for receiver in receivers { receiver.turn() }
    #expect(receivers[0].received == ["packet 1 1472", "packet 3 1472"])
    #expect(receivers[1].received == receivers[0].received)
    #expect(receivers[2].received.sorted() == ["packet 1 1472", "packet 2 1000", "packet 3 1472"])
  }

  @Test func aSegmentOfSeveralAddressesGetsEachPacketAtEach() throws {
    let (a, b) = try Self.pair(port: 47906, addresses: [0xef4d_0164, 0xef4d_0165])
    RingSender(a.sockets).send(Self.outbox([(.packet, .segment, 1, 50)]))
    b.turn()
    #expect(b.received == ["packet 1 50", "packet 1 50"])
  }

  @Test func packetsComeBeforeATokenThatArrivedEarlier() throws {
    let (a, b) = try Self.pair(port: 47912)
    RingSender(a.sockets).send(
      Self.outbox([(.token, .daemon(1), 9, 40), (.packet, .daemon(1), 1, 50), (.packet, .daemon(1), 2, 50)]))
    b.turn()
    #expect(b.received == ["packet 1 50", "packet 2 50", "token 9 40"])
  }

  /// Clients get what one or two packets brought before the token is taken.
  @Test func fewPacketsAreCalm() throws {
    let (a, b) = try Self.pair(port: 47926)
    let sender = RingSender(a.sockets)
    for (packets, sources, calmAfter) in [
      (2, [.packets, .tokens], [2]), (1, [.packets], []), (0, [.packets, .tokens], []), (3, [.packets, .tokens], []),
    ] as [(UInt8, Sources, [Int])] {
      (b.received, b.calmAfter) = ([], [])
      sender.send(
        Self.outbox((0..<packets).map { (.packet, .daemon(1), $0, 50) } + [(.token, .daemon(1), 9, 40)]))
      b.turn(sources)
      #expect(b.calmAfter == calmAfter)
      #expect(b.received.count == Int(packets) + (sources.contains(.tokens) ? 1 : 0))
      b.turn()
    }
  }

  @Test func thePreferredTokenComesFirst() throws {
    let (a, b) = try Self.pair(port: 47914)
    let sender = RingSender(a.sockets)
    sender.send(Self.outbox([(.packet, .daemon(1), 1, 50), (.token, .daemon(1), 9, 40)]))
    b.prefersToken = true
    b.turn()
    #expect(b.received == ["token 9 40", "packet 1 50"])

    // Preferred from the second of four packets on.
    b.received = []
    b.prefersTokenAfter = 2
    sender.send(
      Self.outbox((1...4).map { (.packet, .daemon(1), UInt8($0), 50) } + [(.token, .daemon(1), 9, 40)]))
    b.turn()
    #expect(b.received == ["packet 1 50", "packet 2 50", "token 9 40", "packet 3 50", "packet 4 50"])
  }

  @Test func aDatagramTooLargeForAPacketIsDropped() throws {
    let (a, b) = try Self.pair(port: 47916)
    RingSender(a.sockets).send(Self.outbox([(.packet, .daemon(1), 1, 3000), (.packet, .daemon(1), 2, 1472)]))
    b.turn()
    #expect(b.received == ["packet 2 1472"])
  }

  @Test func aLargeTokenArrivesWhole() throws {
    let (a, b) = try Self.pair(port: 47918)
    RingSender(a.sockets).send(Self.outbox([(.token, .daemon(1), 1, 65_507)]))
    b.turn()
    #expect(b.received == ["token 1 65507"])
  }

  @Test func whatCannotBeSentIsCountedAndTheRestGoes() throws {
    let (a, b) = try Self.pair(port: 47920)
    let sender = RingSender(a.sockets)
    sender.send(Self.outbox([(.packet, .daemon(1), 1, 65_508), (.token, .daemon(1), 9, 40)]))
    #expect(sender.lost == 1)
    #expect(sender.reason == EMSGSIZE)
    sender.clearLost()
    b.turn()
    #expect(b.received == ["token 9 40"])
  }

  @Test func aTakenPortIsAnError() throws {
    let configuration = Self.configuration([2], port: 47922)
    let first = try Receiver(configuration, own: 0)
    #expect(throws: SystemError.self) { try Receiver(configuration, own: 0) }
    _ = first
  }
}

@Suite struct MembershipMemoryTests {
  private let directory = TemporaryDirectory()
  private let daemon = ConfiguredDaemon(name: GroupName("a/b"), id: ProcessID(7), address: .v4(0x7f00_0001))

  private func memory() throws -> MembershipMemory { try MembershipMemory(directory: directory.path, daemon: daemon) }

  @Test func theTimeSurvives() throws {
    #expect(try memory().lastTime == 0)
    let first = try memory()
    #expect(first.remember(1_795_474_006) == nil)
    #expect(first.remember(1_795_474_008) == nil)
    #expect(try memory().lastTime == 1_795_474_008)
  }

  @Test func anotherDaemonHasItsOwn() throws {
    #expect(try memory().remember(5) == nil)
    let other = ConfiguredDaemon(name: GroupName("a/b"), id: ProcessID(8), address: .v4(0x7f00_0001))
    #expect(try MembershipMemory(directory: directory.path, daemon: other).lastTime == 0)
  }

  @Test(arguments: ["", "x", "-5\n", "99999999999\n", "12 34\n"])
  func aFileThatIsNoTimeCountsForNothing(_ text: String) throws {
    let path = directory.path + "/membership-time.7"
    let file = try #require(fopen(path, "w"))
    fputs(text, file)
    fclose(file)
    #expect(try memory().lastTime == 0)
  }

  @Test func aFailureIsToldOnce() throws {
    let memory = try memory()
    rmdir(directory.path)
    #expect(memory.remember(1) != nil)
    #expect(memory.remember(2) == nil)
  }
}

@Suite struct DropTests {
  @Test func aForeignHashIsToldWithItsSenderAndThenCounted() throws {
    let configuration = RingSocketsTests.configuration([2], port: 47930)
    var daemon = Daemon(configuration: configuration, me: 0, seed: 1)
    var outbox = Outbox()
    var packet = PacketHeader(
      type: .hurry, transmitter: configuration.daemons[1].id, process: configuration.daemons[1].id,
      configurationHash: configuration.hash ^ 1)
    packet.dataLength = 0
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: PacketHeader.size, alignment: 8)
    defer { bytes.deallocate() }
    packet.store(at: bytes.baseAddress!)
    func drops(at seconds: UInt64) -> [String] {
      outbox.reset()
      daemon.handle(
        .packet(UnsafeRawBufferPointer(bytes), from: .v4(0x0a00_0001)),
        at: Instant(nanoseconds: seconds * 1_000_000_000, wallSeconds: 1), into: &outbox)
      return outbox.log.map { LogLine($0).text }
    }
    let reason = "10.0.0.1 has another configuration (its hash is \(configuration.hash ^ 1)); "
      + "compare the files with spread --check -c FILE --against FILE"
    #expect(drops(at: 10) == ["1 datagram dropped: \(reason)"])
    #expect(drops(at: 10) == [])
    #expect(drops(at: 11) == ["2 datagrams dropped: \(reason)"])
    // It goes on: told half as often each time.
    #expect(drops(at: 12) == [])
    #expect(drops(at: 13) == ["2 datagrams dropped: \(reason)"])
    #expect(drops(at: 16) == [])
    #expect(drops(at: 17) == ["2 datagrams dropped: \(reason)"])
    // It had stopped: told at once, and again after a second.
    #expect(drops(at: 100) == ["1 datagram dropped: \(reason)"])
    #expect(drops(at: 101) == ["1 datagram dropped: \(reason)"])
  }
}
