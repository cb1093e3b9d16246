// The commands of monitors, in stock's order (monitor 1, rules 7 and 8). Only STATUS and RELOAD are for everybody whose
// packets pass the acceptance checks; the others need DangerousMonitor.

import SpreadWire

extension Daemon {
  mutating func command(
    _ header: PacketHeader, _ kind: PacketKind, _ body: UnsafeRawBufferPointer, from source: NetworkAddress,
    at now: Instant, into out: inout Outbox
  ) throws(WireFailure) {
    switch kind {
    case .partition:
      guard configuration.dangerousMonitor else { return deny(.partition, source, at: now, into: &out) }
      let command = try PartitionCommand(header, body: body, daemons: topology.count)
      partition(command, from: source, at: now, into: &out)
    case .status:
      guard let receiver = topology.position(of: header.process) else {
        return deny(.unknownProcess, source, at: now, into: &out)
      }
      let request = StatusRequest(header)
      answerStatus(to: topology.addresses[receiver], port: request.port, at: now, into: &out)
    case .flowControl:
      guard configuration.dangerousMonitor else { return deny(.flowControl, source, at: now, into: &out) }
      guard topology.position(of: header.process) != nil else {
        return deny(.unknownProcess, source, at: now, into: &out)
      }
      change(windows: try FlowControlCommand(header, body: body, daemons: topology.count), into: &out)
    case .reload:
      out.log.append(.reloadRequested(from: source))
      out.orders.insert(.readConfiguration)
    case .alive, .join, .refer, .hurry, .data: break
    }
  }

  /// A monitor of Spread 4.4.0: any address, no transmitter, the same hash everywhere. Everything but RELOAD has to
  /// carry the mark and the id of a configured daemon (monitor 7).
  mutating func command44(
    _ header: PacketHeader, _ body: UnsafeRawBufferPointer, from source: NetworkAddress, at now: Instant,
    into out: inout Outbox
  ) throws(WireFailure) {
    let kind = try header.kind()
    guard kind.isMonitorCommand else {
      return drop(.wrongHash(header.configurationHash), from: source, at: now, into: &out)
    }
    let isMarked = header.membership.process == Monitor44.mark && topology.position(of: header.process) != nil
    guard isMarked || kind == .reload else { return deny(.unknownProcess, source, at: now, into: &out) }
    try command(header, kind, body, from: source, at: now, into: &out)
  }

  private mutating func deny(
    _ denial: MonitorDenial, _ source: NetworkAddress, at now: Instant, into out: inout Outbox
  ) {
    drop(.monitorDenied(denial), from: source, at: now, into: &out)
  }

  // MARK: Partition

  private mutating func partition(
    _ command: PartitionCommand, from source: NetworkAddress, at now: Instant, into out: inout Outbox
  ) {
    let own = command.components[topology.me]
    // Stock aborts here; we go in order. For others the number is a component like any other.
    if own == PartitionCommand.terminate { return stop(.monitor, at: now, into: &out) }
    if monitor.isSingleton { return deny(.reloading, source, at: now, into: &out) }
    let before = monitor.components
    if bug(.partitionStays), !before.isEmpty { return }
    let unheard = monitor.divide(command.components, me: topology.me)
    if monitor.components != before { out.log.append(.partitioned(component: own, unheard: unheard)) }
    let deadline = unheard == 0 ? nil : now.nanoseconds + Monitor.partitionTime
    out.timers.append(TimerAction(timer: .partitionEnd, deadline: bug(.partitionStays) ? nil : deadline))
  }

  mutating func partitionExpired(into out: inout Outbox) {
    guard !monitor.isSingleton, monitor.unite() else { return }
    out.log.append(.partitionExpired)
  }

  /// The daemon leaves by itself.
  mutating func stop(_ reason: StopReason, at now: Instant, into out: inout Outbox) {
    out.log.append(.stopping(reason))
    leave(at: now, into: &out)
  }

  // MARK: Windows

  /// Stock takes every number, so that a window may be 0 or below; below 0 means 0 here. What is set holds until the
  /// next reload (monitor 4).
  private mutating func change(windows command: FlowControlCommand, into out: inout Outbox) {
    func value(_ new: Int16?, otherwise old: Int) -> Int { new.map { Swift.max(0, Int($0)) } ?? old }
    let settings = ring.settings
    ring.settings.window = value(command.window, otherwise: settings.window)
    ring.settings.personalWindow = value(command.personalWindow(topology.me), otherwise: settings.personalWindow)
    ring.settings.acceleratedWindow = value(
      command.acceleratedWindow(topology.me), otherwise: settings.acceleratedWindow)
    out.log.append(
      .windowsChanged(
        window: ring.settings.window, personal: ring.settings.personalWindow,
        accelerated: ring.settings.acceleratedWindow))
  }
}
