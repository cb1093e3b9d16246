// What arrives and is wrong is dropped, counted by its reason, and told with its sender (daemon-ring 5.1, 3.2, 3.4).

import SpreadWire
import Testing

@testable import SpreadCore

@Suite struct DropTests {
  /// A working ring; its first data packet to the second daemon and a token of it.
  private let pair = RingPair.atRest(clients: [0])
  private let packet: [UInt8]
  private let token: [UInt8]

  init() throws {
    packet = try #require(pair.dataToSecond.last)
    token = try #require(pair.tokensToSecond.last)
    // Whatever was told while the ring formed is over.
    pair.run(seconds: 100)
    pair.dropped = []
  }

  private func reasons(_ packets: [[UInt8]] = [], tokens: [[UInt8]] = [], from: NetworkAddress? = nil) -> [DropReason] {
    let source = from ?? pair.addresses[0]
    for bytes in packets { bytes.withUnsafeBytes { _ = pair.step(1, .packet($0, from: source)) } }
    for bytes in tokens { bytes.withUnsafeBytes { _ = pair.step(1, .token($0, from: source)) } }
    for report in pair.dropped { #expect(report.source == source) }
    return pair.dropped.map(\.reason)
  }

  private func changed(_ bytes: [UInt8], at place: Int) -> [UInt8] {
    var bytes = bytes
    bytes[place] ^= 1
    return bytes
  }

  private var installed: MembershipID { pair.daemons[1].ring.installedID }

  @Test func anotherHash() {
    let hash = pair.daemons[0].topology.hash
    #expect(reasons([changed(packet, at: 28)]) == [.wrongHash(hash ^ 1)])
    pair.dropped = []
    #expect(reasons(tokens: [changed(token, at: 36)]) == [])
    #expect(pair.daemons[1].drops.total(.wrongHash(0)) == 2)
  }

  @Test func aTransmitterOfNoConfiguration() {
    let id = ProcessID(pair.daemons[0].me.id.rawValue ^ 1)
    #expect(reasons([changed(packet, at: 4)]) == [.unknownTransmitter(id)])
  }

  @Test func anotherSource() {
    #expect(reasons([packet], from: .v4(0x0a00_0009)) == [.wrongSource(pair.daemons[0].me.id)])
  }

  @Test func theSourceOfAnotherDaemon() {
    #expect(reasons(tokens: [token], from: pair.addresses[1]) == [.wrongSource(pair.daemons[0].me.id)])
  }

  @Test func cutShortAtEveryLength() {
    for length in 0..<packet.count { _ = reasons([Array(packet[..<length])]) }
    #expect(pair.daemons[1].drops.total(.malformed(.shortHeader)) == 40)
    #expect(pair.daemons[1].drops.total(.malformed(.length)) == packet.count - 40)
    for length in 0..<token.count { _ = reasons(tokens: [Array(token[..<length])]) }
    #expect(pair.daemons[1].drops.total(.malformed(.shortHeader)) == 80)
    #expect(Set(pair.dropped.map { "\($0.reason)" }).count == 2)
  }

  @Test func aPacketOfAnotherRing() {
    #expect(reasons([changed(packet, at: 16)]) == [.foreignRing])
  }

  @Test func aTokenOfAnotherRing() {
    #expect(reasons(tokens: [changed(token, at: 16)]) == [.foreignRing])
  }

  @Test func aPacketOnceMore() {
    #expect(reasons([packet]) == [.replay])
  }

  @Test func aTokenOnceMore() {
    #expect(reasons(tokens: [token]) == [.replay])
    #expect(pair.daemons[1].drops.total(.replay) == 1)
  }

  /// Nothing of it harms the ring.
  @Test func theRingGoesOn() {
    let before = installed
    _ = reasons([packet, changed(packet, at: 4), changed(packet, at: 28)], tokens: [token, changed(token, at: 12)])
    pair.received = [[], []]
    pair.connect(1)
    pair.send(1, pair.frame(1, .agreed, [1, 2, 3]))
    pair.run(seconds: 1)
    #expect(installed == before)
    #expect(!pair.received[0].isEmpty)
  }
}
