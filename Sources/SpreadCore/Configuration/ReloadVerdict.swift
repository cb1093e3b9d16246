// What a changed configuration means for the daemon that reads it again (configuration 10, daemon-ring 4.10).

import SpreadWire

/// Why a daemon ends by itself.
public enum StopReason: Equatable, Sendable {
  /// The configuration read again has no daemon of this name.
  case notConfigured
  /// What other daemons know of this one has changed.
  case changed(OwnChange)
  /// A monitor said so.
  case monitor

  public enum OwnChange: Equatable, Sendable {
    case id, address, port, interfaces, segmentAddresses
  }
}

/// What a reload did, for the log.
public struct ReloadSummary: Equatable, Sendable {
  public var added: [GroupName] = []
  public var removed: [GroupName] = []
  public var hash: UInt32
  /// The ring goes on: nothing that others compare has changed.
  public var keepsRing = false
  /// Data of a daemon that stays have changed, so every daemon forms a ring of its own first.
  public var viaSingleton = false
  /// The default of AcceleratedRing changed the protocol, and with it the hash.
  public var becameAccelerated = false
}

enum ReloadVerdict: Equatable {
  case stop(StopReason)
  /// `me`: this daemon's place in the new configuration.
  case adopt(me: Int, ReloadSummary)
}

extension Configuration {
  /// This configuration as a daemon takes it over that has run with `old`. A keyword AcceleratedRing that is not
  /// written is what it was, and at the first reload stock's late default: true unless wide area (configuration 5).
  public func inheriting(from old: Configuration) -> Configuration {
    var new = self
    new.inheritedRing = old.ringProtocol(afterReload: true)
    return new
  }

  /// What the daemon with index `me` in this configuration does about `new`, which inherits from this one.
  func verdict(on new: Configuration, me: Int) -> ReloadVerdict {
    let before = entries
    let own = before[me]
    let after = new.entries
    guard let place = after.firstIndex(where: { $0.daemon.name == own.daemon.name }) else {
      return .stop(.notConfigured)
    }
    if let change = own.change(to: after[place]) { return .stop(.changed(change)) }
    var summary = ReloadSummary(hash: new.hash)
    summary.becameAccelerated = new.acceleratedRing == nil && new.ringProtocol != ringProtocol
    for entry in after {
      let named = before.firstIndex { $0.daemon.name == entry.daemon.name }
      let numbered = before.firstIndex { $0.daemon.id == entry.daemon.id }
      switch (named, numbered) {
      case (nil, nil): summary.added.append(entry.daemon.name)
      case (let old?, numbered) where before[old].change(to: entry) == nil: break
      default: summary.viaSingleton = true
      }
    }
    summary.removed = before.map(\.daemon.name).filter { name in !after.contains { $0.daemon.name == name } }
    let isSameRing = before.map(\.daemon.id) == after.map(\.daemon.id)
    let flips = bug(.kindFlipsInRing) && ringProtocol != new.ringProtocol && isSameRing
    summary.keepsRing = (hash == new.hash || flips) && !summary.viaSingleton
    return .adopt(me: place, summary)
  }

  private var entries: [ConfiguredEntry] {
    segments.flatMap { segment in
      segment.daemons.map { ConfiguredEntry(daemon: $0, port: segment.port, addresses: segment.addresses) }
    }
  }
}

/// A daemon with what it has of its segment.
private struct ConfiguredEntry {
  var daemon: ConfiguredDaemon
  var port: UInt16
  var addresses: [NetworkAddress]

  /// The first of what stock compares that is not the same.
  func change(to new: ConfiguredEntry) -> StopReason.OwnChange? {
    if daemon.id != new.daemon.id { return .id }
    if daemon.address != new.daemon.address { return .address }
    if port != new.port { return .port }
    if daemon.interfaces != new.daemon.interfaces { return .interfaces }
    return addresses == new.addresses ? nil : .segmentAddresses
  }
}
