// Buffers that come back, and what becomes of those that a burst needed.

import Testing

@testable import SpreadCore

@Suite struct MessagePoolTests {
  private func burst(_ count: Int, _ pool: inout MessagePool) -> [MessageBuffer] {
    (0..<count).map { _ in pool.take(1000) }
  }

  @Test func aBufferComesBackOnceNobodyHoldsIt() {
    var pool = MessagePool()
    var held: MessageBuffer? = pool.take(1000)
    let base = held!.base
    #expect(pool.take(1000).base != base)
    held = nil
    #expect((0..<2).contains { _ in pool.take(1000).base == base })
    #expect(pool.count == 2)
  }

  @Test func whatTheLastTimeUsedStaysAndTheRestOfABurstGoes() {
    var pool = MessagePool()
    _ = burst(100, &pool).count
    pool.trim()
    #expect(pool.count == 100)
    for _ in 0..<7 { _ = pool.take(1000) }
    pool.trim()
    #expect(pool.count == 7)
    pool.trim()
    #expect(pool.count == 0)
  }

  /// Large buffers: the one that was just used is used again, however many others are free.
  @Test func fewLargeBuffersAreInUse() {
    var pool = MessagePool()
    var held = (0..<5).map { _ in pool.take(100_000) }
    let bases = held.map(\.base)
    held.removeLast(3)
    for _ in 0..<4 { #expect(pool.take(100_000).base == bases[2]) }
    held = []
    #expect(pool.take(100_000).base == bases[0])
    #expect(pool.count == 5)
  }

  @Test func aHeldBufferOutlivesThePool() {
    var pool = MessagePool()
    let held = burst(3, &pool)
    for (i, buffer) in held.enumerated() { buffer.append(byte: UInt8(i)) }
    pool.trim()
    pool.trim()
    #expect(pool.count == 0)
    // Others take their memory from elsewhere.
    for _ in 0..<3 { pool.take(1000).append(byte: 9) }
    #expect(held.map { $0.bytes[0] } == [0, 1, 2])
  }
}
