// FORM1 and FORM2 of other daemons: decoders, what is written again, the forming of rings.
//
// input: state 1 | patches 1 | datagrams: length 2 (0x4000: then a timer), bytes
// seeds: form tokens

import SpreadCore
import SpreadWire

func formTokenFuzz(_ input: UnsafeRawBufferPointer) {
  var reader = FuzzReader(input)
  var script = DatagramScript(&reader)
  script.run(&reader, token: true, kinds: [0x1000, 0x2000], decode: decodeToken)
}
