// A simulated program above the Flush layer: the production machine over the session of a simulated client, driven as
// the library drives it (events-and-flush part 2), and a program that agrees to views, late, hardly or not at all.
//
// Both layers are recorded: the session as that of any client, with what the members tell each other, and what the
// program sees. Each numbers its messages. The session's number leads the user's bytes, and follows a group id that is
// agreed to or installed; the program's is its message type.

import SpreadCheck
import SpreadFlush
import SpreadWire

final class FlushLayer {
  unowned let client: SimClient
  let trace: ClientTrace
  var machine: FlushMachine
  /// When the program agrees, by group.
  var answers: [Int: UInt64] = [:]
  /// The installed views.
  var views: [NameID: GroupID] = [:]

  init(_ client: SimClient, _ trace: ClientTrace) {
    self.client = client
    self.trace = trace
    machine = FlushMachine(own: client.privateName)
  }

  static let numberSize = 4

  static func isControl(_ messageType: Int16) -> Bool {
    messageType == FlushWire.agreement || messageType == FlushWire.installed
  }

  /// The number of a message that begins in `bytes`.
  static func number(_ header: MessageHeader, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
    let before = isControl(header.hint.messageType) ? GroupID.size : 0
    let at = MessageHeader.size + Int(header.groupCount) * GroupName.size + before
    guard header.groupCount >= 0, at + numberSize <= bytes.count else { return .max }
    return bytes.u32(at: at, .little)
  }

  /// What Flush calls answer besides 0 (events-and-flush 2.2).
  static func code(_ refusal: FlushRefusal) -> Int32 {
    switch refusal {
    case .illegalGroup: -14
    case .illegalState: -27
    case .illegalReceivers: -28
    }
  }
}

extension World {
  // MARK: Calls of the program

  func flushJoin(_ layer: FlushLayer, _ group: Int) {
    let result = layer.attempt { machine throws(FlushRefusal) in try machine.join(groupNames[group]) }
    layer.trace.record(.join(groupIDs[group], result: result), at: time)
    if result == 0 { callJoin(layer.client, group) }
  }

  func flushLeave(_ layer: FlushLayer, _ group: Int) {
    let result = layer.attempt { machine throws(FlushRefusal) in try machine.leave(groupNames[group]) }
    layer.trace.record(.leave(groupIDs[group], result: result), at: time)
    if result == 0 { callLeave(layer.client, group) }
  }

  /// Agrees to the next view.
  func flush(_ client: SimClient, _ group: Int) {
    guard client.isOpen, let layer = client.flush else { return }
    var actions: [FlushAction] = []
    let result = layer.attempt { machine throws(FlushRefusal) in try machine.flush(groupNames[group], &actions) }
    layer.trace.record(.flush(groupIDs[group], result: result), at: time)
    perform(actions, layer)
  }

  /// To one group, to some members of it (subgroup), or to one session.
  func flushSend(_ layer: FlushLayer, _ sending: Sending) {
    let client = layer.client
    let number = flushCounters[client.privateName, default: 0] + 1
    let destinations = sending.groups.map(destination)
    // Message types of the layer's own are not used up.
    guard number <= UInt32(Int16.max), let group = destinations.first else { return }
    flushCounters[client.privateName] = number
    let receivers = destinations.count > 1 ? Array(destinations.dropFirst()) : nil
    let messageType = Int16(number)
    let room = DatagramSize.maxPacketBody * DatagramSize.maxPieces - 200 - destinations.count * GroupName.size
    var data = content(number, Swift.max(Swift.min(sending.size, room), FlushLayer.numberSize), client.index)
    data.withUnsafeMutableBytes { $0.storeBytes(of: nextNumber(client).littleEndian, as: UInt32.self) }
    let id = MessageID(client.nameID, number)
    let named = (receivers ?? []) + [group]
    layer.trace.record(.send(id, payload(sending.type, named, messageType: messageType, data)), at: time)
    var decoration = FlushDecoration()
    var result = layer.attempt { machine throws(FlushRefusal) in
      decoration = try machine.decoration(of: sending.type, to: group, receivers: receivers)
    }
    if result == 0 {
      result = Int32(data.count)
      let length = data.count
      data += [UInt8](repeating: 0, count: decoration.size)
      data.withUnsafeMutableBytes { decoration.store(at: $0.baseAddress! + length, messageType: messageType) }
      callSend(
        client, receivers == nil ? sending.type : sending.type.union(.subgroup), receivers ?? [group],
        messageType: decoration.messageType(messageType), data)
    }
    layer.trace.record(.sent(id, result: result), at: time)
  }

  // MARK: From the session

  /// A message of the daemon, taken apart as the library does it.
  func flushRead(_ bytes: UnsafeRawBufferPointer, _ header: MessageHeader, _ layer: FlushLayer) {
    var actions: [FlushAction] = []
    let sender = header.name.normalized
    var names: [GroupName] = []
    var at = MessageHeader.size
    for _ in 0..<header.groupCount {
      names.append(GroupName(at: bytes.baseAddress! + at))
      at += GroupName.size
    }
    let body = bytes.slice(at, bytes.count - at)
    if !header.type.isDisjoint(with: .regular) {
      readMessage(body, header, from: sender, to: names, layer, &actions)
    } else if header.type.contains(.regularMembership) {
      if let arrived = FlushMembership(group: sender, type: header.type, members: names, body: body) {
        layer.machine.membership(arrived, &actions)
      }
    } else if header.type.contains(.transition) {
      layer.machine.transition(sender, &actions)
    } else if header.type.contains(.causedByLeave) {
      layer.machine.selfLeave(sender, &actions)
    }
    perform(actions, layer)
    if layer.machine.isOverfull { disconnect(layer.client) }
  }

  private func readMessage(
    _ body: UnsafeRawBufferPointer, _ header: MessageHeader, from sender: GroupName, to names: [GroupName],
    _ layer: FlushLayer, _ actions: inout [FlushAction]
  ) {
    guard let first = names.first else { return }
    let (messageType, order) = (header.hint.messageType, header.hint.order)
    if FlushLayer.isControl(messageType) {
      guard let id = GroupID(body, order) else { return }
      let kind = messageType == FlushWire.agreement ? FlushControl.Kind.agreement : .installed
      layer.machine.control(FlushControl(kind, first, id), from: sender, &actions)
      return
    }
    guard let user = UndecoratedMessage(body, type: header.type, messageType: messageType, order: order) else { return }
    let reference = user.decoration.reference
    let message = FlushMessage(
      type: header.type, sender: sender, groups: names + (reference.map { [$0] } ?? []), messageType: user.messageType,
      isForeignOrder: order != .native, body: [UInt8](body.prefix(user.length)))
    switch layer.machine.judge(reference ?? first, from: sender, sentIn: user.decoration.vulnerableIn) {
    case .deliver: actions.append(.deliver(message))
    case .hold: layer.machine.hold(message, reference ?? first)
    case .drop: break
    }
  }

  private func perform(_ actions: [FlushAction], _ layer: FlushLayer) {
    for action in actions {
      switch action {
      case .send(let control): send(control, layer)
      case .deliver(let message): deliver(message, layer)
      }
    }
  }

  private func send(_ control: FlushControl, _ layer: FlushLayer) {
    // What is left in the socket of a session that ended can still be read, but not answered.
    guard layer.client.session != nil else { return }
    var body = [UInt8](repeating: 0, count: GroupID.size + FlushLayer.numberSize)
    let number = nextNumber(layer.client)
    body.withUnsafeMutableBytes { bytes in
      control.id.store(at: bytes.baseAddress!, .native)
      bytes.storeBytes(of: number.littleEndian, toByteOffset: GroupID.size, as: UInt32.self)
    }
    callSend(layer.client, .fifo, [control.group], messageType: control.messageType, body)
  }

  // MARK: The program

  private func deliver(_ message: FlushMessage, _ layer: FlushLayer) {
    let sender = nameID(message.sender)
    if message.type == .flushRequest {
      layer.trace.record(.flushRequest(sender), at: time)
      planAnswer(message.sender, layer)
    } else if message.type.contains(.transition) {
      let view = layer.views[sender] ?? GroupID(MembershipID(ProcessID(0), 0), index: 0)
      layer.trace.record(.signal(sender, view), at: time)
    } else if message.type.contains(.regularMembership) {
      install(message, sender, layer)
    } else if message.type.isDisjoint(with: .regular) {
      layer.views[sender] = nil
      layer.trace.record(.selfLeave(sender), at: time)
    } else {
      let id = MessageID(sender, UInt32(UInt16(bitPattern: message.messageType)))
      let payload = payload(message.type, message.groups, messageType: message.messageType, message.body)
      layer.trace.record(.receive(id, sender: sender, payload), at: time)
    }
  }

  /// The body: group id 12 | count 4 | names (events-and-flush 2.2).
  private func install(_ message: FlushMessage, _ group: NameID, _ layer: FlushLayer) {
    let (id, names) = message.body.withUnsafeBytes { body in
      let count = Int(body.u32(at: GroupID.size, .native))
      let names = (0..<count).map { GroupName(at: body.baseAddress! + GroupID.size + 4 + $0 * GroupName.size) }
      return (GroupID(body, .native)!, names.map(nameID))
    }
    let cause = Cause(message.type)
    let view = ViewRecord(
      id: id, members: message.groups.map(nameID), index: Int(message.messageType), cause: cause,
      changed: cause == .network ? nil : names.first, sets: [names])
    layer.views[group] = id
    layer.trace.record(.view(group, trace.add(view)), at: time)
  }

  private func planAnswer(_ group: GroupName, _ layer: FlushLayer) {
    guard options.flushDelay > 0, let place = groupNames.firstIndex(of: group) else { return }
    let bits = UInt32(truncatingIfNeeded: layer.client.random.next() >> 32)
    // In the quiet phase everybody hurries: several views may have to be agreed to one by one.
    let mean = now < options.quiet ? options.flushDelay : min(options.flushDelay, 0.02)
    var answer = now + 1 + UInt64(exponential(bits) * mean * Double(Options.second))
    if now < options.quiet { answer = min(answer, options.quiet) }
    layer.answers[place] = answer
    queue.add(.agree, layer.client.node.index, layer.client.index * groupNames.count + place, at: answer)
  }

  /// It is time to agree, unless the session is another by now.
  func agree(_ value: Int) {
    let (client, group) = (clients[value / groupNames.count], value % groupNames.count)
    guard client.isOpen, let layer = client.flush, layer.answers[group] == now else { return }
    layer.answers[group] = nil
    if now < options.quiet, client.random.chance(options.flushTricks) { return disappoint(client, group) }
    if client.random.chance(0.3) { send(client, options.flushSending(to: group, &client.random)) }
    flush(client, group)
    // Both must be refused.
    if client.random.chance(0.2) { send(client, options.flushSending(to: group, &client.random)) }
    if client.random.chance(0.1) { flush(client, group) }
  }

  /// Others wait for an answer that does not come.
  private func disappoint(_ client: SimClient, _ group: Int) {
    switch client.random.below(5) {
    case 0: leave(client, group)
    case 1: disconnect(client)
    case 2: vanish(client, part: client.random.unit())
    case 3:
      flush(client, group)
      leave(client, group)
    default:
      flush(client, group)
      vanish(client, part: 1)
    }
  }
}

extension FlushLayer {
  /// The result of a call.
  fileprivate func attempt(_ call: (inout FlushMachine) throws(FlushRefusal) -> Void) -> Int32 {
    do throws(FlushRefusal) {
      try call(&machine)
      return 0
    } catch {
      return FlushLayer.code(error)
    }
  }
}

extension Cause {
  /// Of a regular membership message.
  init(_ type: ServiceType) {
    self =
      type.contains(.causedByNetwork)
      ? .network : type.contains(.causedByJoin) ? .join : type.contains(.causedByLeave) ? .leave : .disconnect
  }
}
