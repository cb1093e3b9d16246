// Why two configurations have different hashes: the first line in which the hashed texts differ, and which small change
// of a file gives a hash that was heard from another daemon (configuration 6, daemon-ring 2.8).

import SpreadWire

/// The first line in which two hash texts differ.
public struct HashDifference: Equatable, Sendable {
  /// From 1, of the hash text, not of the file.
  public var line: Int
  /// nil: the text ends before it.
  public var first: String?
  public var second: String?

  /// nil: they are equal.
  public init?(_ a: [UInt8], _ b: [UInt8]) {
    let (first, second) = (HashDifference.lines(a), HashDifference.lines(b))
    guard let at = (0..<max(first.count, second.count)).first(where: { at in
      at >= first.count || at >= second.count || first[at] != second[at]
    }) else { return nil }
    line = at + 1
    self.first = at < first.count ? String(decoding: first[at], as: UTF8.self) : nil
    self.second = at < second.count ? String(decoding: second[at], as: UTF8.self) : nil
  }

  private static func lines(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
    text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
  }

  /// What of a file the line comes from.
  public var origin: String {
    let line = first ?? second ?? ""
    if line.hasPrefix("Segment") { return "a Spread_Segment line" }
    if line.hasPrefix("\t") { return "a daemon's name, address, VirtualID or place" }
    if line.hasPrefix("Protocol") { return "AcceleratedRing" }
    return "a daemon or a segment too many"
  }

  /// One line; the names are of the two texts.
  public func text(_ a: String, _ b: String) -> String {
    "line \(line) of the hash text is \(quoted(first)) in \(a) and \(quoted(second)) in \(b) (\(origin))"
  }

  private func quoted(_ line: String?) -> String {
    guard let line else { return "missing" }
    return line.isEmpty ? "empty" : "\"\(line.drop { $0 == "\t" })\""
  }
}

extension Configuration {
  /// The small change of this configuration that gives the hash, to be read behind its name: "with AcceleratedRing =
  /// true". nil when there is none.
  public func change(givingHash wanted: UInt32) -> String? {
    let ring = ringProtocol(afterReload: false)
    let other: RingProtocol = ring == .accelerated ? .original : .accelerated
    if hash(other) == wanted {
      let reloads = hash(ringProtocol(afterReload: true)) == wanted
      return "with AcceleratedRing = \(other == .accelerated)"
        + (reloads ? ", which is also what it becomes by a reload while AcceleratedRing is not written" : "")
    }
    var changed = self
    changed.excludeSegmentAddressesFromHash.toggle()
    if changed.hash == wanted {
      return "with ExcludeSegAddrsFromHash = \(changed.excludeSegmentAddressesFromHash)"
    }
    for (place, daemon) in daemons.enumerated() where without(daemonAt: place).hash(ring) == wanted {
      return "without the daemon '\(daemon.name.text)'"
    }
    return nil
  }

  private func without(daemonAt place: Int) -> Configuration {
    var changed = self
    guard let at = self.place(ofDaemon: place) else { return changed }
    changed.segments[at.segment].daemons.remove(at: at.daemon)
    if changed.segments[at.segment].daemons.isEmpty { changed.segments.remove(at: at.segment) }
    return changed
  }

  /// What `spread --check --against` prints: whether daemons with this file and with another one form a ring.
  public func comparison(_ name: String, with other: Configuration, _ otherName: String) -> String {
    guard let difference = difference(from: other) else {
      return "\(name) and \(otherName) have the same hash, \(hash): daemons with either form one ring.\n"
    }
    let change = change(givingHash: other.hash).map { "\(otherName) is \(name) \($0)" }
      ?? other.change(givingHash: hash).map { "\(name) is \(otherName) \($0)" }
    return """
      The hashes differ, \(hash) and \(other.hash): daemons with these two files never form one ring.
      The first difference: \(difference.text(name, otherName)).
      \(change.map { "That is all: for the hash \($0).\n" } ?? "")
      """
  }

  /// nil: the hashes are equal.
  public func difference(from other: Configuration) -> HashDifference? {
    HashDifference(hashText(ringProtocol(afterReload: false)), other.hashText(other.ringProtocol(afterReload: false)))
  }
}
