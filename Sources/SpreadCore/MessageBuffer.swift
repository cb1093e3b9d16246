// Shared message memory. A message is copied once from the client's stream and once from the ring; all local
// receivers share the same bytes.

import SpreadWire

/// Bytes of one message. Filled by its maker, then never changed: it may be queued for many sessions.
public final class MessageBuffer {
  public let base: UnsafeMutableRawPointer
  public let capacity: Int
  /// Bytes in use.
  public internal(set) var count: Int = 0

  init(capacity: Int) {
    base = .allocate(byteCount: capacity, alignment: 16)
    self.capacity = capacity
  }

  deinit { base.deallocate() }

  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// A buffer with its own memory, outside any pool; for rare messages and tests.
  public convenience init(_ bytes: UnsafeRawBufferPointer) {
    self.init(capacity: max(bytes.count, 1))
    append(bytes)
  }

  func append(_ more: UnsafeRawBufferPointer) {
    precondition(count + more.count <= capacity)
    guard let from = more.baseAddress else { return }
    (base + count).copyMemory(from: from, byteCount: more.count)
    count += more.count
  }
}

// Building a message piece by piece.
extension MessageBuffer {
  /// Starts the message with `header`.
  func fill(_ header: MessageHeader) {
    precondition(capacity >= MessageHeader.size)
    header.store(at: base)
    count = MessageHeader.size
  }

  func append(byte: UInt8) {
    precondition(count < capacity)
    base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count += 1
  }

  func append(word: UInt32) {
    precondition(count + 4 <= capacity)
    base.put32(word, at: count, .native)
    count += 4
  }

  func append(name: GroupName) {
    precondition(count + GroupName.size <= capacity)
    name.store(at: base + count)
    count += GroupName.size
  }

  func append(_ id: GroupID) {
    precondition(count + GroupID.size <= capacity)
    id.store(at: base + count, .native)
    count += GroupID.size
  }
}
