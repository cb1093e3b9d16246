// Lines that scripts of users look for, byte for byte (tools, "spread"). Everything else a daemon says is ours.

import SpreadWire

public enum StartLines {
  /// Said while the configuration is read: the file, the daemons, the segments, the hash. Names and addresses as in
  /// the packets. Stock stamps these as INFO messages of kind CONFIGURATION.
  public static func loaded(_ configuration: Configuration, fileName: String) -> [String] {
    var lines = ["Conf_load_conf_file: using file: \(fileName)"]
    for (index, segment) in configuration.segments.enumerated() {
      for daemon in segment.daemons {
        lines.append("Configured daemon '\(daemon.name.text)' with IP '\(daemon.address.text)'")
        let origin = daemon.hasVirtualID ? "Configured" : "Auto-generated"
        lines.append("\(origin) virtual ID = '\(daemon.id.rawValue)' for daemon '\(daemon.name.text)'")
      }
      let address = segment.addresses.first.map(\.text) ?? ""
      lines.append(
        "Successfully configured Segment \(index) [\(address)]:\(segment.port) with \(segment.daemons.count) procs:")
      for daemon in segment.daemons {
        lines.append("\t\(padding(daemon.name.text, 20))\(daemon.name.text): \(daemon.address.text)")
      }
    }
    lines.append("Hash value for this configuration is: \(configuration.hash)")
    lines.append("Finished configuration file.")
    return lines
  }

  /// Said when it is clear which daemon this is; `own` indexes `configuration.daemons`.
  public static func chosen(_ configuration: Configuration, own: Int) -> String? {
    guard let place = configuration.place(ofDaemon: own) else { return nil }
    let segment = configuration.segments[place.segment]
    let daemon = segment.daemons[place.daemon]
    return "Conf_load_conf_file: My name: \(daemon.name.text), id: \(daemon.id.rawValue), "
      + "addr: \(daemon.address.text), port: \(segment.port)"
  }

  /// Said after each membership, at the level PRINT: every configured segment with those of its daemons that
  /// `isMember` confirms.
  public static func membership(
    _ id: MembershipID, of configuration: Configuration, at name: GroupName, isMember: (ProcessID) -> Bool
  ) -> [String] {
    var lines = [
      "Membership id is ( \(id.process.rawValue), \(id.time))", "--------------------",
      "Configuration at \(name.text) is:", "Num Segments \(configuration.segments.count)",
    ]
    for segment in configuration.segments {
      let members = segment.daemons.filter { isMember($0.id) }
      let addresses = segment.addresses.map { "\t[\($0.text)]:\(segment.port)" }.joined()
      lines.append("\t\(members.count)\(addresses)")
      for daemon in members {
        let (name, id) = (daemon.name.text, "\(daemon.id.rawValue)")
        lines.append("\t\t\(name)\(padding(name, 20))\t\(daemon.address.text)\tID: \(id)\(padding(id, 16))")
      }
    }
    lines.append("====================")
    return lines
  }

  /// What brings `text` to `width` bytes.
  private static func padding(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.utf8.count))
  }
}
