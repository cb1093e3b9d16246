// A decoded datagram of any kind and its way back to bytes: from the meaningful fields alone, so that every byte a
// peer relies on is proven to be understood. The rest is named by `maskedRanges`.

import SpreadWire
import Testing

enum Datagram {
  case alive(PacketHeader, [ProcessID])
  case join(PacketHeader, [ProcessID], [Representative])
  case refer(PacketHeader, ReferMessage)
  case hurry(PacketHeader)
  case data(PacketHeader, [(index: Int16, bytes: [UInt8])])
  case statusRequest(PacketHeader)
  case statusAnswer(DaemonStatus, Endianness)
  case partition(PacketHeader, [Int16])
  case flowControl(PacketHeader, [(Int16, Int16)], window: Int16)
  case reload(PacketHeader)
  case token(TokenHeader, [Request])
  case form(FormToken)

  struct Request {
    var membership: MembershipID
    var process: ProcessID
    var segment: Int?
    var sequences: [Int32]
  }

  var name: String {
    switch self {
    case .alive: "ALIVE"
    case .join: "JOIN"
    case .refer: "REFER"
    case .hurry: "HURRY"
    case .data: "DATA"
    case .statusRequest, .statusAnswer: "STATUS"
    case .partition: "PARTITION"
    case .flowControl: "FC"
    case .reload: "RELOAD"
    case .token: "TOKEN"
    case .form(let form): form.header.type.contains(.form1) ? "FORM1" : "FORM2"
    }
  }
}

extension Datagram {
  /// Packets and tokens come in at different ports; here the type bits tell them apart.
  static func isToken(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 4 else { return false }
    let word = bytes.u32(at: 0, Endianness(marksIn: bytes.u32(at: 0, .little)))
    return word & 0x0f00_077f == 0
  }

  init(_ bytes: UnsafeRawBufferPointer) throws(WireFailure) {
    self = Self.isToken(bytes) ? try Self.token(bytes) : try Self.packet(bytes)
  }

  static func token(_ bytes: UnsafeRawBufferPointer) throws(WireFailure) -> Datagram {
    let header = try TokenHeader(bytes)
    let body = bytes.slice(TokenHeader.size, bytes.count - TokenHeader.size)
    guard try header.kind() == .plain else { return .form(try FormToken(header, body: body)) }
    let requests = try RetransmissionRequests(header, body: body)
    return .token(
      header,
      requests.map {
        Request(
          membership: $0.membership, process: $0.process, segment: $0.segment, sequences: Array($0.sequences))
      })
  }

  static func packet(_ bytes: UnsafeRawBufferPointer) throws(WireFailure) -> Datagram {
    let header = try PacketHeader(bytes)
    let body = bytes.slice(PacketHeader.size, bytes.count - PacketHeader.size)
    switch try header.kind() {
    case .alive: return .alive(header, Array(try AliveMessage(header, body: body).members))
    case .join:
      let join = try JoinMessage(header, body: body)
      return .join(header, Array(join.members), (0..<join.representativeCount).map { join.representative($0) })
    case .refer: return .refer(header, try ReferMessage(header))
    case .hurry: return .hurry(header)
    case .data:
      return .data(
        header, try Fragments(header, body: body).map { (Int16($0.isLast ? -$0.piece : $0.piece), Array($0.bytes)) })
    case .status:
      if header.dataLength == 0 { return .statusRequest(header) }
      return .statusAnswer(try DaemonStatus(header, body: body), header.order)
    case .partition:
      return .partition(header, Array(try PartitionCommand(header, body: body, daemons: body.count / 2).components))
    case .flowControl:
      let daemons = max(body.count / 4 - 1, 0)
      let command = try FlowControlCommand(header, body: body, daemons: daemons)
      return .flowControl(
        header, (0..<daemons).map { (command.personalWindow($0) ?? -1, command.acceleratedWindow($0) ?? -1) },
        window: command.window ?? -1)
    case .reload: return .reload(header)
    }
  }
}

extension Datagram {
  /// The same in bytes of `order`.
  func encode(_ order: Endianness) -> [UInt8]? {
    encoded { memory in
      switch self {
      case .alive(let header, let members):
        AliveMessage.encode(header.bare(order), members: members, into: memory)
      case .join(let header, let members, let representatives):
        JoinMessage.encode(header.bare(order), members: members, representatives: representatives, into: memory)
      case .refer(let header, let refer): store(refer.header(header.bare(order)), memory)
      case .hurry(let header): store(header.bare(order), memory)
      case .data(let header, let fragments):
        Self.pack(header, fragments, order, memory)
      case .statusRequest(let header):
        store(header.with(order), memory)
      case .statusAnswer(let status, _): status.encode(order: order, into: memory)
      case .partition(let header, let components):
        PartitionCommand.encode(header.with(order), components: components, into: memory)
      case .flowControl(let header, let pairs, let window):
        FlowControlCommand.encode(header.with(order), pairs: pairs, window: window, into: memory)
      case .reload(let header): store(header.with(order), memory)
      case .token(let header, let requests):
        Self.fill(header, requests, order, memory)
      case .form(var form):
        {
          form.header.order = order
          return form.encode(into: memory)
        }()
      }
    }
  }

  private func store(_ header: PacketHeader, _ memory: UnsafeMutableRawBufferPointer) -> Int? {
    header.store(at: memory.baseAddress!)
    return PacketHeader.size
  }

  private static func pack(
    _ header: PacketHeader, _ fragments: [(index: Int16, bytes: [UInt8])], _ order: Endianness,
    _ memory: UnsafeMutableRawBufferPointer
  ) -> Int? {
    var builder = PacketBuilder(at: memory.baseAddress!, order)
    for fragment in fragments {
      guard let place = builder.append(index: fragment.index, length: fragment.bytes.count) else { return nil }
      fragment.bytes.withUnsafeBytes { place.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    }
    return builder.finish(header)
  }

  private static func fill(
    _ header: TokenHeader, _ requests: [Request], _ order: Endianness, _ memory: UnsafeMutableRawBufferPointer
  ) -> Int? {
    var builder = TokenBuilder(memory, order)
    for request in requests {
      let fitted = builder.append(
        membership: request.membership, process: request.process, segment: request.segment,
        sequences: request.sequences)
      if !fitted { return nil }
    }
    return builder.finish(header)
  }
}

extension PacketHeader {
  fileprivate func with(_ order: Endianness) -> PacketHeader {
    var header = self
    header.order = order
    return header
  }

  /// Only what has a meaning in ALIVE, JOIN, REFER and HURRY.
  fileprivate func bare(_ order: Endianness) -> PacketHeader {
    PacketHeader(
      type: type, order: order, transmitter: transmitter, process: process, configurationHash: configurationHash)
  }
}

extension Datagram {
  /// Bytes of the original that have no meaning (daemon-ring 6.3): written as 0 by us, not compared.
  var maskedRanges: [(range: Range<Int>, why: String)] {
    let header = PacketHeader.size
    switch self {
    case .alive, .hurry:
      return [(12..<28, "membership id, seq, token round"), (34..<40, "padding, first fragment")]
    case .join(_, let members, _):
      let representatives = header + 4 + 4 * members.count
      return [
        (12..<28, "membership id, seq, token round"), (34..<40, "padding, first fragment"),
        (header + 2..<header + 4, "num_pending"), (representatives + 2..<representatives + 4, "rep_index"),
      ]
    case .refer: return [(20..<28, "seq, token round"), (34..<40, "padding, first fragment")]
    case .data(_, let fragments):
      var ranges: [(Range<Int>, String)] = []
      var at = header
      for (number, fragment) in fragments.enumerated() {
        if number > 0 {
          let aligned = header + ((at - header + 3) & ~3)
          ranges.append((at..<aligned, "padding between fragments"))
          at = aligned + 4
        }
        at += fragment.bytes.count
      }
      return ranges
    case .form(let form):
      let members = header + 4
      var ranges = [(members + 4 * form.members.count..<members + 512, "unused member ids")]
      if case .form1(let representatives, _) = form.stage {
        let list = members + 512 + 4
        ranges.append((list + 8 * representatives.count..<list + 200, "unused representatives"))
      }
      return ranges
    case .token, .statusRequest, .statusAnswer, .partition, .flowControl, .reload: return []
    }
  }
}
