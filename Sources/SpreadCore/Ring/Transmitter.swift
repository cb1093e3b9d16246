// Who sends what where (daemon-ring 1.3). Everything a daemon puts on the network goes through here: the outgoing bytes
// are laid one behind the other in the outbox, so that runs of equal packets can leave in one call.

import DequeModule
import SpreadWire

struct Transmitter {
  var topology: Topology
  /// Decides ways between segments; set at start (only me) and when a FORM2 token is read.
  var routing: DaemonSet
  /// Tokens to myself, in order: a ring of one needs no network.
  private var loopback = Deque<[UInt8]>()

  init(_ topology: Topology) {
    self.topology = topology
    routing = DaemonSet([topology.me])
  }

  var myID: ProcessID { topology.myID }

  /// A header with the fields that every packet of ours shares.
  func header(_ type: PacketType) -> PacketHeader {
    PacketHeader(type: type, transmitter: myID, process: myID, configurationHash: topology.hash)
  }

  // MARK: Packets

  /// To one daemon.
  func unicast(_ packet: UnsafeRawBufferPointer, to position: Int, into out: inout Outbox) {
    send(packet, .daemon(position), routed: false, into: &out)
  }

  /// To a segment: by multicast to mine, by its first member to another.
  func segmentCast(_ packet: UnsafeRawBufferPointer, _ segment: Int, into out: inout Outbox) {
    if segment == topology.mySegment {
      guard topology.segments[segment].count > 1 else { return }
      send(packet, .segment, routed: false, into: &out)
    } else if let leader = topology.segmentLeader(of: routing, in: segment) {
      send(packet, .daemon(leader), routed: true, into: &out)
    }
  }

  /// To all segments of the routing membership, others first.
  func broadcast(_ packet: UnsafeRawBufferPointer, into out: inout Outbox) {
    for segment in topology.segments.indices where segment != topology.mySegment {
      segmentCast(packet, segment, into: &out)
    }
    segmentCast(packet, topology.mySegment, into: &out)
  }

  private func send(
    _ packet: UnsafeRawBufferPointer, _ destination: Destination, routed: Bool, into out: inout Outbox
  ) {
    let copy = out.append(packet, .packet, to: destination)
    // Stored packets are kept in our order, so the word can be rewritten in it.
    PacketHeader.readdress(copy, from: myID, routed: routed, .native)
  }

  /// Sends a ROUTED packet on to my segment, as it came (daemon-ring 1.3, "Forwarding").
  func forward(_ packet: UnsafeRawBufferPointer, _ order: Endianness, into out: inout Outbox) {
    guard topology.segments[topology.mySegment].count > 1 else { return }
    let copy = out.append(packet, .packet, to: .segment)
    PacketHeader.readdress(copy, from: myID, routed: false, order)
  }

  /// Sends another daemon's packet to one daemon, as it came.
  func passOn(_ packet: UnsafeRawBufferPointer, _ order: Endianness, to position: Int, into out: inout Outbox) {
    let copy = out.append(packet, .packet, to: .daemon(position))
    PacketHeader.readdress(copy, from: myID, routed: false, order)
  }

  // MARK: Tokens

  mutating func token(_ token: UnsafeRawBufferPointer, to position: Int, times: Int = 1, into out: inout Outbox) {
    guard position != topology.me else {
      loopback.append(Array(token))
      return
    }
    for _ in 0..<times { _ = out.append(token, .token, to: .daemon(position)) }
  }

  mutating func nextLoopback() -> [UInt8]? { loopback.popFirst() }

  /// The next daemon of the ring: in my segment, else the first of the next segment that has members (daemon-ring 1.3).
  /// Positions go segment by segment, so that is the next position.
  var successor: Int { routing.successor(of: topology.me) }
}
