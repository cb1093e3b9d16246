// Automatic daemon ids, the text that is hashed, and the hash that every daemon packet carries (configuration 6,
// daemon-ring 2.8). Two daemons talk only when their hashes agree, so every byte here is fixed by stock 5.0.1.

import SpreadWire

/// The one-at-a-time hash, seeded with the length; every byte is taken as signed, as stock does where `char` is.
public func oneAtATimeHash(_ bytes: some Collection<UInt8>) -> UInt32 {
  var hash = UInt32(truncatingIfNeeded: bytes.count)
  for byte in bytes {
    hash &+= UInt32(bitPattern: Int32(Int8(bitPattern: byte)))
    hash &+= hash << 10
    hash ^= hash >> 6
  }
  hash &+= hash << 3
  hash ^= hash >> 11
  hash &+= hash << 15
  return hash
}

extension ProcessID {
  /// The id of a daemon without VirtualID: the hash of its name and a NUL. 0 and 0xffffffff are not ids.
  public init(automaticFor name: GroupName) {
    let bytes = name.bytes + [0]
    let hash = oneAtATimeHash(bytes)
    guard hash == 0 || hash == .max else {
      self.init(hash)
      return
    }
    self.init(UInt32(bytes.count) << 16)
  }
}

extension GroupName {
  /// The bytes before the NUL.
  var bytes: [UInt8] { (0..<length).map { self[$0] } }
  /// For people; bytes that are not UTF-8 are replaced.
  var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension Configuration {
  /// The text whose hash daemons compare. Interfaces, timeouts and windows are not part of it.
  public func hashText(_ ring: RingProtocol) -> [UInt8] {
    var text: [UInt8] = []
    func add(_ part: String) { text += Array(part.utf8) }
    for segment in segments {
      add("Segment: port = \(segment.port);")
      if !excludeSegmentAddressesFromHash {
        for address in segment.addresses { add(" [\(address.canonicalText)]") }
      }
      add("\n")
      for daemon in segment.daemons {
        add("\t'")
        // The name's own bytes: it need not be UTF-8.
        text += daemon.name.bytes
        add("' [\(daemon.address.canonicalText)] [\(daemon.id.rawValue)]\n")
      }
      add("\n")
    }
    add("Version: 5\nProtocol: \(ring == .accelerated ? "Accelerated" : "Original") Ring\n")
    return text
  }

  /// The hash packets carry (conf_hash); a NUL is hashed behind the text.
  public func hash(_ ring: RingProtocol) -> UInt32 { oneAtATimeHash(hashText(ring) + [0]) }

  /// The hash of a daemon that runs with this configuration.
  public var hash: UInt32 { hash(ringProtocol) }
}
