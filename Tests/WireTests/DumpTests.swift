// The annotated dumps of daemon-ring 8, daemon-groups 4.1 and the recorded monitor packets: fields as named there.

import Foundation
import SpreadWire
import Testing

private let d1 = ProcessID(0x5c8d_7aef)
private let d2 = ProcessID(0x14c5_65a0)
private let d3 = ProcessID(0xef46_226e)

@Suite struct DumpTests {
  @Test func alive() throws {
    let bytes = hex(
      """
      80010080 ef7a8d5c ef7a8d5c 0000000000000000 00000000 00000000 c5618a80 0800 0000 00000000
      01000000 ef7a8d5c
      """)
    try withExactMemory(bytes) {
      let header = try PacketHeader($0)
      #expect(try header.kind() == .alive)
      #expect(header.order == .little)
      #expect(header.transmitter == d1 && header.process == d1)
      #expect(header.configurationHash == 0x808a_61c5)
      #expect(Array(try AliveMessage(header, body: $0.slice(40, 8)).members) == [d1])
    }
  }

  @Test func join() throws {
    let bytes = hex(
      """
      80020080 ef7a8d5c ef7a8d5c 0000000000000000 00000000 00000000 c83099f7 2000 0000 00000000
      02000000 ef7a8d5c a065c514 02000000 ef7a8d5c 0100 0000 6e2246ef 0100 0100
      """)
    try withExactMemory(bytes) {
      let header = try PacketHeader($0)
      #expect(try header.kind() == .join)
      let join = try JoinMessage(header, body: $0.slice(40, 32))
      #expect(Array(join.members) == [d1, d2])
      #expect(join.representativeCount == 2)
      #expect(join.sender == Representative(d1, .segment, segment: 0))
      #expect(join.representative(1) == Representative(d3, .segment, segment: 1))
    }
  }

  @Test func referAndHurry() throws {
    let refer = hex(
      "80040080 6e2246ef 6e2246ef ef7a8d5c 02000000 00000000 00000000 465673b5 0000 0000 00000000")
    try withExactMemory(refer) {
      let header = try PacketHeader($0)
      #expect(try header.kind() == .refer)
      #expect(try ReferMessage(header) == ReferMessage(d1, .ring))
    }
    let hurry = hex("c0000080 a065c514 a065c514" + String(repeating: "00", count: 16) + "9b239d02 0000000000000000")
    try withExactMemory(hurry) {
      let header = try PacketHeader($0)
      #expect(try header.kind() == .hurry)
      #expect(header.process == d2 && header.configurationHash == 0x029d_239b)
    }
  }

  @Test func data() throws {
    let bytes = hex(
      """
      88000080 a065c514 a065c514 ef7a8d5c 28e9036b 06000000 18000000 9b239d02 5a00 0000 ffff 5a00
      90000080 23626f62236432\(zeros(25)) 01000000 80070080 0a000000 67\(zeros(31)) 4142434445464748494a
      """)
    try withExactMemory(bytes) {
      let header = try PacketHeader($0)
      #expect(try header.kind() == .data(.agreed))
      #expect(header.membership == MembershipID(d1, 1_795_418_408))
      #expect(header.sequence == 6 && header.tokenRound == 24 && header.dataLength == 90)
      let fragments = Array(try Fragments(header, body: $0.slice(40, 90)))
      #expect(fragments.count == 1 && fragments[0].isWhole)
      let message = try #require(MessageHeader(fragments[0].bytes))
      #expect(message.type == .agreed && message.name == GroupName("#bob#d2"))
      #expect(message.groupCount == 1 && message.hint.messageType == 7 && message.dataLength == 10)
    }
  }

  @Test func tokenWithRequest() throws {
    let bytes = hex(
      """
      80001580 6e2246ef 6e2246ef ef7a8d5c0bec036b 36000000 08000000 6e2246ef 3100 1c00 fa54af4b
      ef7a8d5c0bec036b ffffffff 0000 0300 09000000 0b000000 14000000
      """)
    try withExactMemory(bytes) {
      let header = try TokenHeader($0)
      #expect(try header.kind() == .plain)
      #expect(header.type.round == 5 && header.type.repeats == 1)
      #expect(header.sequence == 54 && header.aru == 8 && header.aruProcess == d3 && header.flowControl == 49)
      let requests = Array(try RetransmissionRequests(header, body: $0.slice(40, 28)))
      #expect(requests.count == 1)
      #expect(requests[0].process == .unknown && requests[0].segment == 0)
      #expect(requests[0].membership == MembershipID(d1, 1_795_419_147))
      #expect(Array(requests[0].sequences) == [9, 11, 20])
      #expect(requests[0].bytes.count == 28)
    }
  }

  @Test func groupsBody() throws {
    let bytes = hex(
      """
      90000880 6433\(zeros(26)) 01000000 00000000 80000080 6f000000
      ef7a8d5c 8dec036b 01 01000000 6e2246ef
      7067\(zeros(30)) 6e2246ef 6eec036b 01000000 0000 0100
      6e2246ef 6e2246ef 6eec036b 0100 2363236433\(zeros(27))
      """)
    #expect(bytes.count == 159)
    try withExactMemory(bytes) {
      let header = try GroupsHeader($0)
      #expect(header.representative == GroupName("d3") && header.syncedCount == 1)
      #expect(header.type == [.groups, .agreed])
      let body = try GroupsBody($0.slice(48, 111), header.order)
      #expect(body.membership == MembershipID(d1, 1_795_419_277))
      #expect(Array(try #require(body.synced)) == [d3])
      let groups = Array(body.groups)
      #expect(groups.count == 1)
      #expect(groups[0].name == GroupName("pg") && !groups[0].isChanged)
      #expect(groups[0].id == GroupID(MembershipID(d3, 1_795_419_246), index: 1))
      let daemons = Array(groups[0].daemons)
      #expect(daemons.count == 1 && daemons[0].process == d3)
      #expect(Array(daemons[0].members) == [GroupName("#c#d3")])
    }
  }

  @Test func recordedMonitorPackets() throws {
    let file = try JSONSerialization.jsonObject(with: Data(vectorFile("monitor/vectors.json"))) as? [String: Any]
    let vectors = try #require(file?["vectors"] as? [[String: Any]])
    #expect(vectors.count == 16)
    for vector in vectors {
      let name = vector["name"] as! String
      let bytes = hex(vector["hex"] as! String)
      let decoded = try withExactMemory(bytes) { try Datagram($0) }
      let order: Endianness = vector["byte_order"] as! String == "big" ? .big : .little
      var again = try #require(decoded.encode(order), "\(name)")
      if case .flowControl(_, let pairs, let window) = decoded {
        // The half of the last pair that nobody reads.
        again.replaceSubrange(bytes.count - 2..<bytes.count, with: bytes[(bytes.count - 2)...])
        #expect(pairs.count == 127 && pairs[2] == (30, 0) && pairs[0] == (-1, 0))
        #expect(window == bytes.withUnsafeBytes { $0.i16(at: bytes.count - 4, .little) })
        let own = try withExactMemory(bytes) { memory throws in
          try FlowControlCommand(try PacketHeader(memory), body: memory.slice(40, 512), daemons: 4)
            .window
        }
        #expect(own == nil)
      }
      if case .statusAnswer(let status, _) = decoded {
        let fields = try #require(vector["status"] as? [String: Any])
        let expected = try statusFields.map { try #require((fields[$0] as? NSNumber)?.int64Value, "\($0)") }
        #expect(status.values.map { $0 & 0xffff_ffff } == expected.map { $0 & 0xffff_ffff }, "\(name)")
      }
      #expect(again == bytes, "\(name)")
    }
  }
}

private func zeros(_ count: Int) -> String { String(repeating: "00", count: count) }

/// Names of the recording, in the order of `values`.
private let statusFields = [
  "sec", "state", "gstate", "packet_sent", "packet_recv", "packet_delivered", "retrans", "u_retrans", "s_retrans",
  "b_retrans", "aru", "my_aru", "highest_seq", "token_hurry", "token_rounds", "my_id", "leader_id",
  "message_delivered", "membership_changes", "num_procs", "num_segments", "window", "personal_window",
  "accelerated_ring", "accelerated_window", "num_sessions", "num_groups", "major", "minor",
  "patch",
]

extension DaemonStatus {
  fileprivate var values: [Int64] {
    let longs: [Int32] = [
      seconds, state, groupsState, packetsSent, packetsReceived, packetsDelivered, retransmissions,
      retransmissionsToOne, retransmissionsToSegment, retransmissionsToAll, aru, myAru, highest, hurries, tokenRounds,
      Int32(bitPattern: process.rawValue), Int32(bitPattern: leader.rawValue), messagesDelivered,
    ]
    let shorts: [Int16] = [
      membershipChanges, daemons, segments, window, personalWindow, acceleratedRing, acceleratedWindow, sessions,
      groups, majorVersion, minorVersion, patchVersion,
    ]
    return longs.map { Int64($0) } + shorts.map { Int64($0) }
  }
}
