// The timers of the event loop: events-and-flush, part 1, "Timers".

typealias TimerFunction = @convention(c) (CInt, UnsafeMutableRawPointer?) -> Void

/// What is called, and by what a timer is known: at most one per triple.
struct TimerCall {
  var function: TimerFunction
  var code: CInt
  var data: UnsafeMutableRawPointer?

  func equals(_ other: TimerCall) -> Bool {
    code == other.code && data == other.data
      && unsafeBitCast(function, to: UnsafeRawPointer.self) == unsafeBitCast(other.function, to: UnsafeRawPointer.self)
  }
}

struct TimerQueue {
  struct Timer {
    var due: Int64  // microseconds of the monotonic clock
    var call: TimerCall
  }

  /// The next one last, so that taking it moves nothing. Of equal times the one queued first is nearer to the end.
  private var timers: [Timer] = []

  var next: Timer? { timers.last }

  func contains(_ call: TimerCall) -> Bool { index(of: call) != nil }

  mutating func insert(_ call: TimerCall, due: Int64) {
    remove(call)
    var low = 0
    var high = timers.count
    while low < high {
      let middle = low + (high - low) / 2
      if timers[middle].due <= due { high = middle } else { low = middle + 1 }
    }
    timers.insert(Timer(due: due, call: call), at: low)
  }

  @discardableResult
  mutating func remove(_ call: TimerCall) -> Bool {
    guard let index = index(of: call) else { return false }
    timers.remove(at: index)
    return true
  }

  mutating func removeAll() { timers.removeAll(keepingCapacity: true) }

  private func index(of call: TimerCall) -> Int? {
    var index = timers.count
    while index > 0 {
      index -= 1
      if timers[index].call.equals(call) { return index }
    }
    return nil
  }
}
