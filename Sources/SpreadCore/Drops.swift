// Datagrams that are dropped: counted by reason, and told with their sender, seldom enough to fill no disk.

import SpreadWire

/// Why a datagram was dropped (daemon-ring 5.1, 3.2, 3.4).
public enum DropReason: Equatable, Sendable {
  /// Cut short, too long, or not what any daemon writes.
  case malformed(WireFailure)
  /// Of another configuration; the hash it carries.
  case wrongHash(UInt32)
  /// It names a transmitter that is not configured.
  case unknownTransmitter(ProcessID)
  /// It names a transmitter that has another address.
  case wrongSource(ProcessID)
  /// A packet or a token of a membership that is not this daemon's. Ordinary while rings form and meet.
  case foreignRing
  /// A packet that is here already, or a token of a round that is over. Ordinary where datagrams get lost or doubled.
  case replay
  /// It comes from another component of the partition a monitor made (monitor 3).
  case partitioned
  /// A monitor command that is not allowed here (monitor 1).
  case monitorDenied(MonitorDenial)

  fileprivate static let count = WireFailure.count + 6 + MonitorDenial.allCases.count

  fileprivate var index: Int {
    switch self {
    case .malformed(let failure): Int(failure.rawValue)
    case .wrongHash: WireFailure.count
    case .unknownTransmitter: WireFailure.count + 1
    case .wrongSource: WireFailure.count + 2
    case .foreignRing: WireFailure.count + 3
    case .replay: WireFailure.count + 4
    case .partitioned: WireFailure.count + 5
    case .monitorDenied(let denial): WireFailure.count + 6 + Int(denial.rawValue)
    }
  }
}

/// What is told of dropped datagrams.
public struct DropReport: Equatable, Sendable {
  public var reason: DropReason
  /// Of the last one.
  public var source: NetworkAddress
  /// Since it was told last.
  public var count: Int
  /// Since the start.
  public var total: Int
  /// With `wrongHash`: the change of this daemon's configuration that gives the hash, if there is a small one.
  public var change: String?

  public init(_ reason: DropReason, from source: NetworkAddress, count: Int, total: Int, change: String? = nil) {
    self.reason = reason
    self.source = source
    self.count = count
    self.total = total
    self.change = change
  }
}

struct DropCounters {
  /// From one line about a reason to the next: a second, and twice as long each time while it goes on, up to a minute.
  /// A daemon with another configuration may stay for days.
  static let shortestSilence: UInt64 = 1_000_000_000
  static let longestSilence: UInt64 = 60 * shortestSilence

  private struct Counter {
    var total = 0
    var untold = 0
    var silentUntil: UInt64 = 0
    var silence = shortestSilence
  }

  private var counters = [Counter](repeating: Counter(), count: DropReason.count)
  /// Explaining a hash takes some work, and a daemon sends many packets.
  private var explained: (hash: UInt32, change: String?)?

  /// Since the start.
  func total(_ reason: DropReason) -> Int { counters[reason.index].total }

  /// Counts a datagram. Answers how many to tell of, 0: none now.
  mutating func count(_ reason: DropReason, at now: Instant) -> Int {
    let i = reason.index
    counters[i].total &+= 1
    counters[i].untold &+= 1
    guard now.nanoseconds >= counters[i].silentUntil else { return 0 }
    // It had stopped for a while.
    let isNew = now.nanoseconds &- counters[i].silentUntil >= counters[i].silence
    counters[i].silence = isNew ? Self.shortestSilence : min(2 * counters[i].silence, Self.longestSilence)
    counters[i].silentUntil = now.nanoseconds &+ counters[i].silence
    defer { counters[i].untold = 0 }
    return counters[i].untold
  }

  mutating func explain(_ hash: UInt32, _ configuration: Configuration) -> String? {
    if let explained, explained.hash == hash { return explained.change }
    let change = configuration.change(givingHash: hash)
    explained = (hash, change)
    return change
  }
}

extension Daemon {
  mutating func drop(_ reason: DropReason, from source: NetworkAddress, at now: Instant, into out: inout Outbox) {
    let count = drops.count(reason, at: now)
    guard count > 0 else { return }
    var report = DropReport(reason, from: source, count: count, total: drops.total(reason))
    if case .wrongHash(let hash) = reason { report.change = drops.explain(hash, configuration) }
    out.log.append(.dropped(report))
  }
}
