// Life and death of sessions (client-protocol 3, 6, 9), beyond what the recordings show.

import SpreadWire
import Testing

@testable import SpreadCore

@Suite struct SessionTests {
  private let choice = Array("NULL".utf8) + [UInt8](repeating: 0, count: 86)

  @Test func acceptLeavesInOneWrite() {
    let host = LoneDaemon()
    let client = host.connect()
    host.send(client, [5, 0, 1, 1, 5] + Array("alice".utf8))
    host.send(client, choice)
    let writes = host.out.sessions.filter { if case .write = $0 { true } else { false } }
    #expect(writes.count == 1)
    #expect(host.clients[client].received.suffix(14) == [1, 5, 0, 1, 9] + Array("#alice#d1".utf8))
  }

  @Test func silentConnectorsGoAfterOneSecondAndDelayNobody() {
    let host = LoneDaemon()
    let silent = host.connect()
    host.advance(milliseconds: 400)
    let slow = host.connect()
    host.send(slow, [5, 0])
    let quick = host.login("quick")
    #expect(!host.clients[quick].closed)
    host.advance(milliseconds: 599)
    #expect(!host.clients[silent].closed)
    host.advance(milliseconds: 2)
    #expect(host.clients[silent].closed && host.clients[silent].received.isEmpty)
    #expect(!host.clients[slow].closed)
    host.advance(milliseconds: 400)
    #expect(host.clients[slow].closed)
    #expect(!host.clients[quick].closed)
  }

  @Test func choiceMustComeInThirtySeconds() {
    let host = LoneDaemon()
    let client = host.connect()
    host.send(client, [5, 0, 1, 0, 1, 0x61])
    host.advance(milliseconds: 29_900)
    #expect(!host.clients[client].closed)
    host.advance(milliseconds: 200)
    #expect(host.clients[client].closed)
    #expect(host.clients[client].received.last == 0xf7)
    // The name is free again.
    #expect(!host.clients[host.login("a")].closed)
  }

  @Test func nameIsTakenFromConnectOnAndFreeAfterTheSession() {
    let host = LoneDaemon()
    let first = host.connect()
    host.send(first, [5, 0, 1, 0, 1, 0x61])
    let second = host.connect()
    host.send(second, [5, 0, 1, 0, 1, 0x61])
    #expect(host.clients[second].received == [0xfa] && host.clients[second].closed)
    host.send(first, choice)
    host.end(first)
    #expect(!host.clients[host.login("a")].closed)
  }

  @Test func handshakeAndMessagesMayCoalesce() {
    let host = LoneDaemon()
    let client = host.connect()
    host.send(
      client,
      [5, 0, 1, 1, 1, 0x61] + choice + host.frame(.join, from: "a", to: ["g"])
        + host.frame(.agreed, from: "a", to: ["g"], type: 3, data: [1, 2, 3]))
    host.clients[client].received.removeFirst(6 + 10)
    let messages = host.messages(client)
    #expect(messages.map(\.header.type) == [[.regularMembership, .causedByJoin], .agreed])
    #expect(messages.last?.data == [1, 2, 3])
  }

  /// A client that dies after any byte of its stream takes nobody with it and leaves a disconnect behind.
  @Test func clientKilledAtAnyByte() {
    let stream: (LoneDaemon) -> [UInt8] = { host in
      [5, 0, 1, 1, 1, 0x61] + self.choice + host.frame(.join, from: "a", to: ["g"])
        + host.frame(.safe, from: "a", to: ["g"], data: [7])
    }
    let length = stream(LoneDaemon()).count
    for cut in 0...length {
      let host = LoneDaemon()
      let witness = host.login("w", joining: ["g"])
      let client = host.connect()
      host.send(client, Array(stream(host).prefix(cut)))
      host.end(client)
      #expect(host.clients[client].closed)
      let seen = host.messages(witness)
      let joined = cut >= 6 + 90 + 80
      #expect(seen.contains { $0.header.type.contains(.causedByJoin) } == joined)
      #expect(seen.contains { $0.header.type.contains(.causedByDisconnect) } == joined)
      #expect(host.daemon.sessions.occupied == 1)
      host.send(witness, host.frame(.agreed, from: "w", to: ["g"], data: [9]))
      #expect(host.messages(witness).map(\.data) == [[9]])
    }
  }

  @Test func limitOfSessionsCountsEveryConnection() {
    let host = LoneDaemon()
    for _ in 0..<Limits.sessions { _ = host.connect() }
    let refused = host.connect()
    #expect(host.clients[refused].received == [0xfd] && host.clients[refused].closed)
    host.end(0)
    #expect(!host.clients[host.connect()].closed)
  }

  @Test func slowReaderIsEndedOverTheLimitOnly() {
    let host = LoneDaemon()
    let witness = host.login("w", joining: ["g"])
    let slow = host.login("slow", joining: ["g"])
    _ = host.messages(witness)
    host.step(.sessionBacklog(SessionID(Int32(slow)), messages: 1000))
    #expect(!host.clients[slow].closed)
    host.step(.sessionBacklog(SessionID(Int32(slow)), messages: 1001))
    #expect(host.clients[slow].closed && host.clients[slow].dropped)
    let seen = host.messages(witness)
    #expect(seen.map(\.header.type) == [[.regularMembership, .causedByDisconnect]])
    #expect(
      host.log.contains {
        if case .sessionEnded(_, _, _, .tooSlow(queued: 1001)) = $0 { true } else { false }
      })
  }

  @Test func violationsEndTheSessionWithTheirReason() {
    let host = LoneDaemon()
    var bad = host.frame(.agreed, from: "a", to: ["g"])
    bad[36] = 101
    let client = host.login("a")
    host.send(client, bad)
    #expect(host.clients[client].closed && host.clients[client].received.isEmpty)
    guard case .sessionEnded(_, _, _, .badHeader(.groupCount(101)))? = host.log.last else {
      Issue.record("\(host.log)")
      return
    }
  }

  @Test(arguments: [ServiceType.groups, ServiceType(rawValue: 0x10_0000), ServiceType(rawValue: 0x20_0000), .reject])
  func bitsThatStockDiesOfAreRefused(_ bit: ServiceType) {
    let host = LoneDaemon()
    let client = host.login("a", joining: ["g"])
    host.send(client, host.frame([.agreed, bit], from: "a", to: ["g"]))
    #expect(host.clients[client].closed && host.clients[client].received.isEmpty)
  }

  @Test func connectionsAndNamesDoNotLeak() {
    let host = LoneDaemon()
    for round in 0..<3000 {
      let client = host.login("u\(round % 7)", joining: ["g\(round % 5)"])
      #expect(!host.clients[client].closed)
      if round % 2 == 0 {
        host.send(client, host.frame(.kill, from: "u\(round % 7)", to: []))
      } else {
        host.end(client)
      }
      #expect(host.clients[client].closed)
    }
    #expect(host.daemon.sessions.occupied == 0)
    #expect(host.daemon.sessions.users.count <= 2)
    #expect(host.daemon.groups.table.count == 0)
  }

  /// Random bytes behind a good handshake: at most the session ends.
  @Test func garbageNeverHurtsOthers() {
    var random = SplitMix64(seed: 7)
    let host = LoneDaemon()
    let witness = host.login("w", joining: ["g"])
    for _ in 0..<400 {
      let client = host.login("a")
      var bytes = host.frame(.agreed, from: "a", to: ["g"], data: [1])
      for _ in 0..<(1 + random.next(below: 3)) {
        bytes[Int(random.next(below: UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next())
      }
      host.send(client, bytes)
      host.end(client)
    }
    _ = host.messages(witness)
    host.send(witness, host.frame(.agreed, from: "w", to: ["g"], data: [9]))
    #expect(host.messages(witness).map(\.data) == [[9]])
  }
}
