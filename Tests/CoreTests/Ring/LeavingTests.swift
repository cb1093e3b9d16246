// Leaving in order (Leaving.swift), in a ring of two; with more daemons and losses: the simulator.

import SpreadWire
import Testing

@testable import SpreadCore

@Suite struct LeavingTests {
  /// What was sent before it reaches the other, and the other is in a ring of its own at once.
  @Test(arguments: [0, 1])
  func theOtherHasEverythingAndGoesOn(_ leaver: Int) {
    let pair = RingPair.atRest()
    for k: UInt8 in 1...30 { pair.send(leaver, pair.frame(leaver, .safe, [UInt8](repeating: k, count: 3000))) }
    pair.step(leaver, .stop)
    #expect(pair.departures[leaver] == nil)
    pair.run(seconds: 0.05)
    #expect(pair.departures[leaver] == .complete)
    let other = 1 - leaver
    #expect(pair.received[other].count > 30 * 3000)
    #expect(Array(pair.daemons[other].membership.installed) == [other])
    #expect(pair.daemons[other].membershipState == 1)
    #expect(pair.closed[leaver] == 1)
  }

  /// Without an answer of the leader, and without a ring, it ends all the same.
  @Test func itEndsInBoundedTime() {
    let pair = RingPair.atRest()
    pair.tokensLost = .max
    pair.send(1, pair.frame(1, .safe, [1]))
    pair.step(1, .stop)
    pair.run(seconds: 0.6)
    #expect(pair.departures[1] == nil)
    pair.run(seconds: 0.4)
    #expect(pair.departures[1] == .incomplete)
  }

  @Test func aDaemonWithoutARingGoesAtOnce() {
    let pair = RingPair()
    pair.step(0, .stop)
    #expect(pair.departures[0] == .complete)
  }
}
