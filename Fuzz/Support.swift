// What the fuzz targets share: reading the input, small configurations, a world of daemons driven by hand. Everything
// follows from the input, so a crash can be repeated.

import SpreadCore
import SpreadWire

/// Takes an input apart from the front; beyond its end everything is 0.
struct FuzzReader {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var isAtEnd: Bool { position >= bytes.count }

  mutating func byte() -> Int {
    guard !isAtEnd else { return 0 }
    position += 1
    return Int(bytes[position - 1])
  }

  mutating func word() -> Int { byte() | byte() << 8 }

  mutating func take(_ length: Int) -> UnsafeRawBufferPointer {
    let taken = min(length, bytes.count - position)
    position += taken
    return UnsafeRawBufferPointer(rebasing: bytes[position - taken..<position])
  }

  mutating func rest() -> UnsafeRawBufferPointer { take(bytes.count) }
}

func name(_ text: String) -> GroupName { Array(text.utf8).withUnsafeBytes { GroupName($0) } }

/// d1, d2, d3 of the captures (Tests/Vectors/daemon), the last in a segment of its own when `segments` is 2.
func fuzzConfiguration(daemons: Int, segments: Int = 1) -> Configuration {
  let all = [(1, 0x5c8d_7aef), (2, 0x14c5_65a0), (3, 0xef46_226e)].prefix(daemons).map {
    ConfiguredDaemon(name: name("d\($0.0)"), id: ProcessID(UInt32($0.1)), address: .v4(0x0a58_0000 + UInt32($0.0)))
  }
  let multicast = NetworkAddress.v4(0xe108_0103)
  if segments == 1 { return Configuration(segments: [Segment(port: 5821, addresses: [multicast], daemons: all)]) }
  return Configuration(segments: [
    Segment(port: 5821, addresses: [multicast], daemons: Array(all.dropLast())),
    Segment(port: 5841, addresses: [multicast], daemons: Array(all.suffix(1))),
  ])
}

/// A connection as the shell sees it.
struct FuzzClient {
  var isOpen = true
  var received: [UInt8] = []
}

/// Daemons, the datagrams on their way, the clients' streams and one clock.
struct World {
  struct Node {
    var daemon: Daemon
    var clients: [FuzzClient] = []
    var deadlines: [TimerID: UInt64] = [:]
    /// The last regular membership.
    var membership: MembershipID?
  }
  struct Flying {
    var target: Int
    var source: Int
    var kind: Datagram.Kind
    var bytes: [UInt8]
  }

  let configuration: Configuration
  var nodes: [Node] = []
  var flying: [Flying] = []
  var now = Instant(nanoseconds: 1_000_000_000, wallSeconds: 1_700_000_000)
  private var out = Outbox()
  /// More than this on the way at once and the newest are lost, as in a socket's buffer.
  static let room = 64

  init(_ configuration: Configuration, authentication: AuthenticationPolicy = AuthenticationPolicy()) {
    self.configuration = configuration
    for index in configuration.daemons.indices {
      nodes.append(
        Node(daemon: Daemon(configuration: configuration, me: index, authentication: authentication, seed: 1)))
    }
  }

  mutating func start() { for index in nodes.indices { step(index, .start) } }

  /// As after a crash: nothing is kept but the configuration and the last time (configuration 9).
  mutating func restart(_ index: Int) {
    let last = nodes[index].membership?.time ?? 0
    nodes[index] = Node(daemon: Daemon(configuration: configuration, me: index, seed: 2, lastTime: last))
    step(index, .start)
  }

  mutating func step(_ index: Int, _ input: Input) {
    out.reset()
    nodes[index].daemon.handle(input, at: now, into: &out)
    for datagram in out.datagrams { post(datagram, from: index) }
    for action in out.sessions {
      switch action {
      case .write(let id, let message):
        precondition(nodes[index].clients[id.index].isOpen, "a write to a closed connection")
        nodes[index].clients[id.index].received.append(contentsOf: message.bytes)
      case .close(let id, _):
        precondition(nodes[index].clients[id.index].isOpen, "closed twice")
        nodes[index].clients[id.index].isOpen = false
      }
    }
    for timer in out.timers { nodes[index].deadlines[timer.timer] = timer.deadline }
    for event in out.log {
      if case .membership(let id, _) = event { nodes[index].membership = id }
    }
  }

  private mutating func post(_ datagram: Datagram, from index: Int) {
    precondition(datagram.length <= (datagram.kind == .packet ? DatagramSize.maxPacket : DatagramSize.maxToken))
    let targets: [Int]
    switch datagram.destination {
    case .daemon(let position): targets = [position]
    case .monitor: return
    case .segment: targets = nodes.indices.filter { segment(of: $0) == segment(of: index) }
    }
    let bytes = Array(out.bytes(of: datagram))
    for target in targets where flying.count < World.room {
      flying.append(Flying(target: target, source: index, kind: datagram.kind, bytes: bytes))
    }
  }

  private func segment(of index: Int) -> Int {
    var rest = index
    for (number, segment) in configuration.segments.enumerated() {
      if rest < segment.daemons.count { return number }
      rest -= segment.daemons.count
    }
    preconditionFailure("no such daemon")
  }

  // MARK: The network and time

  mutating func deliver(_ datagram: Flying) {
    let source = configuration.daemons[datagram.source].address
    datagram.bytes.withUnsafeBytes {
      step(datagram.target, datagram.kind == .packet ? .packet($0, from: source) : .token($0, from: source))
    }
  }

  mutating func deliverNext() {
    guard !flying.isEmpty else { return }
    deliver(flying.removeFirst())
  }

  /// The earliest timer of all; moves the clock to it.
  mutating func fireNext() {
    var earliest: (node: Int, timer: TimerID, at: UInt64)?
    for index in nodes.indices {
      for timer in TimerID.allCases {
        guard let at = nodes[index].deadlines[timer], at < earliest?.at ?? .max else { continue }
        earliest = (index, timer, at)
      }
    }
    guard let next = earliest else { return }
    if next.at > now.nanoseconds {
      now.wallSeconds &+= Int32((next.at - now.nanoseconds) / 1_000_000_000)
      now.nanoseconds = next.at
    }
    nodes[next.node].deadlines[next.timer] = nil
    step(next.node, .timer(next.timer))
  }

  /// Lets everything run its way for a while: datagrams first, then timers.
  mutating func run(steps: Int) {
    for _ in 0..<steps {
      if flying.isEmpty { fireNext() } else { deliverNext() }
    }
  }

  // MARK: Clients

  mutating func connect(_ index: Int, from peer: PeerAddress = .unixSocket) -> Int {
    nodes[index].clients.append(FuzzClient())
    let client = nodes[index].clients.count - 1
    step(index, .sessionOpened(SessionID(Int32(client)), peer))
    return client
  }

  mutating func send(_ index: Int, _ client: Int, _ bytes: UnsafeRawBufferPointer) {
    guard nodes[index].clients[client].isOpen else { return }
    step(index, .sessionBytes(SessionID(Int32(client)), bytes))
  }

  mutating func send(_ index: Int, _ client: Int, _ bytes: [UInt8]) {
    bytes.withUnsafeBytes { send(index, client, $0) }
  }

  mutating func end(_ index: Int, _ client: Int) {
    guard nodes[index].clients[client].isOpen else { return }
    step(index, .sessionEnded(SessionID(Int32(client)), .endOfStream))
  }

  /// Connects and says hello; the connection's number.
  mutating func login(_ index: Int, _ user: String, membership: Bool = true) -> Int {
    let client = connect(index)
    send(index, client, [5, 0, 1, membership ? 1 : 0, UInt8(user.utf8.count)] + Array(user.utf8))
    send(index, client, Array("NULL".utf8) + [UInt8](repeating: 0, count: 86))
    return client
  }

  /// A message as a little-endian library writes it.
  func frame(
    _ type: ServiceType, from user: String, at index: Int, to groups: [String], data: [UInt8] = []
  ) -> [UInt8] {
    let sender = name("#\(user)#d\(index + 1)")
    var bytes = [UInt8](repeating: 0, count: MessageHeader.size + GroupName.size * groups.count)
    bytes.withUnsafeMutableBytes {
      MessageHeader(
        type: type, order: .little, name: sender, groupCount: Int32(groups.count),
        hint: MessageHint(messageType: 0, order: .little), dataLength: Int32(data.count)
      ).store(at: $0.baseAddress!)
      for (number, group) in groups.enumerated() {
        name(group).store(at: $0.baseAddress! + MessageHeader.size + GroupName.size * number)
      }
    }
    return bytes + data
  }
}

/// The bytes in memory of exactly their size, so that reading beyond is seen.
func withExactMemory(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
  let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
  defer { memory.deallocate() }
  memory.copyMemory(from: bytes)
  body(memory)
}
