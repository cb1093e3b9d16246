// Reading membership messages, comparing views, texts of codes (c-api 7). One implementation for a body in one piece
// and for one in a scatter.

public import CSpread
import CSpreadShims
import CSpreadSocket
import SpreadClient
import SpreadWire

/// Runs `read` over a body in one piece, whose length the interface does not tell.
private func withBody(
  _ body: UnsafePointer<CChar>?, _ read: (MembershipView) throws(ClientError) -> Int32
) -> Int32 {
  answer { () throws(ClientError) in
    let memory = UnsafeMutableRawPointer(mutating: try required(body))
    return try withPiece(memory, MembershipView.maxLength) { piece throws(ClientError) in
      try read(MembershipView(piece))
    }
  }
}

private func withBody(
  _ body: UnsafePointer<scatter>?, _ read: (MembershipView) throws(ClientError) -> Int32
) -> Int32 {
  answer { () throws(ClientError) in try read(MembershipView(Pieces(body))) }
}

private func fill(
  _ info: UnsafeMutablePointer<membership_info>?, _ view: MembershipView, _ type: ServiceType
) throws(ClientError) -> Int32 {
  guard !type.isDisjoint(with: .membership), !type.contains(.reject) else { throw .illegalMessage }
  let info = try required(info)
  view.copyGroupID(to: UnsafeMutableRawPointer(info))
  guard type.contains(.regularMembership) else {
    info.pointee.num_vs_sets = 0
    info.pointee.my_vs_set = vs_set_info()
    return 1
  }
  let changed = UnsafeMutableRawPointer(info) + MemoryLayout<group_id>.size
  if !type.isDisjoint(with: [.causedByJoin, .causedByLeave, .causedByDisconnect]) {
    try view.copyChangedMember(to: changed)
  } else if type.contains(.causedByNetwork) {
    GroupName().store(at: changed)
  }
  info.pointee.num_vs_sets = try view.setCount()
  info.pointee.my_vs_set = vs_set_info(try view.ownSet())
  return 1
}

private func fill(
  _ sets: UnsafeMutablePointer<vs_set_info>?, _ max: Int32, _ mine: UnsafeMutablePointer<UInt32>?,
  _ view: MembershipView
) throws(ClientError) -> Int32 {
  guard sets != nil || max <= 0 else { throw .illegalMessage }
  let mine = try required(mine)
  let found = try view.sets(max: Int(max)) { index, set in sets?[index] = vs_set_info(set) }
  if let own = found.own { mine.pointee = own }
  return found.count
}

private func fill(
  _ names: UnsafeMutableRawPointer?, _ max: Int32, _ set: UnsafeRawPointer?, _ view: MembershipView
) throws(ClientError) -> Int32 {
  guard let set, names != nil || max <= 0 else { throw .illegalMessage }
  let info = set.loadUnaligned(as: vs_set_info.self)
  let wanted = VSSet(memberCount: info.num_members, membersOffset: info.members_offset)
  guard let names else {
    if wanted.memberCount > 0 { throw .bufferTooShort }
    return 0
  }
  return try view.members(of: wanted, to: names, max: Int(max))
}

extension vs_set_info {
  init(_ set: VSSet) {
    self.init(num_members: set.memberCount, members_offset: set.membersOffset)
  }
}

@_cdecl("SP_get_memb_info") @implementation
public func SP_get_memb_info(
  _ body: UnsafePointer<CChar>!, _ type: service, _ info: UnsafeMutablePointer<membership_info>!
) -> Int32 {
  withBody(body) { view throws(ClientError) in try fill(info, view, ServiceType(type)) }
}

@_cdecl("SP_scat_get_memb_info") @implementation
public func SP_scat_get_memb_info(
  _ body: UnsafePointer<scatter>!, _ type: service, _ info: UnsafeMutablePointer<membership_info>!
) -> Int32 {
  withBody(body) { view throws(ClientError) in try fill(info, view, ServiceType(type)) }
}

@_cdecl("SP_get_vs_sets_info") @implementation
public func SP_get_vs_sets_info(
  _ body: UnsafePointer<CChar>!, _ sets: UnsafeMutablePointer<vs_set_info>!, _ max: Int32,
  _ mine: UnsafeMutablePointer<UInt32>!
) -> Int32 {
  withBody(body) { view throws(ClientError) in try fill(sets, max, mine, view) }
}

@_cdecl("SP_scat_get_vs_sets_info") @implementation
public func SP_scat_get_vs_sets_info(
  _ body: UnsafePointer<scatter>!, _ sets: UnsafeMutablePointer<vs_set_info>!, _ max: Int32,
  _ mine: UnsafeMutablePointer<UInt32>!
) -> Int32 {
  withBody(body) { view throws(ClientError) in try fill(sets, max, mine, view) }
}

@_cdecl("spi_get_vs_set_members") @implementation
func spi_get_vs_set_members(
  _ body: UnsafePointer<CChar>!, _ set: UnsafeRawPointer!, _ names: UnsafeMutableRawPointer!, _ max: Int32
) -> Int32 {
  withBody(body) { view throws(ClientError) in try fill(names, max, set, view) }
}

@_cdecl("spi_scat_get_vs_set_members") @implementation
func spi_scat_get_vs_set_members(
  _ body: UnsafeRawPointer!, _ set: UnsafeRawPointer!, _ names: UnsafeMutableRawPointer!, _ max: Int32
) -> Int32 {
  withBody(body?.assumingMemoryBound(to: scatter.self)) { view throws(ClientError) in
    try fill(names, max, set, view)
  }
}

@_cdecl("SP_equal_group_ids") @implementation
public func SP_equal_group_ids(_ a: group_id, _ b: group_id) -> Int32 {
  a.id == b.id ? 1 : 0
}

@_cdecl("SP_strerror") @implementation
public func SP_strerror(_ code: Int32) -> UnsafePointer<CChar>! {
  UnsafeRawPointer(ClientError(code: code).text.utf8Start).assumingMemoryBound(to: CChar.self)
}
