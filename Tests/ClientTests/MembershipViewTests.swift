// Reading membership bodies, also ones that lie (client-protocol 7.2, c-api 7).

import CSpreadSocket
import SpreadWire
import Testing

@testable import SpreadClient

@Suite struct MembershipViewTests {
  static let sets = [["#q#y", "#r#y"], ["#a#b"], []]
  static let bytes = Daemon.membershipBody(sets, own: 1, order: .native)

  /// Runs `read` over the bytes cut into pieces of `size`.
  private func view<Value>(
    _ bytes: [UInt8], pieces size: Int = .max, _ read: (MembershipView) throws(ClientError) -> Value
  ) throws(ClientError) -> Value {
    var bytes = bytes
    let count = bytes.count
    let base = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 8)
    defer { base.deallocate() }
    base.copyMemory(from: &bytes, byteCount: count)
    let step = min(size, max(count, 1))
    let pieces = stride(from: 0, to: count, by: step).map {
      csp_piece(base: base + $0, length: min(step, count - $0))
    }
    let memory = UnsafeMutableBufferPointer<csp_piece>.allocate(capacity: max(pieces.count, 1))
    defer { memory.deallocate() }
    _ = memory.initialize(from: pieces)
    return try read(MembershipView(Pieces(memory.baseAddress, count: pieces.count)))
  }

  /// Values that span pieces: what stock reads wrongly.
  @Test(arguments: [1, 2, 3, 5, 7, 31, 33, 1000]) func inAnyPieces(_ size: Int) throws {
    try view(Self.bytes, pieces: size) { view throws(ClientError) in
      #expect(try view.setCount() == 3)
      #expect(try view.ownSet() == VSSet(memberCount: 1, membersOffset: 20 + 4 + 64 + 4))
      var found: [VSSet] = []
      let sets = try view.sets(max: 3) { index, set in
        #expect(index == found.count)
        found.append(set)
      }
      #expect(sets.count == 3 && sets.own == 1)
      #expect(found.map(\.memberCount) == [2, 1, 0])
      let names = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 8)
      defer { names.deallocate() }
      #expect(try view.members(of: found[0], to: names, max: 2) == 2)
      #expect(GroupName(at: names) == GroupName("#q#y") && GroupName(at: names + 32) == GroupName("#r#y"))
      try view.copyChangedMember(to: names)
      #expect(GroupName(at: names) == GroupName("#q#y"))
    }
  }

  @Test func tooLittleRoom() {
    #expect(throws: ClientError.bufferTooShort) {
      try view(Self.bytes) { v throws(ClientError) in try v.sets(max: 2) { _, _ in } }
    }
    #expect(throws: ClientError.bufferTooShort) {
      try view(Self.bytes) { v throws(ClientError) in try v.sets(max: -1) { _, _ in } }
    }
  }

  /// Every cut, and every byte of the integers changed: a result, never a read behind the end.
  @Test func damagedBodies() {
    func tryAll(_ bytes: [UInt8]) {
      _ = try? view(bytes, pieces: 7) { v throws(ClientError) in
        let names = UnsafeMutableRawPointer.allocate(byteCount: 320, alignment: 8)
        defer { names.deallocate() }
        v.copyGroupID(to: names)
        try? v.copyChangedMember(to: names)
        if let own = try? v.ownSet() { _ = try? v.members(of: own, to: names, max: 10) }
        _ = try? v.sets(max: 1000) { _, _ in }
      }
    }
    for length in 0...Self.bytes.count { tryAll(Array(Self.bytes[..<length])) }
    for at in Array(12..<24) + Array(88..<92) {
      for value in UInt8.min...UInt8.max {
        var bytes = Self.bytes
        bytes[at] = value
        tryAll(bytes)
      }
    }
  }

  @Test func offsetsBehindTheEnd() {
    var bytes = Self.bytes
    bytes.replaceSubrange(16..<20, with: Daemon.word(.max, .native))
    #expect(throws: ClientError.illegalMessage) { try view(bytes) { v throws(ClientError) in try v.ownSet() } }
    let set = VSSet(memberCount: 1, membersOffset: .max)
    let names = UnsafeMutableRawPointer.allocate(byteCount: 32, alignment: 8)
    defer { names.deallocate() }
    #expect(throws: ClientError.illegalMessage) {
      try view(Self.bytes) { v throws(ClientError) in try v.members(of: set, to: names, max: 1) }
    }
  }
}
