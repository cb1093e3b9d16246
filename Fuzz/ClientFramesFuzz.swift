// Bytes of a client after a good handshake, cut as the input says: no trap, another client notices nothing but
// messages, and neither name nor place of the session is lost.
//
// input: number of cuts 1 | cuts 2 each | the stream of #f#d1
// seeds: frames

import SpreadCore
import SpreadWire

func clientFramesFuzz(_ input: UnsafeRawBufferPointer) {
  var reader = FuzzReader(input)
  let cuts = (0..<reader.byte() % 8).map { _ in reader.word() }.sorted()
  let stream = reader.rest()

  var world = World(fuzzConfiguration(daemons: 1))
  world.start()
  world.nodes[0].daemon.maxSessions = 2
  let watcher = world.login(0, "w")
  world.send(0, watcher, world.frame(.join, from: "w", at: 0, to: ["g"]))
  let client = world.login(0, "f")
  var at = 0
  for end in cuts.map({ min($0, stream.count) }) + [stream.count] where end > at {
    world.send(0, client, UnsafeRawBufferPointer(rebasing: stream[at..<end]))
    at = end
  }
  world.run(steps: 3)
  world.end(0, client)
  world.run(steps: 3)
  precondition(!world.nodes[0].clients[client].isOpen)
  checkUnharmed(&world, watcher)
}

/// The watcher's stream is whole messages, it still gets what it sends, and the name and place of the other are free.
func checkUnharmed(_ world: inout World, _ watcher: Int) {
  precondition(world.nodes[0].clients[watcher].isOpen)
  world.nodes[0].clients[watcher].received.removeFirst(1 + 4 + 1 + 3 + 2 + 5)
  world.send(0, watcher, world.frame([.safe], from: "w", at: 0, to: ["g"], data: Array("still here".utf8)))
  world.run(steps: 3)
  let bytes = world.nodes[0].clients[watcher].received
  var at = 0
  var last: ArraySlice<UInt8> = []
  bytes.withUnsafeBytes { whole in
    while at < whole.count {
      guard let header = MessageHeader(UnsafeRawBufferPointer(rebasing: whole[at...])) else {
        preconditionFailure("half a header")
      }
      precondition(header.groupCount >= 0 && header.dataLength >= 0)
      at += MessageHeader.size + GroupName.size * Int(header.groupCount)
      precondition(at + Int(header.dataLength) <= whole.count, "half a message")
      last = bytes[at..<at + Int(header.dataLength)]
      at += Int(header.dataLength)
    }
  }
  precondition(last.elementsEqual("still here".utf8))
  let again = world.login(0, "f")
  precondition(world.nodes[0].clients[again].isOpen, "its name or its place is not free")
  precondition(world.nodes[0].clients[again].received.contains(1))
}
