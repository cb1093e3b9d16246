// Datagrams that are dropped: counted by reason, and told with their sender, seldom enough to fill no disk.

import SpreadWire

/// Why a datagram was dropped (daemon-ring 5.1).
public enum DropReason: Equatable, Sendable {
  case malformed(WireFailure)
  /// Of another configuration; the hash it carries.
  case wrongHash(UInt32)
  /// It names a transmitter that is not configured.
  case unknownTransmitter(ProcessID)
  /// It names a transmitter that has another address.
  case wrongSource(ProcessID)
  /// It comes from another component of the partition a monitor made (monitor 3).
  case partitioned
  /// A monitor command that is not allowed here (monitor 1).
  case monitorDenied(MonitorDenial)

  fileprivate static let count = WireFailure.count + 4 + MonitorDenial.allCases.count

  fileprivate var index: Int {
    switch self {
    case .malformed(let failure): Int(failure.rawValue)
    case .wrongHash: WireFailure.count
    case .unknownTransmitter: WireFailure.count + 1
    case .wrongSource: WireFailure.count + 2
    case .partitioned: WireFailure.count + 3
    case .monitorDenied(let denial): WireFailure.count + 4 + Int(denial.rawValue)
    }
  }
}

struct DropCounters {
  /// From one line about a reason to the next. A daemon with another configuration may stay for days.
  static let silence: UInt64 = 10_000_000_000

  private var untold = [Int](repeating: 0, count: DropReason.count)
  private var silentUntil = [UInt64](repeating: 0, count: DropReason.count)
  /// Since the start, by reason.
  private(set) var totals = [Int](repeating: 0, count: DropReason.count)

  /// Counts a datagram. Answers how many to tell of, 0: none now.
  mutating func count(_ reason: DropReason, at now: Instant) -> Int {
    let i = reason.index
    totals[i] &+= 1
    untold[i] &+= 1
    guard now.nanoseconds >= silentUntil[i] else { return 0 }
    silentUntil[i] = now.nanoseconds &+ Self.silence
    defer { untold[i] = 0 }
    return untold[i]
  }
}

extension Daemon {
  mutating func drop(_ reason: DropReason, from source: NetworkAddress, at now: Instant, into out: inout Outbox) {
    let count = drops.count(reason, at: now)
    if count > 0 { out.log.append(.dropped(reason, from: source, count: count)) }
  }
}
