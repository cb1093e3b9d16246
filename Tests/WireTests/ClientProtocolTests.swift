// The client protocol's types: bytes as written in client-protocol 3, 4, 6 and 7, and random round trips.

import Testing

@testable import SpreadWire

private func connect(_ bytes: [UInt8]) -> ConnectRecord.Result {
  withExactMemory(bytes) { ConnectRecord.decode($0) }
}

@Suite struct ConnectRecordTests {
  @Test func exampleOfTheLibrary() {
    let record = ConnectRecord(
      version: LibraryVersion(5, 0, 1), wantsMembership: true, priority: 0, name: GroupName("alice"))
    #expect(connect(hex("05 00 01 01 05 61 6c 69 63 65")) == .record(record, length: 10))
  }

  @Test func everyPrefixIsIncomplete() {
    let bytes = hex("05 00 01 01 05 61 6c 69 63 65")
    for length in 0..<bytes.count { #expect(connect(Array(bytes[..<length])) == .incomplete) }
    guard case .record(_, let length) = connect(bytes + [0x90]) else {
      Issue.record("what follows the record is not its business")
      return
    }
    #expect(length == 10)
  }

  @Test func oldVersionsHaveNoPatchByte() {
    // 3.14 does not send it, 3.15 does (client-protocol 3.1, 3.6).
    let old = ConnectRecord(
      version: LibraryVersion(3, 14, 0), wantsMembership: false, priority: 0, name: GroupName("o314"))
    #expect(connect(hex("03 0e 00 04 6f333134")) == .record(old, length: 8))
    let newer = ConnectRecord(
      version: LibraryVersion(3, 15, 1), wantsMembership: true, priority: 15, name: GroupName("a"))
    #expect(connect(hex("03 0f 01 f1 01 61")) == .record(newer, length: 6))
    #expect(!old.version.expectsPatch && newer.version.expectsPatch)
    #expect(!newer.version.choosesAuthentication && LibraryVersion(3, 16, 0).choosesAuthentication)
  }

  @Test func refusals() {
    #expect(connect(hex("02 00 01 00")) == .failure(.version))
    #expect(connect(hex("03 00 01 00")) == .failure(.version))
    #expect(connect(hex("80 00 01 00")) == .failure(.version), "version bytes are signed")
    #expect(connect(hex("03 01 00 00")) != .failure(.version))
    #expect(connect(hex("05 00 01 01 0b")) == .failure(.nameLength))
    #expect(connect(hex("05 00 01 01 ff")) == .failure(.nameLength))
    #expect(connect(hex("05 00 01 01 03 61 00 62")) == .failure(.nameCharacter), "a NUL inside the name")
    guard case .record(let record, length: 5) = connect(hex("05 00 01 00 00")) else {
      Issue.record("an empty name is legal")
      return
    }
    #expect(record.name.isEmpty)
  }

  @Test func anyBytesGiveAnAnswer() {
    var random = SeededGenerator(11)
    for _ in 0..<20_000 {
      let bytes = random.bytes(Int.random(in: 0...20, using: &random))
      if case .record(let record, let length) = connect(bytes) {
        #expect(length <= bytes.count && record.name.length <= 10)
      }
    }
  }
}

@Suite struct MessageHeaderTests {
  /// JOIN of `#a#d1` to `jg` as a stock daemon sent it (daemon-groups 1).
  @Test func join() throws {
    let bytes = hex("80000180 236a6223643100\(String(repeating: "00", count: 25)) 01000000 80000080 00000000")
    let header = try #require(withExactMemory(bytes) { MessageHeader($0) })
    #expect(header.type == .join && header.order == .little && header.name == GroupName("#jb#d1"))
    #expect(header.groupCount == 1 && header.dataLength == 0 && header.hint.messageType == 0)
    #expect(written(48) { header.store(at: $0) } == bytes)
  }

  @Test func bigEndianClient() throws {
    let name = "236265\(String(repeating: "00", count: 29))"
    let bytes = hex("00000010 \(name) 00000002 00010200 0000000a")
    let header = try #require(withExactMemory(bytes) { MessageHeader($0) })
    #expect(header.type == .agreed && header.order == .big && header.groupCount == 2 && header.dataLength == 10)
    #expect(header.hint.order == .big && header.hint.messageType == 0x0102 && header.hint.isLegal)
    #expect(written(48) { header.store(at: $0) } == bytes)
    // Delivered by a little-endian daemon: its own order, the client's hint.
    var delivered = header
    delivered.order = .little
    #expect(
      written(48) { delivered.store(at: $0) }
        == hex("90000080 \(name) 02000000 00010200 0a000000"))
  }

  @Test func shortInputIsNoHeader() {
    for length in 0..<48 {
      #expect(withExactMemory([UInt8](repeating: 0x80, count: length)) { MessageHeader($0) } == nil)
    }
  }

  @Test func randomRoundTrips() throws {
    var random = SeededGenerator(12)
    for _ in 0..<5000 {
      // Any 48 bytes decode, and encode back except for a type word with one mark of two.
      let bytes = random.bytes(48)
      let header = try #require(withExactMemory(bytes) { MessageHeader($0) })
      var expected = bytes
      if header.order == .big { (expected[0], expected[3]) = (expected[0] & 0x7f, expected[3] & 0x7f) }
      #expect(written(48) { header.store(at: $0) } == expected)
    }
  }
}

@Suite struct MessageHintTests {
  @Test func examples() {
    // client-protocol 4
    func bytes(_ type: Int16, _ order: Endianness) -> [UInt8] {
      let word = MessageHint(messageType: type, order: order).littleEndianWord
      return written(4) { $0.put32(word, at: 0, .little) }
    }
    #expect(bytes(7, .little) == hex("80 07 00 80"))
    #expect(bytes(0x1234, .little) == hex("80 34 12 80"))
    #expect(bytes(0x0102, .big) == hex("00 01 02 00"))
    #expect(bytes(0, .little) == hex("80 00 00 80"))
    #expect(bytes(-1, .little) == hex("80 ff ff 80"))
  }

  @Test func everyTypeInBothOrders() {
    for type in Int16.min...Int16.max {
      for order in [Endianness.little, .big] {
        let hint = MessageHint(messageType: type, order: order)
        if hint.messageType != type || hint.order != order || !hint.isLegal { Issue.record("\(type) \(order)") }
      }
    }
  }

  @Test func illegalBits() {
    for bit in 0..<32 {
      let word = UInt32(1) << UInt32(bit)
      let legal = word & (endianMarks | 0x00ff_ff00) != 0
      #expect(MessageHint(littleEndianWord: word).isLegal == legal)
    }
  }
}

@Suite struct GroupNameTests {
  @Test func bytesAfterTheNulDoNotCount() {
    let clean = hex("6162" + String(repeating: "00", count: 30))
    let dirty = hex("6162 00" + String(repeating: "ff", count: 29))
    let a = withExactMemory(clean) { GroupName(rawAt: $0.baseAddress!) }
    let b = withExactMemory(dirty) { GroupName(rawAt: $0.baseAddress!) }
    #expect(a == GroupName("ab") && a != b && b.normalized == a && b.length == 2)
    #expect(written(32) { b.store(at: $0) } == dirty)
    #expect(withExactMemory(dirty) { GroupName(at: $0.baseAddress!) } == a)
  }

  @Test func unterminated() {
    let bytes = [UInt8](repeating: 0x61, count: 32)
    let name = withExactMemory(bytes) { GroupName(rawAt: $0.baseAddress!) }
    #expect(!name.isTerminated && name.length == 32)
    #expect(name.normalized.isTerminated && name.normalized.length == 31)
  }

  @Test func orderIsThatOfUnsignedBytes() {
    var random = SeededGenerator(13)
    for _ in 0..<3000 {
      let a = random.bytes(Int.random(in: 0...31, using: &random)).filter { $0 != 0 }
      var b = random.bytes(Int.random(in: 0...31, using: &random)).filter { $0 != 0 }
      if Bool.random(using: &random), let cut = a.indices.randomElement(using: &random) { b = Array(a[...cut]) }
      let (x, y) = (GroupName(text: a), GroupName(text: b))
      #expect((x < y) == a.lexicographicallyPrecedes(b))
      #expect((x == y) == (a == b))
      #expect(x.length == a.count)
      #expect(x.isEmpty == a.isEmpty)
      #expect(written(32) { x.store(at: $0) } == a + [UInt8](repeating: 0, count: 32 - a.count))
    }
  }

  @Test func privateNames() throws {
    let name = try #require(PrivateName(GroupName("#alice#d1")))
    #expect(name.user == GroupName("alice") && name.daemon == GroupName("d1"))
    #expect(name.groupName == GroupName("#alice#d1"))
    #expect(PrivateName(GroupName("#1234567890#1234567890123456789")) != nil)
    for bad in [
      "", "alice", "#alice", "##d1", "#alice#", "#a#d#1", "#12345678901#d", "#a b#d", "#a#12345678901234567890",
    ] {
      #expect(PrivateName(GroupName(bad)) == nil, "\(bad)")
    }
  }

  @Test func randomPrivateNamesRoundTrip() {
    var random = SeededGenerator(14)
    for _ in 0..<3000 {
      let user = (0..<Int.random(in: 1...10, using: &random)).map { _ in UInt8.random(in: 0x24...0x7e, using: &random) }
      let daemon = (0..<Int.random(in: 1...19, using: &random)).map { _ in UInt8.random(in: 0x24...0x7e, using: &random)
      }
      let name = PrivateName(user: GroupName(text: user), daemon: GroupName(text: daemon))
      #expect(name.groupName == GroupName(text: [0x23] + user + [0x23] + daemon))
      #expect(PrivateName(name.groupName) == name)
    }
  }
}
