// Monitor commands and reload at one daemon of a configuration of three, alone in its ring.

import SpreadWire
import Testing

@testable import SpreadCore

/// d1 of the captures, which hears nobody; time goes from timer to timer.
final class WatchedDaemon {
  var daemon: Daemon
  var now = Instant(nanoseconds: 1_000_000_000, wallSeconds: 1_700_000_000)
  var deadlines: [TimerID: UInt64] = [:]
  var answers: [(to: Destination, bytes: [UInt8])] = []
  var orders: Orders = []
  var log: [LogEvent] = []
  var memberships: [Int] = []
  private var out = Outbox()

  static func entry(_ number: Int, _ id: UInt32? = nil) -> ConfiguredDaemon {
    let text = "d\(number)"
    let name = Array(text.utf8).withUnsafeBytes { GroupName($0) }
    return ConfiguredDaemon(
      name: name, id: id.map { ProcessID($0) } ?? ProcessID(automaticFor: name),
      address: .v4(0x0a5b_0000 + UInt32(number)))
  }

  static func configuration(_ daemons: [ConfiguredDaemon] = (1...3).map { entry($0) }) -> Configuration {
    var configuration = Configuration(segments: [Segment(port: 4950, addresses: [.v4(0xe15b_0001)], daemons: daemons)])
    configuration.dangerousMonitor = true
    configuration.acceleratedRing = false
    return configuration
  }

  init(_ configuration: Configuration = WatchedDaemon.configuration()) {
    daemon = Daemon(configuration: configuration, me: 0, seed: 1)
    step(.start)
    run(seconds: 5)
  }

  func step(_ input: Input) {
    out.reset()
    daemon.handle(input, at: now, into: &out)
    for timer in out.timers { deadlines[timer.timer] = timer.deadline }
    for datagram in out.datagrams {
      if case .monitor = datagram.destination {
        answers.append((datagram.destination, Array(out.bytes(of: datagram))))
      }
    }
    for event in out.log { if case .membership(_, let members) = event { memberships.append(members.count) } }
    orders.formUnion(out.orders)
    log += out.log
  }

  func run(seconds: Int) {
    let end = now.nanoseconds + UInt64(seconds) * 1_000_000_000
    while let next = deadlines.min(by: { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }),
      next.value <= end
    {
      move(to: Swift.max(next.value, now.nanoseconds))
      deadlines[next.key] = nil
      step(.timer(next.key))
    }
    move(to: end)
  }

  private func move(to time: UInt64) {
    now = Instant(nanoseconds: time, wallSeconds: 1_700_000_000 + Int32(time / 1_000_000_000))
  }

  /// A monitor packet as the monitor on d1's machine sends it.
  func command(
    _ type: UInt32, _ body: [Int16] = [], order: Endianness = .little, from: UInt32 = 0x0a5b_0001, hash: UInt32? = nil,
    process: UInt32? = nil
  ) {
    let id = daemon.me.id
    command(
      PacketHeader(
        type: PacketType(rawValue: type), order: order, transmitter: id, process: process.map { ProcessID($0) } ?? id,
        sequence: 6543, configurationHash: hash ?? daemon.configuration.hash),
      body, from: from)
  }

  func command(_ header: PacketHeader, _ body: [Int16], from: UInt32) {
    var header = header
    header.dataLength = UInt16(2 * body.count)
    var bytes = [UInt8](repeating: 0, count: PacketHeader.size + 2 * body.count)
    bytes.withUnsafeMutableBytes { memory in
      header.store(at: memory.baseAddress!)
      for (i, value) in body.enumerated() {
        memory.baseAddress!.put16(UInt16(bitPattern: value), at: PacketHeader.size + 2 * i, header.order)
      }
    }
    packet(bytes, from: from)
  }

  func packet(_ bytes: [UInt8], from: UInt32 = 0x0a5b_0001) {
    bytes.withUnsafeBytes { step(.packet($0, from: .v4(from))) }
  }

  var status: DaemonStatus? {
    get {
      answers = []
      command(0x0100_0000)
      guard let answer = answers.last?.bytes else { return nil }
      return answer.withUnsafeBytes { bytes in
        try? DaemonStatus(PacketHeader(bytes), body: UnsafeRawBufferPointer(rebasing: bytes[PacketHeader.size...]))
      }
    }
  }

  /// Why datagrams were dropped, as far as it was told.
  var drops: [DropReason] {
    log.compactMap { if case .dropped(let report) = $0 { report.reason } else { nil } }
  }

  func denials(_ denial: MonitorDenial) -> Int {
    drops.count { $0 == .monitorDenied(denial) }
  }

  /// An ALIVE of d2: heard, it would be remembered.
  func hears(_ number: Int) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 64)
    let entry = daemon.configuration.daemons[number - 1]
    let size = bytes.withUnsafeMutableBytes { memory in
      AliveMessage.encode(
        PacketHeader(
          type: .alive, transmitter: entry.id, process: entry.id, configurationHash: daemon.configuration.hash),
        members: [entry.id], into: memory)!
    }
    let before = drops.count
    packet(Array(bytes.prefix(size)), from: 0x0a5b_0000 + UInt32(number))
    return !drops[before...].contains(.partitioned)
  }
}

struct MonitorTests {
  // MARK: Status

  /// The recorded question for a configuration of one daemon, and the shape of the answer (monitor 2).
  @Test func recordedQuestionIsAnswered() throws {
    let file = try vectorJSON("monitor/vectors.json")
    let vectors = try #require((file as? [String: Any])?["vectors"] as? [[String: Any]])
    func bytes(_ name: String) throws -> [UInt8] {
      hexBytes(try #require(vectors.first { $0["name"] as? String == name }?["hex"] as? String))
    }
    var configuration = Configuration(segments: [
      Segment(port: 4996, addresses: [.v4(0xe15b_0009)], daemons: [WatchedDaemon.entry(1)])
    ])
    configuration.acceleratedRing = nil
    for question in ["status_request_one_daemon", "status_request_big_endian"] {
      let daemon = WatchedDaemon(configuration)
      daemon.packet(try bytes(question))
      let answer = try #require(daemon.answers.last)
      #expect(answer.to == .monitor(.v4(0x0a5b_0001), port: 6543))
      let stock = try bytes("status_reply_sessions_groups")
      #expect(answer.bytes.count == stock.count)
      // The header, and what is the same in every lone daemon of this name: ids, counts, windows, version.
      #expect(answer.bytes[..<40] == stock[..<40])
      #expect(answer.bytes[44..<52] == stock[44..<52])
      #expect(answer.bytes[100..<108] == stock[100..<108])
      #expect(answer.bytes[112..<126] == stock[112..<126])
      #expect(answer.bytes[130...] == stock[130...])
    }
  }

  @Test func statusTellsTheRing() throws {
    let daemon = WatchedDaemon()
    let first = try #require(daemon.status)
    #expect((first.seconds, first.state, first.groupsState) == (5, 1, 1))
    #expect((first.daemons, first.segments, first.membershipChanges) == (1, 1, 1))
    #expect(first.leader == first.process)
    daemon.run(seconds: 7)
    #expect(daemon.status?.seconds == 12)
  }

  @Test func acceptanceRules() {
    let daemon = WatchedDaemon()
    daemon.command(0x0100_0000, from: 0x0a5b_0002)
    daemon.command(0x0100_0000, hash: 1)
    daemon.command(0x0100_0000, process: 77)
    #expect(daemon.answers.isEmpty)
    #expect(daemon.denials(.unknownProcess) == 1)
    // The first in stock's order holds; a body is ignored.
    daemon.command(0x0500_0000, [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(daemon.answers.count == 1)
    #expect(daemon.daemon.ring.settings.window == 160)
    // To the daemon the packet names.
    daemon.command(0x0100_0000, process: daemon.daemon.configuration.daemons[2].id.rawValue)
    #expect(daemon.answers.last?.to == .monitor(.v4(0x0a5b_0003), port: 6543))
  }

  /// On the wire of 4.4.0 monitors are known by a mark, from any address, and RELOAD by the hash alone (monitor 7).
  @Test(arguments: [Endianness.little, .big]) func monitorsOf44(order: Endianness) throws {
    var configuration = WatchedDaemon.configuration((1...3).map { WatchedDaemon.entry($0, 0x0a5b_0000 + UInt32($0)) })
    configuration.speaksWire44 = true
    let daemon = WatchedDaemon(configuration)
    func command(_ type: UInt32, _ body: [Int16] = [], process: UInt32 = 0x0a5b_0002, mark: UInt32 = 15_051_963) {
      daemon.command(
        PacketHeader(
          type: PacketType(rawValue: type), order: order, transmitter: ProcessID(0), process: ProcessID(process),
          membership: MembershipID(ProcessID(mark), 0), sequence: 6543, configurationHash: 1100),
        body, from: 0x0a63_0001)
    }
    command(0x0100_0000, mark: 0)
    command(0x0100_0000, process: 0x0a5b_0009)
    command(0x0400_0000, [30, 7, 1, 1, 1, 1, 99, 0], mark: 1)
    command(0x0200_0000, [0, 1, 0], mark: 0)
    #expect(daemon.answers.isEmpty)
    // Told once a second.
    #expect(daemon.denials(.unknownProcess) == 1)
    #expect(daemon.daemon.ring.settings.window == 160)
    #expect(daemon.hears(2))
    // What daemons send each other carries the real hash.
    command(0x0000_0100)
    #expect(daemon.drops.contains(.wrongHash(1100)))
    command(0x0100_0000)
    let answer = try #require(daemon.answers.last)
    #expect(answer.to == .monitor(.v4(0x0a5b_0002), port: 6543))
    // 4.4.0 in our byte order, and the id that is an address.
    #expect(answer.bytes[130...] == [4, 0, 4, 0, 0, 0])
    #expect(answer.bytes[100..<104] == [1, 0, 0x5b, 0x0a])
    command(0x0400_0000, [30, 7, 1, 1, 1, 1, 99, 0])
    #expect((daemon.daemon.ring.settings.window, daemon.daemon.ring.settings.personalWindow) == (99, 30))
    command(0x0200_0000, [0, 1, 0])
    #expect(!daemon.hears(2))
    command(0x0800_0000, mark: 0)
    #expect(daemon.orders == .readConfiguration)
    // Only there.
    let new = WatchedDaemon()
    new.command(0x0100_0000, hash: 1100)
    #expect(new.answers.isEmpty)
  }

  // MARK: Flow control

  @Test(arguments: [Endianness.little, .big]) func windows(order: Endianness) throws {
    let daemon = WatchedDaemon()
    daemon.command(0x0400_0000, [30, 7, 1, 1, 1, 1, 99, 0], order: order)
    var status = try #require(daemon.status)
    #expect((status.window, status.personalWindow, status.acceleratedWindow) == (99, 30, 7))
    daemon.command(0x0400_0000, [-1, -1, 1, 1, 1, 1, -1, 0], order: order)
    status = try #require(daemon.status)
    #expect((status.window, status.personalWindow, status.acceleratedWindow) == (99, 30, 7))
    // Below what can be sent is nothing; the largest do not trap.
    daemon.command(0x0400_0000, [-5, .min, 1, 1, 1, 1, .max, 0], order: order)
    status = try #require(daemon.status)
    #expect((status.window, status.personalWindow, status.acceleratedWindow) == (32767, 0, 0))
    // Too short: stock reads what was there before.
    daemon.command(0x0400_0000, [1, 1, 1, 1, 1, 1, 1], order: order)
    #expect(daemon.status?.window == 32767)
    // Until the next reload.
    daemon.step(.reload(WatchedDaemon.configuration(), accessRules: nil))
    #expect(daemon.status?.window == 160)
    #expect(daemon.memberships == [1])
  }

  @Test func dangerousCommandsNeedPermission() {
    var configuration = WatchedDaemon.configuration()
    configuration.dangerousMonitor = false
    let daemon = WatchedDaemon(configuration)
    daemon.command(0x0400_0000, [30, 7, 1, 1, 1, 1, 99, 0])
    daemon.command(0x0200_0000, [-1, 1, 1])
    #expect((daemon.denials(.flowControl), daemon.denials(.partition)) == (1, 1))
    #expect(daemon.daemon.ring.settings.window == 160)
    #expect(daemon.orders.isEmpty)
    daemon.command(0x0800_0000)
    #expect(daemon.orders == .readConfiguration)
  }

  // MARK: Partition

  @Test(arguments: [Endianness.little, .big]) func partitionExpires(order: Endianness) {
    let daemon = WatchedDaemon()
    daemon.command(0x0200_0000, [0, 1, 0], order: order)
    #expect(!daemon.hears(2))
    #expect(daemon.hears(3))
    daemon.run(seconds: 59)
    #expect(!daemon.hears(2))
    daemon.command(0x0200_0000, [0, 1, 0], order: order)
    daemon.run(seconds: 59)
    #expect(!daemon.hears(2))
    daemon.run(seconds: 2)
    #expect(daemon.hears(2))
  }

  @Test func partitionIsHealed() {
    let daemon = WatchedDaemon()
    daemon.command(0x0200_0000, [0, 1])
    #expect(daemon.hears(2), "an entry is missing")
    daemon.command(0x0200_0000, [3, -1, 3])
    #expect(!daemon.hears(2))
    // Monitors are heard across it.
    #expect(daemon.status != nil)
    daemon.command(0x0200_0000, [0, 0, 0])
    #expect(daemon.hears(2))
    #expect(daemon.daemon.leaving == nil)
    daemon.command(0x0200_0000, [-1, 0, 0])
    #expect(daemon.daemon.leaving != nil)
  }
}

struct ReloadTests {
  private typealias W = WatchedDaemon

  @Test func addedAndMovedDaemons() {
    let daemon = W()
    daemon.step(.reload(W.configuration([W.entry(4), W.entry(3), W.entry(1)]), accessRules: nil))
    #expect(daemon.orders == .configurationChanged)
    #expect(daemon.daemon.topology.me == 2)
    #expect(daemon.daemon.topology.hasRetired)
    daemon.run(seconds: 5)
    #expect(daemon.memberships == [1, 1])
    #expect(!daemon.daemon.topology.hasRetired)
    #expect(daemon.status?.state == 1)
  }

  @Test func waitsForTheRing() {
    let daemon = W()
    // d2 and this one lost each other's token.
    daemon.step(.reload(W.configuration([W.entry(1), W.entry(2)]), accessRules: nil))
    #expect(daemon.daemon.membership.state.number == 2)
    daemon.orders = []
    daemon.step(.reload(W.configuration([W.entry(1)]), accessRules: nil))
    #expect(daemon.orders.isEmpty)
    #expect(daemon.daemon.configuration.daemons.count == 2)
    daemon.run(seconds: 5)
    #expect(daemon.daemon.configuration.daemons.count == 1)
    #expect(daemon.orders == .configurationChanged)
    #expect(daemon.status?.state == 1)
  }

  @Test func changedDataNeedSingletons() {
    let daemon = W()
    var changed = W.entry(2)
    changed.id = ProcessID(7)
    daemon.step(.reload(W.configuration([W.entry(1), changed, W.entry(3)]), accessRules: nil))
    // Everybody is unheard until this daemon has its own ring; then it looks for the others at once.
    #expect(!daemon.hears(3))
    daemon.command(0x0200_0000, [0, 0, 0])
    #expect(daemon.denials(.reloading) == 1)
    daemon.run(seconds: 2)
    #expect(daemon.memberships == [1, 1])
    #expect(daemon.daemon.membership.state.number == 4, "a lookup")
    #expect(daemon.hears(3))
  }

  @Test func stopsWhenItIsGoneOrChanged() {
    func reason(_ daemons: [ConfiguredDaemon], port: UInt16 = 4950) -> StopReason? {
      let daemon = W()
      var configuration = W.configuration(daemons)
      configuration.segments[0].port = port
      daemon.step(.reload(configuration, accessRules: nil))
      #expect(daemon.daemon.leaving != nil && !daemon.orders.contains(.configurationChanged))
      for case .stopping(let reason) in daemon.log { return reason }
      return nil
    }
    #expect(reason([W.entry(2), W.entry(3)]) == .notConfigured)
    #expect(reason([W.entry(1, 5), W.entry(2)]) == .changed(.id))
    #expect(reason([W.entry(1), W.entry(2)], port: 4951) == .changed(.port))
    var other = W.entry(1)
    other.address = .v4(0x0a5b_0009)
    #expect(reason([other]) == .changed(.address))
  }

  /// configuration 5: the late default of AcceleratedRing, and the memory for keywords that are gone.
  @Test func acceleratedRingIsInherited() {
    var silent = W.configuration()
    silent.acceleratedRing = nil
    let daemon = W(silent)
    let before = silent.hash
    daemon.step(.reload(silent, accessRules: nil))
    #expect(daemon.daemon.configuration.hash != before)
    #expect(daemon.daemon.configuration.hash == silent.hash(.accelerated))
    daemon.run(seconds: 5)
    #expect(daemon.status?.acceleratedRing == 1)
    // Once more: it stays.
    daemon.step(.reload(silent, accessRules: nil))
    #expect(daemon.status?.acceleratedRing == 1)
    let explicit = W(W.configuration())
    explicit.step(.reload(silent, accessRules: nil))
    #expect(explicit.daemon.configuration.ringProtocol == .original)
    #expect(explicit.memberships == [1])
  }
}
