// What the targets of datagrams share: the raw decoders first; then the same bytes with their header made acceptable,
// to a daemon of a configuration of three that is in operation, recovering or gathering.

import SpreadCore
import SpreadWire

/// A daemon d1 that forms rings with what it is told.
struct LoneNode {
  var world: World
  let hash: UInt32
  var membership: MembershipID { world.nodes[0].membership ?? MembershipID(ProcessID(0), 0) }

  /// - Parameter phase: 0 just started, 1 gathering, 2 and 3 alone in operation.
  init(phase: Int, segments: Int, obeysMonitors: Bool, speaksWire44: Bool) {
    var configuration = fuzzConfiguration(daemons: 3, segments: segments)
    configuration.dangerousMonitor = obeysMonitors
    configuration.speaksWire44 = speaksWire44
    hash = configuration.hash
    world = World(configuration)
    world.step(0, .start)
    let steps = [0, 4, 40, 40][phase & 3]
    for _ in 0..<steps {
      fire()
      if phase & 3 > 1 && world.nodes[0].membership != nil { break }
    }
    let client = world.login(0, "c")
    world.send(0, client, world.frame(.join, from: "c", at: 0, to: ["g"]))
    world.send(0, client, world.frame(.agreed, from: "c", at: 0, to: ["g"], data: [1, 2, 3]))
    world.flying.removeAll()
  }

  /// Its own next timer; what it sends to itself comes, what it sends to others is lost.
  mutating func fire() {
    world.fireNext()
    let mine = world.flying.filter { $0.target == 0 }
    world.flying.removeAll()
    for datagram in mine { world.deliver(datagram) }
    world.flying.removeAll()
  }
}

/// Control bytes in front of the datagrams of an input.
struct DatagramScript {
  /// How much of each header is made acceptable; bits as in `patch`.
  let patches: Int
  var node: LoneNode
  /// Packets carry what monitors of 4.4.0 write.
  let fromMonitor44: Bool

  /// - Parameter obeysMonitors: all commands of monitors are allowed, and a bit of the state chooses the wire of 4.4.0.
  init(_ reader: inout FuzzReader, obeysMonitors: Bool = false) {
    let control = reader.byte()
    patches = reader.byte()
    fromMonitor44 = obeysMonitors && control & 8 != 0
    node = LoneNode(
      phase: control & 3, segments: control & 4 != 0 ? 2 : 1, obeysMonitors: obeysMonitors, speaksWire44: fromMonitor44)
  }

  /// Length field, hash and transmitter always; the rest by bits, so that both ways are taken.
  ///
  ///     1 membership is the installed one    2 process is a configured daemon    4 sequence is small
  ///     8 aru and fragment are plausible   16 and 32: kind bits are replaced by `kinds`
  mutating func patch(_ bytes: UnsafeMutableRawBufferPointer, token: Bool, kinds: [UInt32]) -> Int {
    guard bytes.count >= DatagramSize.header, let base = bytes.baseAddress else { return 1 }
    let raw = UnsafeRawBufferPointer(bytes)
    var word = raw.u32(at: 0, .little)
    let order: Endianness = word & 0x80 != 0 ? .little : .big
    let peer = node.world.configuration.daemons[1 + Int(raw[4] & 1)]
    word = raw.u32(at: 0, order) & ~endianMarks
    let kept = token ? word & 0x00ff_0000 : word & 0x20
    if patches & 16 == 0 { word = kinds[Int(raw[5]) % kinds.count] | kept }
    base.put32(word | order.marks, at: 0, order)
    base.put32(peer.id.rawValue, at: 4, order)
    base.put16(UInt16(bytes.count - DatagramSize.header), at: token ? 34 : 32, order)
    base.put32(node.hash, at: token ? 36 : 28, order)
    if patches & 1 == 0 {
      base.put32(node.membership.process.rawValue, at: 12, order)
      base.put32(UInt32(bitPattern: node.membership.time), at: 16, order)
    }
    if fromMonitor44 {
      base.put32(Monitor44.hash, at: 28, order)
      if patches & 1 == 0 { base.put32(Monitor44.mark.rawValue, at: 12, order) }
    }
    if patches & 2 == 0 { base.put32(peer.id.rawValue, at: 8, order) }
    if patches & 4 == 0 { base.put32(raw.u32(at: 20, order) & 0xff, at: 20, order) }
    if patches & 8 == 0, token { base.put32(raw.u32(at: 24, order) & 0xff, at: 24, order) }
    if patches & 8 == 0, !token, raw[37] & 1 == 0 {
      base.put16(UInt16(bitPattern: -1), at: 36, order)
      base.put16(UInt16(bytes.count - DatagramSize.header), at: 38, order)
    }
    return Int(peer.id == node.world.configuration.daemons[1].id ? 1 : 2)
  }

  /// Cuts the rest of the input into datagrams, two bytes of length before each, and hands them in.
  mutating func run(
    _ reader: inout FuzzReader, token: Bool, kinds: [UInt32], decode: (UnsafeRawBufferPointer) -> Void
  ) {
    for _ in 0..<16 where !reader.isAtEnd {
      let length = reader.word()
      withExactMemory(reader.take(length & 0x8000 != 0 ? 0 : length)) { memory in
        decode(UnsafeRawBufferPointer(memory))
        let source = patch(memory, token: token, kinds: kinds)
        decode(UnsafeRawBufferPointer(memory))
        node.world.deliver(
          World.Flying(target: 0, source: source, kind: token ? .token : .packet, bytes: Array(memory)))
      }
      if length & 0x4000 != 0 { node.fire() }
      node.world.flying.removeAll()
    }
    for _ in 0..<4 { node.fire() }
  }
}

/// Every decoder of packets, each value they promise looked at.
func decodePacket(_ bytes: UnsafeRawBufferPointer) {
  do throws(WireFailure) {
    let header = try PacketHeader(bytes)
    let body = UnsafeRawBufferPointer(rebasing: bytes[DatagramSize.header...])
    switch try header.kind() {
    case .alive: for member in try AliveMessage(header, body: body).members { precondition(member == member) }
    case .join:
      let join = try JoinMessage(header, body: body)
      for index in 0..<join.representativeCount { precondition(join.representative(index).segment >= 0) }
    case .refer: _ = try ReferMessage(header)
    case .data:
      var total = 0
      for fragment in try Fragments(header, body: body) { total += fragment.bytes.count }
      precondition(total <= body.count)
    case .hurry, .status, .partition, .flowControl, .reload: break
    }
  } catch {}
}

func decodeToken(_ bytes: UnsafeRawBufferPointer) {
  do throws(WireFailure) {
    let header = try TokenHeader(bytes)
    let body = UnsafeRawBufferPointer(rebasing: bytes[DatagramSize.header...])
    switch try header.kind() {
    case .plain:
      for request in try RetransmissionRequests(header, body: body) {
        var previous: Int32 = 0
        for sequence in request.sequences {
          precondition(sequence > previous)
          previous = sequence
        }
      }
    case .form1, .form2: checkForm(try FormToken(header, body: body))
    }
  } catch {}
}

/// What was understood can be written again and means the same.
private func checkForm(_ form: FormToken) {
  let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: DatagramSize.maxToken, alignment: 8)
  defer { memory.deallocate() }
  guard let size = form.encode(into: memory) else { return }
  let again = UnsafeRawBufferPointer(rebasing: memory[..<size])
  guard let header = try? TokenHeader(again),
    let decoded = try? FormToken(header, body: UnsafeRawBufferPointer(rebasing: again[DatagramSize.header...]))
  else { preconditionFailure("a form token of ours is not understood") }
  precondition(decoded.members == form.members && decoded.stage == form.stage && decoded.rings == form.rings)
}
