// The records of the connect handshake (client-protocol 3).

/// Answer bytes of the daemon; the numbers are those of sp.h.
public enum ConnectAnswer: Int8, Sendable {
  case accept = 1
  case rejectQuota = -3
  case rejectIllegalName = -5
  case rejectNotUnique = -6
  case rejectVersion = -7
  case rejectAuth = -9
}

/// A library version as the handshake carries it; three signed bytes (client-protocol 3.1).
public struct LibraryVersion: Equatable, Sendable {
  public var major: Int8
  public var minor: Int8
  public var patch: Int8

  public init(_ major: Int8, _ minor: Int8, _ patch: Int8) {
    self.major = major
    self.minor = minor
    self.patch = patch
  }

  /// major * 10000 + minor * 100 + patch, the number all version tests use.
  public var number: Int { Int(major) * 10000 + Int(minor) * 100 + Int(patch) }

  /// What this project reports as its own: the version whose protocol it speaks.
  public static let current = LibraryVersion(5, 0, 1)

  /// CONNECT carries a patch byte from libraries newer than 3.14.
  public static func sendsPatch(major: Int8, minor: Int8) -> Bool {
    Int(major) * 10000 + Int(minor) * 100 > 31400
  }
  public var isAccepted: Bool { number >= 30100 }
  /// ACCEPT carries a patch byte to libraries from 3.15.0 on.
  public var expectsPatch: Bool { number >= 31500 }
  /// Libraries from 3.16.0 on choose an authentication method.
  public var choosesAuthentication: Bool { number >= 31600 }
}

/// ver ver [patch] flags length name (client-protocol 3.1).
public struct ConnectRecord: Equatable, Sendable {
  public var version: LibraryVersion
  public var wantsMembership: Bool
  public var priority: UInt8
  public var name: GroupName

  public enum Failure: Equatable, Sendable {
    case version
    case nameLength
    case nameCharacter
  }
  public enum Result: Equatable, Sendable {
    /// More bytes are needed; nothing wrong so far.
    case incomplete
    case failure(Failure)
    /// `length` bytes of the input belong to the record.
    case record(ConnectRecord, length: Int)
  }

  /// Reads a record from the front of `bytes`. The version is judged as soon as the flags are there and the
  /// length after it, which is the order of stock's checks (client-protocol 3.2).
  public static func decode(_ bytes: UnsafeRawBufferPointer) -> Result {
    guard bytes.count >= 2 else { return .incomplete }
    let major = Int8(bitPattern: bytes[0])
    let minor = Int8(bitPattern: bytes[1])
    let hasPatch = LibraryVersion.sendsPatch(major: major, minor: minor)
    let flagsAt = hasPatch ? 3 : 2
    guard bytes.count >= flagsAt + 2 else { return .incomplete }
    let version = LibraryVersion(major, minor, hasPatch ? Int8(bitPattern: bytes[2]) : 0)
    guard version.isAccepted else { return .failure(.version) }
    let length = Int(bytes[flagsAt + 1])
    guard length <= PrivateName.maxUserLength else { return .failure(.nameLength) }
    let end = flagsAt + 2 + length
    guard bytes.count >= end else { return .incomplete }
    for i in flagsAt + 2..<end where !isLegalNameByte(bytes[i]) { return .failure(.nameCharacter) }
    let flags = bytes[flagsAt]
    let record = ConnectRecord(
      version: version, wantsMembership: flags & 1 == 1, priority: flags >> 4,
      name: GroupName(bytes.slice(flagsAt + 2, length)))
    return .record(record, length: end)
  }
}

/// AUTH CHOICE: three slots of 30 bytes, NUL padded method names (client-protocol 3.4).
public enum AuthChoice {
  public static let slotSize = 30
  public static let slots = 3
  public static let size = 90
}
