// A daemon of a test: a thread on a loopback socket that runs a script for each connection.

import CSpread
import Foundation
import SpreadWire
import Synchronization

/// One accepted connection, blocking.
struct Peer: Sendable {
  let descriptor: Int32

  func put(_ bytes: [UInt8]) {
    var at = 0
    while at < bytes.count {
      let sent = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress! + at, bytes.count - at, Int32(MSG_NOSIGNAL)) }
      if sent <= 0 { return }
      at += sent
    }
  }

  /// Every byte on its own.
  func drip(_ bytes: [UInt8], microseconds: UInt32 = 300) {
    for byte in bytes {
      put([byte])
      usleep(microseconds)
    }
  }

  func take(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var at = 0
    while at < count {
      let got = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + at, count - at, 0) }
      if got <= 0 { break }
      at += got
    }
    return Array(bytes.prefix(at))
  }

  func untilClosed() {
    while !take(4096).isEmpty {}
  }

  /// The daemon's side of a good handshake.
  func greet(group: String = "#a#b") {
    let hello = take(5)
    if hello.count == 5 { _ = take(Int(hello[4])) }
    put([5] + Array("NULL ".utf8))
    _ = take(90)
    put([1, 5, 0, 1, UInt8(group.utf8.count)] + Array(group.utf8))
  }
}

/// Listens until it goes away; every connection runs `script` on a thread of its own and is closed afterwards.
final class ScriptedDaemon: Sendable {
  let port: UInt16
  private let listener: Int32

  init(_ script: @escaping @Sendable (Peer) -> Void) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        precondition(bind(listener, $0, length) == 0 && listen(listener, 64) == 0)
        _ = getsockname(listener, $0, &length)
      }
    }
    port = UInt16(bigEndian: address.sin_port)
    self.listener = listener
    Thread.detachNewThread {
      while true {
        let descriptor = accept(listener, nil, nil)
        guard descriptor >= 0 else { return }
        Thread.detachNewThread {
          script(Peer(descriptor: descriptor))
          close(descriptor)
        }
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  var name: String { "\(port)@127.0.0.1" }

  /// A mailbox of this daemon.
  func connect(_ user: String = "a") -> mailbox {
    var mbox: mailbox = -777
    var group = [CChar](repeating: 0, count: 32)
    let result = SP_connect(name, user, 0, 1, &mbox, &group)
    precondition(result == 1, "connecting to the scripted daemon: \(result)")
    return mbox
  }
}

/// A number that threads count up.
final class Counter: Sendable {
  private let count = Atomic<Int>(0)
  func increment() { count.add(1, ordering: .relaxed) }
  var value: Int { count.load(ordering: .relaxed) }
}

/// Runs `body` on a thread of its own: a blocking call would hold one of the few threads of the test runner.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
  await withCheckedContinuation { continuation in
    Thread.detachNewThread { continuation.resume(returning: body()) }
  }
}

/// What a receive through the C interface gave.
struct Received: Equatable {
  var result: Int32
  var type: service
  var sender: String
  var groupCount: Int32
  var groups: [String]
  var messageType: Int16
  var mismatch: Int32
  var body: [UInt8]
}

/// `char[MAX_GROUP_NAME]` as Swift sees it.
typealias CGroupName = (
  CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar,
  CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar
)

func receive(_ mbox: mailbox, drop: Bool = false, maxGroups: Int32 = 10, room: Int32 = 1000) -> Received {
  var type: service = drop ? service(DROP_RECV) : 0
  var sender = [CChar](repeating: 0, count: 32)
  var count: Int32 = -777
  var messageType: Int16 = -777
  var mismatch: Int32 = -777
  let groups = UnsafeMutablePointer<CChar>.allocate(capacity: 32 * Int(max(maxGroups, 1)))
  groups.initialize(repeating: 0, count: 32 * Int(max(maxGroups, 1)))
  var body = [CChar](repeating: 0, count: Int(max(room, 1)))
  defer { groups.deallocate() }
  let result = groups.withMemoryRebound(to: CGroupName.self, capacity: Int(max(maxGroups, 1))) {
    SP_receive(mbox, &type, &sender, maxGroups, &count, $0, &messageType, &mismatch, room, &body)
  }
  let names = (0..<Int(max(0, min(count, maxGroups)))).map { String(cString: groups + 32 * $0) }
  return Received(
    result: result, type: type, sender: sender.withUnsafeBufferPointer { String(cString: $0.baseAddress!) },
    groupCount: count, groups: names,
    messageType: messageType, mismatch: mismatch,
    body: body.prefix(Int(max(result, 0))).map { UInt8(bitPattern: $0) })
}
