// The one queue of a world: by (virtual time, order of insertion).

import HeapModule

struct Event: Comparable {
  enum Kind: UInt8 {
    /// `value`: packet; `node`: receiver.
    case packet, token
    /// The node's next turn.
    case turn
    /// `value`: timer.
    case timer
    /// The node reads the configuration file.
    case reload
    /// `value`: place in the plan.
    case plan
    /// `value`: place in the plan whose effect ends.
    case planEnd
    /// `value`: client; its bytes are at the daemon.
    case stream
    /// `value`: client; it reads its socket.
    case read
    /// `value`: client and group (`World.place`); the program agrees to the next view.
    case agree
    /// A stopped daemon comes back.
    case restart
    case resume
  }

  /// Nanoseconds.
  var time: UInt64
  var order: UInt64
  var value: Int32
  var node: Int16
  var kind: Kind

  static func < (a: Event, b: Event) -> Bool { a.time != b.time ? a.time < b.time : a.order < b.order }
  static func == (a: Event, b: Event) -> Bool { a.order == b.order }
}

struct EventQueue {
  private var heap = Heap<Event>()
  private var inserted: UInt64 = 0
  /// What was known before the run, in its order, and how much of it is over: thousands of events that would make the
  /// heap deep.
  private var planned: [Event] = []
  private var done = 0

  /// Once.
  mutating func plan(_ times: [UInt64]) {
    let before = inserted
    planned = times.enumerated().map { place, time in
      Event(time: time, order: before + UInt64(place + 1), value: Int32(place), node: 0, kind: .plan)
    }
    planned.sort()
    inserted += UInt64(times.count)
  }

  mutating func add(_ kind: Event.Kind, _ node: Int, _ value: Int, at time: UInt64) {
    inserted += 1
    heap.insert(Event(time: time, order: inserted, value: Int32(value), node: Int16(node), kind: kind))
  }

  mutating func next() -> Event? {
    guard done < planned.count else { return heap.popMin() }
    if let first = heap.min, first < planned[done] { return heap.popMin() }
    done += 1
    return planned[done - 1]
  }
}
