// The sockets between daemons (daemon-ring 1.1 and 1.3): packets come to the port of the segment, tokens to the next
// one, and everything leaves from the daemon's configured address, because the others compare it.
//
//   no interface block   one packet socket and one token socket on the unspecified address
//   interface block      one of each per `D` interface, and one packet socket per segment address, since a socket bound
//                        to a unicast address gets no multicast

import CSpreadSystem
import SpreadCore

/// Where the datagrams of one daemon come from and go to. Also the only daemon of its configuration has sockets:
/// monitors ask it.
public struct RingAddresses: Equatable, Sendable {
  struct Endpoint: Equatable, Sendable {
    var address: NetworkAddress
    var port: UInt16
  }

  var own: Endpoint
  /// Of the own segment.
  var segment: [NetworkAddress] = []
  /// Nothing is sent to a segment of one daemon.
  var sharesSegment = false
  var interfaces: [Interface] = []
  /// All daemons, in configuration order.
  var daemons: [Endpoint] = []
  var ignoresJoinErrors = false

  /// - Parameter own: index into `configuration.daemons`.
  public init(_ configuration: Configuration, own: Int) {
    self.own = Endpoint(address: configuration.daemons[own].address, port: 0)
    ignoresJoinErrors = configuration.ignoreMulticastJoinErrors
    for part in configuration.segments {
      let first = daemons.count
      daemons += part.daemons.map { Endpoint(address: $0.address, port: part.port) }
      guard (first..<daemons.count).contains(own) else { continue }
      self.own.port = part.port
      segment = part.addresses
      sharesSegment = part.daemons.count > 1
      interfaces = part.daemons[own - first].interfaces
    }
  }
}

public final class RingSockets {
  /// Room for bursts: the system's usual 200 KiB hold about 90 full packets, half a window.
  private static let receiveBuffer: Int32 = 4 << 20
  private static let sendBuffer: Int32 = 1 << 20

  private(set) var packets: [Int32] = []
  private(set) var tokens: [Int32] = []
  private(set) var sending: Int32 = -1
  /// Answers to monitors leave here.
  private(set) var status: Int32 = -1
  /// The segment addresses that are in use.
  private(set) var segment: [NetworkAddress]
  private(set) var addresses: RingAddresses
  /// Multicast groups that could not be joined and are done without (IgnoreMulticastJoinErrors).
  public private(set) var notJoined: [SystemError] = []

  /// Opens everything; ports below 1024 need root, so before that is given up.
  public init(_ addresses: RingAddresses) throws(SystemError) {
    self.addresses = addresses
    segment = addresses.sharesSegment ? addresses.segment : []
    do throws(SystemError) {
      try openReceiving()
      try openSending()
    } catch {
      close()
      throw error
    }
  }

  deinit { close() }

  func close() {
    for descriptor in packets + tokens + [sending, status] where descriptor >= 0 { sys_close(descriptor) }
    packets = []
    tokens = []
    sending = -1
    status = -1
  }

  /// Goes on with these sockets for other addresses of other daemons; false when other sockets are needed.
  func serve(_ new: RingAddresses) -> Bool {
    var same = new
    same.daemons = addresses.daemons
    guard same == addresses else { return false }
    addresses = new
    return true
  }

  // MARK: Opening

  private func openReceiving() throws(SystemError) {
    let port = addresses.own.port
    if addresses.interfaces.contains(where: { $0.roles.contains(.any) }) {
      let any = addresses.own.address.unspecified
      try joinAll(on: openPackets(any, shared: false), segment)
      tokens.append(try open(any, port + 1, shared: false))
      return
    }
    var uncovered = segment
    for interface in addresses.interfaces where interface.roles.contains(.daemon) {
      let address = interface.address
      let isSegment = address.isMulticast || segment.contains(address)
      let socket = try openPackets(address, shared: isSegment)
      if address.isUnspecified {
        try joinAll(on: socket, uncovered)
        uncovered = []
      } else if isSegment {
        try joinAll(on: socket, [address])
        uncovered.removeAll { $0 == address }
      }
      if !address.isMulticast { tokens.append(try open(address, port + 1, shared: false)) }
    }
    for address in uncovered { try joinAll(on: openPackets(address, shared: true), [address]) }
  }

  private func openPackets(_ address: NetworkAddress, shared: Bool) throws(SystemError) -> Int32 {
    let socket = try open(address, addresses.own.port, shared: shared)
    packets.append(socket)
    return socket
  }

  private func openSending() throws(SystemError) {
    let own = addresses.own.address
    sending = try open(own, 0, shared: false)
    status = try open(own, 0, shared: false)
    _ = net_set_send_buffer(sending, Self.sendBuffer)
    var interface = sys_address(own, port: 0)
    guard segment.contains(where: \.isMulticast) else { return }
    _ = try check(
      net_send_multicast_on(sending, &interface), "cannot send multicast on the interface of \(own.text)")
  }

  private func open(_ address: NetworkAddress, _ port: UInt16, shared: Bool) throws(SystemError) -> Int32 {
    var name = sys_address(address, port: port)
    let socket = try check(
      net_udp_socket(&name, shared ? 1 : 0), "cannot open UDP \(address.endpoint(port: port)) for the ring")
    _ = net_set_receive_buffer(socket, Self.receiveBuffer)
    return socket
  }

  /// Joins the multicast ones among `groups`.
  private func joinAll(on socket: Int32, _ groups: [NetworkAddress]) throws(SystemError) {
    var interface = sys_address(addresses.own.address, port: 0)
    for group in groups where group.isMulticast {
      var name = sys_address(group, port: 0)
      let result = net_join(socket, &name, &interface)
      guard result < 0 else { continue }
      let error = SystemError(
        "cannot join the multicast address \(group.text) on the interface of \(addresses.own.address.text)",
        code: -result)
      segment.removeAll { $0 == group }
      guard addresses.ignoresJoinErrors, !segment.isEmpty else { throw error }
      notJoined.append(error)
    }
  }
}

extension NetworkAddress {
  /// The unspecified address of the same family.
  var unspecified: NetworkAddress { version == .v4 ? .v4(0) : .v6(0, 0, scope: 0) }
}
