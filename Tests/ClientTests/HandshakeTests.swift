// The handshake against a scripted daemon in memory: rows C of the C API table, and every cut of a good one
// (client-protocol 3, c-api 6.3).

import SpreadWire
import Testing

@testable import SpreadClient

@Suite struct HandshakeTests {
  static let list: [UInt8] = [5] + Array("NULL ".utf8)
  static let accept: [UInt8] = [1, 5, 0, 1, 4] + Array("#a#b".utf8)

  private func run(
    _ bytes: [UInt8], name: StaticString = "alice", priority: Bool = false, methods: AuthMethods = AuthMethods(),
    writeLimit: Int = .max
  ) -> (code: Int32, group: GroupName?, written: [UInt8]) {
    var stream = MemoryStream(bytes)
    stream.writeLimit = writeLimit
    let request = ConnectRequest(
      name: GroupName(name), priority: priority, wantsMembership: true, methods: methods)
    do throws(ClientError) {
      let group = try Handshake.run(request, over: &stream, descriptor: 7)
      return (1, group, stream.written)
    } catch {
      return (error.code, nil, stream.written)
    }
  }

  @Test func accepted() {
    let outcome = run(Self.list + Self.accept)
    #expect(outcome.code == 1)
    #expect(outcome.group == GroupName("#a#b"))
    // client-protocol 3.1: the bytes of libspread 5.0.1 for "alice" with membership.
    let hello: [UInt8] = [5, 0, 1, 1, 5] + Array("alice".utf8)
    #expect(outcome.written == hello + Array("NULL".utf8) + [UInt8](repeating: 0, count: 86))
  }

  @Test func nameAndPriority() {
    #expect(run([], name: "", priority: true).written == [5, 0, 1, 0x11, 0])
    // Cut at ten characters, silently.
    #expect(run([], name: "0123456789XYZ").written == [5, 0, 1, 1, 10] + Array("0123456789".utf8))
  }

  /// (row, what the daemon sends, priority, result)
  static let rows: [(String, [UInt8], Bool, Int32)] = [
    ("C01", [], false, -8),
    ("C02", [0xfc], false, -4),
    ("every reject code", [0xfd], false, -3),
    ("C03", [2] + Array("IP".utf8), false, -9),
    ("C04", [100], false, -8),
    ("C05", list + [0xf7], false, -9),
    ("C06", list + [0, 5, 0, 1, 0], false, 0),
    ("C07", list + [1, 2, 9, 9, 4] + Array("#a#b".utf8), false, -7),
    ("C08", list + [1, 5, 0, 1, 32] + [UInt8](repeating: 0x61, count: 32), false, -8),
    ("C09", list, false, -8),
    ("C10", [9] + Array("IP NULL X".utf8) + accept, false, 1),
    ("C12", list + [1, 3, 7, 0, 4] + Array("#a#b".utf8), false, 1),
    ("C13", list + [1, 3, 7, 0, 4] + Array("#a#b".utf8), true, -7),
    ("3.8 with priority", list + [1, 3, 8, 0, 4] + Array("#a#b".utf8), true, 1),
    ("empty list", [0], false, -9),
    ("negative version", list + [1, 0x80, 0, 1, 4] + Array("#a#b".utf8), false, -8),
    ("negative length", list + [1, 5, 0, 1, 0x84] + Array("#a#b".utf8), false, -8),
    ("a longer name is another method", [6] + Array("NULLX ".utf8), false, -9),
    ("no group", list + [1, 5, 0, 1, 0], false, 1),
  ]

  @Test(arguments: rows) func row(_ row: String, _ bytes: [UInt8], _ priority: Bool, _ expected: Int32) {
    #expect(run(bytes, priority: priority).code == expected, "\(row)")
  }

  @Test func groupOf31Bytes() {
    let name = "#a#" + String(repeating: "d", count: 28)
    let outcome = run(Self.list + [1, 5, 0, 1, 31] + Array(name.utf8))
    #expect(outcome.code == 1)
    #expect(outcome.group?.length == 31)
  }

  @Test func everyCutFails() {
    let whole = Self.list + Self.accept
    for length in 0..<whole.count { #expect(run(Array(whole[..<length])).code == -8, "cut at \(length)") }
  }

  @Test func brokenWrites() {
    #expect(run(Self.list + Self.accept, writeLimit: 3).code == -8)
    #expect(run(Self.list + Self.accept, writeLimit: 50).code == -8)
    // Refused at once: the greeting finds nobody, the reason is there.
    #expect(run([0xfd], writeLimit: 3).code == -3)
  }

  /// Every byte of a good answer, changed to every value: a result, never a trap.
  @Test func everyByteChanged() {
    let whole = Self.list + Self.accept
    for at in whole.indices {
      for value in UInt8.min...UInt8.max {
        var bytes = whole
        bytes[at] = value
        let code = run(bytes).code
        #expect(code <= 127 && code >= -128)
      }
    }
  }

  @Test func methodsRunInOrderAndAllOfThem() {
    let counter = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    counter.initialize(to: 0)
    defer { counter.deallocate() }
    var methods = AuthMethods(count: 2)
    methods[0] = AuthMethod(
      name: GroupName("IP"),
      call: { descriptor, data in
        data!.assumingMemoryBound(to: Int32.self).pointee += descriptor
        return 0
      }, data: counter)
    methods[1] = AuthMethod(
      name: GroupName("NULL"),
      call: { _, data in
        data!.assumingMemoryBound(to: Int32.self).pointee *= 2
        return 1
      }, data: counter)
    let outcome = run([8] + Array("NULL IP ".utf8) + Self.accept, methods: methods)
    #expect(outcome.code == -9)
    #expect(counter.pointee == 14)  // descriptor 7, then doubled
    let choice = Array(outcome.written.suffix(90))
    #expect(Array(choice[0..<3]) == Array("IP".utf8) + [0])
    #expect(Array(choice[30..<35]) == Array("NULL".utf8) + [0])
    #expect(choice[60...].allSatisfy { $0 == 0 })
  }
}
