// What monitors may do with a daemon (monitor 1 to 5, daemon-ring 2.11): ask for its status, change its windows, divide
// the ring, end it, and have it read its configuration again. Here is what that leaves behind; Commands and Status are
// the two ways in and out.

import SpreadWire

/// A command that this daemon does not obey.
public enum MonitorDenial: UInt8, CaseIterable, Sendable {
  /// Partitions and kills need DangerousMonitor.
  case partition
  /// So do windows.
  case flowControl
  /// The command names a daemon that is not configured.
  case unknownProcess
  /// Every daemon is by itself while a changed configuration is taken over (monitor 3).
  case reloading
}

struct Monitor {
  /// How long a partition lasts unless the monitor says it again (monitor 3).
  static let partitionTime: UInt64 = 60_000_000_000

  /// When the daemon started.
  var started: UInt64 = 0
  /// Regular memberships since then, and the last one; none before the first.
  var memberships = 0
  var installed: (id: MembershipID, daemons: Int, segments: Int)?

  /// Component of the partition by position; empty when all are heard.
  private(set) var components: [Int16] = []
  /// A changed configuration makes every daemon a ring of its own first (daemon-ring 4.10).
  private(set) var isSingleton = false

  /// Whether what the daemon at `position` sends in the ring is ignored.
  func separates(_ position: Int, from me: Int) -> Bool {
    guard !components.isEmpty else { return isSingleton && position != me }
    return components[position] != components[me]
  }

  /// Answers how many daemons are no longer heard.
  mutating func divide(_ components: some Sequence<Int16>, me: Int) -> Int {
    let all = Array(components)
    let unheard = all.count { $0 != all[me] }
    self.components = unheard == 0 ? [] : all
    return unheard
  }

  /// Everybody is heard again; false when everybody was.
  mutating func unite() -> Bool {
    let wasDivided = !components.isEmpty || isSingleton
    components = []
    isSingleton = false
    return wasDivided
  }

  mutating func becomeSingleton() {
    components = []
    isSingleton = true
  }

  mutating func note(_ id: MembershipID, _ members: DaemonSet, _ topology: Topology) {
    memberships += 1
    let segments = topology.segments.indices.count { topology.segmentLeader(of: members, in: $0) != nil }
    installed = (id, members.count, segments)
  }
}
