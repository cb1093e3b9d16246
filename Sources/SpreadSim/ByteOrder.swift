// Daemons of the other byte order (evs-properties 12, "endian"): the core always writes this machine's order, so what
// such a daemon sends is turned on its way. The messages inside packets carry an order of their own and stay as they
// are (daemon-ring 2.6).

import SpreadWire

/// The order of a datagram by its marks (daemon-ring 2.1).
func orderOfDatagram(_ bytes: UnsafeRawBufferPointer) -> Endianness {
  bytes.count < 4 ? .native : Endianness(marksIn: bytes.u32(at: 0, .little))
}

/// The same datagram written in `order`; nil when it is none that a daemon sends.
func turned(_ bytes: UnsafeRawBufferPointer, isToken: Bool, to order: Endianness) -> [UInt8]? {
  isToken ? turnedToken(bytes, order) : turnedPacket(bytes, order)
}

private func turnedToken(_ bytes: UnsafeRawBufferPointer, _ order: Endianness) -> [UInt8]? {
  guard let header = try? TokenHeader(bytes), let kind = try? header.kind() else { return nil }
  let body = bytes.slice(TokenHeader.size, bytes.count - TokenHeader.size)
  guard kind == .plain else {
    guard var form = try? FormToken(header, body: body) else { return nil }
    form.header.order = order
    return written(DatagramSize.maxToken) { form.encode(into: $0) }
  }
  guard let requests = try? RetransmissionRequests(header, body: body) else { return nil }
  return written(bytes.count) { memory in
    var builder = TokenBuilder(memory, order)
    for request in requests { guard builder.append(request) else { return nil } }
    return builder.finish(header)
  }
}

private func turnedPacket(_ bytes: UnsafeRawBufferPointer, _ order: Endianness) -> [UInt8]? {
  guard var header = try? PacketHeader(bytes), let kind = try? header.kind() else { return nil }
  let body = bytes.slice(PacketHeader.size, bytes.count - PacketHeader.size)
  switch kind {
  case .alive:
    guard let alive = try? AliveMessage(header, body: body) else { return nil }
    header.order = order
    return written(DatagramSize.maxPacket) { AliveMessage.encode(header, members: alive.members, into: $0) }
  case .join:
    guard let join = try? JoinMessage(header, body: body) else { return nil }
    header.order = order
    return written(DatagramSize.maxPacket) {
      JoinMessage.encode(
        header, members: join.members, representatives: (0..<join.representativeCount).map(join.representative),
        into: $0)
    }
  case .data:
    // In place: the bytes between fragments have no meaning, but stay what they are.
    guard let fragments = try? Fragments(header, body: body) else { return nil }
    var copy = Array(bytes)
    header.order = order
    copy.withUnsafeMutableBytes {
      header.store(at: $0.baseAddress!)
      fragments.rewriteHeaders(in: $0.baseAddress! + PacketHeader.size, order)
    }
    return copy
  case .refer, .hurry:
    header.order = order
    return written(PacketHeader.size) {
      header.store(at: $0.baseAddress!)
      return PacketHeader.size
    }
  case .partition, .status, .flowControl, .reload: return nil
  }
}

private func written(_ room: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int?) -> [UInt8]? {
  var size: Int?
  let bytes = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
    size = body(UnsafeMutableRawBufferPointer(buffer))
    count = size ?? 0
  }
  return size == nil ? nil : bytes
}
