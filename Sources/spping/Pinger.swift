// The session: a ping each period, answers to the pings of others, times of the answers to mine.

import CSpread
import Glibc
import ToolSupport

/// The start of a ping's body (tools, "Ping body"); numbers in the byte order of who asked, nobody else reads them.
///
///     0  u32 seq   4  u32 seconds   8  u32 microseconds   12  u8 is_ping   13  char origin[32]   45  3 zero bytes
enum Ping {
  static let size = 48
  static let kind = 12
  static let origin = 13..<45
}

struct Pinger {
  private let options: Options
  private let mailbox: CInt
  private let name: [CChar]
  private var reception = Reception()
  private var out = TextOutput()
  private var body: [UInt8]
  private var sent = 0
  private var times = RoundTrips()

  init(_ options: Options) {
    self.options = options
    StopSignals.watch()
    say("spping: connecting to '\(options.address)'\n")
    (mailbox, name) = connect(options.address, options.user, membership: true)
    body = [UInt8](repeating: 0, count: options.bytes)
    out.put("spping: connected as '")
    out.put(cString: name)
    out.put("'\n")
    out.flush()
  }

  mutating func run() {
    let result = SP_join(mailbox, options.group)
    if result < 0 { fail(result) }
    if options.reflectOnly {
      say("spping: only reflecting pings!\n")
    } else {
      say("PING \(options.group): \(options.bytes) data bytes\n")
    }
    serve()
    times.report(group: options.group, sent: sent, into: &out)
    out.flush()
    _ = SP_disconnect(mailbox)
  }

  /// Until the count is reached or a signal comes. The mailbox is served first.
  private mutating func serve() {
    var due = options.reflectOnly ? nil : microseconds()
    var watched = [
      pollfd(fd: mailbox, events: Int16(POLLIN), revents: 0),
      pollfd(fd: StopSignals.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    while true {
      let wait = due.map { max(0, $0 - microseconds()) }
      let ready = poll(&watched, 2, wait.map { CInt(min(($0 + 999) / 1000, 60_000)) } ?? -1)
      if ready > 0 && watched[1].revents != 0 { return }
      if ready > 0 && watched[0].revents != 0 { receive() }
      if let time = due, time <= microseconds() {
        if sent == options.count { return }
        ping()
        due = time + options.period * 1000
        // After a pause of this program the pings it missed are not made up for.
        if microseconds() > due! { due = microseconds() }
      }
    }
  }

  private mutating func ping() {
    let now = microseconds()
    let words = [
      UInt32(truncatingIfNeeded: sent), UInt32(truncatingIfNeeded: now / 1_000_000), UInt32(now % 1_000_000),
    ]
    words.withUnsafeBytes { body.replaceSubrange(0..<12, with: $0) }
    body[Ping.kind] = 1
    body.replaceSubrange(Ping.origin, with: name.map(UInt8.init(bitPattern:)))
    sent += 1
    let result = body.withUnsafeBytes {
      SP_multicast(
        mailbox, CInt(RELIABLE_MESS) | CInt(SELF_DISCARD), options.group, 0, CInt($0.count),
        $0.assumingMemoryBound(to: CChar.self).baseAddress)
    }
    if result < 0 { fail(result) }
  }

  private mutating func receive() {
    let result = reception.receive(from: mailbox) {}
    if result < 0 { fail(result) }
    // Messages that are no ping: whoever sends to the group may send anything.
    guard reception.isRegular, reception.length >= Ping.size else { return }
    if reception.bytes[Ping.kind] != 0 { reflect() } else { answer() }
  }

  /// The same back to who asked, marked as an answer.
  private func reflect() {
    reception.bytes[Ping.kind] = 0
    let service = reception.service & (CInt(REGULAR_MESS) | CInt(SELF_DISCARD))
    let result = SP_multicast(
      mailbox, service, reception.senderString, 0, CInt(reception.length),
      reception.bytes.assumingMemoryBound(to: CChar.self).baseAddress)
    if result < 0 { fail(result) }
  }

  private mutating func answer() {
    let bytes = reception.bytes
    let mine = bytes[Ping.origin].elementsEqual(name.lazy.map(UInt8.init(bitPattern:)))
    guard mine else { return }
    let words = (0..<3).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self) }
    let time = microseconds() - (Int(words[1]) * 1_000_000 + Int(words[2]))
    times.add(time)
    out.put("\(reception.length) bytes from ")
    out.put(reception.sender)
    out.put(": seq = \(words[0]) time = \(decimal(Double(time) / 1000, digits: 3)) ms\n")
    out.flush()
  }
}

/// Of a clock that does not jump: only this program reads the times it sends.
private func microseconds() -> Int {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return now.tv_sec * 1_000_000 + now.tv_nsec / 1000
}
