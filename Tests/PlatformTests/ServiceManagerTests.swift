// What a service manager hears, at a socket with a path and at one in the abstract space.

import Glibc
import SpreadCore
import SpreadWire
import Testing

@testable import SpreadPlatform

@Suite struct ServiceManagerTests {
  private let directory = TemporaryDirectory()

  /// A bound datagram socket; `@` in front of `address` stands for the NUL of an abstract name.
  private func socket(at address: String) throws -> Int32 {
    let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: address.utf8.map { $0 == 0x40 ? 0 : $0 }) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + address.utf8.count)
    let bound = withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    try #require(bound == 0)
    return descriptor
  }

  private func heard(_ descriptor: Int32) -> String? {
    var bytes = [UInt8](repeating: 0, count: 500)
    let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
    return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  @Test func bothKindsOfAddress() throws {
    for address in [directory.path + "/notify", "@spread-test-\(getpid())"] {
      let listener = try socket(at: address)
      defer { close(listener) }
      let service = try #require(try ServiceManager(address: address))
      service.ready()
      service.status("2 of 3\ndaemons")
      service.stopping()
      #expect(heard(listener) == "READY=1")
      #expect(heard(listener) == "STATUS=2 of 3daemons")
      #expect(heard(listener) == "STOPPING=1\nSTATUS=stopping")
      #expect(heard(listener) == nil)
      service.reloading()
      let time = heard(listener)?.split(separator: "=").last.flatMap { Int($0) }
      #expect(try #require(time) > 0)
    }
  }

  @Test func nobodyToTell() throws {
    #expect(try ServiceManager(address: nil) == nil)
    #expect(try ServiceManager(address: "") == nil)
    #expect(throws: SystemError.self) { try ServiceManager(address: directory.path + "/nothing") }
    #expect(throws: SystemError.self) { try ServiceManager(address: "/" + String(repeating: "x", count: 200)) }
  }

  /// A manager that does not read must not stop the daemon, nor one that went away.
  @Test func aManagerThatDoesNotListen() throws {
    let listener = try socket(at: directory.path + "/deaf")
    let service = try #require(try ServiceManager(address: directory.path + "/deaf"))
    for _ in 0..<2000 { service.status("again") }
    close(listener)
    service.stopping()
  }

  @Test func statusNamesTheMembers() {
    func configuration(_ count: Int) -> Configuration {
      let daemons = (0..<count).map { (place: Int) -> ConfiguredDaemon in
        let name = Array("d\(place)".utf8).withUnsafeBytes { GroupName($0) }
        return ConfiguredDaemon(name: name, id: ProcessID(UInt32(place) + 1), address: .v4(0x0a00_0001 + UInt32(place)))
      }
      return Configuration(segments: [Segment(port: 4803, addresses: [.v4(0xe100_0001)], daemons: daemons)])
    }
    #expect(configuration(3).statusText(of: DaemonSet([0, 2])) == "2 of 3 daemons together: d0, d2")
    #expect(
      configuration(12).statusText(of: DaemonSet(0..<11))
        == "11 of 12 daemons together: d0, d1, d2, d3, d4, d5, d6, d7 and 3 more")
    #expect(configuration(1).statusText(of: DaemonSet([0])).hasPrefix("serving clients"))
  }
}
