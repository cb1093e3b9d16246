// A simulated client: speaks the client protocol over a stream that may come cut anywhere, reads as fast as it is told
// to, and writes down what a program above the library would see (evs-properties 2).

import DequeModule
import SpreadCheck
import SpreadCore
import SpreadWire

final class SimClient {
  enum State {
    case closed
    /// Connecting, before accept.
    case dialing
    case awaitingMethods
    case awaitingAnswer
    case open
  }

  let index: Int
  // The node holds its sessions: a second strong reference would keep both for ever.
  unowned let node: Node
  var state = State.closed
  var session: Int?
  var generation = 0
  /// Bytes on their way to the daemon, and whether the stream ends behind them.
  var stream: [UInt8] = []
  var endsStream = false
  var hasStreamEvent = false
  /// The daemon does not read now.
  var streamWaits = false

  // Reading.
  var readingRate: Double?
  var inbox = Deque<MessageBuffer>()
  var hasReadEvent = false

  // What the program knows.
  var trace: ClientTrace?
  var privateName = GroupName()
  var nameID: NameID!
  var wantsMembership = true
  /// The program speaks Flush; and its layer above the open session (FlushClient.swift).
  let usesFlush: Bool
  var flush: FlushLayer?
  var random: Xoshiro256

  init(index: Int, node: Node, usesFlush: Bool, seed: UInt64) {
    self.index = index
    self.node = node
    self.usesFlush = usesFlush
    random = Xoshiro256(seed, stream: 500_000 + UInt64(index))
  }

  /// Messages that fit into the socket; more wait in the daemon.
  static let socketMessages = 16
  /// Bytes towards the daemon that a socket holds: more block the sender.
  static let socketBytes = 65536

  var isOpen: Bool {
    if case .open = state { return true }
    return false
  }

  /// Names tell the programs apart, so that a message tells by its sender where its number stands.
  static let flushLetter = UInt8(ascii: "f")
  var user: String { (usesFlush ? "f" : "c") + "\(index)" }
}

extension World {
  // MARK: What the plan wants

  func connect(_ client: SimClient) {
    guard case .closed = client.state, client.node.isRunning, client.session == nil else { return }
    client.generation += 1
    client.state = .dialing
    client.wantsMembership = client.usesFlush || !client.random.chance(options.withoutMembership)
    let user = options.reusesNames ? client.user : "\(client.user)x\(client.generation)"
    let version = LibraryVersion.current
    client.stream = [
      UInt8(bitPattern: version.major), UInt8(bitPattern: version.minor), UInt8(bitPattern: version.patch),
      client.wantsMembership ? 1 : 0, UInt8(user.utf8.count),
    ]
    client.stream += Array(user.utf8)
    client.endsStream = false
    client.inbox.removeAll()
    wakeStream(client)
  }

  func join(_ client: SimClient, _ group: Int) {
    guard client.isOpen else { return }
    if let layer = client.flush { flushJoin(layer, group) } else { callJoin(client, group) }
  }

  func leave(_ client: SimClient, _ group: Int) {
    guard client.isOpen else { return }
    if let layer = client.flush { flushLeave(layer, group) } else { callLeave(client, group) }
  }

  func send(_ client: SimClient, _ sending: Sending) {
    guard client.isOpen, client.stream.count < SimClient.socketBytes else { return }
    if let layer = client.flush { return flushSend(layer, sending) }
    let number = nextNumber(client)
    callSend(
      client, sending.type, sending.groups.map(destination), messageType: Int16(truncatingIfNeeded: number),
      content(number, sending.size, client.index))
  }

  // MARK: Calls of the library

  func callJoin(_ client: SimClient, _ group: Int) {
    client.trace?.record(.join(groupIDs[group], result: 0), at: time)
    write(client, type: .join, groups: [groupNames[group]], messageType: 0, data: [])
  }

  func callLeave(_ client: SimClient, _ group: Int) {
    client.trace?.record(.leave(groupIDs[group], result: 0), at: time)
    write(client, type: .leave, groups: [groupNames[group]], messageType: 0, data: [])
  }

  /// The number of the client's next message, which `World.number` must find in it.
  func nextNumber(_ client: SimClient) -> UInt32 { counters[client.privateName, default: 0] + 1 }

  func callSend(
    _ client: SimClient, _ type: ServiceType, _ groups: [GroupName], messageType: Int16, _ data: [UInt8]
  ) {
    let number = nextNumber(client)
    counters[client.privateName] = number
    let id = MessageID(client.nameID, number)
    client.trace?.record(.send(id, payload(type, groups, messageType: messageType, data)), at: time)
    client.trace?.record(.sent(id, result: Int32(data.count)), at: time)
    write(client, type: type, groups: groups, messageType: messageType, data: data)
  }

  /// What a sender has to say of a message.
  func payload(_ type: ServiceType, _ groups: [GroupName], messageType: Int16, _ data: [UInt8]) -> Payload {
    var mixer = Mixer()
    data.withUnsafeBytes { mixer.add($0) }
    return Payload(
      Service(type), trace.names.list(groups.map(nameID)), selfDiscard: type.contains(.selfDiscard),
      type: messageType, hash: mixer.value, length: Int32(data.count))
  }

  /// A group or a client, as `Sending` has it.
  func destination(_ number: Int) -> GroupName {
    number >= 0 ? groupNames[number] : privateName(of: -1 - number)
  }

  /// Different in every message. Its number travels as the message type, so messages of 0 and 1 bytes have one too.
  func content(_ counter: UInt32, _ size: Int, _ client: Int) -> [UInt8] {
    var mix = SplitMix64(UInt64(counter) << 32 | UInt64(client))
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      var at = 0
      while at + 8 <= size {
        bytes.storeBytes(of: mix.next().littleEndian, toByteOffset: at, as: UInt64.self)
        at += 8
      }
      if at < size {
        let word = mix.next()
        for i in at..<size { bytes[i] = UInt8(truncatingIfNeeded: word >> UInt64(8 * (i & 7))) }
      }
      count = size
    }
  }

  private func privateName(of client: Int) -> GroupName {
    let other = clients[client]
    return other.privateName.isEmpty ? name("#\(other.user)#\(other.node.name)") : other.privateName
  }

  func disconnect(_ client: SimClient) {
    guard client.isOpen else { return }
    write(client, type: .kill, groups: [client.privateName], messageType: 0, data: [])
    client.endsStream = true
    finish(client, result: 0)
  }

  /// The process dies; `part` of what it wrote last had reached the daemon's machine.
  func vanish(_ client: SimClient, part: Double) {
    switch client.state {
    case .closed: return
    default: break
    }
    // A frame that breaks off.
    if client.isOpen, client.random.chance(0.5) {
      let before = client.stream.count
      let data = [UInt8](repeating: 7, count: client.random.below(3000))
      write(client, type: .agreed, groups: [groupNames[0]], messageType: -1, data: data)
      let added = Double(client.stream.count - before)
      client.stream.removeLast(client.stream.count - before - Swift.min(Int(added * part), Int(added) - 1))
    }
    client.endsStream = true
    wakeStream(client)
    finish(client, result: 0)
  }

  /// The program's side is over; what was written still goes to the daemon.
  private func finish(_ client: SimClient, result: Int32) {
    client.flush?.trace.record(.closed(result: result), at: time)
    client.flush = nil
    client.trace?.record(.closed(result: result), at: time)
    client.trace = nil
    client.state = .closed
    client.inbox.removeAll()
  }

  func setReadingRate(_ client: SimClient, _ rate: Double?) {
    client.readingRate = rate
    if rate == nil { drain(client) } else { wakeReader(client) }
  }

  // MARK: Towards the daemon

  private func write(
    _ client: SimClient, type: ServiceType, groups: [GroupName], messageType: Int16, data: [UInt8]
  ) {
    let header = MessageHeader(
      type: type, name: client.privateName, groupCount: Int32(groups.count),
      hint: MessageHint(messageType: messageType, order: .native), dataLength: Int32(data.count))
    let start = client.stream.count
    client.stream.append(contentsOf: repeatElement(0, count: MessageHeader.size + groups.count * GroupName.size))
    client.stream.withUnsafeMutableBytes { bytes in
      header.store(at: bytes.baseAddress! + start)
      for (i, group) in groups.enumerated() {
        group.store(at: bytes.baseAddress! + start + MessageHeader.size + i * GroupName.size)
      }
    }
    client.stream += data
    wakeStream(client)
  }

  private func wakeStream(_ client: SimClient) {
    guard !client.hasStreamEvent else { return }
    client.hasStreamEvent = true
    queue.add(.stream, client.node.index, client.index, at: now + 30_000 + UInt64(client.random.below(20_000)))
  }

  /// The daemon of these clients reads again.
  func wakeStreams(of node: Node) {
    for client in clients where client.node === node && client.streamWaits {
      client.streamWaits = false
      wakeStream(client)
    }
  }

  /// The client's bytes are at the daemon's machine.
  func streamArrives(_ client: SimClient) {
    client.hasStreamEvent = false
    let node = client.node
    guard node.isRunning else { return }
    guard !node.isPaused, node.readsClients else {
      client.streamWaits = true
      return
    }
    if client.session == nil {
      guard case .dialing = client.state else {
        client.stream.removeAll()
        return
      }
      let session = node.freeSession()
      node.sessions[session] = client
      client.session = session
      client.state = .awaitingMethods
      handle(.sessionOpened(SessionID(Int32(session)), .unixSocket), at: node)
    }
    guard let session = client.session else { return }
    let count = options.cutsStream ? 1 + client.random.below(client.stream.count) : client.stream.count
    if count > 0, !client.stream.isEmpty {
      let part = Array(client.stream.prefix(count))
      client.stream.removeFirst(Swift.min(count, client.stream.count))
      part.withUnsafeBytes { handle(.sessionBytes(SessionID(Int32(session)), $0), at: node) }
    }
    if !client.stream.isEmpty {
      wakeStream(client)
    } else if client.endsStream, client.session == session, node.isRunning {
      handle(.sessionEnded(SessionID(Int32(session)), .endOfStream), at: node)
    }
  }

  // MARK: From the daemon

  func deliver(_ message: MessageBuffer, to client: SimClient) {
    switch client.state {
    case .closed, .dialing: return
    case .awaitingMethods, .awaitingAnswer:
      answer(message.bytes, client)
      return
    case .open: break
    }
    if client.readingRate == nil {
      read(message, client)
    } else {
      client.inbox.append(message)
      if client.inbox.count > SimClient.socketMessages { backlogs.append(client) }
      wakeReader(client)
    }
  }

  private func answer(_ bytes: UnsafeRawBufferPointer, _ client: SimClient) {
    guard let first = bytes.first, Int8(bitPattern: first) > 0 else { return }
    if case .awaitingMethods = client.state {
      client.stream += Array("NULL".utf8) + [UInt8](repeating: 0, count: AuthChoice.size - 4)
      client.state = .awaitingAnswer
      wakeStream(client)
      return
    }
    client.privateName = GroupName(bytes.slice(5, Int(bytes[4])))
    client.nameID = nameID(client.privateName)
    let text = trace.names[client.nameID]
    let log = trace.addClient(text, file: "\(text).\(client.generation)")
    client.trace = log
    client.state = .open
    let event = ClientEvent.connect(
      daemon: trace.names.id(client.node.name), name: client.nameID, wantsMembership: client.wantsMembership)
    log.record(event, at: time)
    if client.usesFlush {
      let layer = FlushLayer(client, trace.addClient("flush \(text)", file: "\(log.file).flush", layer: .flush))
      layer.trace.record(event, at: time)
      client.flush = layer
    }
    if options.joinsFirst, let first = options.groups(of: client.index).first { join(client, first) }
  }

  /// The daemon closed the session. What is in the socket can still be read.
  func sessionClosed(_ client: SimClient) {
    client.session = nil
    client.stream.removeAll()
    client.endsStream = false
    guard client.trace != nil else {
      client.state = .closed
      return
    }
    for message in client.inbox.prefix(SimClient.socketMessages) { read(message, client) }
    finish(client, result: -8)
  }

  private func wakeReader(_ client: SimClient) {
    guard let rate = client.readingRate, rate > 0, !client.hasReadEvent, !client.inbox.isEmpty else { return }
    client.hasReadEvent = true
    queue.add(.read, client.node.index, client.index, at: now + UInt64(Double(Options.second) / rate))
  }

  func readOne(_ client: SimClient) {
    client.hasReadEvent = false
    guard client.isOpen, let message = client.inbox.popFirst() else { return }
    read(message, client)
    // The daemon writes on when there is room.
    if client.inbox.count > SimClient.socketMessages { reportBacklog(client) }
    wakeReader(client)
  }

  private func drain(_ client: SimClient) {
    while client.isOpen, let message = client.inbox.popFirst() { read(message, client) }
  }

  func reportBacklog(_ client: SimClient) {
    guard client.isOpen, let session = client.session, !client.node.isPaused, client.node.isRunning else { return }
    let left = client.inbox.count - SimClient.socketMessages
    guard left > 0 else { return }
    handle(.sessionBacklog(SessionID(Int32(session)), messages: left), at: client.node)
  }

  private func read(_ message: MessageBuffer, _ client: SimClient) {
    guard let header = MessageHeader(message.bytes), let log = client.trace else { return }
    if header.type.isDisjoint(with: .membership) {
      let (id, payload) = payload(of: message, header)
      log.record(.receive(id, sender: id.sender, payload), at: time)
    } else {
      readNotice(message.bytes, header, client, log)
    }
    if let layer = client.flush { flushRead(message.bytes, header, layer) }
  }

  private func readNotice(
    _ bytes: UnsafeRawBufferPointer, _ header: MessageHeader, _ client: SimClient, _ log: ClientTrace
  ) {
    let group = nameID(header.name.normalized)
    // With damaged datagrams a message can look like a notice; what is not whole is refused, as by the library.
    if header.type.contains(.transition) {
      guard bytes.count >= MessageHeader.size + GroupID.size else { return }
      log.record(.signal(group, groupID(bytes, MessageHeader.size)), at: time)
      return
    }
    guard header.type.contains(.regularMembership) else {
      log.record(.selfLeave(group), at: time)
      return
    }
    var at = MessageHeader.size
    func names(_ count: Int32) -> [NameID]? {
      guard count >= 0, Int(count) <= (bytes.count - at) / GroupName.size else { return nil }
      return (0..<count).map { _ in
        defer { at += GroupName.size }
        return nameID(GroupName(at: bytes.baseAddress! + at))
      }
    }
    guard let members = names(header.groupCount), bytes.count >= at + MembershipBody.setsOffset else { return }
    let id = groupID(bytes, at)
    let count = bytes.i32(at: at + MembershipBody.setCountOffset, .native)
    let own = Int(bytes.i32(at: at + MembershipBody.ownSetOffset, .native))
    at += MembershipBody.setsOffset
    let setsStart = at
    var sets: [[NameID]] = []
    var mine = -1
    while sets.count < count {
      if at - setsStart == own { mine = sets.count }
      guard bytes.count >= at + 4 else { return }
      let size = bytes.i32(at: at, .native)
      at += 4
      guard let set = names(size) else { return }
      sets.append(set)
    }
    let cause = Cause(header.type)
    let view = ViewRecord(
      id: id, members: members, index: members.firstIndex(of: client.nameID) ?? -1, cause: cause,
      changed: cause == .network ? nil : sets.first?.first, sets: sets, mine: mine)
    log.record(.view(group, trace.add(view)), at: time)
  }

  private func groupID(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> GroupID {
    GroupID(
      MembershipID(ProcessID(bytes.u32(at: at, .native)), bytes.i32(at: at + 4, .native)),
      index: bytes.i32(at: at + 8, .native))
  }
}
