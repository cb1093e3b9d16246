// Every datagram of every capture is understood to the last byte and encodes back to the same bytes.

import SpreadWire
import Testing

struct Capture: Sendable, CustomTestStringConvertible {
  var name: String
  var counts: [String: Int]
  var testDescription: String { name }
}

/// How many of each kind a file holds, so that a decoder that skips something is seen.
let captures = [
  Capture(name: "a-alone", counts: ["ALIVE": 2, "JOIN": 6, "FORM2": 2, "TOKEN": 85]),
  Capture(name: "b-two-form", counts: ["ALIVE": 6, "JOIN": 5, "FORM1": 2, "FORM2": 4, "DATA": 2, "TOKEN": 42]),
  Capture(
    name: "c-three-traffic",
    counts: ["ALIVE": 12, "JOIN": 5, "FORM1": 4, "FORM2": 6, "TOKEN": 233, "DATA": 154, "HURRY": 9]),
  Capture(
    name: "d-crash",
    counts: ["TOKEN": 617, "HURRY": 52, "DATA": 57, "ALIVE": 9, "JOIN": 5, "FORM1": 2, "FORM2": 4]),
  Capture(
    name: "e-partition-merge",
    counts: ["ALIVE": 40, "JOIN": 25, "FORM1": 16, "FORM2": 24, "TOKEN": 5390, "DATA": 2808, "HURRY": 88]),
  Capture(
    name: "f-two-segments",
    counts: ["ALIVE": 44, "JOIN": 80, "FORM1": 10, "FORM2": 14, "TOKEN": 312, "DATA": 81, "HURRY": 10]),
  Capture(
    name: "g-loss",
    counts: ["ALIVE": 22, "JOIN": 5, "FORM1": 6, "FORM2": 8, "TOKEN": 217, "DATA": 168, "HURRY": 4]),
  Capture(
    name: "h-4.4.0",
    counts: ["ALIVE": 16, "JOIN": 5, "FORM1": 4, "FORM2": 6, "TOKEN": 137, "DATA": 13, "HURRY": 5]),
  Capture(name: "i-accelerated", counts: ["TOKEN": 96, "HURRY": 2, "DATA": 70]),
  Capture(
    name: "j-reload",
    counts: ["TOKEN": 90, "ALIVE": 15, "RELOAD": 2, "JOIN": 30, "FORM1": 4, "FORM2": 8, "DATA": 2]),
  Capture(
    name: "k-two-segments-merge",
    counts: [
      "ALIVE": 8, "JOIN": 141, "FORM1": 8, "FORM2": 12, "TOKEN": 390, "DATA": 87, "REFER": 2, "HURRY": 8,
    ]),
  Capture(name: "l-big-endian-peer", counts: ["TOKEN": 131, "JOIN": 14, "FORM1": 4, "FORM2": 6, "DATA": 8]),
  Capture(
    name: "m-monitor", counts: ["TOKEN": 22, "STATUS": 10, "FC": 1, "PARTITION": 3, "ALIVE": 11, "JOIN": 10]),
]

@Suite struct CaptureTests {
  @Test(arguments: captures) func everyDatagramDecodesAndEncodesBack(_ capture: Capture) throws {
    var counts: [String: Int] = [:]
    for datagram in try capturedDatagrams(vectorFile("daemon/\(capture.name).pcap")) {
      let decoded: Datagram
      do {
        decoded = try withExactMemory(datagram.payload) { try Datagram($0) }
      } catch {
        Issue.record("\(capture.name) #\(datagram.number): \(error)")
        continue
      }
      counts[decoded.name, default: 0] += 1
      let order = Endianness(marksIn: datagram.payload.withUnsafeBytes { $0.u32(at: 0, .little) })
      guard var again = decoded.encode(order) else {
        Issue.record("\(capture.name) #\(datagram.number): \(decoded.name) does not encode")
        continue
      }
      var original = datagram.payload
      for (range, _) in decoded.maskedRanges {
        for i in range where i < min(original.count, again.count) {
          #expect(again[i] == 0, "what has no meaning is written as 0")
          (original[i], again[i]) = (0, 0)
        }
      }
      if again != original {
        Issue.record("\(capture.name) #\(datagram.number): \(decoded.name) encodes to other bytes")
      }
    }
    #expect(counts == capture.counts)
  }

  /// Values are the same in either order: encode in the other one, decode, encode back.
  @Test(arguments: captures) func byteOrderDoesNotMatter(_ capture: Capture) throws {
    for datagram in try capturedDatagrams(vectorFile("daemon/\(capture.name).pcap")) {
      let decoded = try withExactMemory(datagram.payload) { try Datagram($0) }
      let here = try #require(decoded.encode(.little))
      let there = try #require(decoded.encode(.big))
      let back = try withExactMemory(there) { try Datagram($0) }
      if back.encode(.little) != here { Issue.record("\(capture.name) #\(datagram.number)") }
    }
  }

  /// Messages come together from their pieces, their headers and GROUPS bodies encode back to the same bytes.
  @Test(arguments: captures) func messagesDecode(_ capture: Capture) throws {
    var pieces: [ProcessID: [UInt8]] = [:]
    var seen: Set<[Int32]> = []
    var messages = 0
    var groups = 0
    for datagram in try capturedDatagrams(vectorFile("daemon/\(capture.name).pcap")) {
      guard case .data(let header, let fragments) = try withExactMemory(datagram.payload, { try Datagram($0) }) else {
        continue
      }
      let key = [
        Int32(bitPattern: header.process.rawValue), header.membership.time, header.sequence,
        Int32(bitPattern: header.membership.process.rawValue),
      ]
      guard seen.insert(key).inserted else { continue }
      for fragment in fragments {
        if abs(fragment.index) == 1 { pieces[header.process] = [] }
        // The capture may begin, or a ring may end, inside a message.
        guard pieces[header.process] != nil else { continue }
        pieces[header.process]! += fragment.bytes
        guard fragment.index < 0, let message = pieces.removeValue(forKey: header.process) else { continue }
        messages += 1
        if try check(message, "\(capture.name) #\(datagram.number)") { groups += 1 }
      }
    }
    #expect([messages, groups] == Self.messageCounts[capture.name])
  }

  /// Whole messages in a capture, and how many of them are GROUPS messages.
  static let messageCounts: [String: [Int]] = [
    "a-alone": [0, 0], "b-two-form": [2, 2], "c-three-traffic": [19, 3], "d-crash": [83, 0],
    "e-partition-merge": [370, 6], "f-two-segments": [17, 4], "g-loss": [191, 4], "h-4.4.0": [10, 3],
    "i-accelerated": [6, 0], "j-reload": [2, 2], "k-two-segments-merge": [33, 5], "l-big-endian-peer": [6, 2],
    "m-monitor": [0, 0],
  ]

  /// Answers whether it is a GROUPS message.
  private func check(_ message: [UInt8], _ place: String) throws -> Bool {
    try withExactMemory(message) { bytes in
      let header = try #require(MessageHeader(bytes))
      #expect(
        MessageHeader.size + 32 * Int(header.groupCount) + Int(header.dataLength) == message.count, "\(place)")
      #expect(written(48) { header.store(at: $0) } == Array(message[..<48]), "\(place)")
      guard header.type.contains(.groups) else { return false }
      let groups = try GroupsHeader(bytes)
      #expect(written(48) { groups.store(at: $0) } == Array(message[..<48]), "\(place)")
      let body = bytes.slice(48, bytes.count - 48)
      #expect(reencode(try GroupsBody(body, groups.order), groups.order) == Array(message[48...]), "\(place)")
      return true
    }
  }
}

/// The body written again from its records.
func reencode(_ body: GroupsBody, _ order: Endianness) -> [UInt8]? {
  encoded(150_000) { memory in
    var writer = GroupsBodyWriter(memory, order: order, membership: body.membership, synced: body.synced)
    for group in body.groups {
      writer.group(group.name, group.id, isChanged: group.isChanged)
      for daemon in group.daemons { writer.daemon(daemon.process, daemon.membership, members: daemon.members) }
    }
    return writer.length
  }
}
