// Datagrams on their way. All receivers of a multicast share one copy.

struct PacketPool {
  private struct Entry {
    var memory: UnsafeMutableRawPointer
    var length: Int32
    var references: Int32
    var isLarge: Bool
    var from: Int16
    /// Of the contents, without what a forwarder rewrites.
    var hash: UInt64
  }

  private static let small = 1536
  private static let large = 65536
  private var entries: [Entry] = []
  private var freeSmall: [Int32] = []
  private var freeLarge: [Int32] = []

  mutating func add(_ bytes: UnsafeRawBufferPointer, from: Int, hash: UInt64) -> Int32 {
    let isLarge = bytes.count > Self.small
    let index: Int32
    if let free = isLarge ? freeLarge.popLast() : freeSmall.popLast() {
      index = free
    } else {
      index = Int32(entries.count)
      let memory = UnsafeMutableRawPointer.allocate(byteCount: isLarge ? Self.large : Self.small, alignment: 16)
      entries.append(Entry(memory: memory, length: 0, references: 0, isLarge: isLarge, from: 0, hash: 0))
    }
    let at = Int(index)
    entries[at].memory.copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
    entries[at].length = Int32(bytes.count)
    entries[at].references = 1
    entries[at].from = Int16(from)
    entries[at].hash = hash
    return index
  }

  mutating func retain(_ index: Int32) { entries[Int(index)].references += 1 }

  mutating func release(_ index: Int32) {
    let at = Int(index)
    entries[at].references -= 1
    guard entries[at].references == 0 else { return }
    if entries[at].isLarge { freeLarge.append(index) } else { freeSmall.append(index) }
  }

  func bytes(_ index: Int32) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: entries[Int(index)].memory, count: Int(entries[Int(index)].length))
  }

  func sender(_ index: Int32) -> Int { Int(entries[Int(index)].from) }
  func hash(_ index: Int32) -> UInt64 { entries[Int(index)].hash }

  func deallocate() { for entry in entries { entry.memory.deallocate() } }
}
