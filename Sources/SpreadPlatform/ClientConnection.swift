// One client's socket and what is queued for it (client-protocol 2 and 9).

import CSpreadSystem
import DequeModule
import SpreadCore

/// Room for gathering one write; one for all connections.
struct GatherList {
  /// The kernel's limit of pieces in one call.
  static let capacity = 1024
  let pieces: UnsafeMutablePointer<iovec> = .allocate(capacity: capacity)
}

final class ClientConnection {
  enum State {
    /// The slot waits for its next connection.
    case free
    case open
    /// The other side is gone and the core knows; it has not asked to close yet. Nothing is read or written.
    case ended
  }
  enum WriteResult {
    case drained
    /// This many messages are left, the first of them maybe in part.
    case left(Int)
    case failed(Int32)
  }

  private(set) var descriptor: Int32 = -1
  var state = State.free
  /// In the list of connections that got something to write in this wake-up.
  var isDirty = false
  /// In the set of sockets watched for writing.
  var isWatchedForWriting = false
  /// A write failed: nothing more can be told to the other side, but what it said before it went is still read.
  private(set) var isDeaf = false

  private var queue = Deque<MessageBuffer>()
  /// Bytes of the first message that are already written.
  private var written = 0

  func open(_ descriptor: Int32) {
    self.descriptor = descriptor
    state = .open
  }

  /// Closes the socket, which also takes it out of every set, and forgets the queue.
  func close() {
    sys_close(descriptor)
    descriptor = -1
    state = .free
    isWatchedForWriting = false
    isDeaf = false
    dropQueue()
  }

  func goDeaf() {
    isDeaf = true
    dropQueue()
  }

  func append(_ message: MessageBuffer) { queue.append(message) }

  func dropQueue() {
    queue.removeAll(keepingCapacity: queue.count <= GatherList.capacity)
    written = 0
  }

  /// Gives back the memory of a queue that was long once.
  func spareMemory() {
    if queue.isEmpty { queue = Deque() }
  }

  /// Writes as much of the queue as the socket takes.
  func writeQueue(_ gather: GatherList) -> WriteResult {
    while !queue.isEmpty {
      let (count, offered) = collect(gather)
      let taken = sys_send(descriptor, gather.pieces, Int32(count))
      if taken < 0 {
        let code = Int32(-taken)
        return code == sys_eagain ? .left(queue.count) : .failed(code)
      }
      drop(bytes: taken)
      if taken < offered { return .left(queue.count) }
    }
    return .drained
  }

  /// Lists the front of the queue; answers the number of pieces and their bytes.
  private func collect(_ gather: GatherList) -> (count: Int, bytes: Int) {
    let count = min(queue.count, GatherList.capacity)
    var bytes = 0
    var skip = written
    for i in 0..<count {
      let message = queue[i]
      let length = message.count - skip
      gather.pieces[i] = iovec(iov_base: message.base + skip, iov_len: length)
      bytes += length
      skip = 0
    }
    return (count, bytes)
  }

  private func drop(bytes taken: Int) {
    var rest = taken
    while let first = queue.first, rest >= first.count - written {
      rest -= first.count - written
      written = 0
      queue.removeFirst()
    }
    written += rest
  }
}
