// Bytes, memory and numbers for the tests of the codecs.

import Foundation
import SpreadWire
import Testing

/// SplitMix64: tests draw the same numbers in every run.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) } }
  mutating func int32() -> Int32 { Int32.random(in: .min ... .max, using: &self) }
  mutating func process() -> ProcessID { ProcessID(UInt32.random(in: .min ... .max, using: &self)) }
  mutating func membership() -> MembershipID { MembershipID(process(), int32()) }
  mutating func order() -> Endianness { Bool.random(using: &self) ? .little : .big }
  mutating func name() -> GroupName {
    let length = Int.random(in: 0...GroupName.maxLength, using: &self)
    return GroupName(text: (0..<length).map { _ in UInt8.random(in: 0x24...0x7e, using: &self) })
  }
}

extension GroupName {
  init(text: [UInt8]) {
    self = text.withUnsafeBytes { GroupName($0) }
  }
  init(_ text: String) {
    self.init(text: Array(text.utf8))
  }
}

/// Bytes from hex digits; blanks and line ends are ignored.
func hex(_ text: String) -> [UInt8] {
  var result: [UInt8] = []
  var high: UInt8?
  for character in text where !character.isWhitespace {
    let digit = UInt8(character.hexDigitValue!)
    if let first = high {
      result.append(first << 4 | digit)
      high = nil
    } else {
      high = digit
    }
  }
  precondition(high == nil)
  return result
}

/// What `write` puts into `count` bytes of memory that held rubbish.
func written(_ count: Int, _ write: (UnsafeMutableRawPointer) -> Void) -> [UInt8] {
  var bytes = [UInt8](repeating: 0xa5, count: count)
  bytes.withUnsafeMutableBytes { write($0.baseAddress!) }
  return bytes
}

/// What `encode` puts into at most `capacity` bytes that held rubbish; nil when it answers nil.
func encoded(_ capacity: Int = 65536, _ encode: (UnsafeMutableRawBufferPointer) -> Int?) -> [UInt8]? {
  var bytes = [UInt8](repeating: 0xa5, count: capacity)
  guard let size = bytes.withUnsafeMutableBytes({ encode($0) }) else { return nil }
  return Array(bytes[..<size])
}

/// Gives `body` a heap block of exactly these bytes, so that a sanitizer sees every read beyond them.
func withExactMemory<Result>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
  let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
  defer { memory.deallocate() }
  memory.copyBytes(from: bytes)
  return try body(UnsafeRawBufferPointer(memory))
}

func vectorFile(_ name: String, _ here: String = #filePath) throws -> [UInt8] {
  let tests = URL(fileURLWithPath: here).deletingLastPathComponent().deletingLastPathComponent()
  return Array(try Data(contentsOf: tests.appendingPathComponent("Vectors/" + name)))
}
