// What FORM tokens say of the old rings, altered on their way between three daemons under traffic, one of which was
// restarted: contradictions must break the attempt, not a daemon. (FormToken throws bytes at the decoder; few of them
// get as far as the recovery.)
//
// input: control 1 | for each FORM token in its turn: what 1, value 2
// seeds: altered rings

import SpreadCore
import SpreadWire

func formedRingsFuzz(_ input: UnsafeRawBufferPointer) {
  var reader = FuzzReader(input)
  let control = reader.byte()
  var world = World(fuzzConfiguration(daemons: 3, segments: control & 1 != 0 ? 2 : 1))
  world.start()
  world.run(steps: 300)
  for index in world.nodes.indices {
    let client = world.login(index, "u")
    world.send(index, client, world.frame(.join, from: "u", at: index, to: ["g"]))
    for service in [ServiceType.safe, .agreed, .reliable] {
      let data = [UInt8](repeating: 1, count: 2000)
      world.send(index, client, world.frame(service, from: "u", at: index, to: ["g"], data: data))
    }
  }
  // Some packets are on every daemon, some on a few, some on none.
  world.run(steps: control >> 3)
  world.flying.removeAll { $0.kind == .packet && $0.target == control >> 1 & 3 }
  world.restart(2)
  for _ in 0..<600 {
    guard let next = world.flying.first else {
      world.fireNext()
      continue
    }
    if !reader.isAtEnd, next.kind == .token, let altered = alter(next.bytes, &reader) {
      world.flying[0].bytes = altered
    }
    world.deliverNext()
  }
}

/// The token with one thing changed; nil when it is no FORM token or cannot be written any more.
private func alter(_ bytes: [UInt8], _ reader: inout FuzzReader) -> [UInt8]? {
  let decoded = bytes.withUnsafeBytes { raw -> FormToken? in
    guard let header = try? TokenHeader(raw), let kind = try? header.kind(), kind != .plain else { return nil }
    return try? FormToken(header, body: UnsafeRawBufferPointer(rebasing: raw[DatagramSize.header...]))
  }
  guard var form = decoded else { return nil }
  let what = reader.byte()
  let value = Int32(Int16(truncatingIfNeeded: reader.word()))
  let ring = what >> 4
  guard form.rings.indices.contains(ring) || what & 7 > 5 else { return nil }
  switch what & 7 {
  case 0: form.rings[ring].aru = value
  case 1: form.rings[ring].highest = value
  case 2: form.rings[ring].holes = [value]
  case 3: form.rings[ring].transitionalTime = value
  case 4: form.rings[ring].transitionalCount = Int(value)
  case 5: if !form.rings[ring].commit.isEmpty { form.rings[ring].commit.removeLast() }
  case 6: form.header.sequence = value
  default: form.done = Int(value)
  }
  var memory = [UInt8](repeating: 0, count: DatagramSize.maxToken)
  guard let size = memory.withUnsafeMutableBytes({ form.encode(into: $0) }) else { return nil }
  return Array(memory[..<size])
}
