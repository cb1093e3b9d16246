// Plain tokens of other daemons: decoders and the ring.
//
// input: state 1 | patches 1 | datagrams: length 2 (0x4000: then a timer), bytes
// seeds: tokens

import SpreadCore
import SpreadWire

func tokenFuzz(_ input: UnsafeRawBufferPointer) {
  var reader = FuzzReader(input)
  var script = DatagramScript(&reader)
  script.run(&reader, token: true, kinds: [0], decode: decodeToken)
}
