// The smallest real ring: it forms, orders and puts messages together, and takes no token that is not its own.

import SpreadWire
import Testing

@testable import SpreadCore

@Suite struct RingPairTests {
  @Test func twoDaemonsFormOneRing() {
    let pair = RingPair()
    pair.run(seconds: 5)
    for daemon in pair.daemons {
      #expect(daemon.membershipState == 1)
      #expect(Array(daemon.membership.installed) == [0, 1])
    }
    #expect(pair.daemons[0].ring.installedID == pair.daemons[1].ring.installedID)
  }

  /// A leader that is restarted within the second, or with a clock set back, and could write nothing down, learns from
  /// the others which id is taken.
  @Test(arguments: [0, -5000])
  func aForgetfulLeaderTakesNoIdTwice(_ clock: Int32) {
    let pair = RingPair()
    pair.run(seconds: 5)
    let first = pair.daemons[1].ring.installedID
    pair.now.wallSeconds += clock
    pair.restart(0)
    pair.run(seconds: 15)
    let second = pair.daemons[1].ring.installedID
    #expect(pair.daemons.map { $0.ring.installedID } == [second, second])
    #expect(second.process == first.process)
    #expect(second.time > first.time)
  }

  @Test func bothSeeOneOrder() {
    let pair = RingPair.atRest()
    for k in 0..<50 {
      let services: [ServiceType] = [.fifo, .agreed, .safe]
      pair.send(k % 2, pair.frame(k % 2, services[k % 3], [UInt8](repeating: UInt8(k), count: 1 + k * 97)))
    }
    pair.run(seconds: 1)
    #expect(pair.received[0].count > 50 * 80)
    #expect(pair.received[0] == pair.received[1])
  }

  /// Messages of several pieces: the sender's own daemon hands up the message itself, the other what it puts together.
  @Test func bothPutLongMessagesTogether() {
    let pair = RingPair.atRest()
    let services: [ServiceType] = [.reliable, .agreed, .safe]
    var bytes = 0
    for k in 0..<40 {
      let size = [10, 1_500, 60_000, 100_000, 3_000][k % 5]
      bytes += size
      let data = (0..<size).map { UInt8(truncatingIfNeeded: $0 / 7 + k) }
      pair.send(k % 2, pair.frame(k % 2, services[k % 3], data))
    }
    pair.run(seconds: 1)
    #expect(pair.received[0].count > bytes)
    #expect(pair.received[0].count == pair.received[1].count)
    for daemon in pair.daemons {
      #expect(daemon.ring.sentInPieces.isEmpty)
      #expect(daemon.ring.counters.brokenMessages == 0)
      #expect(daemon.ring.counters.messagesDelivered >= 40)
    }
    // RELIABLE ones may come in another order at each.
    #expect(pair.received[0].sorted() == pair.received[1].sorted())
  }

  /// The round counter has four bits: a copy that comes sixteen rounds late carries the right one again.
  @Test func aTokenSixteenRoundsLateIsNotTakenForANewOne() {
    let pair = RingPair.atRest(clients: [0])
    pair.tokensToSecond = []
    for k in 0..<40 {
      pair.send(0, pair.frame(0, .agreed, [UInt8(k)]))
      pair.settle()
    }
    let second = pair.daemons[1].ring
    let late = pair.tokensToSecond.first { bytes in
      bytes.withUnsafeBytes {
        guard let token = try? TokenHeader($0) else { return false }
        return token.type.round == (second.lastToken.type.round + 1) & 15 && token.sequence < second.lastToken.sequence
      }
    }
    guard let late else {
      Issue.record("no old token of the right round among \(pair.tokensToSecond.count)")
      return
    }
    #expect(pair.token(late, to: 1) == 0)
    pair.send(0, pair.frame(0, .safe, [77]))
    pair.run(seconds: 1)
    #expect(pair.daemons[1].membershipState == 1)
    #expect(pair.received[0].last == 77)
  }

  /// The membership id of a token must be that of the ring (daemon-ring 3.2).
  @Test func aTokenOfAnotherRingIsSwallowed() {
    let pair = RingPair.atRest(clients: [])
    guard var foreign = pair.tokensToSecond.last else {
      Issue.record("no token")
      return
    }
    foreign[16] ^= 1
    #expect(pair.token(foreign, to: 1) == 0)
    #expect(pair.daemons[1].membershipState == 1)
  }

  /// A damaged token can make the others say that everybody has what is missing here. The daemon must not go on to say
  /// so itself, or no ring would ever take it in again.
  @Test func anAruAboveWhatIsHereIsNotRepeated() {
    let second = RingPair.atRest().daemons[1]
    var (ring, wire, out) = (second.ring, second.wire, Outbox())
    ring.stop(into: &out)
    let report = ring.report()
    let recovery = Recovery(
      lastSequence: report.highest + 2, commit: [1], transitional: DaemonSet([1]), transitionalID: report.id,
      future: DaemonSet([1]),
      futureID: MembershipID(second.me.id, report.id.time + 1))
    func begins(_ old: OldRing) -> Bool {
      ring.canRecover(old)
        && ring.beginRecovery(
          recovery, old, isLast: true, &wire, at: Instant(nanoseconds: 0, wallSeconds: 0), into: &out)
    }
    #expect(!begins(OldRing(aru: report.highest + 1, highest: report.highest + 2, holes: [])))
    let own = ring.report()
    #expect(own.aru == report.aru)
    #expect(own.missing == [report.highest + 1, report.highest + 2])
    #expect(begins(OldRing(aru: own.aru, highest: own.highest, holes: own.missing)))
  }
}
