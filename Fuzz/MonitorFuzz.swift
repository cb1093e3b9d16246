// Packets of monitors, of 5.0.1 or of 4.4.0 (monitor 1 to 5, 7): decoders, and a daemon that obeys whatever it
// understands.
//
// input: state 1 (8: the wire of 4.4.0) | patches 1 | datagrams: length 2 (0x4000: then a timer), bytes
// seeds: monitor packets

import SpreadCore
import SpreadWire

func monitorFuzz(_ input: UnsafeRawBufferPointer) {
  var reader = FuzzReader(input)
  var script = DatagramScript(&reader, obeysMonitors: true)
  script.run(
    &reader, token: false, kinds: [0x0100_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000], decode: decodeMonitorPacket)
}

/// Every value they promise looked at.
private func decodeMonitorPacket(_ bytes: UnsafeRawBufferPointer) {
  do throws(WireFailure) {
    let header = try PacketHeader(bytes)
    let body = UnsafeRawBufferPointer(rebasing: bytes[DatagramSize.header...])
    let daemons = Int(bytes[36])
    switch try header.kind() {
    case .partition:
      let command = try PartitionCommand(header, body: body, daemons: daemons)
      precondition(command.components.count == daemons)
      for component in command.components { precondition(component == component) }
    case .flowControl:
      let command = try FlowControlCommand(header, body: body, daemons: daemons)
      for daemon in 0..<daemons {
        precondition(command.personalWindow(daemon) != -1 && command.acceleratedWindow(daemon) != -1)
      }
      precondition(command.window != -1)
    case .status:
      if body.isEmpty { precondition(StatusRequest(header).process == header.process) }
      checkStatus(try DaemonStatus(header, body: body))
    case .reload, .alive, .join, .refer, .hurry, .data: break
    }
  } catch {}
}

/// A status that was understood can be written again and means the same.
private func checkStatus(_ status: DaemonStatus) {
  withUnsafeTemporaryAllocation(byteCount: DatagramSize.maxPacket, alignment: 8) { memory in
    guard let size = status.encode(into: memory) else { preconditionFailure("a status has room in a packet") }
    let again = UnsafeRawBufferPointer(rebasing: memory[..<size])
    guard let header = try? PacketHeader(again),
      let decoded = try? DaemonStatus(header, body: UnsafeRawBufferPointer(rebasing: again[DatagramSize.header...]))
    else { preconditionFailure("a status of ours is not understood") }
    precondition(decoded == status)
  }
}
