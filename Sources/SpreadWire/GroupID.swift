// Identifiers of memberships and views (daemon-groups 2), and the layout of membership bodies (client-protocol 7.2).

/// A daemon's 32-bit id. Compared as signed where stock does.
public struct ProcessID: Hashable, Sendable {
  public var rawValue: UInt32
  @inlinable public init(_ rawValue: UInt32) {
    self.rawValue = rawValue
  }
  /// "Unknown", never a daemon's id.
  public static let unknown = ProcessID(0xffff_ffff)
}

/// (leader, seconds): a regular or transitional configuration.
public struct MembershipID: Hashable, Sendable {
  public var process: ProcessID
  public var time: Int32
  @inlinable public init(_ process: ProcessID, _ time: Int32) {
    self.process = process
    self.time = time
  }
}

/// membership id and index: one view of a group. 12 bytes on the wire: process, time, index.
public struct GroupID: Hashable, Sendable {
  public static let size = 12
  public var membership: MembershipID
  public var index: Int32

  public init(_ membership: MembershipID, index: Int32) {
    self.membership = membership
    self.index = index
  }

  public func store(at pointer: UnsafeMutableRawPointer, _ order: Endianness) {
    pointer.put32(membership.process.rawValue, at: 0, order)
    pointer.put32(UInt32(bitPattern: membership.time), at: 4, order)
    pointer.put32(UInt32(bitPattern: index), at: 8, order)
  }
}

/// group id 12 | number of vs sets 4 | offset of the own set 4 | sets: { count 4, count names }
public enum MembershipBody {
  public static let setCountOffset = 12
  public static let ownSetOffset = 16
  /// Where the sets begin; offsets inside the body count from here.
  public static let setsOffset = 20
}
