// Where clients connect: TCP on the client addresses of the daemon, and the unix socket /tmp/<port>
// (client-protocol 2, configuration 4 and 9).

import CSpreadSystem
import SpreadCore

/// A listening socket.
public struct Listener {
  var descriptor: Int32
  var isUnix: Bool

  func close() { sys_close(descriptor) }
}

public enum ListenSockets {
  /// Stock has 25 for TCP and 5 for the unix socket; a burst of connects must not fail for that.
  static let backlog: Int32 = 1024

  /// Listens on TCP at each of `addresses`.
  /// - Parameter reuse: `auto` is `on`: without it a daemon cannot be started again for a minute, which stock accepts
  ///   where no interfaces are configured (configuration 5).
  public static func listen(
    at addresses: [NetworkAddress], port: UInt16, reuse: SocketPortReuse = .auto
  ) throws(SystemError) -> [Listener] {
    var listeners: [Listener] = []
    for address in addresses {
      var name = sys_address(address, port: port)
      let descriptor = sys_listen_tcp(&name, backlog, reuse == .off ? 0 : 1)
      guard descriptor >= 0 else {
        for listener in listeners { listener.close() }
        throw SystemError("cannot listen on TCP \(address.endpoint(port: port))", code: -descriptor)
      }
      listeners.append(Listener(descriptor: descriptor, isUnix: false))
    }
    return listeners
  }
}

/// The unix socket file of this daemon. It is removed at exit only if it is still ours.
public final class UnixSocketFile {
  public enum Failure: Error, Equatable, CustomStringConvertible {
    /// Somebody accepts connections there.
    case inUse(String)
    /// Something else has the name: a file, a link, a directory. It is never removed.
    case notASocket(String)
    case system(SystemError)

    public var description: String {
      switch self {
      case .inUse(let path): "another daemon listens on \(path)"
      case .notASocket(let path): "\(path) exists and is not a socket; it is left alone"
      case .system(let error): error.description
      }
    }
  }

  public let path: String
  public let listener: Listener
  private let directory: Int32
  private let name: String
  private let status: sys_file

  /// Listens at `directory`/`name`, mode 0666. A socket that nobody listens on is a leftover and is replaced.
  public init(directory: String, name: String) throws(Failure) {
    let path = directory + "/" + name
    let opened = sys_open_directory(directory)
    guard opened >= 0 else { throw .system(SystemError("cannot open \(directory)", code: -opened)) }
    // One daemon at a time: between bind and listen a socket looks like a leftover, and between the look at a leftover
    // and its removal another daemon may have replaced it.
    let lock = sys_lock_directory(directory)
    defer { if lock >= 0 { sys_close(lock) } }
    do throws(Failure) {
      try Self.removeLeftover(directory: opened, name: name, path: path)
      let descriptor = sys_listen_unix(path, ListenSockets.backlog)
      // Another daemon was faster.
      if descriptor == -sys_eaddrinuse { throw .inUse(path) }
      guard descriptor >= 0 else { throw .system(SystemError("cannot listen on \(path)", code: -descriptor)) }
      var status = sys_file()
      let result = sys_file_status(opened, name, &status)
      guard result >= 0 else {
        sys_close(descriptor)
        throw .system(SystemError("cannot examine \(path)", code: -result))
      }
      self.status = status
      listener = Listener(descriptor: descriptor, isUnix: true)
    } catch {
      sys_close(opened)
      throw error
    }
    self.path = path
    self.name = name
    self.directory = opened
  }

  deinit { sys_close(directory) }

  /// In a directory like /tmp only its owner may remove a file: a daemon that gives up root hands it over first.
  func giveTo(user: UInt32, group: UInt32) { _ = sys_change_owner(path, user, group) }

  /// Removes the file, unless it is no longer the one that was made here.
  public func remove() {
    var now = sys_file()
    guard sys_file_status(directory, name, &now) == 0, now.isSameFile(as: status) else { return }
    _ = sys_remove_file(directory, name)
  }

  private static func removeLeftover(directory: Int32, name: String, path: String) throws(Failure) {
    var found = sys_file()
    let result = sys_file_status(directory, name, &found)
    if result == -sys_enoent { return }
    guard result >= 0 else { throw .system(SystemError("cannot examine \(path)", code: -result)) }
    guard found.kind == sys_file_socket else { throw .notASocket(path) }
    // Only a refused connection proves that nobody listens; a full backlog (EAGAIN) or a socket of another
    // type (EPROTOTYPE) belongs to somebody.
    guard sys_probe_unix(path) == -sys_econnrefused else { throw .inUse(path) }
    var again = sys_file()
    guard sys_file_status(directory, name, &again) == 0, again.isSameFile(as: found) else { throw .inUse(path) }
    let removed = sys_remove_file(directory, name)
    guard removed >= 0 || removed == -sys_enoent else {
      throw .system(SystemError("cannot remove the leftover socket \(path)", code: -removed))
    }
  }
}

extension sys_file {
  fileprivate func isSameFile(as other: sys_file) -> Bool {
    device == other.device && inode == other.inode && kind == other.kind
  }
}

extension sys_address {
  init(_ address: NetworkAddress, port: UInt16) {
    self.init()
    self.port = port
    switch address {
    case .v4(let value):
      family = 4
      v4 = value
    case .v6(let high, let low, let scope):
      family = 6
      self.scope = scope
      withUnsafeMutableBytes(of: &v6) { bytes in
        bytes.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
        bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
    }
  }
}

extension NetworkAddress {
  init(_ address: sys_address) {
    guard address.family == 6 else {
      self = .v4(address.v4)
      return
    }
    let (high, low) = withUnsafeBytes(of: address.v6) { bytes in
      (
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      )
    }
    self = .v6(high, low, scope: address.scope)
  }

  /// `a.b.c.d:port` or `[v6]:port`.
  public func endpoint(port: UInt16) -> String {
    switch self {
    case .v4: "\(text):\(port)"
    case .v6: "[\(text)]:\(port)"
    }
  }
}
