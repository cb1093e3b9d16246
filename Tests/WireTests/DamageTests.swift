// Decoders are total: every truncation and every change of one byte of a sample of each kind, in both byte orders,
// gives a value or a reason. What comes out is walked to its end.

import SpreadWire
import Testing

@Suite struct DamageTests {
  /// One datagram of each kind (two of data and of FORM), taken from the captures, in both orders.
  static func samples() throws -> [(name: String, bytes: [UInt8])] {
    let wanted = [
      ("a-alone", 5), ("b-two-form", 1), ("f-two-segments", 15), ("k-two-segments-merge", 167),
      ("c-three-traffic", 91), ("c-three-traffic", 354), ("g-loss", 208), ("f-two-segments", 71),
      ("f-two-segments", 76),
    ]
    var result: [(String, [UInt8])] = []
    func add(_ name: String, _ bytes: [UInt8]) throws {
      let decoded = try withExactMemory(bytes) { try Datagram($0) }
      result.append((name + " little", try #require(decoded.encode(.little))))
      result.append((name + " big", try #require(decoded.encode(.big))))
    }
    for (file, number) in wanted {
      try add("\(file) #\(number)", capturedDatagrams(vectorFile("daemon/\(file).pcap"))[number - 1].payload)
    }
    var seen: Set<String> = []
    for file in ["m-monitor", "j-reload", "e-partition-merge"] {
      for datagram in try capturedDatagrams(vectorFile("daemon/\(file).pcap")) {
        let decoded = try withExactMemory(datagram.payload) { try Datagram($0) }
        // Requests and holes: tokens with a body, FORM tokens with holes.
        let kind = "\(decoded.name)\(decoded.isInteresting)"
        if decoded.isInteresting, seen.insert(kind).inserted { try add(kind, datagram.payload) }
      }
    }
    return result
  }

  @Test func everyTruncation() throws {
    for (name, bytes) in try Self.samples() {
      for length in 0..<bytes.count {
        let cut = Array(bytes[..<length])
        if swallow(cut) { Issue.record("\(name) cut to \(length) is understood") }
        // With a length field that agrees, so that the parts behind it are reached.
        if length >= 40 { _ = swallow(withLength(cut)) }
        // And with bytes in front.
        if length > 0, swallow(cut + bytes) { Issue.record("\(name) after its own front is understood") }
        if length > 0, swallow(bytes + cut) { Issue.record("\(name) with a tail is understood") }
      }
    }
  }

  @Test func everyByteChanged() throws {
    var understood = 0
    var refused = 0
    for (_, bytes) in try Self.samples() {
      let values: [UInt8] = bytes.count <= 300 ? Array(1...255) : [1, 2, 4, 8, 16, 32, 64, 128, 0x7f, 0xff]
      var changed = bytes
      for i in bytes.indices {
        for value in values {
          changed[i] = bytes[i] ^ value
          if swallow(changed) { understood += 1 } else { refused += 1 }
        }
        changed[i] = bytes[i]
      }
    }
    #expect(understood > 100_000 && refused > 20_000, "\(understood) \(refused)")
  }

  @Test func randomBytes() {
    var random = SeededGenerator(5)
    let types: [UInt32] = [
      0x8000_0180, 0x8000_0280, 0x8000_0480, 0x8000_00c0, 0x8000_0088, 0x8000_0080, 0x8000_1080, 0x8000_2080,
      0x8100_0080, 0x8200_0080, 0x8400_0080, 0x8800_0080,
    ]
    for _ in 0..<60_000 {
      var bytes = random.bytes(Int.random(in: 40...900, using: &random))
      let type = types.randomElement(using: &random)!
      bytes.withUnsafeMutableBytes { $0.baseAddress!.put32(type, at: 0, .little) }
      // Small counts reach deeper than random ones.
      if Bool.random(using: &random) { for i in 40..<bytes.count { bytes[i] &= i % 2 == 0 ? 3 : 0 } }
      _ = swallow(withLength(bytes))
    }
  }

  @Test func groupsMessages() throws {
    for file in ["c-three-traffic", "e-partition-merge", "l-big-endian-peer"] {
      for datagram in try capturedDatagrams(vectorFile("daemon/\(file).pcap")) {
        guard case .data(_, let fragments) = try withExactMemory(datagram.payload, { try Datagram($0) }),
          fragments[0].index == -1, fragments[0].bytes[0] & 0x80 != 0 ? fragments[0].bytes[2] == 8 : false
        else { continue }
        let message = fragments[0].bytes
        for length in 0..<message.count { #expect(!swallowGroups(Array(message[..<length]))) }
        for length in 48..<message.count {
          var cut = Array(message[..<length])
          cut.withUnsafeMutableBytes { $0.baseAddress!.put32(UInt32(length - 48), at: 44, .little) }
          _ = swallowGroups(cut)
        }
        var changed = message
        for i in message.indices {
          for value in 1...UInt8.max {
            changed[i] = message[i] ^ value
            _ = swallowGroups(changed)
          }
          changed[i] = message[i]
        }
      }
    }
  }

  /// The length fields of packet and token set to what `bytes` has.
  private func withLength(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    let length = UInt16(bytes.count - 40)
    bytes.withUnsafeMutableBytes { memory in
      let order = Endianness(marksIn: UnsafeRawBufferPointer(memory).u32(at: 0, .little))
      let token = Datagram.isToken(UnsafeRawBufferPointer(memory))
      memory.baseAddress!.put16(length, at: token ? 34 : 32, order)
    }
    return bytes
  }
}

/// Decodes and walks `bytes` as a packet and as a token: both ports take anything. True when it was understood as
/// what its type bits say.
private func swallow(_ bytes: [UInt8]) -> Bool {
  withExactMemory(bytes) { memory in
    let packet = (try? Datagram.packet(memory)) != nil
    let token = (try? Datagram.token(memory)) != nil
    return Datagram.isToken(memory) ? token : packet
  }
}

private func swallowGroups(_ message: [UInt8]) -> Bool {
  withExactMemory(message) { memory in
    guard let header = try? GroupsHeader(memory),
      let body = try? GroupsBody(memory.slice(48, memory.count - 48), header.order)
    else { return false }
    var names = 0
    for group in body.groups {
      for daemon in group.daemons { names += daemon.members.filter { !$0.isTerminated }.count }
    }
    #expect(names == 0)
    return true
  }
}

extension Datagram {
  fileprivate var isInteresting: Bool {
    switch self {
    case .token(_, let requests): requests.count > 1 && requests.count < 4
    case .form(let form): form.rings.contains { !$0.holes.isEmpty }
    case .data: false
    default: true
    }
  }
}
