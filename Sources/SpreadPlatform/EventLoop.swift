// What the daemon waits for: a handful of sources in order of priority, and deadlines.
//
// The sources are themselves sets (client sockets to read, client sockets to write), so pausing all clients is one
// call however many there are. The ring's packet and token sockets come before the clients (RingReceiver).

import CSpreadSystem
import SpreadCore

/// Sources in order of priority.
struct Sources: OptionSet {
  let rawValue: UInt64
  static let signals = Sources(rawValue: 1)
  static let writableClients = Sources(rawValue: 2)
  /// Clients with something to read, and listeners with something to accept.
  static let readableClients = Sources(rawValue: 4)
  /// The ring's sockets.
  static let packets = Sources(rawValue: 8)
  static let tokens = Sources(rawValue: 16)
}

/// The deadlines of the core's timers: few, so an array is the whole structure. Monotonic nanoseconds.
struct Deadlines {
  private var deadlines = [UInt64](repeating: .max, count: TimerID.allCases.count)

  /// The earliest; `.max` when nothing is set.
  private(set) var earliest = UInt64.max

  /// nil cancels.
  mutating func set(_ timer: TimerID, _ deadline: UInt64?) {
    deadlines[Int(timer.rawValue)] = deadline ?? .max
    earliest = deadlines.min() ?? .max
  }

  /// A timer that is due, which is then no longer set; nil when there is none.
  mutating func popDue(at now: UInt64) -> TimerID? {
    guard earliest <= now else { return nil }
    for timer in TimerID.allCases where deadlines[Int(timer.rawValue)] <= now {
      set(timer, nil)
      return timer
    }
    return nil
  }
}

final class EventLoop {
  private let set: DescriptorSet

  init() throws(SystemError) {
    set = try DescriptorSet(capacity: 32)
  }

  func add(_ descriptor: Int32, _ source: Sources) throws(SystemError) {
    try set.add(descriptor, for: .reading, token: source.rawValue)
  }

  func pause(_ descriptor: Int32, _ source: Sources) { set.watch(descriptor, nil, token: source.rawValue) }
  func resume(_ descriptor: Int32, _ source: Sources) { set.watch(descriptor, .reading, token: source.rawValue) }

  /// Waits for a source or for `deadline` (`.max`: no limit), whichever comes first.
  func wait(until deadline: UInt64) -> Sources {
    set.wait(nanoseconds: Self.timeout(until: deadline))
    var ready: Sources = []
    while let token = set.next() { ready.insert(Sources(rawValue: token)) }
    return ready
  }

  private static func timeout(until deadline: UInt64) -> Int64 {
    guard deadline != .max else { return -1 }
    let now = sys_monotonic_nanoseconds()
    guard deadline > now else { return 0 }
    return Int64(min(deadline - now, 3_600_000_000_000))
  }
}

extension Instant {
  /// The time now.
  static func read() -> Instant {
    Instant(
      nanoseconds: sys_monotonic_nanoseconds(), wallSeconds: Int32(truncatingIfNeeded: sys_wall_seconds()))
  }
}
