// Each reason of refusal, from the nearest valid datagram.

import SpreadWire
import Testing

private let me = ProcessID(1)
private let plain = PacketHeader(type: .alive, transmitter: me, process: me, configurationHash: 7)

/// The reason `Datagram` refuses `bytes` for; nil when it does not.
private func reason(_ bytes: [UInt8]) -> WireFailure? {
  withExactMemory(bytes) { memory in
    do throws(WireFailure) {
      _ = try Datagram(memory)
      return nil
    } catch {
      return error
    }
  }
}

private func changed(_ bytes: [UInt8], _ offset: Int, _ value: Int16) -> [UInt8] {
  var bytes = bytes
  bytes.withUnsafeMutableBytes { $0.baseAddress!.put16(UInt16(bitPattern: value), at: offset, .little) }
  return bytes
}

private func changed32(_ bytes: [UInt8], _ offset: Int, _ value: Int32) -> [UInt8] {
  var bytes = bytes
  bytes.withUnsafeMutableBytes { $0.baseAddress!.put32(UInt32(bitPattern: value), at: offset, .little) }
  return bytes
}

@Suite struct FailureTests {
  let alive = encoded { AliveMessage.encode(plain, members: [me], into: $0) }!
  let join = encoded {
    JoinMessage.encode(
      plain, members: [me, ProcessID(2)],
      representatives: [
        Representative(me, .segment, segment: 0), Representative(ProcessID(3), .potential, segment: 19),
      ],
      into: $0)
  }!

  @Test func headers() {
    #expect(reason(alive) == nil)
    #expect(reason([]) == .shortHeader)
    #expect(reason(Array(alive[..<39])) == .shortHeader)
    #expect(reason(changed(alive, 0, 0x0100)) == .byteOrderMarks)
    #expect(reason(alive + [0]) == .length)
    #expect(reason(changed(alive, 32, 9)) == .length)
    #expect(reason(changed(alive + [UInt8](repeating: 0, count: 1433 - 8), 32, 1433)) == .tooLong)
    #expect(reason(changed32(alive, 0, Int32(bitPattern: 0x8000_0380))) == .unknownType)
    #expect(reason(changed32(alive, 0, Int32(bitPattern: 0x8000_0083))) == .unknownType)
    #expect(reason(changed32(alive, 0, Int32(bitPattern: 0x8000_8080))) == .length)
    // One damaged bit makes ALIVE a status request, and a packet of data a partition.
    #expect(reason(changed32(alive, 0, Int32(bitPattern: 0x8100_0180))) == .unknownType)
    #expect(reason(changed32(alive, 0, Int32(bitPattern: 0x8200_0088))) == .unknownType)
  }

  @Test func lists() {
    #expect(reason(changed(alive, 40, 0)) == .memberCount)
    #expect(reason(changed(alive, 40, -1)) == .memberCount)
    #expect(reason(changed(alive, 40, 129)) == .memberCount)
    #expect(reason(changed(alive, 40, 2)) == .bodyLength)
    #expect(reason(join) == nil)
    let representatives = 40 + 4 + 8
    #expect(reason(changed(join, representatives, 0)) == .representativeCount)
    #expect(reason(changed(join, representatives, 26)) == .representativeCount)
    #expect(reason(changed(join, representatives, 3)) == .bodyLength)
    #expect(reason(changed(join, representatives, 1)) == .bodyLength)
    #expect(reason(changed(join, representatives + 8, 0)) == .representativeType)
    #expect(reason(changed(join, representatives + 8, 3)) == .representativeType)
    #expect(reason(changed(join, representatives + 10, 20)) == .segment)
    #expect(reason(changed(join, representatives + 10, -1)) == .segment)
  }

  @Test func refer() {
    let refer = written(40) { ReferMessage(me, .ring).header(plain).store(at: $0) }
    #expect(reason(refer) == nil)
    #expect(reason(changed32(refer, 16, 0)) == .representativeType)
    #expect(reason(changed32(refer, 16, 0x10001)) == .representativeType)
  }

  @Test func fragments() {
    func data(_ pieces: [(index: Int16, length: Int)]) -> [UInt8] {
      encoded { memory in
        var builder = PacketBuilder(at: memory.baseAddress!)
        for piece in pieces {
          let place = builder.append(index: piece.index, length: piece.length)
          #expect(place != nil)
        }
        return builder.finish(
          PacketHeader(type: .agreed, transmitter: me, process: me, sequence: 1, configurationHash: 7))
      }!
    }
    let packed = data([(-1, 50), (-1, 60)])
    #expect(packed.count == 40 + 50 + 2 + 4 + 60)
    #expect(reason(packed) == nil)
    #expect(reason(data([(-3, 1), (-1, 48)])) == nil)
    #expect(reason(data([(99, 1432)])) == nil)
    #expect(reason(changed(packed, 36, 0)) == .fragmentIndex)
    #expect(reason(changed(packed, 36, -101)) == .fragmentIndex)
    #expect(reason(data([(100, 1432)])) == .fragmentIndex)
    #expect(reason(data([(.min, 1432)])) == .fragmentIndex)
    #expect(reason(changed(packed, 40 + 52, -2)) == .fragmentIndex)
    #expect(reason(changed(packed, 36, 1)) == .fragmentLength)
    #expect(reason(changed(packed, 38, 47)) == .fragmentLength)
    #expect(reason(changed(packed, 38, -1)) == .fragmentLength)
    #expect(reason(changed(packed, 38, 117)) == .fragmentBounds)
    #expect(reason(changed(packed, 40 + 54, 61)) == .fragmentBounds)
    #expect(reason(changed(packed, 40 + 54, 59)) == .fragmentBounds)
    #expect(reason(changed(packed, 40 + 54, 0)) == .fragmentLength)
    #expect(reason(data([(-2, 1)]).dropLastByte(lengthAt: 32)) == .fragmentBounds)
  }

  @Test func requests() {
    let header = TokenHeader(
      type: PacketType(round: 3, repeats: 0), transmitter: me, process: me, membership: MembershipID(me, 5),
      configurationHash: 7)
    let token = encoded { memory in
      var builder = TokenBuilder(memory)
      let fitted = builder.append(membership: MembershipID(me, 5), process: me, segment: nil, sequences: [4, 5, 9])
      #expect(fitted)
      return builder.finish(header)
    }!
    #expect(reason(token) == nil)
    #expect(reason(changed(token, 52, -2)) == .segment)
    #expect(reason(changed(token, 52, 20)) == .segment)
    #expect(reason(changed(token, 54, 0)) == .requestBounds)
    #expect(reason(changed(token, 54, 4)) == .requestBounds)
    #expect(reason(changed(token, 54, 2)) == .requestBounds)
    #expect(reason(changed32(token, 56, 0)) == .requestOrder)
    #expect(reason(changed32(token, 60, 4)) == .requestOrder)
    #expect(reason(changed32(token, 0, Int32(bitPattern: 0x8000_3080))) == .unknownType)
    #expect(reason(changed32(token, 0, Int32(bitPattern: 0x8010_0880))) == .unknownType)
  }

  @Test func tokenNeverGrowsBeyondItsLimit() {
    let sequences = (1...Int32(20000)).map { $0 }
    let bytes = encoded(70000) { memory in
      var builder = TokenBuilder(memory)
      let room = builder.room
      #expect(room == (65467 - 16) / 4)
      let ring = MembershipID(me, 5)
      let tooMany = builder.append(membership: ring, process: me, segment: 0, sequences: sequences[...room])
      let asMany = builder.append(membership: ring, process: me, segment: 0, sequences: sequences[..<room])
      #expect(!tooMany && asMany)
      #expect(builder.room == 0)
      return builder.finish(
        TokenHeader(
          type: [], transmitter: me, process: me, membership: MembershipID(me, 5), configurationHash: 7))
    }!
    #expect(reason(bytes) == nil)
    #expect(bytes.count == 65504)
  }

  static let form1 = FormToken(
    header: TokenHeader(
      type: .form1, transmitter: me, process: me, membership: MembershipID(me, 5), configurationHash: 7),
    members: [me, ProcessID(2)], done: 1,
    stage: .form1(representatives: [Representative(me, .segment, segment: 0)], next: 1),
    rings: [
      FormedRing(
        membership: MembershipID(me, -1), aru: 4, highest: 9, holes: [5, 9], commit: [me, ProcessID(8)],
        transitionalCount: 1)
    ])

  @Test func form1() {
    let form = encoded { Self.form1.encode(into: $0) }!
    #expect(form.count == 40 + 516 + 204 + 4 + 28 + 16)
    #expect(reason(form) == nil)
    #expect(reason(changed(form, 40, -1)) == .memberCount)
    #expect(reason(changed(form, 42, 128)) == .memberCount)
    #expect(reason(changed(form, 42, 127)) == nil)
    #expect(reason(changed(form, 556, 26)) == .representativeCount)
    #expect(reason(changed(form, 556, -1)) == .representativeCount)
    #expect(reason(changed(form, 558, 2)) == .representativeIndex)
    #expect(reason(changed(form, 558, -1)) == .representativeIndex)
    #expect(reason(changed(form, 564, 3)) == .representativeType)
    #expect(reason(changed(form, 566, 20)) == .segment)
    let rings = 40 + 516 + 204
    #expect(reason(changed32(form, rings, 21)) == .ringCount)
    #expect(reason(changed32(form, rings, -1)) == .ringCount)
    #expect(reason(changed32(form, rings, 2)) == .bodyLength)
    #expect(reason(changed32(form, rings, 0)) == .bodyLength)
    let ring = rings + 4
    #expect(reason(changed32(form, ring + 20, 1601)) == .holeCount)
    #expect(reason(changed32(form, ring + 20, .min)) == .holeCount)
    #expect(reason(changed32(form, ring + 20, 1600)) == .bodyLength)
    #expect(reason(changed(form, ring + 24, 129)) == .commitCount)
    #expect(reason(changed(form, ring + 24, 0)) == .commitCount)
    #expect(reason(changed(form, ring + 26, 0)) == .transitionalCount)
    #expect(reason(changed(form, ring + 26, 3)) == .transitionalCount)
    #expect(reason(changed32(form, ring + 28, 0)) == .holeOrder)
    #expect(reason(changed32(form, ring + 32, 5)) == .holeOrder)
    #expect(reason(changed32(form, ring + 32, 10)) == .holeOrder)
  }

  @Test func form2() {
    var form2 = Self.form1
    form2.stage = .form2(membership: MembershipID(me, 7))
    let form = encoded { form2.encode(into: $0) }!
    #expect(form.count == 40 + 516 + 8 + 4 + 28 + 16)
    #expect(reason(form) == nil)
    #expect(reason(changed32(form, 48, 1)) == .duplicateMember)
    #expect(reason(changed(form, 42, 127)) == .memberCount)
    #expect(reason(changed(form, 42, 126)) == .duplicateMember)
  }

  @Test func formThatIsTooLargeIsNotEncoded() {
    var form = Self.form1
    let ring = FormedRing(
      membership: MembershipID(me, 1), aru: 0, highest: 1600, holes: Array(1...1600), commit: [me],
      transitionalCount: 1)
    form.rings = Array(repeating: ring, count: 10)
    #expect(form.encodedSize == 40 + 516 + 204 + 4 + 10 * (28 + 6400 + 4))
    #expect(encoded(100_000) { form.encode(into: $0) } == nil || form.encodedSize <= 65507)
    form.rings = Array(repeating: ring, count: 11)
    #expect(encoded(100_000) { form.encode(into: $0) } == nil)
    form.rings = []
    form.members = Array(repeating: me, count: 129)
    #expect(encoded(100_000) { form.encode(into: $0) } == nil)
    #expect(encoded(700) { Self.form1.encode(into: $0) } == nil)
  }

  @Test func monitorBodies() throws {
    let partition = encoded { PartitionCommand.encode(plain, components: [0, 1, -1], into: $0) }!
    try withExactMemory(partition) {
      let header = try PacketHeader($0)
      let body = $0.slice(40, 6)
      #expect(Array(try PartitionCommand(header, body: body, daemons: 2).components) == [0, 1])
      #expect(throws: WireFailure.monitorBody) { try PartitionCommand(header, body: body, daemons: 4) }
    }
    let windows = encoded { FlowControlCommand.encode(plain, pairs: [(20, -1)], window: 99, into: $0) }!
    try withExactMemory(windows) {
      let header = try PacketHeader($0)
      let body = $0.slice(40, 8)
      let command = try FlowControlCommand(header, body: body, daemons: 1)
      #expect(command.personalWindow(0) == 20 && command.acceleratedWindow(0) == nil && command.window == 99)
      #expect(throws: WireFailure.monitorBody) { try FlowControlCommand(header, body: body, daemons: 2) }
    }
  }

  @Test func groups() {
    let header = GroupsHeader(
      type: [.groups, .agreed], representative: GroupName("d1"), syncedCount: 1, dataLength: 0)
    func expect(_ expected: WireFailure?, _ edit: (inout [UInt8]) -> Void) {
      var body = encoded { memory in
        var writer = GroupsBodyWriter(memory, membership: MembershipID(me, 1), synced: [me])
        writer.group(GroupName("g"), GroupID(MembershipID(me, 1), index: 1), isChanged: true)
        writer.daemon(me, MembershipID(me, 1), members: [GroupName("#a#d1")])
        return writer.length
      }!
      edit(&body)
      let reason: WireFailure? = withExactMemory(body) { memory in
        do throws(WireFailure) {
          _ = try GroupsBody(memory, .native)
          return nil
        } catch { return error }
      }
      #expect(reason == expected)
    }
    expect(nil) { _ in }
    expect(.groupsFlag) { $0[8] = 2 }
    expect(.groupsSyncedCount) { $0[9] = 0 }
    expect(.groupsSyncedCount) { $0[10] = 0xff }
    expect(.groupsRecord) { $0.removeLast() }
    expect(.groupsRecord) { $0.append(0) }
    // Bytes after the NUL are stock's to leave there.
    expect(nil) { $0[$0.count - 1] = 1 }
    expect(.groupsRecord) { for i in $0.count - 32..<$0.count { $0[i] = 65 } }
    expect(.groupsRecord) { for i in 17..<49 { $0[i] = 65 } }
    let message = written(48) { header.store(at: $0) }
    func headerReason(_ bytes: [UInt8]) -> WireFailure? {
      withExactMemory(bytes) { memory in
        do throws(WireFailure) {
          _ = try GroupsHeader(memory)
          return nil
        } catch { return error }
      }
    }
    #expect(headerReason(message) == nil)
    #expect(headerReason(message + [0]) == .groupsHeader)
    #expect(headerReason(changed32(message, 0, Int32(bitPattern: 0x8000_0090))) == .groupsHeader)
    #expect(headerReason(changed32(message, 36, 1)) == .groupsHeader)
    #expect(headerReason(changed32(message, 32, 0)) == .groupsSyncedCount)
    #expect(headerReason(changed32(message, 32, 129)) == .groupsSyncedCount)
  }

  @Test func packetsThatDoNotFitAreNotEncoded() {
    let members = (0..<400).map { ProcessID($0) }
    #expect(encoded { AliveMessage.encode(plain, members: members, into: $0) } == nil)
    #expect(encoded(47) { AliveMessage.encode(plain, members: [me], into: $0) } == nil)
    #expect(encoded(10) { AliveMessage.encode(plain, members: [me], into: $0) } == nil)
    #expect(encoded(135) { DaemonStatus().encode(into: $0) } == nil)
    #expect(encoded(136) { DaemonStatus().encode(into: $0) }?.count == 136)
  }
}

extension [UInt8] {
  fileprivate func dropLastByte(lengthAt: Int) -> [UInt8] {
    changed(Array(dropLast()), lengthAt, Int16(count - 41))
  }
}
