// The configuration file and spread.access_ip, to be read when the daemon starts and again when it is told to
// (configuration 7, 10). Their directories are opened once and stay open, so both can be read after a chroot; names of
// hosts that cannot be looked up any more by then mean what they meant before.

import CSpreadSystem
import SpreadCore

public final class ConfigurationFile {
  /// Where the rules of the IP method are looked for (configuration 7).
  public static let accessFiles = ["./spread.access_ip", "/etc/spread.access_ip", "/etc/spread/spread.access_ip"]

  public struct Reading {
    public var configuration: Configuration
    /// nil: the file does not exist, or nothing needs it.
    public var accessRules: AccessRules?
    /// What was odd.
    public var warnings: [Diagnostic]
    /// The method IP is configured and there is no file of rules: every client would be refused.
    public var lacksAccessFile: Bool
  }

  public enum Failure: Error {
    case system(SystemError)
    case wrong(ConfigurationErrors)

    /// For people.
    public var lines: [String] {
      switch self {
      case .system(let error): [error.description]
      case .wrong(let errors): errors.findings.map(\.description)
      }
    }
  }

  public let path: String
  private let file: KeptFile
  private let accessFiles: [KeptFile]
  private var hosts: [String: [NetworkAddress]] = [:]

  public init(path: String) throws(SystemError) {
    self.path = path
    file = try KeptFile(path)
    accessFiles = Self.accessRuleFiles
  }

  public func read() throws(Failure) -> Reading {
    let bytes = try bytes(of: file)
    let lookup = HostLookup(
      resolve: { [self] name in resolve(name) }, interfaceIndex: System.hostLookup.interfaceIndex)
    switch ConfigurationParser.parse(bytes, fileName: path, lookup: lookup) {
    case .failure(let errors): throw .wrong(errors)
    case .success(let parsed):
      var reading = Reading(
        configuration: parsed.configuration, accessRules: nil, warnings: parsed.warnings, lacksAccessFile: false)
      try Self.addAccessRules(to: &reading, accessFiles)
      return reading
    }
  }

  /// The rules for a configuration that comes from no file.
  public static func withoutFile(_ configuration: Configuration) throws(Failure) -> Reading {
    var reading = Reading(configuration: configuration, accessRules: nil, warnings: [], lacksAccessFile: false)
    try addAccessRules(to: &reading, accessRuleFiles)
    return reading
  }

  private static func addAccessRules(to reading: inout Reading, _ files: [KeptFile]) throws(Failure) {
    let methods = reading.configuration.enabledMethods.union(reading.configuration.requiredMethods)
    guard methods.contains(.ip) else { return }
    guard let file = files.first(where: \.exists) else {
      reading.lacksAccessFile = true
      return
    }
    do throws(SystemError) {
      let (rules, findings) = AccessRules.parse(try file.read(), fileName: file.path)
      reading.accessRules = rules
      reading.warnings += findings
    } catch {
      throw .system(error)
    }
  }

  private static var accessRuleFiles: [KeptFile] { accessFiles.compactMap { try? KeptFile($0) } }

  private func bytes(of file: KeptFile) throws(Failure) -> [UInt8] {
    do throws(SystemError) {
      return try file.read()
    } catch {
      throw .system(error)
    }
  }

  private func resolve(_ name: String) -> [NetworkAddress] {
    let found = System.hostLookup.resolve(name)
    if !found.isEmpty { hosts[name] = found }
    return found.isEmpty ? hosts[name] ?? [] : found
  }
}

/// A file that is found by its name in a directory that stays open.
final class KeptFile {
  let path: String
  private let directory: Int32
  private let name: String

  init(_ path: String) throws(SystemError) {
    self.path = path
    let (parent, name) = System.split(path)
    self.name = name
    directory = try check(sys_open_directory(parent), "cannot open the directory of \(path)")
  }

  deinit { sys_close(directory) }

  var exists: Bool { sys_file_exists_at(directory, name) == 1 }

  func read() throws(SystemError) -> [UInt8] {
    let descriptor = try check(sys_open_reading_at(directory, name), "cannot open \(path)")
    defer { sys_close(descriptor) }
    return try System.read(descriptor, path)
  }
}

extension Configuration {
  /// Makes the configuration that of the daemon called `name`, or, without a name, of the first one that has an address
  /// of this machine: its place, and the IPv6 scopes it sees.
  public mutating func chooseOwn(named name: String?) -> Result<Int, OwnDaemonFailure> {
    var local = System.localAddresses()
    // The loopback interface has the whole of 127.0.0.0/8 while it names one address: rings on one machine.
    if name != nil, local.contains(where: \.isLoopback) {
      local += daemons.map(\.address).filter { $0.isLoopback && $0.version == .v4 }
    }
    let own = ownDaemon(named: name, localAddresses: local)
    if case .success(let index) = own { adoptScopes(own: index, localAddresses: local) }
    return own
  }
}
