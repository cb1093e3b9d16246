// Buffers that come back by themselves.

import DequeModule

/// Hands out message buffers and takes them again once nobody else holds them, so that the steady state allocates
/// nothing. Each size class of small buffers is a queue in order of issue: the front is the one most likely to be free.
/// Of the large ones always the first that is free is taken, so that as few as possible are in use and stay in the
/// processor's cache.
struct MessagePool {
  fileprivate struct SizeClass {
    let capacity: Int
    let limit: Int
    var buffers = Deque<MessageBuffer>()
    /// Handed out since the last `trim`.
    var taken = 0
  }

  /// From this size on filling a buffer costs more than looking at all of them.
  fileprivate static let large = 65_536

  /// Small buffers tried before a new one is made.
  private static let attempts = 3

  private var classes = [
    SizeClass(capacity: 256, limit: 4096), SizeClass(capacity: 2048, limit: 2048),
    SizeClass(capacity: 16_384, limit: 256), SizeClass(capacity: 65_536, limit: 128),
    SizeClass(capacity: 143_360, limit: 32),
  ]

  /// An empty buffer of at least `capacity` bytes.
  mutating func take(_ capacity: Int) -> MessageBuffer {
    for i in classes.indices where capacity <= classes[i].capacity {
      return classes[i].take(attempts: Self.attempts)
    }
    return MessageBuffer(capacity: capacity)
  }

  /// Gives back what a burst left: of each size as many stay as were handed out since the last call. Buffers that
  /// somebody holds go when they are let go.
  mutating func trim() {
    for i in classes.indices { classes[i].trim() }
  }

  /// Buffers kept for the next message.
  var count: Int { classes.reduce(0) { $0 + $1.buffers.count } }
}

extension MessagePool.SizeClass {
  fileprivate mutating func trim() {
    if buffers.count > taken {
      buffers.removeFirst(buffers.count - taken)
      // The queue itself is as long as the burst was.
      if taken == 0 { buffers = Deque() }
    }
    taken = 0
  }

  fileprivate mutating func take(attempts: Int) -> MessageBuffer {
    taken += 1
    if capacity >= MessagePool.large {
      for i in buffers.indices where isKnownUniquelyReferenced(&buffers[i]) {
        buffers[i].count = 0
        return buffers[i]
      }
      return make()
    }
    for _ in 0..<Swift.min(attempts, buffers.count) {
      guard var front = buffers.popFirst() else { break }
      let free = isKnownUniquelyReferenced(&front)
      buffers.append(front)
      if free {
        front.count = 0
        return front
      }
    }
    return make()
  }

  private mutating func make() -> MessageBuffer {
    let fresh = MessageBuffer(capacity: capacity)
    if buffers.count < limit { buffers.append(fresh) }
    return fresh
  }
}
