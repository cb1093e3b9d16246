// ring-bench: three daemons of one segment in one process, without network or clock between them. Says how long the
// core needs per packet and how often it takes memory from the heap in the steady state.
//
//   ring-bench [--packets N] [--bytes N] [--check]
//
// --check: exit status 1 unless the steady state takes nothing from the heap.

import CAllocationCount
import Glibc
import SpreadCore
import SpreadWire

/// Daemons joined by a network that loses nothing and delivers in order, packets before tokens.
final class Bench {
  private struct Datagram {
    var receiver: Int
    var sender: Int
    var offset: Int
    var length: Int
  }

  private var daemons: [Daemon] = []
  private var deadlines: [[UInt64]] = []
  private var outbox = Outbox()
  private let addresses: [NetworkAddress]
  // Two queues over one piece of memory, emptied together: nothing is allocated once they have grown.
  private var packets: [Datagram] = []
  private var tokens: [Datagram] = []
  private var packetsTaken = 0
  private var tokensTaken = 0
  private let memory = UnsafeMutableRawPointer.allocate(byteCount: 64 << 20, alignment: 64)
  private var used = 0
  private var now = Instant(nanoseconds: 1_000_000_000, wallSeconds: 1_700_000_000)
  private(set) var packetsReceived = 0
  private(set) var deliveries = 0

  init(count: Int) {
    addresses = (1...count).map { .v4(0x0a00_0000 + UInt32($0)) }
    let entries = addresses.enumerated().map { i, address in
      ConfiguredDaemon(
        name: Array("d\(i)".utf8).withUnsafeBytes { GroupName($0) }, id: ProcessID(UInt32(i) + 1), address: address)
    }
    let configuration = Configuration(segments: [Segment(port: 4803, addresses: [.v4(0xe100_0001)], daemons: entries)])
    for i in 0..<count {
      daemons.append(Daemon(configuration: configuration, me: i, seed: UInt64(i)))
      deadlines.append(Array(repeating: .max, count: TimerID.allCases.count))
    }
    for i in 0..<count { step(i, .start) }
  }

  func step(_ i: Int, _ input: Input) {
    daemons[i].handle(input, at: now, into: &outbox)
    for action in outbox.timers { deadlines[i][Int(action.timer.rawValue)] = action.deadline ?? .max }
    for action in outbox.sessions { if case .write = action { deliveries += 1 } }
    for datagram in outbox.datagrams {
      let bytes = outbox.bytes(of: datagram)
      (memory + used).copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
      switch datagram.destination {
      case .daemon(let receiver): queue(datagram.kind, i, receiver, bytes.count)
      case .monitor: break
      case .segment: for receiver in daemons.indices where receiver != i { queue(datagram.kind, i, receiver, bytes.count) }
      }
      used += bytes.count
    }
    outbox.reset()
  }

  private func queue(_ kind: SpreadCore.Datagram.Kind, _ sender: Int, _ receiver: Int, _ length: Int) {
    let entry = Datagram(receiver: receiver, sender: sender, offset: used, length: length)
    if kind == .packet { packets.append(entry) } else { tokens.append(entry) }
  }

  /// Delivers one datagram; false when none is under way.
  func deliverOne() -> Bool {
    let isPacket = packetsTaken < packets.count
    guard isPacket || tokensTaken < tokens.count else {
      packets.removeAll(keepingCapacity: true)
      tokens.removeAll(keepingCapacity: true)
      (packetsTaken, tokensTaken, used) = (0, 0, 0)
      return false
    }
    let next = isPacket ? packets[packetsTaken] : tokens[tokensTaken]
    if isPacket { packetsTaken += 1 } else { tokensTaken += 1 }
    if isPacket { packetsReceived += 1 }
    let bytes = UnsafeRawBufferPointer(start: memory + next.offset, count: next.length)
    step(next.receiver, isPacket ? .packet(bytes, from: addresses[next.sender]) : .token(bytes, from: addresses[next.sender]))
    return true
  }

  /// Lets everything under way arrive, at most `limit` datagrams.
  func settle(limit: Int = .max) {
    var left = limit
    while left > 0, deliverOne() { left -= 1 }
  }

  /// Each daemon's client sends, everything arrives, until so many packets were received.
  func run(_ wanted: Int, _ messages: [[UInt8]]) {
    let end = packetsReceived + wanted
    while packetsReceived < end {
      for i in daemons.indices {
        for _ in 0..<8 { messages[i].withUnsafeBytes { step(i, .sessionBytes(SessionID(0), $0)) } }
      }
      settle(limit: 50_000)
    }
  }

  /// Moves the clock to the next timer.
  func nextTimer() {
    var best = (daemon: 0, timer: 0)
    for i in deadlines.indices {
      for t in deadlines[i].indices where deadlines[i][t] < deadlines[best.daemon][best.timer] { best = (i, t) }
    }
    let due = deadlines[best.daemon][best.timer]
    now.nanoseconds = max(now.nanoseconds, due)
    deadlines[best.daemon][best.timer] = .max
    step(best.daemon, .timer(TimerID(rawValue: UInt8(best.timer))!))
  }
}

func frame(_ type: ServiceType, _ bytes: Int, from daemon: Int) -> [UInt8] {
  let name = Array("#u#d\(daemon)".utf8).withUnsafeBytes { GroupName($0) }
  var frame = [UInt8](repeating: 0, count: MessageHeader.size + GroupName.size + bytes)
  frame.withUnsafeMutableBytes {
    MessageHeader(
      type: type, name: name, groupCount: 1, hint: MessageHint(messageType: 0, order: .native),
      dataLength: Int32(bytes)
    ).store(at: $0.baseAddress!)
    GroupName("g").store(at: $0.baseAddress! + MessageHeader.size)
  }
  return frame
}

func monotonic() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

var wanted = 200_000
var size = 1000
var checks = false
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
  switch argument {
  case "--packets": wanted = arguments.popFirst().flatMap { Int($0) } ?? wanted
  case "--bytes": size = min(arguments.popFirst().flatMap { Int($0) } ?? size, 100_000)
  case "--check": checks = true
  default:
    print("usage: ring-bench [--packets N] [--bytes N] [--check]")
    exit(argument == "--help" ? 0 : 2)
  }
}

let bench = Bench(count: 3)
for _ in 0..<40 {
  bench.nextTimer()
  bench.settle(limit: 10_000)
}
let choice = Array("NULL".utf8) + [UInt8](repeating: 0, count: 86)
for i in 0..<3 {
  bench.step(i, .sessionOpened(SessionID(0), .unixSocket))
  let hello: [UInt8] = [5, 0, 1, 0, 1, UInt8(ascii: "u")] + choice + frame(.join, 0, from: i)
  hello.withUnsafeBytes { bench.step(i, .sessionBytes(SessionID(0), $0)) }
}
let messages = (0..<3).map { frame(.agreed, size, from: $0) }

bench.run(wanted / 10, messages)
let (packetsBefore, deliveriesBefore, allocationsBefore) = (
  bench.packetsReceived, bench.deliveries, allocation_count()
)
let begin = monotonic()
bench.run(wanted, messages)
let seconds = monotonic() - begin
let packets = bench.packetsReceived - packetsBefore
let deliveries = bench.deliveries - deliveriesBefore
let allocations = allocation_count() - allocationsBefore
print("3 daemons, messages of \(size) bytes: \(packets) packets received, \(deliveries) messages delivered")
print("\(Int(seconds * 1e9 / Double(max(packets, 1)))) ns per packet received, all daemons and the copying network included")
print("\(allocations) heap allocations in the steady state")
if deliveries == 0 {
  print("nothing was delivered: the ring does not work")
  exit(1)
}
exit(checks && allocations > 0 ? 1 : 0)
