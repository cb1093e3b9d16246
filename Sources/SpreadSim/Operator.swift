// What an operator does to running daemons: divide the ring by a monitor, change the configuration file and have it read
// again (monitor 3, configuration 10).

import SpreadCore
import SpreadWire

extension World {
  /// To every running daemon, from a monitor on its own machine. A paused one finds it later.
  func divide(_ parts: [Int]) {
    for node in nodes where node.isRunning { whenRunning(node) { [self] in divide(parts, at: node) } }
  }

  private func divide(_ parts: [Int], at node: Node) {
    guard let daemon = node.daemon else { return }
    let header = PacketHeader(
      type: [], transmitter: daemon.me.id, process: daemon.me.id, configurationHash: daemon.configuration.hash)
    let components = node.peers.map { Int16(parts[$0]) }
    withUnsafeTemporaryAllocation(byteCount: DatagramSize.maxPacket, alignment: 8) { memory in
      guard let size = PartitionCommand.encode(header, components: components, into: memory) else { return }
      handle(.packet(UnsafeRawBufferPointer(rebasing: memory[..<size]), from: daemon.me.address), at: node)
    }
  }

  /// Writes the file anew; every daemon reads it within `spread`.
  func reconfigure(_ window: Int, _ without: Int?, _ spread: UInt64, _ place: Int) {
    file = configuration
    file.window = window
    file.personalWindow = min(options.personalWindow, window)
    if let without, let place = file.place(ofDaemon: without) {
      file.segments[place.segment].daemons.remove(at: place.daemon)
      file.segments.removeAll(where: \.daemons.isEmpty)
    }
    var random = Xoshiro256(options.seed, stream: 30_000 + UInt64(place))
    for node in nodes {
      if node.index == without { node.isUnconfigured = true }
      queue.add(.reload, node.index, 0, at: now + UInt64(random.unit() * Double(spread)))
    }
  }

  func reload(_ node: Node) {
    if node.isUnconfigured, file.daemons.contains(where: { $0.id == configuration.daemons[node.index].id }) {
      node.isUnconfigured = false
      if !node.isRunning, !node.isGone { return boot(node) }
    }
    whenRunning(node) { [self] in handle(.reload(file, accessRules: nil), at: node) }
  }

  /// Who is where in the configuration that the daemon has now.
  func meetPeers(_ node: Node) {
    node.peers = node.daemon!.configuration.daemons.map { entry in
      configuration.daemons.firstIndex { $0.id == entry.id } ?? node.index
    }
  }

  private func whenRunning(_ node: Node, _ body: @escaping () -> Void) {
    guard node.isRunning else { return }
    if node.isPaused { node.waiting.append(body) } else { body() }
  }
}
