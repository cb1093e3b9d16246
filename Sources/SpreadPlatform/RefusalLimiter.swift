// At most so many lines per second and reason about refused connections; what was left out is summed up once the
// second is over. A broken client that reconnects in a loop must not fill the disk.

import SpreadCore

struct RefusalLimiter {
  static let linesPerSecond = 10
  private static let second: UInt64 = 1_000_000_000

  private struct Window {
    var end: UInt64
    var lines = 0
    var suppressed = 0
  }
  /// By stable name of the reason: a bounded set.
  private var windows: [String: Window] = [:]
  /// When a summary is due; `.max`: never.
  private(set) var summaryDue = UInt64.max

  /// Whether a line about `reason` may be written now.
  mutating func admits(_ reason: RefusalReason, at now: UInt64) -> Bool {
    var window = windows[reason.name] ?? Window(end: now + Self.second)
    // A window with something to tell stays until its summary was made.
    if window.end <= now, window.suppressed == 0 { window = Window(end: now + Self.second) }
    let admitted = window.lines < Self.linesPerSecond
    if admitted {
      window.lines += 1
    } else {
      window.suppressed += 1
      summaryDue = min(summaryDue, window.end)
    }
    windows[reason.name] = window
    return admitted
  }

  /// The summaries that are due.
  mutating func summaries(at now: UInt64) -> [(reason: String, count: Int)] {
    guard summaryDue <= now else { return [] }
    let due = windows.filter { $0.value.suppressed > 0 && $0.value.end <= now }.sorted { $0.key < $1.key }
    for (reason, _) in due { windows[reason] = nil }
    summaryDue = windows.values.filter { $0.suppressed > 0 }.map(\.end).min() ?? .max
    return due.map { ($0.key, $0.value.suppressed) }
  }
}
