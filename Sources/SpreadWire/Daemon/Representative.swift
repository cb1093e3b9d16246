// Entries of the representatives lists in JOIN packets and FORM1 tokens (daemon-ring 2.9, 2.10).

/// How a daemon stands for others while a ring is formed; the numbers are those of the wire.
public enum RepresentativeType: Int16, Sendable {
  /// A guess of the daemon that lists it; never a sender's own type.
  case potential = 0
  /// Stands for the daemons of its segment.
  case segment = 1
  /// Stands for a working ring.
  case ring = 2
}

/// process 4 | type 2 | segment 2
public struct Representative: Equatable, Sendable {
  public static let size = 8
  public var process: ProcessID
  public var type: RepresentativeType
  /// Index of its segment in the configuration.
  public var segment: Int

  public init(_ process: ProcessID, _ type: RepresentativeType, segment: Int) {
    self.process = process
    self.type = type
    self.segment = segment
  }
}

extension ByteReader {
  mutating func representative() throws(WireFailure) -> Representative {
    guard let process = process(), let rawType = i16(), let segment = i16() else { throw .bodyLength }
    // Stock exits on a type it does not know (daemon-ring 6.2).
    guard let type = RepresentativeType(rawValue: rawType) else { throw .representativeType }
    guard segment >= 0, segment < MembershipSize.segments else { throw .segment }
    return Representative(process, type, segment: Int(segment))
  }
}

extension ByteWriter {
  mutating func put(_ representative: Representative) {
    put(representative.process)
    put(representative.type.rawValue)
    put(Int16(truncatingIfNeeded: representative.segment))
  }
}
