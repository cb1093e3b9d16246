// The wire of Spread 4.4.0 (daemon-ring 7): the same layouts, but daemons are known by their IPv4 addresses, the hash
// is made of another text, and senders may be seen under another address than the configured one. Chosen by a line
//
//   #@ Wire44 = on
//
// in the file. What 4.4.0 has not, is an error then: IPv6, several addresses of a segment. A ring speaks one of the
// two.

import SpreadWire

/// The one-at-a-time hash with the starting value of 4.4.0; bytes are signed, as in 5.0.1.
func hash44(_ bytes: [UInt8]) -> UInt32 {
  let count = UInt32(truncatingIfNeeded: bytes.count)
  return oneAtATimeHash(bytes, from: count ^ count << 8 ^ count << 16 ^ count << 24)
}

extension Configuration {
  /// The text whose hash 4.4.0 compares; no NUL behind it. The last character is the kind of ring.
  func hashText44(_ ring: RingProtocol) -> [UInt8] {
    var text: [UInt8] = []
    func add(_ part: String) { text += Array(part.utf8) }
    for segment in segments {
      add("Segment \(segment.addresses.first?.canonicalText ?? "0.0.0.0"):\(segment.port) ")
      for daemon in segment.daemons {
        text += daemon.name.bytes
        add(" \(daemon.address.canonicalText) ")
        for interface in daemon.interfaces {
          for (role, word) in Self.roleWords where interface.roles.contains(role) { add("\(word) ") }
          add("\(interface.address.canonicalText) ")
        }
      }
      add("\n")
    }
    add("Version: 4.4\n")
    add(ring == .accelerated ? "1" : "0")
    return text
  }

  /// In the order of the text.
  private static let roleWords: [(InterfaceRoles, String)] = [
    (.any, "ANY"), (.daemon, "D"), (.client, "C"), (.monitor, "M"),
  ]
}

extension ConfigurationParser {
  /// Ids become addresses; what 4.4.0 cannot do is reported.
  mutating func applyWire44() {
    guard configuration.speaksWire44 else { return }
    for (s, segment) in configuration.segments.enumerated() {
      if segment.addresses.count > 1 { error(current, "Wire44: a segment has one address in Spread 4.4") }
      for (d, daemon) in segment.daemons.enumerated() {
        guard case .v4(let address) = daemon.address else {
          error(current, "Wire44: Spread 4.4 knows IPv4 only, and '\(daemon.name.text)' has an IPv6 address")
          continue
        }
        configuration.segments[s].daemons[d].id = ProcessID(address)
        configuration.segments[s].daemons[d].hasVirtualID = false
      }
    }
  }
}
