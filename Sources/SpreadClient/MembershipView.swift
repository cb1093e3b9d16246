// Reading the body of a membership message (client-protocol 7.2, c-api 7).
//
// group id 12 | number of vs sets 4 | offset of the own set 4, from byte 20 | sets: { count 4, count names of 32 }

import SpreadWire

/// One set of members that came along together.
public struct VSSet: Equatable, Sendable {
  public var memberCount: UInt32
  /// Of the first name, from the start of the body.
  public var membersOffset: UInt32

  public init(memberCount: UInt32, membersOffset: UInt32) {
    self.memberCount = memberCount
    self.membersOffset = membersOffset
  }
}

/// A membership body in the caller's memory, in this machine's byte order. No alignment is assumed. Offsets and counts
/// come from a daemon: whatever points behind the end is a malformed message.
public struct MembershipView {
  let body: Pieces

  /// No message is longer, so no body is: the bound where the interface gives no length (SP_get_memb_info).
  public static var maxLength: Int { 144_000 }

  public init(_ body: Pieces) {
    self.body = body
  }

  /// Copies the 12 bytes of the group id, as much as there is of them: the body of a self-leave is empty.
  public func copyGroupID(to target: UnsafeMutableRawPointer) {
    _ = body.copy(from: 0, to: target, length: GroupID.size)
  }

  /// The member that joined, left or disconnected: the first name of the first set.
  public func copyChangedMember(to target: UnsafeMutableRawPointer) throws(ClientError) {
    guard body.copy(from: MembershipBody.setsOffset + 4, to: target, length: GroupName.size) else {
      throw .illegalMessage
    }
    target.storeBytes(of: 0, toByteOffset: GroupName.maxLength, as: UInt8.self)
  }

  public func setCount() throws(ClientError) -> UInt32 {
    guard let count = body.u32(at: MembershipBody.setCountOffset) else { throw .illegalMessage }
    return count
  }

  private func ownSetStart() throws(ClientError) -> Int {
    guard let offset = body.u32(at: MembershipBody.ownSetOffset), Int(offset) < Self.maxLength else {
      throw .illegalMessage
    }
    return MembershipBody.setsOffset + Int(offset)
  }

  private func set(at start: Int) throws(ClientError) -> VSSet {
    guard start < Self.maxLength, let count = body.u32(at: start) else { throw .illegalMessage }
    return VSSet(memberCount: count, membersOffset: UInt32(start + 4))
  }

  /// The set of the receiver.
  public func ownSet() throws(ClientError) -> VSSet {
    try set(at: ownSetStart())
  }

  /// Calls `store` for every set in order; answers their number and the index of the own one (nil when no set is).
  public func sets(
    max: Int, _ store: (Int, VSSet) -> Void
  ) throws(ClientError) -> (count: Int32, own: UInt32?) {
    let count = try setCount()
    guard Int(count) <= max else { throw .bufferTooShort }
    let ownStart = try ownSetStart()
    var own: UInt32?
    var start = MembershipBody.setsOffset
    for i in 0..<Int(count) {
      let found = try set(at: start)
      if start == ownStart { own = UInt32(i) }
      store(i, found)
      start += 4 + Int(found.memberCount) * GroupName.size
    }
    return (Int32(truncatingIfNeeded: count), own)
  }

  /// Copies the names of a set, 32 bytes each; answers how many.
  public func members(
    of set: VSSet, to target: UnsafeMutableRawPointer, max: Int
  ) throws(ClientError) -> Int32 {
    let count = Int(set.memberCount)
    guard count <= max else { throw .bufferTooShort }
    let length = count * GroupName.size
    guard Int(set.membersOffset) + length <= Self.maxLength,
      body.copy(from: Int(set.membersOffset), to: target, length: length)
    else { throw .illegalMessage }
    for i in 0..<count {
      target.storeBytes(of: 0, toByteOffset: i * GroupName.size + GroupName.maxLength, as: UInt8.self)
    }
    return Int32(count)
  }

  /// Turns the integers of a membership body from the other byte order into this machine's, as far as the body goes.
  /// Stock leaves the group id of a transitional message as it is; then it equals no other id. Ours turns it.
  static func swap(_ body: Pieces, length: Int, _ type: ServiceType) {
    func swapWord(at offset: Int) -> UInt32? {
      guard offset + 4 <= length, let word = body.u32(at: offset) else { return nil }
      body.put32(word.byteSwapped, at: offset)
      return word.byteSwapped
    }
    let isMembership = !type.isDisjoint(with: .membership) && type.isDisjoint(with: [.regular, .reject])
    guard isMembership else { return }
    for i in 0..<3 { _ = swapWord(at: 4 * i) }
    guard type.contains(.regularMembership), let count = swapWord(at: MembershipBody.setCountOffset) else { return }
    _ = swapWord(at: MembershipBody.ownSetOffset)
    var start = MembershipBody.setsOffset
    for _ in 0..<Int(count) {
      guard let members = swapWord(at: start) else { return }
      start += 4 + Int(members) * GroupName.size
    }
  }
}
