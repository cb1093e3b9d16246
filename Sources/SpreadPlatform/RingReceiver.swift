// Reading the ring's sockets (daemon-ring 3.1): whatever the order of arrival, packets queued in the kernel are
// processed before a token, or a daemon would ask for packets it already has. When the core prefers the token
// (accelerated ring, daemon-ring 3.7), it is the other way round until the next token.

import CSpreadSystem
import SpreadCore

/// Who takes what the sockets report.
protocol RingOwner: AnyObject {
  func handle(_ input: Input)
  var prefersToken: Bool { get }
  /// A few packets were all there was, and a token is next: what they brought to clients can go first.
  func calmBeforeToken()
}

final class RingReceiver {
  private enum Budget {
    /// Packets read in one call.
    static let batch: Int32 = 32
    /// Packets before everything else gets a turn.
    static let packetsPerTurn = 512
    /// Not more: the ring is not in a hurry.
    static let calm = 2
    /// A packet has at most 1472 bytes; larger datagrams are no packets.
    static let packetSize: Int32 = 1536
    static let tokenSize: Int32 = 65_536
  }

  private let sockets: RingSockets
  private let packets = net_batch_create(Budget.batch, Budget.packetSize)!
  private let tokens = net_batch_create(1, Budget.tokenSize)!

  init(_ sockets: RingSockets) {
    self.sockets = sockets
  }

  deinit {
    net_batch_destroy(packets)
    net_batch_destroy(tokens)
  }

  /// One turn. A token is read only when no packet is left.
  func turn<Owner: RingOwner>(_ ready: Sources, for owner: Owner) {
    var tokenIsReady = ready.contains(.tokens)
    if owner.prefersToken, tokenIsReady {
      readToken(for: owner)
      tokenIsReady = false
    }
    if ready.contains(.packets) {
      let count = readPackets(for: owner)
      // There may be more.
      if count >= Budget.packetsPerTurn { return }
      if tokenIsReady, 1...Budget.calm ~= count { owner.calmBeforeToken() }
    }
    if tokenIsReady { readToken(for: owner) }
  }

  /// Reads what is there, `packetsPerTurn` or a batch more; answers how many that was.
  private func readPackets<Owner: RingOwner>(for owner: Owner) -> Int {
    var total = 0
    while total < Budget.packetsPerTurn {
      var more = false
      for socket in sockets.packets {
        let count = net_batch_receive(packets, socket)
        guard count > 0 else { continue }
        feed(count, for: owner)
        total += Int(count)
        more = more || count == Budget.batch
      }
      guard more else { break }
    }
    return total
  }

  private func feed<Owner: RingOwner>(_ count: Int32, for owner: Owner) {
    var lookedForToken = false
    for i in 0..<count {
      if let (bytes, source) = Self.datagram(packets, i) { owner.handle(.packet(bytes, from: source)) }
      // The token that goes before the rest of the batch is most likely in its queue already.
      if !owner.prefersToken {
        lookedForToken = false
      } else if !lookedForToken || i == count - 1 {
        lookedForToken = true
        readToken(for: owner)
      }
    }
  }

  private func readToken<Owner: RingOwner>(for owner: Owner) {
    for socket in sockets.tokens where net_batch_receive(tokens, socket) > 0 {
      if let (bytes, source) = Self.datagram(tokens, 0) { owner.handle(.token(bytes, from: source)) }
    }
  }

  private static func datagram(_ batch: OpaquePointer, _ index: Int32)
    -> (UnsafeRawBufferPointer, NetworkAddress)?
  {
    var length = 0
    var source = sys_address()
    let bytes = net_batch_datagram(batch, index, &length, &source)
    guard length > 0 else { return nil }
    return (UnsafeRawBufferPointer(start: bytes, count: length), NetworkAddress(source))
  }
}
