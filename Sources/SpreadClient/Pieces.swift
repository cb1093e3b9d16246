// A message body in several places of the caller's memory (the `scatter` of sp.h), seen as one string of bytes.

import CSpreadSocket
import SpreadWire

/// Borrowed memory in pieces; empty pieces are skipped wherever they are (c-api 7: stock fails on one in the middle).
public struct Pieces {
  public let base: UnsafePointer<csp_piece>?
  public let count: Int

  public init(_ base: UnsafePointer<csp_piece>?, count: Int) {
    self.base = base
    self.count = count
  }

  /// Bytes in all pieces; nil when the pieces cannot be: too many, or a null piece with a length.
  public func checkedLength() -> Int? {
    guard count >= 0, count <= ClientLimits.pieces else { return nil }
    var length = 0
    for i in 0..<count {
      let piece = base.unsafelyUnwrapped[i]
      guard piece.base != nil || piece.length == 0 else { return nil }
      // An absurd size_t counts as very much, so that sums cannot wrap.
      length += min(Int(clamping: piece.length), Int(Int32.max))
    }
    return length
  }

  /// Calls `body` with every stretch of memory that holds bytes `offset` ..< `offset + length`, in order.
  /// False when the pieces end before.
  @inline(__always)
  private func visit(
    _ offset: Int, _ length: Int, _ body: (_ memory: UnsafeMutableRawPointer, _ at: Int, _ length: Int) -> Void
  ) -> Bool {
    var skip = offset
    var at = 0
    var index = 0
    while at < length, index < count {
      let piece = base.unsafelyUnwrapped[index]
      let size = Int(clamping: piece.length)
      index += 1
      if skip >= size {
        skip -= size
        continue
      }
      let stretch = min(size - skip, length - at)
      guard let memory = piece.base else { return false }
      body(memory + skip, at, stretch)
      at += stretch
      skip = 0
    }
    return at >= length
  }

  /// Copies bytes `offset` ..< `offset + length` out. False, with a part copied, when the pieces end before.
  public func copy(from offset: Int, to target: UnsafeMutableRawPointer, length: Int) -> Bool {
    visit(offset, length) { memory, at, count in
      (target + at).copyMemory(from: memory, byteCount: count)
    }
  }

  /// Copies bytes in at `offset`.
  public func write(at offset: Int, from source: UnsafeRawPointer, length: Int) -> Bool {
    visit(offset, length) { memory, at, count in
      memory.copyMemory(from: source + at, byteCount: count)
    }
  }

  /// The 32-bit integer at `offset` in this machine's order; nil behind the end.
  public func u32(at offset: Int) -> UInt32? {
    var value: UInt32 = 0
    return withUnsafeMutableBytes(of: &value) { copy(from: offset, to: $0.baseAddress!, length: 4) } ? value : nil
  }

  public func put32(_ value: UInt32, at offset: Int) {
    var value = value
    withUnsafeMutableBytes(of: &value) { _ = write(at: offset, from: $0.baseAddress!, length: 4) }
  }
}
