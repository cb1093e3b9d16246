// One configured daemon in the world: the production core, driven as the shell drives it (one turn takes one packet,
// and a token only when no packet waits, daemon-ring 3.1), with sockets that fill, timers and clocks of its own.

import DequeModule
import SpreadCheck
import SpreadCore
import SpreadWire

final class Node {
  let index: Int
  let name: String
  /// nil: not running. `isRunning` says the same and is what is asked all the time: comparing the optional to nil
  /// copies the whole daemon.
  var daemon: Daemon?
  var isRunning = false
  var outbox = Outbox()
  var incarnation: Int32 = 0
  /// Another file than the others have (scenarios only).
  var configuration: Configuration?
  /// What the last incarnation left in its small file.
  var lastTime: Int32 = 0

  // Sockets.
  var packets = Deque<Int32>()
  var tokens = Deque<Int32>()
  var prefersToken = false
  var isPaused = false
  /// When it starts again after it has left in order.
  var returnsAt: UInt64?
  var busyUntil: UInt64 = 0
  var hasTurn = false
  /// It leaves in order and closes its sessions.
  var isRetiring = false
  /// Whose place in its configuration is what: indices of nodes.
  var peers: [Int] = []
  /// Not in the file that the daemons read now.
  var isUnconfigured = false
  /// What came while it was paused, besides datagrams of daemons.
  var waiting: [() -> Void] = []
  /// Stopped for good.
  var isGone = false
  /// Stop after so many more datagrams, and come back so many nanoseconds later.
  var stopsAfter: Int?
  var backAfter: UInt64?

  // Timers: deadlines and the earliest event in the queue for each, both in virtual time.
  var deadlines = [UInt64?](repeating: nil, count: TimerID.allCases.count)
  var queued = [UInt64?](repeating: nil, count: TimerID.allCases.count)

  // Clocks.
  var startedAt: UInt64 = 0
  var rate = 1.0
  var wallOffset: Int = 0

  // Sessions: client by session id.
  var sessions: [SimClient?] = []
  var readsClients = true

  // Recording.
  var trace: DaemonTrace!
  var ring = MembershipID(ProcessID(0), 0)
  var phase = SpreadCheck.Phase.pre
  var horizon: Horizon?
  var groups: GroupsSnapshot?
  /// The message of which pieces are being numbered.
  var sending: MessageID?

  init(index: Int, name: String) {
    self.index = index
    self.name = name
  }

  /// Seconds since 1970 when the world begins.
  static let epoch = 1_700_000_000

  func instant(_ now: UInt64) -> Instant {
    let local = localTime(now)
    return Instant(
      nanoseconds: local,
      wallSeconds: Int32(truncatingIfNeeded: Node.epoch + wallOffset + Int(now / Options.second)))
  }

  /// The monotonic clock starts at some value and runs at its own rate.
  func localTime(_ now: UInt64) -> UInt64 { 1_000_000_000 + UInt64(Double(now - startedAt) * rate) }

  /// When the local clock shows `local`.
  func worldTime(_ local: UInt64) -> UInt64 {
    guard local > 1_000_000_000 else { return startedAt }
    let passed = Double(local - 1_000_000_000) / rate
    // Never early by rounding.
    return startedAt + UInt64(passed) + 2
  }

  func freeSession() -> Int {
    if let free = sessions.firstIndex(where: { $0 == nil }) { return free }
    sessions.append(nil)
    return sessions.count - 1
  }
}
