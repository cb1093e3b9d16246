// Sets of daemons by their place in the configuration, and the configuration as the protocol sees it.

import SpreadWire

/// A set of configured daemons. Iterates in configuration order, the only order the protocol uses (daemon-ring 0).
public struct DaemonSet: Equatable, Sendable {
  public static let capacity = MembershipSize.members
  private var low: UInt64 = 0
  private var high: UInt64 = 0

  public init() {}

  public init(_ positions: some Sequence<Int>) {
    for position in positions { insert(position) }
  }

  public func contains(_ position: Int) -> Bool {
    position < 64 ? low >> UInt64(position) & 1 == 1 : high >> UInt64(position - 64) & 1 == 1
  }

  public mutating func insert(_ position: Int) {
    precondition(position >= 0 && position < Self.capacity)
    if position < 64 { low |= 1 << UInt64(position) } else { high |= 1 << UInt64(position - 64) }
  }

  public mutating func remove(_ position: Int) {
    if position < 64 { low &= ~(1 << UInt64(position)) } else { high &= ~(1 << UInt64(position - 64)) }
  }

  public var count: Int { low.nonzeroBitCount + high.nonzeroBitCount }
  public var isEmpty: Bool { low == 0 && high == 0 }

  /// The first in configuration order.
  public var first: Int? { next(from: 0) }

  public var last: Int? {
    if high != 0 { return 127 - high.leadingZeroBitCount }
    return low != 0 ? 63 - low.leadingZeroBitCount : nil
  }

  /// The first member at `position` or behind it.
  private func next(from position: Int) -> Int? {
    if position < 64 {
      let rest = low & (~0 << UInt64(position))
      if rest != 0 { return rest.trailingZeroBitCount }
      return high != 0 ? 64 + high.trailingZeroBitCount : nil
    }
    guard position < 128 else { return nil }
    let rest = high & (~0 << UInt64(position - 64))
    return rest != 0 ? 64 + rest.trailingZeroBitCount : nil
  }

  /// The member after `position`, cyclic: `position` itself when it is alone.
  public func successor(of position: Int) -> Int { next(from: position + 1) ?? first ?? position }

  /// The member before `position`, cyclic.
  public func predecessor(of position: Int) -> Int {
    var previous: Int?
    for member in self {
      if member >= position { break }
      previous = member
    }
    return previous ?? last ?? position
  }

  public func intersection(_ other: DaemonSet) -> DaemonSet {
    var result = self
    result.low &= other.low
    result.high &= other.high
    return result
  }

  public func isSubset(of other: DaemonSet) -> Bool { intersection(other) == self }

  /// The same daemons by their places in another configuration of `count` daemons; those it has not are left out.
  func moved(_ places: Renumbering) -> DaemonSet { DaemonSet(lazy.map { places[$0] }.filter { $0 < places.count }) }
}

extension DaemonSet: Sequence {
  public struct Iterator: IteratorProtocol {
    let set: DaemonSet
    var from = 0
    public mutating func next() -> Int? {
      guard let position = set.next(from: from) else { return nil }
      from = position + 1
      return position
    }
  }
  public func makeIterator() -> Iterator { Iterator(set: self) }
}

/// Where daemons are in a configuration that was taken over, by their old places.
struct Renumbering {
  private let places: [Int]
  /// Configured daemons; places from there on are of retired ones.
  let count: Int

  init(from old: Topology, to new: Topology) {
    // Who keeps its id keeps its messages.
    places = old.ids.map { new.origin(of: $0) ?? Self.nowhere }
    count = new.count
  }

  subscript(old: Int) -> Int { places.indices.contains(old) ? places[old] : Self.nowhere }

  /// A place no daemon has.
  private static let nowhere = 2 * DaemonSet.capacity
}

/// The configuration as the protocol sees it: positions, ids, segments.
///
/// After a reload the daemons that are no longer configured are remembered as retired, at positions behind all others:
/// the old ring may still have packets of theirs, which are owed to its members. They are in no segment and no
/// membership, nothing is accepted from them, and the next installed ring forgets them.
struct Topology {
  let me: Int
  let hash: UInt32
  /// Monitors are known by a mark instead of the hash then, and a datagram need not come from the address of its
  /// transmitter: 4.4.0 neither checks that nor binds the socket it sends from (daemon-ring 7).
  let speaksWire44: Bool
  /// Configured daemons.
  let count: Int
  /// By position, the retired ones last.
  let ids: [ProcessID]
  /// By position, of configured daemons.
  let names: [GroupName]
  let addresses: [NetworkAddress]
  let segmentOf: [Int]
  /// Positions of each segment; contiguous, because configuration order goes segment by segment.
  let segments: [Range<Int>]
  private let byID: [UInt32: Int]
  private let byName: [GroupName: Int]

  init(_ configuration: Configuration, me: Int, retired: [ProcessID] = []) {
    self.me = me
    hash = configuration.hash
    speaksWire44 = configuration.speaksWire44
    var ids: [ProcessID] = []
    var names: [GroupName] = []
    var addresses: [NetworkAddress] = []
    var segmentOf: [Int] = []
    var segments: [Range<Int>] = []
    for (index, segment) in configuration.segments.enumerated() {
      segments.append(ids.count..<ids.count + segment.daemons.count)
      for daemon in segment.daemons {
        ids.append(daemon.id)
        names.append(daemon.name)
        addresses.append(daemon.address)
        segmentOf.append(index)
      }
    }
    count = ids.count
    ids += retired
    self.ids = ids
    self.names = names
    self.addresses = addresses
    self.segmentOf = segmentOf
    self.segments = segments
    byID = Dictionary(ids.enumerated().map { ($1.rawValue, $0) }, uniquingKeysWith: { first, _ in first })
    byName = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  var myID: ProcessID { ids[me] }
  var mySegment: Int { segmentOf[me] }
  var hasRetired: Bool { ids.count > count }

  func position(of id: ProcessID) -> Int? { origin(of: id).flatMap { $0 < count ? $0 : nil } }

  func position(named name: GroupName) -> Int? { byName[name] }

  /// Who made a packet; it may be retired.
  func origin(of id: ProcessID) -> Int? {
    // Asked several times for each packet: in a ring of usual size looking is faster than hashing.
    ids.count <= 16 ? ids.firstIndex(of: id) : byID[id.rawValue]
  }

  /// The members of `set` in `segment`.
  func members(of set: DaemonSet, in segment: Int) -> DaemonSet {
    DaemonSet(segments[segment].lazy.filter { set.contains($0) })
  }

  func segmentLeader(of set: DaemonSet, in segment: Int) -> Int? {
    segments[segment].first { set.contains($0) }
  }

  func set(of ids: some Sequence<ProcessID>) -> DaemonSet { DaemonSet(ids.lazy.compactMap { position(of: $0) }) }
}
