// Any bytes from accept on, cut as the input says, under different authentication rules; then the client ends or falls
// silent: no trap, and the session is over and its place free.
//
// input: rules and ending 1 | number of cuts 1 | cuts 2 each | the stream
// seeds: handshakes

import SpreadCore
import SpreadWire

private let rules = AccessRules.parse(Array("10.0.0.0/8\nunix\n".utf8), fileName: "fuzz").0

func handshakeFuzz(_ input: UnsafeRawBufferPointer) {
  var reader = FuzzReader(input)
  let choice = reader.byte()
  let cuts = (0..<reader.byte() % 8).map { _ in reader.word() }.sorted()
  let stream = reader.rest()

  let enabled: AuthenticationMethods = [.null, .ip, [.null, .ip], []][choice & 3]
  let required: AuthenticationMethods = choice & 4 != 0 ? enabled : []
  var policy = AuthenticationPolicy()
  policy.enabled = enabled
  policy.required = required
  policy.accessRules = rules
  let peer: PeerAddress = [.unixSocket, .network(.v4(0x0a00_0001)), .network(.v4(0x7f00_0001))][(choice >> 3) % 3]
  var world = World(fuzzConfiguration(daemons: 1), authentication: policy)
  world.start()
  world.nodes[0].daemon.maxSessions = 1
  let client = world.connect(0, from: peer)
  var at = 0
  for end in cuts.map({ min($0, stream.count) }) + [stream.count] where end > at {
    world.send(0, client, UnsafeRawBufferPointer(rebasing: stream[at..<end]))
    at = end
  }
  if choice & 0x80 != 0 {
    world.run(steps: 8)  // every deadline passes
  }
  world.end(0, client)
  world.run(steps: 4)
  precondition(!world.nodes[0].clients[client].isOpen)
  let next = world.connect(0)
  world.send(0, next, [5, 0, 1, 0, 1])
  precondition(world.nodes[0].clients[next].isOpen, "the place is not free")
}
