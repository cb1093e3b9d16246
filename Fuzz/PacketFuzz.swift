// Data and HURRY packets of other daemons: decoders and the ring.
//
// input: state 1 | patches 1 | datagrams: length 2 (0x4000: then a timer), bytes
// seeds: packets

import SpreadCore
import SpreadWire

func packetFuzz(_ input: UnsafeRawBufferPointer) {
  var reader = FuzzReader(input)
  var script = DatagramScript(&reader)
  script.run(&reader, token: false, kinds: [0x2, 0x4, 0x8, 0x10, 0x40], decode: decodePacket)
}
