// GROUPS messages: the decoder, and the same body in a message of d2 to a daemon that has just formed a ring with it.
//
// input: control 1 | body
// seeds: groups

import SpreadCore
import SpreadWire

func groupsBodyFuzz(_ input: UnsafeRawBufferPointer) {
  var reader = FuzzReader(input)
  let control = reader.byte()
  withExactMemory(reader.rest()) { memory in
    let order: Endianness = control & 1 != 0 ? .big : .little
    let body = UnsafeRawBufferPointer(memory)
    if let decoded = try? GroupsBody(body, order) {
      for group in decoded.groups {
        precondition(group.name.isTerminated)
        for daemon in group.daemons { for member in daemon.members { precondition(member.isTerminated) } }
      }
      _ = decoded.synced.map { $0.reduce(0) { $0 ^ $1.rawValue } }
    }
    exchange(memory, control, order)
  }
}

/// Two daemons form a ring; what d2 sends to d1 then is replaced by the body of the input, once.
private func exchange(_ body: UnsafeMutableRawBufferPointer, _ control: Int, _ order: Endianness) {
  var world = World(fuzzConfiguration(daemons: 2))
  world.start()
  for node in 0..<2 {
    let client = world.login(node, "u")
    world.send(node, client, world.frame(.join, from: "u", at: node, to: ["g"]))
  }
  var replaced = false
  for _ in 0..<400 {
    guard let next = world.flying.first else {
      world.fireNext()
      continue
    }
    let isGroups = next.target == 0 && next.source == 1 && next.kind == .packet && isData(next.bytes)
    guard isGroups, !replaced, let membership = world.nodes[0].membership else {
      world.deliverNext()
      continue
    }
    replaced = true
    if control & 2 == 0, body.count >= 8, let base = body.baseAddress {
      base.put32(membership.process.rawValue, at: 0, order)
      base.put32(UInt32(bitPattern: membership.time), at: 4, order)
    }
    world.flying[0].bytes = packet(next.bytes, UnsafeRawBufferPointer(body), order)
    world.deliverNext()
  }
  world.run(steps: 20)
}

private func isData(_ bytes: [UInt8]) -> Bool {
  bytes.withUnsafeBytes { raw in
    guard let header = try? PacketHeader(raw), case .data = try? header.kind() else { return false }
    return true
  }
}

/// The same packet with one whole GROUPS message in it.
private func packet(_ original: [UInt8], _ body: UnsafeRawBufferPointer, _ order: Endianness) -> [UInt8] {
  guard var header = original.withUnsafeBytes({ try? PacketHeader($0) }) else { return original }
  let room = DatagramSize.maxPacketBody - MessageHeader.size
  let length = min(body.count, room)
  header.dataLength = UInt16(MessageHeader.size + length)
  header.firstFragment = FragmentHeader(index: FragmentHeader.whole, length: Int16(MessageHeader.size + length))
  var bytes = [UInt8](repeating: 0, count: DatagramSize.header + MessageHeader.size + length)
  bytes.withUnsafeMutableBytes { memory in
    header.store(at: memory.baseAddress!)
    GroupsHeader(
      type: [.groups, .agreed], order: order, representative: name("d2"), syncedCount: 1, dataLength: length
    ).store(at: memory.baseAddress! + DatagramSize.header)
    UnsafeMutableRawBufferPointer(rebasing: memory[(DatagramSize.header + MessageHeader.size)...])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: body[..<length]))
  }
  return bytes
}
