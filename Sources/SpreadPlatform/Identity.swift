// Giving up root, and the directory for what outlives a run (configuration 9; docs/architecture.md, decisions).

import CSpreadSystem

/// The user a daemon started as root becomes.
public struct Identity: Equatable, Sendable {
  public var name: String
  public var user: UInt32
  public var group: UInt32

  public static var isRoot: Bool { sys_effective_user() == 0 }

  public enum Failure: Error, CustomStringConvertible {
    case noUser(String)
    case noGroup(String)

    public var description: String {
      switch self {
      case .noUser(let name): "there is no user '\(name)' on this machine"
      case .noGroup(let name): "there is no group '\(name)' on this machine"
      }
    }
  }

  /// The user called `user` with `group`, or with its own group when that is nil.
  public init(user: String, group: String? = nil) throws(Failure) {
    var id: UInt32 = 0
    var groupID: UInt32 = 0
    guard sys_find_user(user, &id, &groupID) == 1 else { throw .noUser(user) }
    if let group, sys_find_group(group, &groupID) != 1 { throw .noGroup(group) }
    name = user
    self.user = id
    self.group = groupID
  }

  /// With nothing configured: `spread` if there is such a user, else `nobody`.
  public static func standard(group: String? = nil) throws(Failure) -> Identity {
    if let spread = try? Identity(user: "spread", group: group) { return spread }
    return try Identity(user: "nobody", group: group)
  }

  /// Takes the identity for good. To be called after everything that needs root; the unix socket and the runtime
  /// directory are handed over so that they can still be removed and written.
  /// - Parameter root: directory to lock the daemon into; nil: none.
  public func take(unixSocket: UnixSocketFile?, lockedInto root: String?) throws(SystemError) {
    unixSocket?.giveTo(user: user, group: group)
    if let root { _ = try check(sys_enter_root(root), "cannot chroot to \(root)") }
    guard user != 0 else { return }
    _ = try check(sys_become(user, group), "cannot become user \(name)")
  }
}

/// The directory for what outlives a run.
public enum RuntimeDirectory {
  /// Where it is when nothing is configured. A service manager that made one for us names it; what it keeps over a
  /// restart of the machine is better than what it does not (systemd.exec, StateDirectory).
  public static func standardPath() -> String {
    for variable in ["STATE_DIRECTORY", "RUNTIME_DIRECTORY"] {
      let paths = sys_environment(variable).map { String(cString: $0).split(separator: ":") }
      if let path = paths?.first, path.hasPrefix("/") { return String(path) }
    }
    let user = sys_effective_user()
    if user == 0 { return "/run/spread" }
    if let base = sys_environment("XDG_RUNTIME_DIR").map({ String(cString: $0) }), base.hasPrefix("/") {
      return base + "/spread"
    }
    return "/tmp/spread-\(user)"
  }

  /// Makes it unless it exists, for `owner` alone (nil: the caller). One that belongs to somebody else is not used.
  public static func prepare(_ path: String, for owner: Identity?) throws(SystemError) {
    let made = sys_make_directory(path, 0o755)
    guard made >= 0 || made == -sys_eexist else { throw SystemError("cannot make the directory \(path)", code: -made) }
    if made >= 0, let owner {
      _ = try check(sys_change_owner(path, owner.user, owner.group), "cannot give \(path) to \(owner.name)")
    }
    var status = sys_file()
    _ = try check(sys_file_status(-1, path, &status), "cannot examine \(path)")
    let user = owner?.user ?? sys_effective_user()
    // Anybody may have put something of that name into a directory like /tmp.
    guard status.kind == sys_file_directory, status.owner == user || status.owner == 0 else {
      throw SystemError("\(path) is not a directory of ours", code: sys_eacces)
    }
  }
}
