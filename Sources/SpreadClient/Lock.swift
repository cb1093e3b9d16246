// Locks for a world without a runtime: pthread mutexes on the heap, because their address must not change.

import CSpreadSocket

/// A mutex of a session.
struct Lock: ~Copyable, @unchecked Sendable {
  private let mutex: UnsafeMutableRawPointer

  /// nil when memory is out.
  init?() {
    guard let mutex = csp_mutex_new() else { return nil }
    self.mutex = mutex
  }

  deinit { csp_mutex_free(mutex) }

  @inline(__always)
  borrowing func withLock<Value, Failure: Error>(
    _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    csp_mutex_lock(mutex)
    defer { csp_mutex_unlock(mutex) }
    return try body()
  }

  /// In a child after fork: the thread that held it does not exist here.
  borrowing func reset() { csp_mutex_reset(mutex) }
}

/// Runs `body` under the lock of the session table. Nothing in there blocks or takes another lock.
@inline(__always)
func withTableLock<Value>(_ body: () -> Value) -> Value {
  csp_table_lock()
  defer { csp_table_unlock() }
  return body()
}
