// What to run: from a configuration file, or built in when there is none (docs/architecture.md, decisions).

import SpreadCore
import SpreadPlatform
import SpreadWire

/// Everything the start needs to know.
struct LaunchPlan {
  var configuration: Configuration
  /// nil: the built-in configuration.
  var source: ConfigurationFile?
  var file: String? { source?.path }
  /// What was odd in the files.
  var warnings: [Diagnostic] = []
  /// Which daemon to run, as an index into `configuration.daemons`.
  var own: Result<Int, OwnDaemonFailure>
  var accessRules: AccessRules?
  /// Every client would be refused.
  var lacksAccessFile = false
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

  static func make(_ options: Options) throws(LaunchFailure) -> LaunchPlan {
    var plan: LaunchPlan
    if let file = try file(options) {
      plan = try read(file, options)
    } else {
      plan = try builtIn(options)
    }
    plan.user = options.user
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

  private static func read(_ path: String, _ options: Options) throws(LaunchFailure) -> LaunchPlan {
    let file: ConfigurationFile
    do throws(SystemError) {
      file = try ConfigurationFile(path: path)
    } catch {
      throw LaunchFailure(error.description)
    }
    do throws(ConfigurationFile.Failure) {
      return LaunchPlan(try file.read(), source: file, options)
    } catch {
      if case .system = error { throw LaunchFailure(lines: error.lines) }
      throw LaunchFailure(lines: ["\(path) cannot be used:"] + error.lines)
    }
  }

  /// The file as it is now, when daemons that read it now have this hash. Names in it are not looked up: that takes
  /// time.
  func changeOnDisk(of configuration: Configuration, givingHash hash: UInt32) -> String? {
    guard let file, let bytes = try? System.read(file: file),
      case .success(let parsed) = ConfigurationParser.parse(bytes, fileName: file, lookup: HostLookup()),
      parsed.configuration.hash == hash, let difference = configuration.difference(from: parsed.configuration)
    else { return nil }
    return "as \(file) is by now: \(difference.text("this daemon", "the file"))"
  }

  private init(_ reading: ConfigurationFile.Reading, source: ConfigurationFile?, _ options: Options) {
    configuration = reading.configuration
    self.source = source
    warnings = reading.warnings
    accessRules = reading.accessRules
    lacksAccessFile = reading.lacksAccessFile
    own = configuration.chooseOwn(named: options.name)
  }

  /// A single daemon `localhost` that only this machine can reach.
  private static func builtIn(_ options: Options) throws(LaunchFailure) -> LaunchPlan {
    let name = GroupName("localhost")
    let loopback = NetworkAddress.v4(0x7f00_0001)
    let daemon = ConfiguredDaemon(
      name: name, id: ProcessID(automaticFor: name), address: loopback, interfaces: [Interface(loopback, .all)])
    let segment = Segment(
      port: options.port ?? Segment.defaultPort, addresses: [.v4(0x7f00_00ff)], daemons: [daemon])
    var configuration = Configuration(segments: [segment])
    configuration.log.flags = .all
    configuration.log.timeStamp = nil
    do throws(ConfigurationFile.Failure) {
      return LaunchPlan(try ConfigurationFile.withoutFile(configuration), source: nil, options)
    } catch {
      throw LaunchFailure(lines: error.lines)
    }
  }

  var authentication: AuthenticationPolicy {
    AuthenticationPolicy(configuration, accessRules: accessRules)
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
