// The C interface against a scripted daemon over loopback: pieces, signals, threads, closing, bad input (c-api 5 to 7).

import CSpread
import Foundation
import SpreadWire
import Synchronization
import Testing

@testable import SpreadClient

// One at a time: descriptor numbers and errno belong to the process.
@Suite(.serialized, .timeLimit(.minutes(2))) struct InterfaceTests {
  static let message = Daemon.message(4, groups: ["grp"], messageType: 7, body: Array("hello".utf8))

  @Test func byteByByte() async {
    let daemon = ScriptedDaemon { peer in
      peer.greet()
      peer.drip(Self.message)
      peer.untilClosed()
    }
    let got = await onThread {
      let mbox = daemon.connect()
      defer { SP_kill(mbox) }
      return receive(mbox)
    }
    #expect(got.result == 5 && got.body == Array("hello".utf8) && got.messageType == 7 && got.groups == ["grp"])
  }

  @Test func handshakeByteByByte() async {
    let daemon = ScriptedDaemon { peer in
      _ = peer.take(6)
      peer.drip([5] + Array("NULL ".utf8), microseconds: 5000)
      _ = peer.take(90)
      peer.drip([1, 5, 0, 1, 4] + Array("#a#b".utf8), microseconds: 5000)
      peer.untilClosed()
    }
    let result = await onThread {
      var mbox: mailbox = -1
      var group = [CChar](repeating: 0, count: 32)
      let result = SP_connect_timeout(daemon.name, "a", 0, 1, &mbox, &group, sp_time(sec: 5, usec: 0))
      SP_kill(mbox)
      return result
    }
    #expect(result == 1)
  }

  @Test func nonBlockingMailboxStillBlocksWithoutSpinning() async {
    let daemon = ScriptedDaemon { peer in
      peer.greet()
      usleep(300_000)
      peer.put(Self.message)
      peer.untilClosed()
    }
    let (got, cpu) = await onThread {
      let mbox = daemon.connect()
      defer { SP_kill(mbox) }
      _ = fcntl(mbox, F_SETFL, fcntl(mbox, F_GETFL) | O_NONBLOCK)
      var before = timespec()
      var after = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before)
      let got = receive(mbox)
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after)
      return (got.result, after.tv_nsec - before.tv_nsec + 1_000_000_000 * (after.tv_sec - before.tv_sec))
    }
    #expect(got == 5)
    #expect(cpu < 100_000_000, "stock spins here")
  }

  /// A sender that fills the socket of a non-blocking mailbox waits, and nothing is torn.
  @Test func nonBlockingSend() async {
    let total = 100_000
    let seen = Mutex<[UInt8]>([])
    let done = DispatchSemaphore(value: 0)
    let daemon = ScriptedDaemon { peer in
      peer.greet()
      usleep(200_000)
      let bytes = peer.take((48 + 32 + total) * 20)
      seen.withLock { $0 = bytes }
      done.signal()
    }
    let results = await onThread {
      let mbox = daemon.connect()
      _ = fcntl(mbox, F_SETFL, fcntl(mbox, F_GETFL) | O_NONBLOCK)
      let body = [CChar](repeating: 0x42, count: total)
      let results = (0..<20).map { SP_multicast(mbox, service(FIFO_MESS), "grp", Int16($0), Int32(total), body) }
      done.wait()
      SP_kill(mbox)
      return results
    }
    #expect(results.allSatisfy { $0 == Int32(total) })
    let bytes = seen.withLock { $0 }
    #expect(bytes.count == (80 + total) * 20)
    for i in 0..<20 where bytes.count == (80 + total) * 20 {
      #expect(bytes[i * (80 + total) + 41] == UInt8(i))
      #expect(bytes[(i + 1) * (80 + total) - 1] == 0x42)
    }
  }

  /// The bytes of joins and messages (rows H47 to H55).
  @Test func sentBytes() async {
    let seen = Mutex<[UInt8]>([])
    let done = DispatchSemaphore(value: 0)
    let daemon = ScriptedDaemon { peer in
      peer.greet()
      let bytes = peer.take(80 + 80 + 3 + 80)
      seen.withLock { $0 = bytes }
      done.signal()
    }
    await onThread {
      let mbox = daemon.connect()
      #expect(SP_join(mbox, "grpX") == 0)
      #expect(SP_multicast(mbox, service(AGREED_MESS), String(repeating: "n", count: 40), -2, 3, "abc") == 3)
      #expect(SP_disconnect(mbox) == 0)
      done.wait()
    }
    let order = Endianness.native
    let expected =
      Daemon.header(0x10000, name: "#a#b", groups: 1, length: 0, order: order, hint: order) + Daemon.name("grpX")
      + Daemon.header(0x10, name: "#a#b", groups: 1, messageType: -2, length: 3, order: order, hint: order)
      + Daemon.name(String(repeating: "n", count: 31)) + Array("abc".utf8)
      + Daemon.header(0x40000, name: "#a#b", groups: 1, length: 0, order: order, hint: order) + Daemon.name("#a#b")
    #expect(seen.withLock { $0 } == expected)
  }

  // MARK: Threads

  /// Two receivers and two senders on one mailbox of an echoing daemon: every message whole, none lost.
  @Test func twoSendersTwoReceivers() async {
    let count = 300
    let size = 2000
    let daemon = ScriptedDaemon { peer in
      peer.greet()
      while true {
        let message = peer.take(80 + size)
        guard message.count == 80 + size else { return }
        peer.put(message)
      }
    }
    let mbox = await onThread { daemon.connect() }
    let intact = Counter()
    await withTaskGroup(of: Void.self) { group in
      for sender in 0..<2 {
        group.addTask {
          await onThread {
            let body = [CChar](repeating: CChar(sender + 1), count: size)
            for i in 0..<count {
              #expect(SP_multicast(mbox, service(FIFO_MESS), "grp", Int16(i), Int32(size), body) == Int32(size))
            }
          }
        }
        group.addTask {
          await onThread {
            for _ in 0..<count {
              let got = receive(mbox, room: Int32(size))
              if got.result == Int32(size), Set(got.body).count == 1, got.groups == ["grp"] {
                intact.increment()
              }
            }
          }
        }
      }
    }
    SP_kill(mbox)
    #expect(intact.value == 2 * count)
  }

  @Test(arguments: [true, false]) func closingWhileAnotherThreadReceives(_ politely: Bool) async {
    // A daemon that never closes: only the library can wake the receiver.
    let daemon = ScriptedDaemon { peer in
      peer.greet()
      peer.untilClosed()
    }
    for _ in 0..<20 {
      let mbox = await onThread { daemon.connect() }
      async let got = onThread { receive(mbox).result }
      async let second = onThread { receive(mbox).result }
      usleep(5000)
      if politely { #expect(SP_disconnect(mbox) == 0) } else { SP_kill(mbox) }
      for result in await [got, second] { #expect([-8, -11].contains(result), "\(result)") }
      #expect(SP_poll(mbox) == -11)
    }
  }

  @Test func manyThreadsManyMailboxes() async {
    let daemon = ScriptedDaemon { peer in
      peer.greet()
      while true {
        let message = peer.take(84)
        guard message.count == 84 else { return }
        peer.put(message)
      }
    }
    let good = Counter()
    await withTaskGroup(of: Void.self) { group in
      for thread in 0..<8 {
        group.addTask {
          await onThread {
            for i in 0..<10 {
              let mbox = daemon.connect("t\(thread)")
              #expect(SP_multicast(mbox, service(FIFO_MESS), "grp", Int16(i), 4, "four") == 4)
              if receive(mbox).messageType == Int16(i) { good.increment() }
              #expect(SP_disconnect(mbox) == 0)
            }
          }
        }
      }
    }
    #expect(good.value == 80)
  }

  /// The program closed the descriptor itself and the kernel gave the number out again: the new session counts.
  @Test func staleDescriptor() throws {
    var ends: [Int32] = [-1, -1]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    try SessionTable.insert(ends[0], GroupName("#old#d"))
    try SessionTable.insert(ends[0], GroupName("#new#d"))
    let peer = Peer(descriptor: ends[1])
    #expect(SP_multicast(ends[0], service(FIFO_MESS), "g", 0, 0, nil) == 0)
    #expect(Array(peer.take(80)[4..<36]) == Daemon.name("#new#d"))
    peer.put(Self.message)
    #expect(receive(ends[0]).result == 5)
    #expect(SP_disconnect(ends[0]) == 0)
    #expect(SP_disconnect(ends[0]) == -11)
    close(ends[1])
  }

  // MARK: errno, signals, unix sockets

  @Test func errnoStays() async {
    let daemon = ScriptedDaemon { peer in peer.greet() }
    await onThread {
      errno = 4711
      #expect(SP_connect("1@127.0.0.1", "a", 0, 0, nil, nil) == -11)
      var mbox: mailbox = -1
      #expect(SP_connect("1@127.0.0.1", "a", 0, 0, &mbox, nil) == -2)
      let open = daemon.connect()
      #expect(receive(open).result == -8)
      while SP_multicast(open, service(FIFO_MESS), "g", 0, 1, "x") != -18 {}
      #expect(SP_poll(777) == -11)
      #expect(SP_disconnect(open) == 0)
      #expect(errno == 4711)
    }
  }

  @Test func fullQueueOfAUnixSocketIsWaitedFor() async {
    let port = 40000 + Int(getpid() % 20000)
    let path = "/tmp/\(port)"
    unlink(path)
    let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8) + [0]) }
    func withAddress(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
      withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
      }
    }
    #expect(withAddress { bind(listener, $0, $1) } == 0)
    #expect(listen(listener, 0) == 0)
    defer {
      close(listener)
      unlink(path)
    }
    // Fill the queue.
    var fillers: [Int32] = []
    while true {
      let filler = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
      fillers.append(filler)
      if withAddress({ connect(filler, $0, $1) }) != 0 { break }
    }
    defer { fillers.forEach { close($0) } }

    let late = await onThread {
      var mbox: mailbox = -1
      let start = Date()
      let result = SP_connect_timeout("\(port)", "a", 0, 0, &mbox, nil, sp_time(sec: 0, usec: 300_000))
      return (result, Date().timeIntervalSince(start))
    }
    #expect(late.0 == -8)
    #expect(late.1 >= 0.25 && late.1 < 2)

    // After half a second somebody accepts.
    Thread.detachNewThread {
      usleep(500_000)
      while true {
        let descriptor = accept(listener, nil, nil)
        guard descriptor >= 0 else { return }
        Thread.detachNewThread {
          let peer = Peer(descriptor: descriptor)
          peer.greet()
          peer.untilClosed()
          close(descriptor)
        }
      }
    }
    let result = await onThread {
      var mbox: mailbox = -1
      let result = SP_connect("\(port)", "a", 0, 0, &mbox, nil)
      SP_kill(mbox)
      return result
    }
    #expect(result == 1)
    shutdown(listener, Int32(SHUT_RDWR))
  }

  // MARK: Bad input

  @Test func nullPointers() async {
    let daemon = ScriptedDaemon { peer in
      peer.greet()
      peer.put(Self.message)
      peer.untilClosed()
    }
    await onThread {
      let m = daemon.connect()
      defer { SP_kill(m) }
      let fifo = service(FIFO_MESS)
      #expect(SP_join(m, nil) == -14)
      #expect(SP_leave(m, nil) == -14)
      #expect(SP_multicast(m, fifo, nil, 0, 1, "x") == -14)
      #expect(SP_multicast(m, fifo, "g", 0, 1, nil) == -13)
      #expect(SP_scat_multicast(m, fifo, "g", 0, nil) == -13)
      #expect(SP_multigroup_multicast(m, fifo, 1, nil, 0, 1, "x") == -14)
      #expect(SP_multigroup_scat_multicast(m, fifo, 0, nil, 0, nil) == -13)
      #expect(SP_receive(m, nil, nil, 0, nil, nil, nil, nil, 0, nil) == -13)
      var (type, count, kind, mismatch) = (service(0), Int32(0), Int16(0), Int32(0))
      var sender = [CChar](repeating: 0, count: 32)
      #expect(SP_receive(m, &type, &sender, 1, &count, nil, &kind, &mismatch, 0, nil) == -13)
      #expect(SP_receive(m, &type, &sender, 0, &count, nil, &kind, &mismatch, 10, nil) == -13)
      #expect(SP_scat_receive(m, &type, &sender, 0, &count, nil, &kind, &mismatch, nil) == -13)
      // Nothing was consumed by any of these.
      #expect(SP_receive(m, &type, &sender, -5, &count, nil, &kind, &mismatch, -7, nil) == -16)
      #expect(count == -1 && mismatch == -5)
      #expect(receive(m).result == 5)
      var info = membership_info()
      #expect(SP_get_memb_info(nil, 0x1100, &info) == -13)
      #expect(SP_get_memb_info("x", 0x1100, nil) == -13)
      #expect(SP_scat_get_memb_info(nil, 0x1100, &info) == -13)
      #expect(SP_get_vs_sets_info(nil, nil, 0, nil) == -13)
      #expect(SP_get_vs_set_members(nil, nil, nil, 0) == -13)
      #expect(SP_scat_get_vs_set_members(nil, nil, nil, 0) == -13)
      #expect(SP_set_auth_method(nil, nil, nil) == 0)
      #expect(SP_set_auth_methods(2, nil, nil, nil) == 0)
      #expect(SP_connect(nil, nil, 0, 0, nil, nil) == -11)
      #expect(SP_version(nil, nil, nil) == 0)
      #expect(SP_strerror(-12345) == SP_strerror(0))
    }
  }

  @Test func lengthsAndCounts() async {
    let daemon = ScriptedDaemon { peer in
      peer.greet()
      peer.untilClosed()
    }
    await onThread {
      let m = daemon.connect()
      defer { SP_kill(m) }
      let fifo = service(FIFO_MESS)
      // A negative length travels and ends the session at the daemon; the call succeeds (row J11).
      #expect(SP_multicast(m, fifo, "g", 0, .min, nil) == 0)
      let big = [CChar](repeating: 0, count: 143_121)
      #expect(SP_multicast(m, fifo, "g", 0, 143_120, big) == 143_120)
      #expect(SP_multicast(m, fifo, "g", 0, 143_121, big) == -17)
      let pieces = UnsafeMutablePointer<scatter>.allocate(capacity: 1)
      defer { pieces.deallocate() }
      pieces.initialize(to: scatter())
      pieces.pointee.num_elements = 101
      #expect(SP_scat_multicast(m, fifo, "g", 0, pieces) == -13)
      pieces.pointee.num_elements = .max
      #expect(SP_scat_multicast(m, fifo, "g", 0, pieces) == -13)
      pieces.pointee.num_elements = 2
      pieces.pointee.elements.0 = scat_element(buf: nil, len: 3)
      #expect(SP_scat_multicast(m, fifo, "g", 0, pieces) == -13)
      var byte: CChar = 0
      withUnsafeMutablePointer(to: &byte) { byte in
        pieces.pointee.elements.0 = scat_element(buf: byte, len: .max)
        pieces.pointee.elements.1 = scat_element(buf: byte, len: .max)
        #expect(SP_scat_multicast(m, fifo, "g", 0, pieces) == -17)
      }
      let names = UnsafeMutableRawPointer.allocate(byteCount: 32 * 400, alignment: 8)
      defer { names.deallocate() }
      names.initializeMemory(as: UInt8.self, repeating: 0, count: 32 * 400)
      func many(_ count: Int32) -> Int32 {
        spiMultigroup(m, fifo, count, names)
      }
      #expect(many(-1) == -13)
      #expect(many(312) == -13)
      #expect(many(.max) == -13)
      #expect(many(311) == 1)
      memset(names, 0x61, 32)
      #expect(many(1) == -14, "an unterminated name")
      #expect(SP_multicast(m, service(FIFO_MESS | REJECT_MESS), "g", 0, 1, "x") == -12)
      #expect(SP_poll(m) == 0)
    }
  }

  private func spiMultigroup(_ m: mailbox, _ type: service, _ count: Int32, _ names: UnsafeMutableRawPointer) -> Int32 {
    let names = UnsafePointer(names.assumingMemoryBound(to: CGroupName.self))
    return SP_multigroup_multicast(m, type, count, names, 0, 1, "x")
  }

  @Test func times() {
    var m: mailbox = -1
    func code(_ sec: Int, _ usec: Int) -> Int32 {
      SP_connect_timeout("1@127.0.0.1", "a", 0, 0, &m, nil, sp_time(sec: sec, usec: usec))
    }
    #expect(code(-1, 5) == -20 && code(1, -5) == -20 && code(0, 1_000_000) == -20 && code(0, .min) == -20)
    #expect(code(.min, 0) == -8 && code(.min, -999_999) == -8)
    #expect(code(.max, 999_999) == -2 && code(0, 0) == -2)
    #expect(SP_connect_timeout("nonsense", "a", 0, 0, &m, nil, sp_time(sec: -1, usec: -1)) == -1)
  }

  @Test func versionsAndTexts() {
    var (a, b, c): (Int32, Int32, Int32) = (0, 0, 0)
    #expect(SP_version(&a, &b, &c) == 1 && a == 5 && b == 0 && c == 1)
    let codes: [Int32] = Array(-9 ... -1) + Array(-20 ... -11)
    #expect(Set(codes.map { String(cString: SP_strerror($0)) }).count == 19)
    for code in [0, 1, -10, -24, .min, .max] as [Int32] { #expect(SP_strerror(code) == SP_strerror(0)) }
  }
}
