// A daemon driven by hand: connections are numbers, time moves when told to.

import SpreadCore
import SpreadWire

final class LoneDaemon {
  struct Client {
    var received: [UInt8] = []
    /// Closed by the daemon.
    var closed = false
    /// The queue was to be dropped at the close.
    var dropped = false
  }

  var daemon: Daemon
  var out = Outbox()
  var now = Instant(nanoseconds: 1_000_000_000, wallSeconds: 1_700_000_000)
  var clients: [Client] = []
  var log: [LogEvent] = []
  var deadlines: [TimerID: UInt64] = [:]

  init(name: StaticString = "d1", id: UInt32 = 0x5c8d_7aef, authentication: AuthenticationPolicy = .init()) {
    let loopback = NetworkAddress.v4(0x7f00_0001)
    let me = ConfiguredDaemon(name: GroupName(name), id: ProcessID(id), address: loopback)
    daemon = Daemon(
      configuration: Configuration(
        segments: [Segment(port: 4803, addresses: [.v4(0x7f00_00ff)], daemons: [me])]),
      me: 0, authentication: authentication, seed: 1)
    step(.start)
  }

  func step(_ input: Input) {
    out.reset()
    daemon.handle(input, at: now, into: &out)
    for action in out.sessions {
      switch action {
      case .write(let id, let message):
        precondition(!clients[id.index].closed, "a write to a closed connection")
        clients[id.index].received.append(contentsOf: message.bytes)
      case .close(let id, let flushing):
        precondition(!clients[id.index].closed, "closed twice")
        clients[id.index].closed = true
        clients[id.index].dropped = !flushing
      }
    }
    for timer in out.timers { deadlines[timer.timer] = timer.deadline }
    log += out.log
  }

  func connect(from peer: PeerAddress = .network(.v4(0x7f00_0001))) -> Int {
    clients.append(Client())
    step(.sessionOpened(SessionID(Int32(clients.count - 1)), peer))
    return clients.count - 1
  }

  func send(_ client: Int, _ bytes: [UInt8]) {
    guard !clients[client].closed else { return }
    bytes.withUnsafeBytes { step(.sessionBytes(SessionID(Int32(client)), $0)) }
  }

  /// The client ends its stream.
  func end(_ client: Int) {
    guard !clients[client].closed else { return }
    step(.sessionEnded(SessionID(Int32(client)), .endOfStream))
  }

  func advance(milliseconds: Int) {
    let target = now.nanoseconds + UInt64(milliseconds) * 1_000_000
    while let (timer, deadline) = deadlines.min(by: { $0.value < $1.value }), deadline <= target {
      now.nanoseconds = deadline
      deadlines[timer] = nil
      step(.timer(timer))
    }
    now.nanoseconds = target
  }

  /// An ordinary session; answers its number. What it received so far is forgotten.
  func login(_ name: String, membership: Bool = true, joining groups: [String] = []) -> Int {
    let client = connect()
    send(client, [5, 0, 1, membership ? 1 : 0, UInt8(name.utf8.count)] + Array(name.utf8))
    send(client, Array("NULL".utf8) + [UInt8](repeating: 0, count: 86))
    for group in groups { send(client, frame(.join, from: name, to: [group])) }
    clients[client].received = []
    return client
  }

  /// A message as a little-endian library writes it.
  func frame(
    _ type: ServiceType, from user: String, to groups: [String], type messageType: Int16 = 0, data: [UInt8] = []
  ) -> [UInt8] {
    let name = PrivateName(user: GroupName(user), daemon: daemon.me.name).groupName
    var bytes = [UInt8](repeating: 0, count: MessageHeader.size)
    bytes.withUnsafeMutableBytes {
      MessageHeader(
        type: type, order: .little, name: name, groupCount: Int32(groups.count),
        hint: MessageHint(messageType: messageType, order: .little), dataLength: Int32(data.count)
      ).store(at: $0.baseAddress!)
    }
    for group in groups { bytes += GroupName(group).field }
    return bytes + data
  }

  /// Everything `client` received since the last call, cut into messages.
  func messages(_ client: Int) -> [(header: MessageHeader, groups: [GroupName], data: [UInt8])] {
    var result: [(header: MessageHeader, groups: [GroupName], data: [UInt8])] = []
    let bytes = clients[client].received
    clients[client].received = []
    bytes.withUnsafeBytes { whole in
      var at = 0
      while at < whole.count {
        let header = MessageHeader(UnsafeRawBufferPointer(rebasing: whole[at...]))!
        at += MessageHeader.size
        var groups: [GroupName] = []
        for _ in 0..<header.groupCount {
          groups.append(GroupName(at: whole.baseAddress! + at))
          at += GroupName.size
        }
        result.append((header, groups, Array(whole[at..<at + Int(header.dataLength)])))
        at += Int(header.dataLength)
      }
    }
    return result
  }
}

extension GroupName {
  init(_ text: String) {
    self = Array(text.utf8).withUnsafeBytes { GroupName($0) }
  }

  /// The 32 bytes.
  var field: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: GroupName.size)
    bytes.withUnsafeMutableBytes { store(at: $0.baseAddress!) }
    return bytes
  }
}
