// What to run: from a configuration file, or built in when there is none (docs/architecture.md, decisions).

import SpreadCore
import SpreadPlatform
import SpreadWire

/// Everything the start needs to know.
struct LaunchPlan {
  var configuration: Configuration
  /// Index of this daemon in `configuration.daemons`.
  var me: Int
  /// Where clients connect over TCP. May hold the unspecified address.
  var clientAddresses: [NetworkAddress]
  var port: UInt16
  /// nil: the standard place.
  var runtimeDirectory: String?
  /// nil: the standard user. Only matters to root.
  var user: String?
  var group: String?
  /// nil: the built-in configuration.
  var file: String?

  /// Lock the daemon into its runtime directory: only when somebody named one.
  var isLockedIn: Bool { runtimeDirectory != nil }
}

struct LaunchFailure: Error {
  var lines: [String]
  init(_ lines: String...) {
    self.lines = lines
  }
}

extension LaunchPlan {
  /// Where a configuration is looked for without -c (configuration 1).
  static let searchedFiles = ["./spread.conf", "/etc/spread.conf"]

  static func make(_ options: Options) throws(LaunchFailure) -> LaunchPlan {
    if let file = options.configurationFile {
      // The original falls back to another file silently.
      guard System.exists(file) else {
        throw LaunchFailure(
          "cannot find the configuration file \(file)",
          "Check the name given with -c, or leave -c out to run a single daemon on this machine.")
      }
      return try read(file, options)
    }
    if options.port == nil, let file = searchedFiles.first(where: System.exists) { return try read(file, options) }
    return try builtIn(options)
  }

  /// The one place where a configuration file becomes a plan.
  private static func read(_ file: String, _ options: Options) throws(LaunchFailure) -> LaunchPlan {
    throw LaunchFailure(
      "\(file): this version cannot read configuration files yet",
      "Run it without a configuration file: spread --port 4803")
  }

  /// A single daemon `localhost` that only this machine can reach.
  private static func builtIn(_ options: Options) throws(LaunchFailure) -> LaunchPlan {
    let name: StaticString = "localhost"
    if let wanted = options.name, wanted != "\(name)" {
      throw LaunchFailure(
        "there is no daemon '\(wanted)': without a configuration file the only daemon is '\(name)'",
        "Name a configuration file with -c, or leave -n out.")
    }
    let port = options.port ?? 4803
    let loopback = NetworkAddress.v4(0x7f00_0001)
    let daemon = ConfiguredDaemon(name: GroupName(name), id: nameHash(name), address: loopback)
    let segment = Segment(port: port, addresses: [.v4(0x7f00_00ff)], daemons: [daemon])
    return LaunchPlan(
      configuration: Configuration(segments: [segment]), me: 0, clientAddresses: [loopback], port: port,
      runtimeDirectory: nil, user: options.user, group: nil, file: nil)
  }

  /// The id of a daemon without VirtualID (configuration 6). To be replaced by the configuration's own.
  private static func nameHash(_ name: StaticString) -> ProcessID {
    name.withUTF8Buffer { bytes in
      var r = UInt32(bytes.count + 1)
      for byte in Array(bytes) + [0] {
        r &+= UInt32(bitPattern: Int32(Int8(bitPattern: byte)))
        r &+= r << 10
        r ^= r >> 6
      }
      r &+= r << 3
      r ^= r >> 11
      r &+= r << 15
      return ProcessID(r)
    }
  }
}
