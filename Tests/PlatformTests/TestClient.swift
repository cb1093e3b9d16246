// A client's end of a stream socket, plain and blocking.

import Glibc

final class TestClient {
  let descriptor: Int32

  /// Connects to 127.0.0.1.
  init(port: UInt16) {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = port.bigEndian
    name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let result = withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    precondition(result == 0, "connect: \(errno)")
  }

  /// Connects to a unix socket.
  init(path: String) {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let result = Self.withUnixName(path) { connect(descriptor, $0, $1) }
    precondition(result == 0, "connect: \(errno)")
  }

  deinit { Glibc.close(descriptor) }

  func send(_ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }

  /// errno of the last `receive` that failed.
  private(set) var failure: Int32 = 0

  /// Up to `count` bytes that are there or come within a second; empty at the end of the stream or on an error.
  func receive(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var room = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&room, 1, 1000) > 0 else { return [] }
    let got = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
    if got < 0 { failure = errno }
    return Array(bytes.prefix(max(got, 0)))
  }

  /// Whether something can be received now.
  var hasInput: Bool {
    var room = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&room, 1, 0) > 0
  }

  /// Ends our direction of the stream.
  func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Closes so that the other side sees a reset.
  func reset() {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    // The descriptor itself stays ours until deinit: replaced, not freed.
    let other = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    dup2(other, descriptor)
    Glibc.close(other)
  }

  static func withUnixName(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    return withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }
}

/// A directory of its own for one test; removed with its files.
final class TemporaryDirectory {
  let path: String

  init() {
    var name = Array("/tmp/spread-platform-XXXXXX".utf8CString)
    precondition(mkdtemp(&name) != nil)
    path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { Glibc.remove(path + "/" + name) }
      }
      closedir(directory)
    }
    rmdir(path)
  }
}
