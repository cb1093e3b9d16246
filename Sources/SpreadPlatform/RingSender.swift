// Sending what the core wants sent (daemon-ring 1.3). The order is kept for each destination, and no packet changes
// sides with a token. Runs of equal packets to one destination leave in one call (UDP_SEGMENT: a sixth of the cost),
// where the system takes them.
//
// A datagram that cannot be sent is lost, as it might be on the way: the protocol asks for it again.

import CSpreadSystem
import SpreadCore

final class RingSender {
  private enum Run {
    /// The kernel's limit of datagrams in one call.
    static let datagrams = 64
    /// What one UDP datagram over IPv4 may carry.
    static let bytes = 65_507
  }

  private let sockets: RingSockets
  private let daemonsPackets: [sys_address]
  private let daemonsTokens: [sys_address]
  private let segment: [sys_address]
  private let pieces: UnsafeMutablePointer<iovec> = .allocate(capacity: Run.datagrams)
  /// Of the section being sent.
  private var destinations: [Destination] = []
  private var runsWork = true

  /// Datagrams lost since they were last told, and why the last one was.
  private(set) var lost = 0
  private(set) var reason: Int32 = 0

  init(_ sockets: RingSockets) {
    self.sockets = sockets
    daemonsPackets = sockets.addresses.daemons.map { sys_address($0.address, port: $0.port) }
    daemonsTokens = sockets.addresses.daemons.map { sys_address($0.address, port: $0.port + 1) }
    segment = sockets.segment.map { sys_address($0, port: sockets.addresses.own.port) }
  }

  deinit { pieces.deallocate() }

  func send(_ outbox: borrowing Outbox) {
    let datagrams = outbox.datagrams
    var at = 0
    while at < datagrams.count {
      var end = at + 1
      if datagrams[at].kind == .packet {
        while end < datagrams.count, datagrams[end].kind == .packet { end += 1 }
      }
      if end - at == 1 {
        take(outbox.bytes(of: datagrams[at]), 0)
        flush(1, datagrams[at].length, to: datagrams[at])
      } else {
        sendSection(datagrams[at..<end], outbox)
      }
      at = end
    }
  }

  /// The lost datagrams have been told.
  func clearLost() { lost = 0 }

  // MARK: Packets

  /// Packets between two tokens: for each destination in order.
  private func sendSection(_ section: ArraySlice<Datagram>, _ outbox: borrowing Outbox) {
    destinations.removeAll(keepingCapacity: true)
    for first in section where !destinations.contains(first.destination) {
      destinations.append(first.destination)
      var count = 0
      var size = 0
      var bytes = 0
      for each in section where each.destination == first.destination {
        // A shorter one may end a run.
        let ends = count > 0 && each.length < size
        let fits = count == 0 || count < Run.datagrams && each.length <= size && bytes + each.length <= Run.bytes
        if !fits {
          flush(count, size, to: first)
          (count, bytes) = (0, 0)
        }
        if count == 0 { size = each.length }
        take(outbox.bytes(of: each), count)
        count += 1
        bytes += each.length
        if ends, fits {
          flush(count, size, to: first)
          (count, bytes) = (0, 0)
        }
      }
      if count > 0 { flush(count, size, to: first) }
    }
  }

  private func take(_ bytes: UnsafeRawBufferPointer, _ index: Int) {
    pieces[index] = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
  }

  // MARK: System calls

  /// Sends the first `count` pieces, all of `size` bytes but the last.
  private func flush(_ count: Int, _ size: Int, to datagram: Datagram) {
    switch (datagram.destination, datagram.kind) {
    case (.segment, _):
      for address in segment { send(count, size, to: address) }
    case (.daemon(let position), .packet): send(count, size, to: daemonsPackets[position])
    case (.daemon(let position), .token): send(count, size, to: daemonsTokens[position])
    case (.monitor(let address, let port), _):
      var to = sys_address(address, port: port)
      // A monitor that has gone is no loss.
      for i in 0..<count { _ = net_send(sockets.status, &to, pieces + i, 1, 0) }
    }
  }

  private func send(_ count: Int, _ size: Int, to address: sys_address) {
    var address = address
    guard count > 1, runsWork else { return sendEach(count, to: address) }
    let result = net_send(sockets.sending, &address, pieces, Int32(count), Int32(size))
    if result >= 0 { return }
    let code = Int32(-result)
    // The last one, or the first in older kernels, also where a full packet is larger than the network's frames: IPv6,
    // or a tunnel. One by one they are sent in fragments.
    guard code == sys_einval || code == sys_eio || code == sys_emsgsize else { return lose(count, code) }
    let lostBefore = lost
    sendEach(count, to: address)
    // Single datagrams pass, so it was the run that the system did not take.
    if lost == lostBefore { runsWork = false }
  }

  private func sendEach(_ count: Int, to address: sys_address) {
    var address = address
    for i in 0..<count {
      let result = net_send(sockets.sending, &address, pieces + i, 1, 0)
      if result < 0 { lose(1, Int32(-result)) }
    }
  }

  private func lose(_ count: Int, _ code: Int32) {
    lost += count
    reason = code
  }
}
