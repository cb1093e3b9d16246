// The event loop: events-and-flush, part 1. One per process, for one thread, without locks.
//
// Callbacks may call everything, the loop itself included. So nothing is held across a callback: an entry is copied,
// the callback runs, and the tables are looked at anew.

import CSpread
import CSpreadShims

final class EventLoop {
  /// Made by the first call that needs it. An optional reference is initialised statically; a lazy global would leave a
  /// child forked at the wrong moment spinning.
  nonisolated(unsafe) private static var existing: EventLoop?

  static var shared: EventLoop {
    if let loop = existing { return loop }
    let loop = EventLoop()
    existing = loop
    return loop
  }

  var timers = TimerQueue()

  /// By priority.
  private var queues = [DescriptorQueue(), DescriptorQueue(), DescriptorQueue()]
  private var threshold = 0
  /// Where the search for a ready entry of low priority begins.
  private var turn = 0

  /// Number of waits so far; `ready` belongs to the last one.
  private var waits = 0
  /// Three descriptor sets each, in a row.
  private let watched: UnsafeMutablePointer<CUnsignedLong>
  private let ready: UnsafeMutablePointer<CUnsignedLong>
  /// One more than the highest watched descriptor.
  private var watchedLimit: CInt = 0
  private var watchedIsStale = true

  private init() {
    watched = .allocate(capacity: 3 * DescriptorBit.setWords)
    ready = .allocate(capacity: 3 * DescriptorBit.setWords)
    watched.initialize(repeating: 0, count: 3 * DescriptorBit.setWords)
    ready.initialize(repeating: 0, count: 3 * DescriptorBit.setWords)
  }

  /// All as in the beginning; what E_init does.
  func reset() {
    timers.removeAll()
    for priority in 0..<queues.count { queues[priority].removeAll() }
    threshold = 0
    watchedIsStale = true
  }
}

/// Place of a (descriptor, type) pair in three descriptor sets in a row, laid out as select(2) wants them.
private struct DescriptorBit {
  static var setWords: Int { Int(spread_events_set_words) }

  var word: Int
  var mask: CUnsignedLong

  init(_ entry: DescriptorEntry) {
    let fd = Int(entry.fd)
    word = Int(entry.kind) * DescriptorBit.setWords + fd / CUnsignedLong.bitWidth
    mask = 1 << CUnsignedLong(fd % CUnsignedLong.bitWidth)
  }
}

// MARK: - Descriptors (priorities, types and descriptors are in range; see Events.swift)

extension EventLoop {
  /// Whether an entry was there before and is replaced; nil when there is no room. (No enum here or elsewhere in the
  /// library where it can be avoided: one without payload brings hashing along.)
  func attach(
    fd: CInt, kind: CInt, function: @escaping DescriptorFunction, code: CInt, data: UnsafeMutableRawPointer?,
    priority: Int
  ) -> Bool? {
    let entry = DescriptorEntry(
      fd: fd, kind: kind, function: function, code: code, data: data, attachedAfterWait: waits)
    if let index = queues[priority].index(fd: fd, kind: kind) {
      queues[priority].replace(index, by: entry)
      watchedIsStale = true
      return true
    }
    if queues[priority].entries.count >= Int(MAX_FD_EVENTS) { return nil }
    queues[priority].append(entry)
    watchedIsStale = true
    return false
  }

  /// False when there is no such entry.
  func detach(fd: CInt, kind: CInt, priority: Int) -> Bool {
    guard let index = queues[priority].index(fd: fd, kind: kind) else { return false }
    queues[priority].remove(index)
    watchedIsStale = true
    return true
  }

  /// In all priorities; false when there is no such entry.
  func setActive(fd: CInt, kind: CInt, _ isActive: Bool) -> Bool {
    var found = false
    for priority in 0..<queues.count {
      guard let index = queues[priority].index(fd: fd, kind: kind) else { continue }
      queues[priority].setActive(index, isActive)
      found = true
    }
    if found { watchedIsStale = true }
    return found
  }

  func activeCount(priority: Int) -> Int { queues[priority].activeCount }

  func setThreshold(_ priority: Int) {
    threshold = priority
    watchedIsStale = true
  }
}

// MARK: - Waiting

extension EventLoop {
  /// What a blocking wait without timers waits for, in microseconds.
  private static var longWait: Int64 { 10_000_000_000 }

  private func watchEntries() {
    watched.update(repeating: 0, count: 3 * DescriptorBit.setWords)
    watchedLimit = 0
    for priority in threshold..<queues.count {
      for entry in queues[priority].entries where entry.isActive {
        let bit = DescriptorBit(entry)
        watched[bit.word] |= bit.mask
        if entry.fd >= watchedLimit { watchedLimit = entry.fd + 1 }
      }
    }
    watchedIsStale = false
  }

  /// Looks at the descriptors; when none is ready, waits for one up to `microseconds`.
  private func wait(_ microseconds: Int64) {
    if watchedIsStale { watchEntries() }
    waits &+= 1
    if spread_events_wait(watchedLimit, watched, ready, 0) > 0 || microseconds <= 0 { return }
    if spread_events_exit_requested() != 0 { return }
    _ = spread_events_wait(watchedLimit, watched, ready, min(microseconds, EventLoop.longWait))
  }

  /// Whether the last wait saw this entry ready, which is forgotten: a descriptor in two priorities is served once.
  private func takeReady(_ entry: DescriptorEntry) -> Bool {
    if !entry.isActive || entry.attachedAfterWait == waits { return false }
    let bit = DescriptorBit(entry)
    if ready[bit.word] & bit.mask == 0 { return false }
    ready[bit.word] &= ~bit.mask
    return true
  }
}

// MARK: - The loop

extension EventLoop {
  /// Runs until an exit is asked for. Timers wait until one round found no descriptor of high or medium priority
  /// ready; low priority gets one callback a round.
  func run() {
    var isQuiet = false
    while spread_events_exit_requested() == 0 {
      let pause = isQuiet ? runDueTimers() : timeToNextTimer()
      if spread_events_exit_requested() != 0 { return }
      wait(pause)
      if spread_events_exit_requested() != 0 { return }
      if !serveHighest() { isQuiet = true }
      // (A callback that ran the loop itself came back by an exit, which ends this one too.)
      if spread_events_exit_requested() == 0 { serveOneLow() }
    }
  }

  /// 0 when it is due. (A time far in the past minus now would overflow.)
  private func timeToNextTimer() -> Int64 {
    guard let next = timers.next else { return EventLoop.longWait }
    let now = spread_events_monotonic_clock()
    return next.due <= now ? 0 : next.due - now
  }

  /// Runs every timer that is due, also those that become due meanwhile. Returns the time to the next one.
  private func runDueTimers() -> Int64 {
    while let next = timers.next {
      let pause = timeToNextTimer()
      if pause != 0 { return pause }
      timers.remove(next.call)
      next.call.function(next.call.code, next.call.data)
      if spread_events_exit_requested() != 0 { return 0 }
    }
    return EventLoop.longWait
  }

  /// Calls every ready entry of the highest priority above low that has one. False when there is none.
  private func serveHighest() -> Bool {
    var priority = queues.count
    while priority > Int(LOW_PRIORITY) + 1 {
      priority -= 1
      var served = false
      var index = 0
      while index < queues[priority].entries.count && priority >= threshold {
        let entry = queues[priority].entries[index]
        if takeReady(entry) {
          served = true
          entry.function(entry.fd, entry.code, entry.data)
          if spread_events_exit_requested() != 0 { return true }
        }
        index += 1
      }
      if served { return true }
    }
    return false
  }

  private func serveOneLow() {
    let lowest = Int(LOW_PRIORITY)
    if threshold > lowest { return }
    let count = queues[lowest].entries.count
    for step in 0..<count {
      let index = (turn + step) % count
      let entry = queues[lowest].entries[index]
      if takeReady(entry) {
        turn = (index + 1) % count
        entry.function(entry.fd, entry.code, entry.data)
        return
      }
    }
  }
}
