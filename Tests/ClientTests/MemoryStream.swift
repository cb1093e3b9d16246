// A daemon in memory: the bytes it sends, and what it was sent.

import CSpreadSocket
import SpreadClient
import SpreadWire

struct MemoryStream: ByteStream {
  private let incoming: [UInt8]
  private(set) var position = 0
  private(set) var written: [UInt8] = []
  /// The peer takes so many bytes and breaks then.
  var writeLimit = Int.max

  init(_ incoming: [UInt8]) {
    self.incoming = incoming
  }

  var rest: Int { incoming.count - position }

  mutating func read(_ run: csp_run, total: Int) -> Int {
    var done = 0
    let pieces = [run.first, run.second] + (0..<run.count).map { run.rest[$0] }
    for piece in pieces where done < total {
      let part = min(piece.length, total - done, rest)
      guard part > 0 else { continue }
      incoming.withUnsafeBytes { piece.base.copyMemory(from: $0.baseAddress! + position, byteCount: part) }
      position += part
      done += part
    }
    return done
  }

  mutating func write(_ run: csp_run, total: Int) -> Bool {
    let pieces = [run.first, run.second] + (0..<run.count).map { run.rest[$0] }
    var left = total
    for piece in pieces where left > 0 {
      let part = min(piece.length, left)
      guard part > 0 else { continue }
      written += UnsafeRawBufferPointer(start: piece.base, count: part)
      left -= part
    }
    return written.count <= writeLimit
  }
}

/// Messages as a daemon writes them.
enum Daemon {
  static func name(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8.prefix(32))
    return bytes + Array(repeating: 0, count: 32 - bytes.count)
  }

  static func word(_ value: UInt32, _ order: Endianness = .little) -> [UInt8] {
    let bytes = (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
    return order == .little ? bytes : bytes.reversed()
  }

  static func header(
    _ type: UInt32, name: String = "#q#y", groups: Int32, messageType: Int16 = 0, length: Int32,
    order: Endianness = .little, hint: Endianness = .little
  ) -> [UInt8] {
    let hintWord = (UInt32(UInt16(bitPattern: messageType)) << 8) | hint.marks
    return word(type | order.marks, order) + Self.name(name) + word(UInt32(bitPattern: groups), order)
      + word(hintWord, hint) + word(UInt32(bitPattern: length), order)
  }

  static func message(
    _ type: UInt32, groups: [String] = ["grp"], messageType: Int16 = 0, body: [UInt8] = [],
    order: Endianness = .little, hint: Endianness = .little, oldType: UInt32? = nil, name: String = "#q#y"
  ) -> [UInt8] {
    header(
      type, name: name, groups: Int32(groups.count), messageType: messageType, length: Int32(body.count), order: order,
      hint: hint)
      + (oldType.map { word($0 | order.marks, order) } ?? []) + groups.flatMap(Self.name) + body
  }

  /// The body of a network change: `sets` of names, the receiver in set `own`.
  static func membershipBody(_ sets: [[String]], own: Int = 0, order: Endianness = .little) -> [UInt8] {
    let encoded = sets.map { set in word(UInt32(set.count), order) + set.flatMap(name) }
    let offset = encoded.prefix(own).reduce(0) { $0 + $1.count }
    return word(0x0102_0304, order) + word(0x0506_0708, order) + word(9, order) + word(UInt32(sets.count), order)
      + word(UInt32(offset), order) + encoded.flatMap { $0 }
  }
}

/// Room of the caller, preset so that untouched memory shows.
final class Room {
  static let fill: UInt8 = 0x5a
  let groups: UnsafeMutableRawPointer
  private var memory: [UnsafeMutableRawPointer] = []
  private let pieces: UnsafeMutablePointer<csp_piece>
  private let lengths: [Int]

  init(body lengths: [Int]) {
    self.lengths = lengths
    groups = .allocate(byteCount: 400 * 32, alignment: 8)
    groups.initializeMemory(as: UInt8.self, repeating: Self.fill, count: 400 * 32)
    pieces = .allocate(capacity: max(lengths.count, 1))
    for (i, length) in lengths.enumerated() {
      // One byte more than told, to see writes behind the end.
      let piece = UnsafeMutableRawPointer.allocate(byteCount: length + 1, alignment: 1)
      piece.initializeMemory(as: UInt8.self, repeating: Self.fill, count: length + 1)
      memory.append(piece)
      pieces[i] = csp_piece(base: length == 0 ? nil : piece, length: length)
    }
  }

  deinit {
    groups.deallocate()
    memory.forEach { $0.deallocate() }
    pieces.deallocate()
  }

  var body: Pieces { Pieces(pieces, count: lengths.count) }

  func room(drop: Bool = false, maxGroups: Int = 10) -> ReceiveRoom {
    ReceiveRoom(
      dropsSurplus: drop, groups: groups, maxGroups: maxGroups, body: body, maxBody: lengths.reduce(0, +))
  }

  /// All bytes of the body in order.
  var bytes: [UInt8] {
    zip(memory, lengths).flatMap { piece, length in
      (0..<length).map { piece.load(fromByteOffset: $0, as: UInt8.self) }
    }
  }

  /// Nothing was written behind any piece.
  var endsIntact: Bool {
    zip(memory, lengths).allSatisfy { $0.load(fromByteOffset: $1, as: UInt8.self) == Self.fill }
  }

  func group(_ index: Int) -> String {
    String(cString: (groups + 32 * index).assumingMemoryBound(to: CChar.self))
  }

  func groupIsUntouched(_ index: Int) -> Bool {
    (0..<32).allSatisfy { groups.load(fromByteOffset: 32 * index + $0, as: UInt8.self) == Self.fill }
  }
}

extension MessageReceiver {
  /// Receives into a room that lives as long as the call.
  mutating func receive(
    from stream: inout MemoryStream, _ room: Room, drop: Bool = false, maxGroups: Int = 10
  ) -> Reception {
    withExtendedLifetime(room) { receive(from: &stream, into: room.room(drop: drop, maxGroups: maxGroups)) }
  }
}
