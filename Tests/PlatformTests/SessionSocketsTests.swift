// Client sockets against a scripted owner in place of the core.

import CSpreadSystem
import Glibc
import SpreadCore
import Testing

@testable import SpreadPlatform

/// Records what the sockets report, and answers as told.
private final class Script: SessionOwner {
  enum Heard: Equatable {
    case opened(Int32, PeerAddress)
    case bytes(Int32, [UInt8])
    case ended(Int32, SessionEnd)
    case backlog(Int32, Int)
  }
  var heard: [Heard] = []
  var readsClients = true
  var onInput: (Heard) -> Void = { _ in }
  var acceptFailures = 0

  func handle(_ input: Input) {
    let heard: Heard
    switch input {
    case .sessionOpened(let id, let peer): heard = .opened(id.rawValue, peer)
    case .sessionBytes(let id, let bytes): heard = .bytes(id.rawValue, Array(bytes))
    case .sessionEnded(let id, let end): heard = .ended(id.rawValue, end)
    case .sessionBacklog(let id, let messages): heard = .backlog(id.rawValue, messages)
    default: return
    }
    self.heard.append(heard)
    onInput(heard)
  }
  func acceptFailed(_ code: Int32) { acceptFailures += 1 }
  func acceptRecovered() {}

  func bytes(of slot: Int32) -> [UInt8] {
    heard.flatMap { (heard) -> [UInt8] in if case .bytes(slot, let bytes) = heard { bytes } else { [] } }
  }
  var backlogs: [Int] {
    heard.compactMap { if case .backlog(_, let messages) = $0 { messages } else { nil } }
  }
}

@Suite struct SessionSocketsTests {
  private let directory = TemporaryDirectory()
  private let file: UnixSocketFile
  private let tcp: Listener
  private let sockets: SessionSockets
  private let script = Script()

  init() throws {
    file = try UnixSocketFile(directory: directory.path, name: "socket")
    tcp = try ListenSockets.listen(at: [.v4(0x7f00_0001)], port: 0)[0]
    sockets = try SessionSockets(listeners: [tcp, file.listener])
  }

  /// One wake-up, once something can be read.
  private func turn() {
    var ready = pollfd(fd: sockets.readable.descriptor, events: Int16(POLLIN), revents: 0)
    _ = poll(&ready, 1, 1000)
    sockets.readClients(for: script, at: 0)
    sockets.flush(for: script)
  }

  private var hasSomethingToRead: Bool {
    var ready = pollfd(fd: sockets.readable.descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&ready, 1, 0) > 0
  }

  private func connect() -> TestClient {
    let client = TestClient(path: file.path)
    turn()
    return client
  }

  private func message(_ bytes: [UInt8]) -> MessageBuffer { bytes.withUnsafeBytes { MessageBuffer($0) } }

  /// 32-bit numbers, so that order and completeness show.
  private func numbered(_ numbers: Range<Int>) -> [MessageBuffer] {
    numbers.map { number in
      withUnsafeBytes(of: UInt32(number)) { message(Array($0) + [UInt8](repeating: 7, count: 996)) }
    }
  }

  /// What a client that reads slowly gets until it has `count` bytes or nothing comes any more.
  private func drain(_ client: TestClient, _ count: Int, parts: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let part = client.receive(parts)
      guard !part.isEmpty else { break }
      bytes += part
      sockets.continueWriting(for: script)
    }
    return bytes
  }

  private func close(_ slots: Int32...) {
    for slot in slots { sockets.close(SessionID(slot), flushing: false) }
  }

  @Test func opensWithTheirAddress() {
    let local = connect()
    let remote = TestClient(port: UInt16(sys_local_port(tcp.descriptor)))
    turn()
    #expect(script.heard == [.opened(0, .unixSocket), .opened(1, .network(.v4(0x7f00_0001)))])
    local.send([1, 2, 3])
    turn()
    remote.send([4])
    turn()
    #expect(script.bytes(of: 0) == [1, 2, 3])
    #expect(script.bytes(of: 1) == [4])
    close(0, 1)
  }

  @Test func oneTurnTakesEveryConnectThatWaits() {
    let clients = (0..<40).map { _ in TestClient(path: file.path) }
    turn()
    #expect(script.heard.count == 40)
    for slot in 0..<Int32(40) { close(slot) }
    _ = clients
  }

  /// A flooding client's bytes do not stand before those of others by the hundred thousand.
  @Test func whoIsReadySharesOneTurn() {
    let clients = (0..<8).map { _ in TestClient(path: file.path) }
    turn()
    for client in clients { client.send([UInt8](repeating: 1, count: 100_000)) }
    script.heard = []
    turn()
    let share = SessionSockets.Budget.bytesPerTurn / clients.count
    for slot in 0..<Int32(8) { #expect(script.bytes(of: slot).count == share) }
    // Alone, a client has the whole turn.
    for slot in 1..<Int32(8) { close(slot) }
    script.heard = []
    turn()
    #expect(script.bytes(of: 0).count == 100_000 - share)
    close(0)
  }

  @Test func endOfStreamIsToldOnce() {
    let client = connect()
    client.send([9])
    client.finish()
    turn()
    turn()
    #expect(script.heard.suffix(2) == [.bytes(0, [9]), .ended(0, .endOfStream)])
    // The core has not closed yet: the socket is silent all the same.
    #expect(!hasSomethingToRead)
    sockets.write(SessionID(0), message([1]))
    sockets.flush(for: script)
    #expect(script.heard.last == .ended(0, .endOfStream))
    close(0)
  }

  @Test func brokenConnectionIsToldWithItsError() {
    let client = TestClient(port: UInt16(sys_local_port(tcp.descriptor)))
    turn()
    client.reset()
    turn()
    #expect(script.heard.last == .ended(0, .failure(ECONNRESET)))
    close(0)
  }

  @Test func failedWriteIsToldWithItsError() {
    let client = connect()
    shutdown(client.descriptor, Int32(SHUT_RD))
    sockets.write(SessionID(0), message([1]))
    sockets.flush(for: script)
    #expect(script.heard.last == .ended(0, .failure(EPIPE)))
    close(0)
  }

  @Test func writesLeaveTogetherInOrder() {
    let client = connect()
    for byte in UInt8(0)..<10 { sockets.write(SessionID(0), message([byte])) }
    // Nothing is written before the wake-up is over.
    #expect(!client.hasInput)
    sockets.flush(for: script)
    #expect(client.receive(100) == Array(0..<10))
    #expect(script.backlogs.isEmpty)
    close(0)
  }

  /// More messages than fit one call and more bytes than fit the socket: a backlog is told after each attempt,
  /// gets smaller while the client reads, and every byte comes once and in order.
  @Test func slowReaderGetsEverythingInOrder() {
    let client = connect()
    let count = 3000
    for buffer in numbered(0..<count) { sockets.write(SessionID(0), buffer) }
    sockets.flush(for: script)
    #expect(script.backlogs.count == 1)
    #expect((1..<count).contains(script.backlogs[0]))
    let bytes = drain(client, count * 1000, parts: 100_000)
    let numbers = stride(from: 0, to: bytes.count - 3, by: 1000).map { (at: Int) -> Int in
      let low = Int(bytes[at])
      let middle = Int(bytes[at + 1]) << 8
      let high = Int(bytes[at + 2]) << 16
      return low | middle | high
    }
    #expect(numbers == Array(0..<count))
    #expect(script.backlogs == script.backlogs.sorted(by: >))
    // Drained: nothing waits for room any more.
    var ready = pollfd(fd: sockets.writable.descriptor, events: Int16(POLLIN), revents: 0)
    #expect(poll(&ready, 1, 0) == 0)
    close(0)
  }

  /// One message takes many writes.
  @Test func longMessageArrivesWhole() {
    let client = connect()
    let long = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 + $0 / 251) }
    sockets.write(SessionID(0), message(long))
    sockets.flush(for: script)
    let bytes = drain(client, long.count, parts: 50_000)
    #expect(bytes == long)
    #expect(Set(script.backlogs) == [1])
    close(0)
  }

  @Test func slowReaderDoesNotHoldUpOthers() {
    let slow = connect()
    let quick = connect()
    for buffer in numbered(0..<2000) { sockets.write(SessionID(0), buffer) }
    sockets.write(SessionID(1), message([5]))
    sockets.flush(for: script)
    #expect(script.backlogs.count == 1)
    #expect(quick.receive(10) == [5])
    close(0, 1)
    _ = slow
  }

  /// What the core says when it hears of a backlog leaves in the same wake-up.
  @Test func coreMayCloseAndWriteWhenToldOfBacklog() {
    let slow = connect()
    let other = connect()
    script.onInput = { [sockets] heard in
      guard case .backlog(let slot, _) = heard else { return }
      sockets.close(SessionID(slot), flushing: false)
      sockets.write(SessionID(1), self.message([6]))
    }
    for buffer in numbered(0..<2000) { sockets.write(SessionID(0), buffer) }
    sockets.flush(for: script)
    #expect(other.receive(10) == [6])
    // What the socket had taken is still read, then the stream ends: the rest was dropped.
    var bytes = 0
    while case let part = slow.receive(100_000), !part.isEmpty { bytes += part.count }
    #expect(bytes < 2_000_000)
    close(1)
  }

  @Test func flushingCloseSaysItsLastWords() {
    let client = TestClient(port: UInt16(sys_local_port(tcp.descriptor)))
    turn()
    // Unread input would make a plain close a reset.
    client.send([UInt8](repeating: 1, count: 100))
    sockets.write(SessionID(0), message([0xfd]))
    sockets.close(SessionID(0), flushing: true)
    #expect(client.receive(10) == [0xfd])
    #expect(client.receive(10) == [])
    #expect(client.failure == 0)
  }

  @Test func plainCloseDropsTheQueue() {
    let client = connect()
    sockets.write(SessionID(0), message([1]))
    close(0)
    sockets.flush(for: script)
    #expect(client.receive(10) == [])
  }

  @Test func slotIsUsedAgainByAFreshConnection() {
    let first = connect()
    sockets.write(SessionID(0), message([1]))
    close(0)
    let second = connect()
    #expect(script.heard == [.opened(0, .unixSocket), .opened(0, .unixSocket)])
    sockets.write(SessionID(0), message([2]))
    sockets.flush(for: script)
    #expect(second.receive(10) == [2])
    #expect(first.receive(10) == [])
    close(0)
  }

  /// Both are ready in one batch; the first's bytes make the core close the second, whose slot the next connection
  /// takes. The stale half of the batch must not reach it.
  @Test func staleEventsDoNotReachTheNextConnection() {
    let clients = [connect(), connect()]
    clients[0].send([1])
    let third = TestClient(path: file.path)
    clients[1].send([2])
    script.onInput = { [sockets] heard in
      if case .bytes(let slot, _) = heard { sockets.close(SessionID(1 - slot), flushing: false) }
    }
    turn()
    turn()
    let opened = script.heard.filter { if case .opened = $0 { true } else { false } }
    #expect(opened.count == 3)
    #expect(script.heard.filter { if case .bytes = $0 { true } else { false } }.count == 1)
    #expect(!script.heard.contains { if case .ended = $0 { true } else { false } })
    _ = third
  }

  @Test func nothingIsReadWhileTheCoreHasEnough() {
    let clients = [connect(), connect(), connect()]
    for (i, client) in clients.enumerated() { client.send([UInt8(i)]) }
    // After each message the core has enough; every client gets its turn all the same.
    script.onInput = { [script] heard in if case .bytes = heard { script.readsClients = false } }
    var order: [Int32] = []
    for _ in 0..<6 {
      script.readsClients = true
      let before = script.heard.count
      turn()
      for case .bytes(let slot, _) in script.heard[before...] {
        order.append(slot)
        clients[Int(slot)].send([0])
      }
    }
    #expect(order.count == 6)
    #expect(Set(order.prefix(3)).count == 3)
    #expect(Set(order.suffix(3)).count == 3)
    script.readsClients = false
    turn()
    #expect(script.heard.filter { if case .bytes = $0 { true } else { false } }.count == 6)
    close(0, 1, 2)
  }

  @Test func turnEndsAfterItsBudget() {
    // More than the smallest shares of a turn.
    let clients = (0..<20).map { _ in connect() }
    let part = 60_000
    for client in clients { client.send([UInt8](repeating: 0, count: part)) }
    let before = script.heard.count
    turn()
    let read = script.heard[before...].reduce(0) { if case .bytes(_, let bytes) = $1 { $0 + bytes.count } else { $0 } }
    #expect(read == SessionSockets.Budget.bytesPerTurn)
    for slot in 0..<Int32(20) { close(slot) }
  }
}
