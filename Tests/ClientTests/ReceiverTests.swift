// Receiving from a scripted daemon in memory: rows G and H of the C API table and what follows from their rules
// (client-protocol 8, c-api 7).

import SpreadWire
import Testing

@testable import SpreadClient

@Suite struct ReceiverTests {
  static let fifo: UInt32 = 0x4
  static let body: [UInt8] = (0..<50).map { UInt8($0) + 0x30 }

  private func receiver() -> MessageReceiver { MessageReceiver(own: GroupName("#a#b")) }

  private func receive(
    _ bytes: [UInt8], _ room: Room = Room(body: [100]), drop: Bool = false, maxGroups: Int = 10
  ) -> Reception {
    var stream = MemoryStream(bytes)
    var receiver = receiver()
    return receiver.receive(from: &stream, room, drop: drop, maxGroups: maxGroups)
  }

  @Test(arguments: [Endianness.little, .big], [Endianness.little, .big])
  func ordersOfHeaderAndHint(_ order: Endianness, _ hint: Endianness) {
    let room = Room(body: [100])
    let got = receive(
      Daemon.message(2, messageType: 0x1234, body: Array("abc".utf8), order: order, hint: hint), room)
    #expect(got.result == 3)
    #expect(got.type == 2)
    #expect(got.messageType == 0x1234)
    #expect(got.mismatch == (hint == .native ? 0 : 1))
    #expect(got.groupCount == 1)
    #expect(got.sender == GroupName("#q#y"))
    #expect(room.group(0) == "grp")
    #expect(Array(room.bytes.prefix(4)) == Array("abc".utf8) + [Room.fill])
  }

  @Test func tooShortKeepsTheMessage() {
    var stream = MemoryStream(Daemon.message(Self.fifo, messageType: 77, body: Self.body))
    var receiver = receiver()
    // (groups, body, result, count, mismatch)
    for (groups, length, result, count, mismatch) in [
      (100, 20, -15, 0, -50), (100, 49, -15, 0, -50), (0, 100, -16, -1, 0), (0, 10, -16, -1, -50),
    ] as [(Int, Int, Int32, Int32, Int32)] {
      let room = Room(body: [length])
      let got = receiver.receive(from: &stream, room, maxGroups: groups)
      #expect(got.result == result)
      #expect(got.groupCount == count)
      #expect(got.mismatch == mismatch)
      #expect(got.messageType == 77)
      #expect(got.type == Self.fifo)
      #expect(room.groupIsUntouched(0))
      #expect(room.bytes.allSatisfy { $0 == Room.fill })
      #expect(stream.rest == 82)
    }
    let room = Room(body: [50])
    #expect(receiver.receive(from: &stream, room, maxGroups: 1).result == 50)
    #expect(room.bytes == Self.body)
    #expect(stream.rest == 0)
  }

  @Test func dropCutsWhatDoesNotFit() {
    let bytes = Daemon.message(Self.fifo, groups: ["a", "b", "c"], messageType: 77, body: Self.body)
    // (groups, body, result, count)
    for (groups, length, result, count) in [(10, 20, -15, 3), (2, 100, 50, -3), (0, 10, -15, -3), (0, 0, -15, -3)]
      as [(Int, Int, Int32, Int32)]
    {
      var stream = MemoryStream(bytes + Daemon.message(Self.fifo, body: [1]))
      var receiver = receiver()
      let room = Room(body: [length])
      let got = receiver.receive(from: &stream, room, drop: true, maxGroups: groups)
      #expect(got.result == result)
      #expect(got.groupCount == count)
      #expect(got.mismatch == 0)
      #expect(got.messageType == 77)
      #expect(Array(room.bytes.prefix(min(length, 50))) == Array(Self.body.prefix(min(length, 50))))
      #expect(room.endsIntact)
      #expect(room.groupIsUntouched(min(groups, 3)))
      // The next message is where it should be.
      #expect(receiver.receive(from: &stream, Room(body: [9])).result == 1)
    }
  }

  /// Stock keeps the header after this sequence and is out of step from then on.
  @Test func shortThenDropForgetsTheHeader() {
    var stream = MemoryStream(
      Daemon.message(Self.fifo, body: Self.body) + Daemon.message(Self.fifo, groups: ["next"], body: [1]))
    var receiver = receiver()
    #expect(receiver.receive(from: &stream, Room(body: [20])).result == -15)
    #expect(receiver.receive(from: &stream, Room(body: [20]), drop: true).result == -15)
    let room = Room(body: [20])
    #expect(receiver.receive(from: &stream, room).result == 1)
    #expect(room.group(0) == "next")
  }

  @Test func membershipNeedsAsNegativeNumbers() {
    let bytes = Daemon.message(0x1100, groups: ["#q#y", "#a#b"], body: Daemon.membershipBody([["#a#b"]]), name: "grp")
    var stream = MemoryStream(bytes)
    var receiver = receiver()
    let short = receiver.receive(from: &stream, Room(body: [10]), maxGroups: 1)
    #expect(short.result == -16 && short.groupCount == -2 && short.mismatch == -56 && short.messageType == 0)
    let got = receiver.receive(from: &stream, Room(body: [56]), maxGroups: 2)
    #expect(got.result == 56 && got.messageType == 1 && got.sender == GroupName("grp"))
    let cut = receive(bytes, drop: true, maxGroups: 1)
    #expect(cut.result == 56 && cut.messageType == -1 && cut.groupCount == -2)
  }

  @Test func membershipWithoutMe() {
    #expect(
      receive(Daemon.message(0x1100, groups: ["#q#y"], body: Daemon.membershipBody([["#q#y"]]))).messageType == -1)
  }

  @Test func foreignMembershipTurnsIntoOurOrder() {
    let sets = [["#q#y", "#r#y"], ["#a#b"], ["#z#z"]]
    let room = Room(body: [3, 14, 0, 5, 400])
    let bytes = Daemon.membershipBody(sets, own: 1, order: .big)
    let got = receive(Daemon.message(0x1800, groups: ["#q#y", "#a#b"], body: bytes, order: .big, hint: .big), room)
    #expect(got.mismatch == 0)
    #expect(Array(room.bytes.prefix(bytes.count)) == Daemon.membershipBody(sets, own: 1, order: .native))
    #expect(room.endsIntact)
    // A cut body is turned as far as it goes.
    for length in 0..<bytes.count {
      let short = Room(body: [length])
      let message = Daemon.message(0x1800, groups: ["#q#y"], body: bytes, order: .big, hint: .big)
      #expect(receive(message, short, drop: true).result == -15)
      #expect(short.endsIntact)
    }
  }

  @Test func foreignTransitional() {
    let room = Room(body: [12])
    let body = Daemon.word(11, .big) + Daemon.word(22, .big) + Daemon.word(33, .big)
    let got = receive(Daemon.message(0x2000, groups: [], body: body, order: .big, hint: .big), room)
    #expect(got.result == 12 && got.messageType == -1 && got.mismatch == 0)
    #expect(room.bytes == Daemon.word(11, .native) + Daemon.word(22, .native) + Daemon.word(33, .native))
  }

  @Test(arguments: [Endianness.little, .big]) func reject(_ order: Endianness) {
    let bytes = Daemon.message(
      0x40_0000, messageType: 42, body: Array("hi".utf8), order: order, oldType: 0x10, name: "#a#b")
    let got = receive(bytes)
    #expect(got.result == 2 && got.type == 0x40_0010 && got.messageType == 42)
    var stream = MemoryStream(bytes)
    var receiver = receiver()
    let short = receiver.receive(from: &stream, Room(body: [1]))
    #expect(short.result == -15 && short.type == 0x40_0000 && short.messageType == 42)
    #expect(receiver.receive(from: &stream, Room(body: [2])).type == 0x40_0010)
  }

  @Test func negativeCounts() {
    var stream = MemoryStream(
      Daemon.header(Self.fifo, groups: -1, length: 0) + Daemon.header(Self.fifo, groups: 0, length: -5)
        + Daemon.header(Self.fifo, groups: .min, length: .min) + Daemon.message(Self.fifo, groups: ["g"]))
    var receiver = receiver()
    for _ in 0..<3 { #expect(receiver.receive(from: &stream, Room(body: [9])).result == -13) }
    #expect(receiver.receive(from: &stream, Room(body: [9])).result == 0)
  }

  @Test func hugeCountsNeedRoomOrData() {
    let bytes = Daemon.header(Self.fifo, groups: .max, length: .max)
    #expect(receive(bytes).result == -16)
    #expect(receive(bytes, drop: true).result == -8)
  }

  /// Row H39 and H41, for every cut of a message.
  @Test func everyCut() {
    let whole = Daemon.message(Self.fifo, groups: ["a", "b"], messageType: 5, body: Self.body)
    for length in 0..<whole.count {
      let got = receive(Array(whole[..<length]))
      #expect(got.result == -8)
      #expect(got.groupCount == (length >= 48 + 64 ? 2 : nil), "cut at \(length)")
      #expect((got.sender == nil) == (length < 48))
    }
  }

  @Test func everyByteOfTheHeaderChanged() {
    let whole = Daemon.message(0x1100, groups: ["#a#b"], body: Daemon.membershipBody([["#a#b"]]))
    for at in 0..<48 {
      for value in UInt8.min...UInt8.max {
        var bytes = whole
        bytes[at] = value
        let room = Room(body: [40, 0, 30])
        _ = receive(bytes, room)
        _ = receive(bytes, room, drop: true)
        #expect(room.endsIntact)
      }
    }
  }

  @Test func scatterWithEmptyElementsAnywhere() {
    for lengths in [[50], [0, 50], [20, 0, 30], [1, 0, 0, 49, 0], [3, 4, 100]] {
      let room = Room(body: lengths)
      #expect(receive(Daemon.message(Self.fifo, body: Self.body), room).result == 50)
      #expect(Array(room.bytes.prefix(50)) == Self.body)
      #expect(room.endsIntact)
    }
    #expect(receive(Daemon.message(Self.fifo), Room(body: [])).result == 0)
  }

  @Test func unterminatedNamesEnd() {
    let long = String(repeating: "x", count: 32)
    let room = Room(body: [10])
    let got = receive(Daemon.message(Self.fifo, groups: [long, "ok"], name: long), room)
    #expect(got.sender?.length == 31)
    #expect(room.group(0).count == 31)
    #expect(room.group(1) == "ok")
  }

  @Test func bitsPassUnchanged() {
    #expect(receive(Daemon.message(0x0100_0010)).type == 0x0100_0010)
    #expect(receive(Daemon.message(0x50)).type == 0x50)
    #expect(receive(Daemon.message(0x2000_0004, messageType: -5)).messageType == -5)
  }
}
