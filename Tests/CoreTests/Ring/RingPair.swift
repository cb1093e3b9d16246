// Two daemons joined by a perfect network: the smallest real ring. What needs faults is the simulator's.

import SpreadWire

@testable import SpreadCore

/// Delivers in order, packets before tokens; the clock moves from timer to timer.
final class RingPair {
  var daemons: [Daemon] = []
  var now = Instant(nanoseconds: 1_000_000_000, wallSeconds: 1_700_000_000)
  /// Every token that was sent to the second daemon, oldest first.
  var tokensToSecond: [[UInt8]] = []
  var tokensToFirst: [[UInt8]] = []
  var received: [[UInt8]] = [[], []]
  /// Data packets to the second daemon, oldest first.
  var dataToSecond: [[UInt8]] = []
  /// Of every visit of the token at the first daemon: data packets sent before the token, and behind it.
  var visits: [(before: Int, behind: Int)] = []
  var dropped: [DropReport] = []
  var departures: [Departure?] = [nil, nil]
  /// Sessions closed.
  var closed = [0, 0]
  private var deadlines: [[TimerID: UInt64]] = [[:], [:]]
  private var packets: [(to: Int, from: Int, bytes: [UInt8])] = []
  private var tokens: [(to: Int, from: Int, bytes: [UInt8])] = []
  private var out = Outbox()
  let addresses: [NetworkAddress] = [.v4(0x0a00_0001), .v4(0x0a00_0002)]

  /// The next tokens and HURRY packets that get lost.
  var tokensLost = 0
  var hurriesLost = 0
  /// Tokens are late: they stay under way until this is false again.
  var keepsTokens = false
  /// From the next data packet of the first daemon on.
  var keepsTokensBehindData = false

  init(_ change: (inout Configuration) -> Void = { _ in }) {
    let entries = [
      ConfiguredDaemon(name: GroupName("d1"), id: ProcessID(0x5c8d_7aef), address: addresses[0]),
      ConfiguredDaemon(name: GroupName("d2"), id: ProcessID(0x14c5_65a0), address: addresses[1]),
    ]
    var configuration = Configuration(segments: [Segment(port: 4803, addresses: [.v4(0xe100_0001)], daemons: entries)])
    change(&configuration)
    daemons = [0, 1].map { Daemon(configuration: configuration, me: $0, seed: UInt64($0)) }
    for i in 0...1 { step(i, .start) }
  }

  /// A ring that has formed and is at rest, with a client at each of these daemons; what they got so far is forgotten.
  static func atRest(clients: [Int] = [0, 1], _ change: (inout Configuration) -> Void = { _ in }) -> RingPair {
    let pair = RingPair(change)
    pair.run(seconds: 5)
    for i in clients { pair.connect(i) }
    pair.run(seconds: 2)
    pair.received = [[], []]
    return pair
  }

  /// Answers the number of datagrams that followed.
  @discardableResult func step(_ i: Int, _ input: Input) -> Int {
    out.reset()
    out.departure = nil
    guard departures[i] == nil else { return 0 }
    daemons[i].handle(input, at: now, into: &out)
    departures[i] = out.departure
    for timer in out.timers { deadlines[i][timer.timer] = timer.deadline }
    for action in out.sessions {
      switch action {
      case .write(_, let message): received[i] += Array(message.bytes)
      case .close: closed[i] += 1
      }
    }
    for event in out.log { if case .dropped(let report) = event { dropped.append(report) } }
    let isData = out.datagrams.map { $0.kind == .packet && out.bytes(of: $0)[0] & 0x1f != 0 }
    if i == 0, let token = out.datagrams.firstIndex(where: { $0.kind == .token }) {
      visits.append((isData[..<token].count { $0 }, isData[token...].count { $0 }))
    }
    for datagram in out.datagrams {
      let entry = (to: 1 - i, from: i, bytes: Array(out.bytes(of: datagram)))
      if datagram.kind == .token, i == 0 { tokensToSecond.append(entry.bytes) }
      if datagram.kind == .token, i == 1 { tokensToFirst.append(entry.bytes) }
      if datagram.kind == .packet, i == 0, entry.bytes[0] & 0x1f != 0 {
        dataToSecond.append(entry.bytes)
        keepsTokens = keepsTokens || keepsTokensBehindData
      }
      if datagram.kind == .token, tokensLost > 0 {
        tokensLost -= 1
      } else if datagram.kind == .packet, hurriesLost > 0, entry.bytes[0] & 0x40 != 0 {
        hurriesLost -= 1
      } else if datagram.kind == .packet {
        packets.append(entry)
      } else {
        tokens.append(entry)
      }
    }
    return out.datagrams.count
  }

  /// The daemon dies and is started again, and has nothing written down.
  func restart(_ i: Int) {
    daemons[i] = Daemon(configuration: daemons[i].configuration, me: i, seed: UInt64(i))
    deadlines[i] = [:]
    step(i, .start)
  }

  @discardableResult func token(_ bytes: [UInt8], to i: Int) -> Int {
    bytes.withUnsafeBytes { step(i, .token($0, from: addresses[1 - i])) }
  }

  /// Lets everything under way arrive.
  func settle() {
    for _ in 0..<100_000 {
      if !packets.isEmpty {
        let next = packets.removeFirst()
        next.bytes.withUnsafeBytes { _ = step(next.to, .packet($0, from: addresses[next.from])) }
      } else if !tokens.isEmpty, !keepsTokens {
        let next = tokens.removeFirst()
        token(next.bytes, to: next.to)
      } else {
        return
      }
    }
  }

  func run(seconds: Double) {
    let end = now.nanoseconds + UInt64(seconds * 1e9)
    settle()
    while let (i, timer, due) = nextTimer(), due <= end {
      now.nanoseconds = max(now.nanoseconds, due)
      deadlines[i][timer] = nil
      step(i, .timer(timer))
      settle()
    }
    now.nanoseconds = end
  }

  private func nextTimer() -> (Int, TimerID, UInt64)? {
    var best: (Int, TimerID, UInt64)?
    for i in 0...1 {
      for timer in TimerID.allCases {
        if let due = deadlines[i][timer], due < best?.2 ?? .max { best = (i, timer, due) }
      }
    }
    return best
  }

  /// A client `u` at daemon `i`, in group g.
  func connect(_ i: Int) {
    step(i, .sessionOpened(SessionID(0), .unixSocket))
    send(i, [5, 0, 1, 1, 1, UInt8(ascii: "u")] + Array("NULL".utf8) + [UInt8](repeating: 0, count: 86))
    send(i, frame(i, .join, []))
    received[i] = []
  }

  func send(_ i: Int, _ bytes: [UInt8]) { bytes.withUnsafeBytes { _ = step(i, .sessionBytes(SessionID(0), $0)) } }

  func frame(_ i: Int, _ type: ServiceType, _ data: [UInt8]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: MessageHeader.size)
    bytes.withUnsafeMutableBytes {
      MessageHeader(
        type: type, name: PrivateName(user: GroupName("u"), daemon: daemons[i].me.name).groupName, groupCount: 1,
        hint: MessageHint(messageType: 0, order: .native), dataLength: Int32(data.count)
      ).store(at: $0.baseAddress!)
    }
    return bytes + GroupName("g").field + data
  }
}
