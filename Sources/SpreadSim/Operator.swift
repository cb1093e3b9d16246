// What an operator does to running daemons: divide the ring by a monitor, change the configuration file and have it
// read again (monitor 3, configuration 10).

import SpreadCheck
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
  func reconfigure(_ change: FileChange, _ spread: UInt64, _ place: Int) {
    file = World.configuration(configuration, change)
    var random = Xoshiro256(options.seed, stream: 30_000 + UInt64(place))
    for node in nodes {
      if node.index == change.without { node.isUnconfigured = true }
      queue.add(.reload, node.index, 0, at: now + UInt64(random.unit() * Double(spread)))
    }
  }

  static func configuration(_ first: Configuration, _ change: FileChange) -> Configuration {
    var file = first
    file.window = change.window
    file.personalWindow = min(file.personalWindow, change.window)
    if change.otherRing { file.acceleratedRing = file.ringProtocol == .original }
    if let place = change.changed.flatMap(file.place(ofDaemon:)) {
      let address = file.segments[place.segment].daemons[place.daemon].address
      file.segments[place.segment].daemons[place.daemon].interfaces = [Interface(address, .daemon)]
    }
    if let place = change.without.flatMap(file.place(ofDaemon:)) {
      file.segments[place.segment].daemons.remove(at: place.daemon)
      file.segments.removeAll(where: \.daemons.isEmpty)
    }
    guard !change.order.isEmpty else { return file }
    let listed = change.order.map { first.daemons[$0].id }
    for segment in file.segments.indices {
      let daemons = file.segments[segment].daemons
      file.segments[segment].daemons = listed.compactMap { id in daemons.first { $0.id == id } }
    }
    return file
  }

  /// What is in force for some of the run, here and there.
  func tellCheckers(of action: Action) {
    guard case .reconfigure(_, _, let change) = action else { return }
    var run = trace.run
    if change.otherRing { run.isAccelerated = false }
    if !change.order.isEmpty {
      let daemons = World.configuration(configuration, change).daemons
      run.otherOrders.append(
        daemons.map { daemon in
          trace.names.id(nodes[configuration.daemons.firstIndex { $0.id == daemon.id }!].name)
        })
    }
    trace.setRun(run)
  }

  /// A daemon whose own line of the file is another stops by itself (configuration 10), and is started again.
  private func startAgainIfChanged(_ node: Node) {
    guard let own = node.daemon?.me, let new = file.daemons.first(where: { $0.id == own.id }),
      new.interfaces != own.interfaces
    else { return }
    var random = Xoshiro256(options.seed, stream: 40_000 + UInt64(node.index) * 1000 + UInt64(node.incarnation))
    node.returnsAt = min(now + UInt64(random.uniform(0.1, 4) * Double(Options.second)), max(options.quiet, now + 1))
  }

  func reload(_ node: Node) {
    if node.isUnconfigured, file.daemons.contains(where: { $0.id == configuration.daemons[node.index].id }) {
      node.isUnconfigured = false
      if !node.isRunning, !node.isGone { return boot(node) }
    }
    whenRunning(node) { [self] in
      startAgainIfChanged(node)
      handle(.reload(file, accessRules: nil), at: node)
    }
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
