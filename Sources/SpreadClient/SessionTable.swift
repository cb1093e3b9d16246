// The sessions and authentication methods of this process (c-api 5). Everything here is under the table lock.

import CSpreadSocket
import SpreadWire
import Synchronization

// Integers and optional pointers only: their start values need no code, so nothing here is initialised lazily and the
// fork handlers may touch all of it.
nonisolated(unsafe) private var slots: UnsafeMutablePointer<Unmanaged<Session>?>?
nonisolated(unsafe) private var capacity = 0
nonisolated(unsafe) private var sessionCount = 0
nonisolated(unsafe) private var isInitialized = false
nonisolated(unsafe) private var registeredMethods: UnsafeMutablePointer<AuthMethods>?

/// Sessions by descriptor number.
public enum SessionTable {
  /// Once per process, with the first connect or authentication method.
  public static func initialize() {
    let isFirst = withTableLock {
      defer { isInitialized = true }
      return !isInitialized
    }
    if isFirst { csp_ignore_sigpipe() }
  }

  private static func slot(_ descriptor: Int32) -> UnsafeMutablePointer<Unmanaged<Session>?>? {
    guard descriptor >= 0, Int(descriptor) < capacity else { return nil }
    return slots.unsafelyUnwrapped + Int(descriptor)
  }

  /// Runs `body` with the session; it stays open as long as `body` runs.
  @inline(__always)
  public static func withSession<Value>(
    _ descriptor: Int32, _ body: (Session) throws(ClientError) -> Value
  ) throws(ClientError) -> Value {
    guard let session = acquire(descriptor) else { throw .illegalSession }
    defer { release(session) }
    return try body(session)
  }

  static func acquire(_ descriptor: Int32) -> Session? {
    withTableLock {
      guard let session = slot(descriptor)?.pointee?.takeUnretainedValue() else { return nil }
      session.users += 1
      return session
    }
  }

  static func release(_ session: Session) {
    let closes = withTableLock {
      // Never below zero: a child after fork starts from zero.
      session.users = max(session.users - 1, 0)
      return session.users == 0 && session.closed.load(ordering: .relaxed)
    }
    if closes { csp_close(session.descriptor) }
  }

  /// Whether the mailbox exists.
  public static func contains(_ descriptor: Int32) -> Bool {
    withTableLock { slot(descriptor)?.pointee != nil }
  }

  /// Takes a connected descriptor in. The caller closes it when this throws.
  static func insert(_ descriptor: Int32, _ privateGroup: GroupName) throws(ClientError) {
    guard let session = Session(descriptor: descriptor, privateGroup: privateGroup) else { throw .couldNotConnect }
    let retained = Unmanaged.passRetained(session)
    let failure = withTableLock { () -> ClientError? in
      guard sessionCount < ClientLimits.sessions || slot(descriptor)?.pointee != nil else { return .rejectQuota }
      guard grow(to: descriptor), let slot = slot(descriptor) else { return .couldNotConnect }
      // A number in use: the program closed that descriptor itself, and the kernel gave it out again.
      if let stale = slot.pointee { stale.release() } else { sessionCount += 1 }
      slot.pointee = retained
      return nil
    }
    if let failure {
      retained.release()
      throw failure
    }
  }

  private static func grow(to descriptor: Int32) -> Bool {
    guard descriptor >= 0 else { return false }
    guard Int(descriptor) >= capacity else { return true }
    let newCapacity = max(Int(descriptor) + 1, capacity * 2, 64)
    let bigger = UnsafeMutablePointer<Unmanaged<Session>?>.allocate(capacity: newCapacity)
    bigger.initialize(repeating: nil, count: newCapacity)
    if let old = slots {
      bigger.update(from: old, count: capacity)
      old.deallocate()
    }
    slots = bigger
    capacity = newCapacity
    return true
  }

  /// Takes the session of an acquired mailbox out and closes its descriptor, now or with the last call in flight.
  /// False when another thread was faster.
  static func remove(_ session: Session) -> Bool {
    let (found, othersInside) = withTableLock { () -> (Bool, Bool) in
      guard let slot = slot(session.descriptor), let entry = slot.pointee,
        entry.takeUnretainedValue() === session
      else { return (false, false) }
      slot.pointee = nil
      sessionCount -= 1
      session.closed.store(true, ordering: .releasing)
      entry.release()
      return (true, session.users > 1)
    }
    // Only then: a plain close must not disturb a session shared with another process over fork.
    if othersInside { csp_shutdown(session.descriptor) }
    return found
  }

  // MARK: Authentication methods

  static var methods: AuthMethods {
    withTableLock { registeredMethods?.pointee ?? AuthMethods() }
  }

  /// Replaces the methods used by later connects.
  public static func setMethods(_ methods: AuthMethods) {
    withTableLock {
      if registeredMethods == nil {
        let memory = UnsafeMutablePointer<AuthMethods>.allocate(capacity: 1)
        memory.initialize(to: methods)
        registeredMethods = memory
      } else {
        registeredMethods?.pointee = methods
      }
    }
  }

  // MARK: fork

  /// Before fork the table lock is taken, so that the child gets a consistent table; in the child the threads that held
  /// or used sessions do not exist, so their locks are made new.
  public static func prepareFork() { csp_table_lock() }

  public static func parentAfterFork() { csp_table_unlock() }

  public static func childAfterFork() {
    for i in 0..<capacity {
      slots.unsafelyUnwrapped[i]?.takeUnretainedValue().resetAfterFork()
    }
    csp_table_unlock()
  }
}
