// The calls of the client interface, without C types (c-api 6 and 7).

import CSpreadSocket
import SpreadWire

public enum Client {
  /// Without a deadline, how long a full listen queue of a unix socket is waited for.
  static var queuePatience: Int { 3 }
  /// How long a disconnect waits for a daemon that does not read now.
  static var farewellMicroseconds: Int { 500_000 }

  // MARK: Connecting

  /// Connects and answers the mailbox and its private group. `text` is the daemon's name without a NUL.
  public static func connect(
    to text: UnsafeRawBufferPointer, name: GroupName, priority: Bool, wantsMembership: Bool, deadline: Deadline
  ) throws(ClientError) -> (mailbox: Int32, privateGroup: GroupName) {
    SessionTable.initialize()
    guard let daemon = DaemonAddress(text) else { throw .illegalSpread }
    var address = try resolve(daemon, text)
    let descriptor = csp_open(&address)
    guard descriptor >= 0 else { throw .couldNotConnect }
    do throws(ClientError) {
      try establish(descriptor, &address, deadline)
      var stream = SocketStream(descriptor, deadline: deadline)
      let request = ConnectRequest(
        name: name, priority: priority, wantsMembership: wantsMembership, methods: SessionTable.methods)
      let group = try Handshake.run(request, over: &stream, descriptor: descriptor)
      guard csp_set_blocking(descriptor, 1) >= 0 else { throw .couldNotConnect }
      try SessionTable.insert(descriptor, group)
      return (descriptor, group)
    } catch {
      csp_close(descriptor)
      throw error
    }
  }

  private static func resolve(
    _ daemon: DaemonAddress, _ text: UnsafeRawBufferPointer
  ) throws(ClientError) -> csp_address {
    var address = csp_address()
    switch daemon {
    case .local(let port):
      csp_unix_address(port, &address)
    case .host(let port, let start, let end):
      let outcome = withUnsafeTemporaryAllocation(of: CChar.self, capacity: DaemonAddress.maxLength + 1) { host in
        for i in start..<end { host[i - start] = CChar(bitPattern: text[i]) }
        host[end - start] = 0
        return csp_resolve(host.baseAddress!, port, &address)
      }
      if outcome == 1 { throw .illegalSpread }
      if outcome != 0 { throw .couldNotConnect }
    }
    return address
  }

  /// Connects the socket. A listener whose queue is full, or an interrupted attempt, is tried again until the deadline,
  /// without one for some seconds.
  private static func establish(
    _ descriptor: Int32, _ address: inout csp_address, _ deadline: Deadline
  ) throws(ClientError) {
    let patience = Deadline(seconds: queuePatience, microseconds: 0)
    var pause: Int64 = 1_000_000
    while true {
      if deadline.isPast { throw .connectionClosed }
      switch csp_connect(descriptor, &address) {
      case CSP_CONNECTED:
        return
      case CSP_IN_PROGRESS:
        guard csp_wait(descriptor, 1, deadline.nanoseconds) == 1 else { throw .connectionClosed }
        guard csp_is_connected(descriptor) == 1 else { throw .couldNotConnect }
        return
      case CSP_QUEUE_FULL:
        if deadline.nanoseconds == CSP_NEVER, patience.isPast { throw .couldNotConnect }
        csp_sleep(pause)
        pause = min(pause * 2, 50_000_000)
      default:
        throw .couldNotConnect
      }
    }
  }

  // MARK: Leaving

  /// Tells the daemon, then closes when the daemon has heard it: a close with something unread, or with something still
  /// to come, resets the connection, and a reset throws away what the daemon has not read yet: the last messages of
  /// this session (stock loses them). What the telling meets does not matter.
  public static func disconnect(_ mailbox: Int32) throws(ClientError) {
    try SessionTable.withSession(mailbox) { session throws(ClientError) in
      let isTold = (try? control(.kill, session, session.privateGroup)) != nil
      guard SessionTable.remove(session) else { throw .illegalSession }
      if isTold {
        csp_end(session.descriptor, Deadline(seconds: 0, microseconds: farewellMicroseconds).nanoseconds)
      }
    }
  }

  /// Closes without a word.
  public static func kill(_ mailbox: Int32) throws(ClientError) {
    try SessionTable.withSession(mailbox) { session throws(ClientError) in
      guard SessionTable.remove(session) else { throw .illegalSession }
    }
  }

  // MARK: Groups

  /// JOIN or LEAVE of a group. The name is judged before the mailbox (c-api row A07).
  public static func join(_ mailbox: Int32, _ group: UnsafePointer<CChar>?) throws(ClientError) {
    try membership(.join, mailbox, group)
  }

  public static func leave(_ mailbox: Int32, _ group: UnsafePointer<CChar>?) throws(ClientError) {
    try membership(.leave, mailbox, group)
  }

  private static func membership(
    _ kind: ServiceType, _ mailbox: Int32, _ group: UnsafePointer<CChar>?
  ) throws(ClientError) {
    guard let name = joinableName(group) else { throw .illegalGroup }
    try SessionTable.withSession(mailbox) { session throws(ClientError) in
      try control(kind, session, name)
    }
  }

  /// 1...31 bytes of '$' to '~'; nil otherwise. Never looks beyond 32 bytes.
  static func joinableName(_ text: UnsafePointer<CChar>?) -> GroupName? {
    guard let text else { return nil }
    let length = boundedLength(text, GroupName.size)
    guard length >= 1, length <= GroupName.maxLength else { return nil }
    let bytes = UnsafeRawBufferPointer(start: text, count: length)
    for byte in bytes where !isLegalNameByte(byte) { return nil }
    return GroupName(bytes)
  }

  /// Bytes before the NUL, at most `limit`.
  public static func boundedLength(_ text: UnsafePointer<CChar>, _ limit: Int) -> Int {
    var length = 0
    while length < limit, text[length] != 0 { length += 1 }
    return length
  }

  /// A message of one group and no body.
  static func control(
    _ kind: ServiceType, _ session: Session, _ group: GroupName
  ) throws(ClientError) {
    try withName(group) { name throws(ClientError) in
      try session.send(
        OutgoingMessage(
          type: kind, messageType: 0, groups: name, groupCount: 1, body: Pieces(nil, count: 0), bodyLength: 0))
    }
  }

  static func withName(
    _ name: GroupName, _ body: (UnsafeRawPointer) throws(ClientError) -> Void
  ) throws(ClientError) {
    var failure: ClientError?
    withUnsafeTemporaryAllocation(byteCount: GroupName.size, alignment: 8) { field in
      name.store(at: field.baseAddress!)
      do throws(ClientError) { try body(UnsafeRawPointer(field.baseAddress!)) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  // MARK: Messages

  /// Sends to one group; any name goes, cut at 31 bytes. Answers the number of body bytes.
  public static func multicast(
    _ mailbox: Int32, _ service: ServiceType, to group: UnsafePointer<CChar>?, _ messageType: Int16, _ body: Pieces,
    announcedLength: Int32? = nil
  ) throws(ClientError) -> Int32 {
    guard service.asksForService else { throw .illegalService }
    guard let group else { throw .illegalGroup }
    let name = GroupName(
      UnsafeRawBufferPointer(start: group, count: boundedLength(group, GroupName.maxLength)))
    var sent: Int32 = 0
    try withName(name) { name throws(ClientError) in
      sent = try multicast(mailbox, service, to: name, 1, messageType, body, announcedLength: announcedLength)
    }
    return sent
  }

  /// Sends to `count` groups of 32 bytes each.
  public static func multicast(
    _ mailbox: Int32, _ service: ServiceType, to groups: UnsafeRawPointer?, _ count: Int32, _ messageType: Int16,
    _ body: Pieces, announcedLength: Int32? = nil
  ) throws(ClientError) -> Int32 {
    guard service.asksForService else { throw .illegalService }
    guard let length = body.checkedLength(), count >= 0, count <= ClientLimits.groups else { throw .illegalMessage }
    try checkNames(groups, Int(count))
    return try SessionTable.withSession(mailbox) { session throws(ClientError) in
      guard length + Int(count) * GroupName.size <= ClientLimits.message else { throw .messageTooLong }
      try session.send(
        OutgoingMessage(
          type: service, messageType: messageType, groups: groups, groupCount: Int(count), body: body,
          bodyLength: length, announcedLength: announcedLength))
      return Int32(length)
    }
  }

  private static func checkNames(_ groups: UnsafeRawPointer?, _ count: Int) throws(ClientError) {
    guard count > 0 else { return }
    guard let groups else { throw .illegalGroup }
    for i in 0..<count where !GroupName(rawAt: groups + i * GroupName.size).isTerminated { throw .illegalGroup }
  }

  /// Receives one message.
  public static func receive(_ mailbox: Int32, into room: ReceiveRoom) throws(ClientError) -> Reception {
    try SessionTable.withSession(mailbox) { session throws(ClientError) in session.receive(into: room) }
  }

  /// Unread bytes.
  public static func poll(_ mailbox: Int32) throws(ClientError) -> Int32 {
    guard SessionTable.contains(mailbox) else { throw .illegalSession }
    let count = csp_unread(mailbox)
    guard count >= 0 else { throw .illegalSession }
    return count
  }
}

extension ServiceType {
  /// What stock's library takes: some regular service and no reject bit.
  var asksForService: Bool { !isDisjoint(with: .regular) && !contains(.reject) }
}
