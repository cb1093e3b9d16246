// Three daemons in a ring, and a script that loses, repeats, reorders and damages their datagrams, fires timers, moves
// clients about and restarts daemons: none of it may trap.
//
// input: control 1 | operations: code 1 and what each needs
// seeds: scripts

import SpreadCore
import SpreadWire

func daemonInputsFuzz(_ input: UnsafeRawBufferPointer) {
  var reader = FuzzReader(input)
  let control = reader.byte()
  var world = World(fuzzConfiguration(daemons: 3, segments: control & 1 != 0 ? 2 : 1))
  world.start()
  if control & 2 == 0 {
    world.run(steps: 300)
    precondition(Set(world.nodes.map(\.membership)).count == 1, "three daemons left alone form one ring")
  }
  for index in world.nodes.indices {
    let client = world.login(index, "u")
    world.send(index, client, world.frame(.join, from: "u", at: index, to: ["g"]))
  }
  for _ in 0..<300 where !reader.isAtEnd { operation(&world, &reader) }
  world.run(steps: 200)
}

private func operation(_ world: inout World, _ reader: inout FuzzReader) {
  let code = reader.byte()
  let index = (code >> 4) % world.nodes.count
  switch code & 15 {
  case 0: world.deliverNext()
  case 1: world.run(steps: 4 + (code >> 2))
  case 2: if !world.flying.isEmpty { world.flying.removeFirst() }
  case 3: if let first = world.flying.first { world.deliver(first) }
  case 4: if !world.flying.isEmpty { world.flying.append(world.flying.removeFirst()) }
  case 5, 6: damage(&world, &reader)
  case 7: world.fireNext()
  case 8: world.step(index, .timer(TimerID.allCases[reader.byte() % TimerID.allCases.count]))
  case 9: world.now.wallSeconds &+= Int32(reader.byte()) - 128
  case 10: world.restart(index)
  case 11: message(&world, &reader, index)
  case 12: client(&world, &reader, index)
  case 13:
    // A daemon's datagrams are lost for a while, in one direction or all.
    world.flying.removeAll { $0.target == index || ($0.source == index && code & 0x80 != 0) }
  case 14: foreign(&world, &reader, index)
  default: for _ in 0..<8 { world.deliverNext() }
  }
}

/// One byte of the next datagram changes; not those that only the acceptance checks read.
private func damage(_ world: inout World, _ reader: inout FuzzReader) {
  let at = reader.word()
  let change = UInt8(reader.byte())
  guard !world.flying.isEmpty, !world.flying[0].bytes.isEmpty else { return }
  world.flying[0].bytes[at % world.flying[0].bytes.count] ^= change
  world.deliverNext()
}

private func message(_ world: inout World, _ reader: inout FuzzReader, _ index: Int) {
  let services: [ServiceType] = [.reliable, .fifo, .causal, .agreed, .safe, .unreliable]
  let control = reader.byte()
  let size = [0, 10, 1300, 1432, 3000, 20_000][(control >> 3) % 6]
  guard let client = world.nodes[index].clients.firstIndex(where: \.isOpen) else { return }
  let frame = world.frame(
    services[control % 6], from: "u", at: index, to: ["g", "#u#d1"], data: [UInt8](repeating: 7, count: size))
  world.send(index, client, frame)
}

private func client(_ world: inout World, _ reader: inout FuzzReader, _ index: Int) {
  let control = reader.byte()
  let clients = world.nodes[index].clients.count
  guard clients < 8 else { return }
  switch control & 3 {
  case 0:
    let user = "v\(control >> 2 & 3)"
    let client = world.login(index, user)
    let group = control & 0x10 != 0 ? "g" : "h"
    world.send(index, client, world.frame(.join, from: user, at: index, to: [group]))
  case 1: if clients > 0 { world.end(index, (control >> 2) % clients) }
  case 2:
    guard clients > 0, world.nodes[index].clients[(control >> 2) % clients].isOpen else { return }
    world.step(index, .sessionBacklog(SessionID(Int32((control >> 2) % clients)), messages: 1001))
  default:
    guard clients > 0 else { return }
    world.send(index, (control >> 2) % clients, reader.take(reader.byte()))
  }
}

/// Any bytes from a configured daemon.
private func foreign(_ world: inout World, _ reader: inout FuzzReader, _ index: Int) {
  let control = reader.byte()
  let bytes = Array(reader.take(reader.word() % 2000))
  let source = control % world.nodes.count
  world.deliver(World.Flying(target: index, source: source, kind: control & 128 != 0 ? .token : .packet, bytes: bytes))
}
