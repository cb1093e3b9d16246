// What the daemon wants done. One outbox is reused for ever: no allocation per step in the steady state.
// The order inside each list is meaningful and kept by the shell.

import SpreadWire

public enum SessionAction {
  /// Queue the whole buffer for the client; buffers are shared between receivers and never change afterwards.
  case write(SessionID, MessageBuffer)
  /// `flushing`: try once to write what is queued, then close. Otherwise the queue is dropped, the stream may end
  /// inside a message (client-protocol 9). The id is free for another connection from here on.
  case close(SessionID, flushing: Bool)
}

public struct TimerAction {
  public var timer: TimerID
  /// Monotonic nanoseconds; nil cancels. Setting replaces.
  public var deadline: UInt64?
}

public struct Outbox {
  public var sessions: [SessionAction] = []
  public var timers: [TimerAction] = []
  public var log: [LogEvent] = []
  /// Whether the shell may read client sockets and accept. Stays as last said (client-protocol 9, "Towards senders").
  public var readClients = true

  public init() {
    sessions.reserveCapacity(1024)
  }

  /// Empties the lists and keeps their memory.
  public mutating func reset() {
    sessions.removeAll(keepingCapacity: true)
    timers.removeAll(keepingCapacity: true)
    log.removeAll(keepingCapacity: true)
  }
}
