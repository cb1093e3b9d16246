// ALIVE, JOIN and REFER packets of other daemons: decoders and the forming of rings.
//
// input: state 1 | patches 1 | datagrams: length 2 (0x4000: then a timer), bytes
// seeds: membership packets

import SpreadCore
import SpreadWire

func membershipPacketsFuzz(_ input: UnsafeRawBufferPointer) {
  var reader = FuzzReader(input)
  var script = DatagramScript(&reader)
  script.run(&reader, token: false, kinds: [0x100, 0x200, 0x400], decode: decodePacket)
}
