// Random values of every kind, drawn from a seed, encode and decode to themselves in both byte orders.

import SpreadWire
import Testing

@Suite struct RoundTripTests {
  @Test func packetHeaders() throws {
    var random = SeededGenerator(1)
    for _ in 0..<2000 {
      let header = PacketHeader(
        type: PacketType(rawValue: UInt32(random.int32().magnitude) & ~endianMarks), order: random.order(),
        transmitter: random.process(), process: random.process(), membership: random.membership(),
        sequence: random.int32(), tokenRound: random.int32(), configurationHash: random.process().rawValue,
        firstFragment: FragmentHeader(
          index: .random(in: .min ... .max, using: &random), length: .random(in: .min ... .max, using: &random)))
      try withExactMemory(written(40) { header.store(at: $0) }) {
        let decoded = try PacketHeader($0)
        #expect(decoded == header)
      }
    }
  }

  @Test func tokenHeaders() throws {
    var random = SeededGenerator(2)
    for _ in 0..<2000 {
      let header = TokenHeader(
        type: PacketType(rawValue: UInt32(random.int32().magnitude) & ~endianMarks), order: random.order(),
        transmitter: random.process(), process: random.process(), membership: random.membership(),
        sequence: random.int32(), aru: random.int32(), aruProcess: random.process(),
        flowControl: .random(in: .min ... .max, using: &random), configurationHash: random.process().rawValue)
      try withExactMemory(written(40) { header.store(at: $0) }) {
        let decoded = try TokenHeader($0)
        #expect(decoded == header)
      }
    }
  }

  @Test func counters() {
    for round in UInt8(0)...15 {
      for repeats in UInt8(0)...15 {
        let type = PacketType(round: round, repeats: repeats)
        #expect(type.round == round && type.repeats == repeats)
        #expect(type.rawValue == UInt32(round) << 16 | UInt32(repeats) << 20)
      }
    }
    #expect(PacketType(round: 17, repeats: 16) == PacketType(round: 1, repeats: 0))
  }

  @Test func formTokens() throws {
    var random = SeededGenerator(3)
    for _ in 0..<500 {
      let form = random.form()
      let bytes = try #require(encoded { form.encode(into: $0) })
      #expect(bytes.count == form.encodedSize)
      try withExactMemory(bytes) { memory in
        var header = try TokenHeader(memory)
        var decoded = try FormToken(header, body: memory.slice(40, memory.count - 40))
        #expect(Int(header.bodyLength) == bytes.count - 40)
        header.bodyLength = 0
        decoded.header = header
        #expect(decoded == form)
      }
    }
  }

  @Test func packedMessages() throws {
    var random = SeededGenerator(4)
    for _ in 0..<1000 {
      var builderBytes = [UInt8](repeating: 0xa5, count: DatagramSize.maxPacket)
      let order = random.order()
      var messages: [[UInt8]] = []
      let size = builderBytes.withUnsafeMutableBytes { memory in
        var builder = PacketBuilder(at: memory.baseAddress!, order)
        while true {
          let message = random.bytes(Int.random(in: 48...400, using: &random))
          let room = 1432 - (messages.isEmpty ? 0 : (builder.bodyLength + 3) / 4 * 4 + 4)
          #expect(builder.fits(message.count) == (message.count <= room))
          guard let place = builder.append(index: FragmentHeader.whole, length: message.count) else { break }
          message.withUnsafeBytes { place.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
          messages.append(message)
        }
        return builder.finish(
          PacketHeader(type: .fifo, transmitter: random.process(), process: random.process(), configurationHash: 1))
      }
      try withExactMemory(Array(builderBytes[..<size])) { memory in
        let header = try PacketHeader(memory)
        let fragments = try Fragments(header, body: memory.slice(40, size - 40))
        #expect(fragments.map { Array($0.bytes) } == messages)
        #expect(fragments.allSatisfy { $0.isWhole })
      }
    }
  }

  @Test func requestsPassOn() throws {
    var random = SeededGenerator(5)
    for _ in 0..<500 {
      let entries = (0..<Int.random(in: 0...6, using: &random)).map { _ in random.request() }
      let order = random.order()
      let header = TokenHeader(
        type: [], order: order, transmitter: random.process(), process: random.process(),
        membership: random.membership(), configurationHash: 1)
      let bytes = try #require(Datagram.token(header, entries).encode(order))
      // Another daemon, of the other order, passes every request on.
      let other: Endianness = order == .little ? .big : .little
      let passed = try withExactMemory(bytes) { memory in
        let header = try TokenHeader(memory)
        let requests = try RetransmissionRequests(header, body: memory.slice(40, memory.count - 40))
        #expect(requests.isEmpty == entries.isEmpty)
        return encoded { target in
          var builder = TokenBuilder(target, other)
          for request in requests {
            let fitted = builder.append(request)
            #expect(fitted)
          }
          return builder.finish(header)
        }!
      }
      #expect(passed == Datagram.token(header, entries).encode(other))
    }
  }

  @Test func groupsBodies() throws {
    var random = SeededGenerator(6)
    for _ in 0..<300 {
      let order = random.order()
      let synced = Bool.random(using: &random) ? (0..<5).map { _ in random.process() } : nil
      let bytes = encoded(200_000) { memory in
        var writer = GroupsBodyWriter(memory, order: order, membership: random.membership(), synced: synced)
        for _ in 0..<Int.random(in: 0...4, using: &random) {
          writer.group(
            random.name(), GroupID(random.membership(), index: random.int32()), isChanged: .random(using: &random))
          for _ in 0..<Int.random(in: 0...4, using: &random) {
            let members = (0..<Int.random(in: 0...9, using: &random)).map { _ in random.name() }
            writer.daemon(random.process(), random.membership(), members: members)
          }
        }
        return writer.length
      }!
      try withExactMemory(bytes) { memory in
        let body = try GroupsBody(memory, order)
        #expect(body.synced.map { Array($0) } == synced)
        #expect(reencode(body, order) == bytes)
      }
    }
  }

  @Test func forwardedPacketsKeepEverythingElse() throws {
    let capture = try capturedDatagrams(vectorFile("daemon/l-big-endian-peer.pcap"))
    for datagram in capture {
      guard case .data(let header, _) = try withExactMemory(datagram.payload, { try Datagram($0) }) else { continue }
      var bytes = datagram.payload
      bytes.withUnsafeMutableBytes {
        PacketHeader.readdress($0.baseAddress!, from: ProcessID(0x0102_0304), routed: true, header.order)
      }
      var expected = header
      expected.transmitter = ProcessID(0x0102_0304)
      expected.type.insert(.routed)
      try withExactMemory(bytes) {
        let decoded = try PacketHeader($0)
        #expect(decoded == expected)
      }
      bytes.withUnsafeMutableBytes {
        PacketHeader.readdress($0.baseAddress!, from: header.transmitter, routed: false, header.order)
      }
      #expect(bytes == datagram.payload)
    }
  }
}

extension SeededGenerator {
  fileprivate mutating func request() -> Datagram.Request {
    var sequence: Int32 = 0
    let sequences = (0..<Int.random(in: 1...40, using: &self)).map { _ in
      sequence += Int32.random(in: 1...50_000, using: &self)
      return sequence
    }
    let segment = Int.random(in: -1..<20, using: &self)
    return Datagram.Request(
      membership: membership(), process: process(), segment: segment < 0 ? nil : segment, sequences: sequences)
  }

  fileprivate mutating func form() -> FormToken {
    let order = order()
    let isForm1 = Bool.random(using: &self)
    let members = (0..<Int.random(in: 0...127, using: &self)).map { ProcessID(UInt32($0) &* 77) }
    let representatives = (0..<Int.random(in: 0...25, using: &self)).map { _ in
      Representative(
        process(), RepresentativeType(rawValue: .random(in: 0...2, using: &self))!,
        segment: .random(in: 0..<20, using: &self))
    }
    let rings = (0..<Int.random(in: 0...20, using: &self)).map { _ in
      var hole: Int32 = 0
      let holes = (0..<Int.random(in: 0...60, using: &self)).map { _ in
        hole += Int32.random(in: 1...9, using: &self)
        return hole
      }
      let commit = (0..<Int.random(in: 1...128, using: &self)).map { _ in process() }
      return FormedRing(
        membership: membership(), transitionalTime: int32(), aru: int32(), highest: hole + 5, holes: holes,
        commit: commit, transitionalCount: .random(in: 1...commit.count, using: &self))
    }
    let header = TokenHeader(
      type: isForm1 ? .form1 : .form2, order: order, transmitter: process(), process: process(),
      membership: membership(), sequence: int32(), configurationHash: process().rawValue)
    let next = Int.random(in: 0...representatives.count, using: &self)
    return FormToken(
      header: header, members: members, done: .random(in: 0...members.count, using: &self),
      stage: isForm1
        ? .form1(representatives: representatives, next: next) : .form2(membership: membership()),
      rings: rings)
  }
}
