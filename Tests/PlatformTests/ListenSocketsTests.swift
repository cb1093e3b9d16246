// Rules of the unix socket file and of the TCP port.

import CSpreadSystem
import Foundation
import Glibc
import SpreadCore
import Testing

@testable import SpreadPlatform

@Suite struct UnixSocketFileTests {
  private let directory = TemporaryDirectory()
  private var path: String { directory.path + "/4803" }

  private func mode(_ path: String) -> mode_t? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode : nil
  }

  private func open() throws(UnixSocketFile.Failure) -> UnixSocketFile {
    try UnixSocketFile(directory: directory.path, name: "4803")
  }

  /// A socket bound to `path`; closed, its file is what a killed daemon leaves.
  private func boundSocket(_ path: String? = nil, type: __socket_type = SOCK_STREAM) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(type.rawValue), 0)
    precondition(TestClient.withUnixName(path ?? self.path) { bind(descriptor, $0, $1) } == 0)
    return descriptor
  }

  private func listeningSocket() -> Int32 {
    let descriptor = boundSocket()
    Glibc.listen(descriptor, 5)
    return descriptor
  }

  @Test func everybodyMayConnect() throws {
    let file = try open()
    #expect(mode(path).map { $0 & 0o7777 } == 0o666)
    _ = TestClient(path: path)
    file.remove()
    #expect(mode(path) == nil)
    file.listener.close()
  }

  @Test func leftoverIsReplaced() throws {
    close(boundSocket())
    let file = try open()
    _ = TestClient(path: path)
    file.listener.close()
  }

  @Test func socketInUseIsLeftAlone() {
    let other = listeningSocket()
    #expect(throws: UnixSocketFile.Failure.inUse(path)) { _ = try open() }
    _ = TestClient(path: path)
    close(other)
  }

  /// Until it listens a socket refuses connections, as a leftover does.
  @Test func socketOfADaemonThatJustStartsIsLeftAlone() {
    let lock = sys_lock_directory(directory.path)
    let other = boundSocket()
    Thread.detachNewThread {
      usleep(100_000)
      Glibc.listen(other, 5)
      sys_close(lock)
    }
    #expect(throws: UnixSocketFile.Failure.inUse(path)) { _ = try open() }
    _ = TestClient(path: path)
    close(other)
  }

  @Test func datagramSocketIsLeftAlone() {
    let other = boundSocket(type: SOCK_DGRAM)
    #expect(throws: UnixSocketFile.Failure.inUse(path)) { _ = try open() }
    #expect(mode(path) != nil)
    close(other)
  }

  @Test func fileIsLeftAlone() {
    close(creat(path, 0o600))
    #expect(throws: UnixSocketFile.Failure.notASocket(path)) { _ = try open() }
    #expect(mode(path).map { $0 & S_IFMT } == S_IFREG)
  }

  @Test func directoryIsLeftAlone() {
    mkdir(path, 0o700)
    #expect(throws: UnixSocketFile.Failure.notASocket(path)) { _ = try open() }
    #expect(mode(path).map { $0 & S_IFMT } == S_IFDIR)
  }

  @Test func linkIsNotFollowed() {
    let target = directory.path + "/target"
    symlink(target, path)
    #expect(throws: UnixSocketFile.Failure.notASocket(path)) { _ = try open() }
    #expect(mode(target) == nil)
    // Neither is a link to a leftover socket a leftover socket.
    close(boundSocket(target))
    #expect(throws: UnixSocketFile.Failure.notASocket(path)) { _ = try open() }
    #expect(mode(target) != nil)
  }

  @Test func onlyOwnFileIsRemoved() throws {
    let file = try open()
    unlink(path)
    let other = listeningSocket()
    file.remove()
    #expect(mode(path) != nil)
    close(other)
    file.listener.close()
  }

  @Test func missingDirectoryIsAnError() {
    #expect(throws: UnixSocketFile.Failure.self) {
      _ = try UnixSocketFile(directory: directory.path + "/none", name: "4803")
    }
  }
}

@Suite struct ListenSocketsTests {
  static let loopback = NetworkAddress.v4(0x7f00_0001)

  private func port(of listener: Listener) -> UInt16 { UInt16(sys_local_port(listener.descriptor)) }

  @Test func portInUse() throws {
    let first = try ListenSockets.listen(at: [Self.loopback], port: 0)[0]
    let taken = port(of: first)
    do {
      _ = try ListenSockets.listen(at: [Self.loopback], port: taken)
      Issue.record("two listeners on port \(taken)")
    } catch {
      #expect(error.reason == .addressInUse)
      #expect(error.description.contains("127.0.0.1:\(taken)"))
    }
    first.close()
  }

  @Test func addressOfNobody() {
    // 192.0.2.0/24 is for documentation.
    #expect { _ = try ListenSockets.listen(at: [.v4(0xc000_0201)], port: 0) } throws: {
      ($0 as? SystemError)?.reason == .addressNotHere
    }
  }

  /// Stock cannot restart while connections of its last run are in TIME_WAIT.
  @Test func restartInTimeWait() throws {
    let first = try ListenSockets.listen(at: [Self.loopback], port: 0)[0]
    let taken = port(of: first)
    let client = TestClient(port: taken)
    var peer = sys_address()
    let accepted = sys_accept(first.descriptor, &peer)
    #expect(accepted >= 0)
    #expect(NetworkAddress(peer) == Self.loopback)
    // The side that closes first gets the TIME_WAIT.
    sys_close(accepted)
    #expect(client.receive(1).isEmpty)
    client.finish()
    first.close()
    let second = try ListenSockets.listen(at: [Self.loopback], port: taken)[0]
    second.close()
  }

  @Test func addressesSurviveTheWayThroughC() {
    for address in [NetworkAddress.v4(0x0a01_02ff), .v6(0xfd00_0000_0000_0001, 0x0203_0405_0607_0809, scope: 3)] {
      #expect(NetworkAddress(sys_address(address, port: 1)) == address)
    }
    #expect(NetworkAddress.v6(0, 1, scope: 0).endpoint(port: 4803) == "[::1]:4803")
  }
}
