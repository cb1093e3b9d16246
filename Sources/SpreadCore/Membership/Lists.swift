// Lists of members and representatives (daemon-ring 4.3).

import SpreadWire

extension Membership {
  /// Insert_member: appends if absent.
  static func insert(_ position: Int, into members: inout [Int]) {
    if !members.contains(position), members.count < MembershipSize.members { members.append(position) }
  }

  /// Insert_rep. The scan stops at the first entry of the same segment that one of the rules matches; several entries
  /// of one segment may coexist.
  func insert(_ entry: RepresentativeEntry, into list: inout [RepresentativeEntry]) {
    let segment = topology.segmentOf[entry.position]
    for i in list.indices where topology.segmentOf[list[i].position] == segment {
      let old = list[i]
      if entry.type == .potential { return }
      if old.type == .potential {
        list[i] = entry
        return
      }
      if old.position == entry.position {
        list[i].type = entry.type
        return
      }
    }
    if list.count < MembershipSize.representatives { list.append(entry) }
  }

  /// Smallest_rep: those of segments before those of rings, then by segment; among rings of one segment by place.
  /// A potential one is no candidate (stock exits on it).
  func smallest(_ list: [RepresentativeEntry]) -> Int? {
    var best: Int?
    for (i, entry) in list.enumerated() where entry.type != .potential {
      guard let b = best else {
        best = i
        continue
      }
      if precedes(entry, list[b]) { best = i }
    }
    return best
  }

  private func precedes(_ a: RepresentativeEntry, _ b: RepresentativeEntry) -> Bool {
    if a.type != b.type { return a.type == .segment }
    let (left, right) = (topology.segmentOf[a.position], topology.segmentOf[b.position])
    if left != right { return left < right }
    return a.type == .ring && a.position < b.position
  }

  /// Repeated extraction of the smallest; the last element moves into the gap, as stock does.
  func sorted(_ list: [RepresentativeEntry]) -> [RepresentativeEntry] {
    var rest = list
    var result: [RepresentativeEntry] = []
    while let next = smallest(rest) {
      result.append(rest[next])
      rest[next] = rest[rest.count - 1]
      rest.removeLast()
    }
    return result
  }

  /// An entry of a packet; nil when its daemon is not configured. The segment is the configuration's.
  func entry(_ representative: Representative) -> RepresentativeEntry? {
    topology.position(of: representative.process).map {
      RepresentativeEntry(position: $0, type: representative.type)
    }
  }

  func representative(_ entry: RepresentativeEntry) -> Representative {
    Representative(topology.ids[entry.position], entry.type, segment: topology.segmentOf[entry.position])
  }
}
