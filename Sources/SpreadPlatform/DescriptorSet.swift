// A set of descriptors to wait for: one epoll instance. Sets nest: a set is readable when something in it is ready.

import CSpreadSystem

/// What a descriptor in a set is watched for.
enum Interest {
  case reading
  case writing

  var mask: UInt32 { self == .reading ? sys_events_readable() : sys_events_writable() }
}

/// One epoll instance and the place for its answers. Level triggered: what stays ready is reported again.
final class DescriptorSet {
  let descriptor: Int32
  private let events: UnsafeMutablePointer<epoll_event>
  private let capacity: Int
  /// Reported, not yet taken by `next`.
  private var waiting = 0..<0

  /// - Parameter capacity: descriptors reported by one `wait` at most.
  init(capacity: Int) throws(SystemError) {
    descriptor = try check(sys_epoll_create(), "epoll_create")
    events = .allocate(capacity: capacity)
    self.capacity = capacity
  }

  deinit {
    sys_close(descriptor)
    events.deallocate()
  }

  func add(_ descriptor: Int32, for interest: Interest, token: UInt64) throws(SystemError) {
    _ = try check(sys_epoll_add(self.descriptor, descriptor, interest.mask, token), "epoll_ctl")
  }

  /// A descriptor that is not in the set is no error.
  func remove(_ descriptor: Int32) {
    _ = sys_epoll_remove(self.descriptor, descriptor)
  }

  /// Keeps a descriptor in the set without watching it. Only for descriptors that cannot hang up: epoll reports
  /// a hang-up whether asked or not.
  func watch(_ descriptor: Int32, _ interest: Interest?, token: UInt64) {
    _ = sys_epoll_modify(self.descriptor, descriptor, interest?.mask ?? 0, token)
  }

  /// Waits up to `nanoseconds` (-1: without limit) for the next batch. What is left of the one before is dropped.
  func wait(nanoseconds: Int64) {
    waiting = 0..<max(0, Int(sys_epoll_wait(descriptor, events, Int32(capacity), nanoseconds)))
  }

  /// The token of the next descriptor that is ready; nil at the end of the batch. What a batch says may be stale by
  /// the time it is taken: its user must bear EAGAIN.
  func next() -> UInt64? { waiting.popFirst().map { sys_event_token(events, Int32($0)) } }

  /// How many of the batch were not taken yet.
  var left: Int { waiting.count }
}
