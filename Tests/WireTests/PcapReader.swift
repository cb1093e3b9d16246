// UDP datagrams out of classic pcap files.

import SpreadWire

struct CapturedDatagram {
  /// Counts from 1, as in the notes of the captures.
  var number: Int
  var destinationPort: UInt16
  var payload: [UInt8]
}

struct PcapError: Error {
  var text: String
}

/// All UDP datagrams over IPv4 in `file`, IP fragments put together.
func capturedDatagrams(_ file: [UInt8]) throws -> [CapturedDatagram] {
  guard file.count >= 24 else { throw PcapError(text: "too short for a pcap file") }
  let order: Endianness
  switch Array(file[..<4]) {
  case [0xd4, 0xc3, 0xb2, 0xa1], [0x4d, 0x3c, 0xb2, 0xa1]: order = .little
  case [0xa1, 0xb2, 0xc3, 0xd4], [0xa1, 0xb2, 0x3c, 0x4d]: order = .big
  default: throw PcapError(text: "not a classic pcap file")
  }
  var assembler = DatagramAssembler()
  var result: [CapturedDatagram] = []
  try file.withUnsafeBytes { bytes in
    let link = bytes.u32(at: 20, order) & 0xffff
    var reader = ByteReader(bytes, order: order, from: 24)
    while reader.remaining > 0 {
      guard reader.u32() != nil, reader.u32() != nil, let captured = reader.u32(), reader.u32() != nil,
        let frame = reader.take(Int(captured))
      else { throw PcapError(text: "record cut off") }
      guard let packet = try ipv4(link, frame), let udp = assembler.add(packet), udp.count >= 8 else { continue }
      let length = Int(udp[4]) << 8 | Int(udp[5])
      guard length >= 8, length <= udp.count else { throw PcapError(text: "UDP length") }
      result.append(
        CapturedDatagram(
          number: result.count + 1, destinationPort: UInt16(udp[2]) << 8 | UInt16(udp[3]),
          payload: Array(udp[8..<length])))
    }
  }
  return result
}

private func ipv4(_ link: UInt32, _ frame: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer? {
  let typeAt: Int
  switch link {
  case 1: typeAt = 12
  case 113: typeAt = 14
  default: throw PcapError(text: "link type \(link)")
  }
  guard frame.count > typeAt + 2 + 20, frame.u16(at: typeAt, .big) == 0x0800 else { return nil }
  return frame.slice(typeAt + 2, frame.count - typeAt - 2)
}

/// Puts IP fragments together.
private struct DatagramAssembler {
  private struct Key: Hashable {
    var addresses: [UInt8]
    var identification: UInt16
  }
  private var pieces: [Key: [Int: (bytes: [UInt8], more: Bool)]] = [:]

  /// The UDP part (header and data) that this IP packet completes.
  mutating func add(_ packet: UnsafeRawBufferPointer) -> [UInt8]? {
    let headerLength = Int(packet[0] & 15) * 4
    let total = Int(packet.u16(at: 2, .big))
    guard packet[0] >> 4 == 4, packet[9] == 17, headerLength >= 20, total >= headerLength, total <= packet.count else {
      return nil
    }
    let payload = Array(packet[headerLength..<total])
    let word = packet.u16(at: 6, .big)
    let more = word & 0x2000 != 0
    let offset = Int(word & 0x1fff) * 8
    if !more && offset == 0 { return payload }
    let key = Key(addresses: Array(packet[12..<20]), identification: packet.u16(at: 4, .big))
    pieces[key, default: [:]][offset] = (payload, more)
    var whole: [UInt8] = []
    while let piece = pieces[key]?[whole.count] {
      whole += piece.bytes
      if !piece.more {
        pieces[key] = nil
        return whole
      }
    }
    return nil
  }
}
