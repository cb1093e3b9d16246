// The accelerated ring (daemon-ring 3.7): what leaves before the token and what behind it.

import SpreadWire
import Testing

@testable import SpreadCore

@Suite struct AcceleratedTests {
  /// A daemon may send 20 packets, and one has 50.
  @Test(arguments: [
    (nil, [20, 20, 10], [0, 0, 0]), (15, [5, 5, 0], [15, 15, 10]), (20, [0, 0, 0], [20, 20, 10]),
    (0, [20, 20, 10], [0, 0, 0]),
  ])
  func theLastPacketsGoBehindTheToken(_ window: Int?, _ before: [Int], _ behind: [Int]) {
    let pair = RingPair.atRest(clients: [0]) {
      $0.acceleratedRing = window != nil
      $0.acceleratedWindow = window ?? 15
      $0.personalWindow = 20
    }
    // The token waits on its way while the messages pile up.
    pair.keepsTokens = true
    pair.send(0, pair.frame(0, .agreed, [0]))
    pair.run(seconds: 0.001)
    for k in 1...50 { pair.send(0, pair.frame(0, .agreed, [UInt8](repeating: UInt8(k), count: 1200))) }
    pair.visits = []
    pair.keepsTokens = false
    pair.run(seconds: 0.1)
    let sending = pair.visits.filter { $0 != (0, 0) }
    #expect(sending.map(\.before) == before)
    #expect(sending.map(\.behind) == behind)
    #expect(pair.received[0].last == 50)
  }
}
