// What to run: from a configuration file, or built in when there is none (docs/architecture.md, decisions).

import SpreadCore
import SpreadPlatform
import SpreadWire

/// Everything the start needs to know.
struct LaunchPlan {
  var configuration: Configuration
  /// nil: the built-in configuration.
  var file: String?
  /// What was odd in the files.
  var warnings: [Diagnostic] = []
  /// Which daemon to run, as an index into `configuration.daemons`.
  var own: Result<Int, OwnDaemonFailure>
  var accessRules: AccessRules?
  /// --user.
  var user: String?
}

/// Why the daemon does not start, as lines for the person who started it.
struct LaunchFailure: Error {
  var lines: [String]
  init(_ lines: String...) {
    self.lines = lines
  }
  init(lines: [String]) {
    self.lines = lines
  }
}

extension LaunchPlan {
  /// Where a configuration is looked for without -c (configuration 1); the last one is that of our packages, which
  /// must not hide a file that stock would find.
  static let searchedFiles = ["./spread.conf", "/etc/spread.conf", "/etc/spread/spread.conf"]
  /// Where the rules of the IP method are looked for (configuration 7).
  static let accessFiles = ["./spread.access_ip", "/etc/spread.access_ip", "/etc/spread/spread.access_ip"]

  static func make(_ options: Options) throws(LaunchFailure) -> LaunchPlan {
    var plan: LaunchPlan
    if let file = try file(options) {
      plan = try read(file, options)
    } else {
      plan = builtIn(options)
    }
    plan.user = options.user
    try plan.readAccessRules()
    return plan
  }

  /// nil: run without one.
  private static func file(_ options: Options) throws(LaunchFailure) -> String? {
    guard let file = options.configurationFile else {
      return options.port == nil ? searchedFiles.first(where: System.exists) : nil
    }
    // The original falls back to another file silently.
    guard System.exists(file) else {
      throw LaunchFailure(
        "cannot find the configuration file \(file)",
        "Check the name given with -c, or leave -c out to run a single daemon on this machine.")
    }
    return file
  }

  private static func read(_ file: String, _ options: Options) throws(LaunchFailure) -> LaunchPlan {
    let bytes: [UInt8]
    do throws(SystemError) {
      bytes = try System.read(file: file)
    } catch {
      throw LaunchFailure(error.description)
    }
    switch ConfigurationParser.parse(bytes, fileName: file, lookup: System.hostLookup) {
    case .failure(let errors):
      throw LaunchFailure(lines: ["\(file) cannot be used:"] + errors.findings.map(\.description))
    case .success(let parsed):
      var configuration = parsed.configuration
      var local = System.localAddresses()
      // The loopback interface has the whole of 127.0.0.0/8 while it names one address: rings on one machine.
      if options.name != nil, local.contains(where: \.isLoopback) {
        local += configuration.daemons.map(\.address).filter { $0.isLoopback && $0.version == .v4 }
      }
      let own = configuration.ownDaemon(named: options.name, localAddresses: local)
      if case .success(let index) = own { configuration.adoptScopes(own: index, localAddresses: local) }
      return LaunchPlan(configuration: configuration, file: file, warnings: parsed.warnings, own: own)
    }
  }

  /// A single daemon `localhost` that only this machine can reach.
  private static func builtIn(_ options: Options) -> LaunchPlan {
    let name = GroupName("localhost")
    let loopback = NetworkAddress.v4(0x7f00_0001)
    let daemon = ConfiguredDaemon(
      name: name, id: ProcessID(automaticFor: name), address: loopback, interfaces: [Interface(loopback, .all)])
    let segment = Segment(
      port: options.port ?? Segment.defaultPort, addresses: [.v4(0x7f00_00ff)], daemons: [daemon])
    var configuration = Configuration(segments: [segment])
    configuration.log.flags = .all
    configuration.log.timeStamp = nil
    let own = configuration.ownDaemon(named: options.name, localAddresses: [loopback])
    return LaunchPlan(configuration: configuration, file: nil, own: own)
  }

  private mutating func readAccessRules() throws(LaunchFailure) {
    guard configuration.enabledMethods.union(configuration.requiredMethods).contains(.ip),
      let file = Self.accessFiles.first(where: System.exists)
    else { return }
    do throws(SystemError) {
      let (rules, findings) = AccessRules.parse(try System.read(file: file), fileName: file)
      accessRules = rules
      warnings += findings
    } catch {
      throw LaunchFailure(error.description)
    }
  }

  var authentication: AuthenticationPolicy {
    AuthenticationPolicy(configuration, accessRules: accessRules)
  }

  /// Every client would be refused.
  var lacksAccessFile: Bool {
    configuration.enabledMethods.union(configuration.requiredMethods).contains(.ip) && accessRules == nil
  }
}

extension Configuration {
  /// The port of the daemon with index `own` in `daemons`.
  func port(of own: Int) -> UInt16 { place(ofDaemon: own).map { segments[$0.segment].port } ?? Segment.defaultPort }

  /// Where clients of the daemon with index `own` connect over TCP.
  func clientAddresses(of own: Int) -> [NetworkAddress] {
    daemons[own].bindAddresses(for: .client).filter { !$0.isMulticast }
  }
}
