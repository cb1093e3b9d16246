// The daemons as a monitor sees them: who they are, and what is sent to them (monitor 1 to 5).

import SpreadCore
import SpreadPlatform
import SpreadWire

struct Daemons {
  struct Peer {
    var name: String
    var id: ProcessID
    var address: NetworkAddress
    var port: UInt16
  }

  struct Failure: Error {
    var lines: [String]
  }

  private let file: ConfigurationFile
  private let ownName: String?
  private(set) var configuration: Configuration
  private(set) var peers: [Peer] = []
  /// By segment, as the screens divide them.
  private(set) var segments: [Range<Int>] = []
  private(set) var own = 0
  let socket: MonitorSocket

  static let searchedFiles = ["./spread.conf", "/etc/spread.conf"]
  /// Stock's monitor always sends the entries of the largest configuration.
  private static let entries = 128

  init(_ options: Options) throws(Failure) {
    guard let path = options.file ?? Self.searchedFiles.first(where: System.exists) else {
      throw Failure(lines: ["there is no \(Self.searchedFiles.joined(separator: " or ")); name the file with -c"])
    }
    do throws(SystemError) {
      file = try ConfigurationFile(path: path)
    } catch {
      throw Failure(lines: [error.description])
    }
    ownName = options.name
    let reading = try Self.read(file)
    configuration = reading
    let own: Int
    switch configuration.chooseOwn(named: ownName) {
    case .success(let index): own = index
    case .failure(let failure): throw Failure(lines: [failure.description])
    }
    socket = try Self.open(configuration.daemons[own].address, options)
    adopt(configuration, own)
  }

  private static func read(_ file: ConfigurationFile) throws(Failure) -> Configuration {
    do throws(ConfigurationFile.Failure) {
      return try file.read().configuration
    } catch {
      throw Failure(lines: error.lines)
    }
  }

  private static func open(_ address: NetworkAddress, _ options: Options) throws(Failure) -> MonitorSocket {
    var port = options.port ?? Options.defaultPort
    while true {
      do throws(SystemError) {
        return try MonitorSocket(address, port: port)
      } catch {
        // A script may run beside somebody who looks at the menu.
        guard options.once, options.port == nil, port < Options.defaultPort + 100 else {
          throw Failure(lines: [error.description, "Choose another port with -p."])
        }
        port += 1
      }
    }
  }

  private mutating func adopt(_ configuration: Configuration, _ own: Int) {
    self.configuration = configuration
    self.own = own
    peers = []
    segments = []
    for segment in configuration.segments {
      segments.append(peers.count..<peers.count + segment.daemons.count)
      peers += segment.daemons.map {
        Peer(name: $0.name.text, id: $0.id, address: $0.address, port: segment.port)
      }
    }
  }

  /// Reads the file again, as the daemons do.
  mutating func reload() throws(Failure) {
    var new = try Self.read(file).inheriting(from: configuration)
    guard case .success(let own) = new.chooseOwn(named: ownName) else {
      throw Failure(lines: ["no daemon of the new configuration is on this machine"])
    }
    adopt(new, own)
  }

  func index(named name: String) -> Int? { peers.firstIndex { $0.name == name } }
  func index(of id: ProcessID) -> Int? { peers.firstIndex { $0.id == id } }

  // MARK: Sending

  /// Bytes of a packet, made by `encode` from a header with what all of them share.
  private func send(
    to index: Int, times: Int, _ encode: (PacketHeader, UnsafeMutableRawBufferPointer) -> Int?
  ) throws(SystemError) {
    var header = PacketHeader(
      type: [], transmitter: peers[own].id, process: peers[own].id, sequence: Int32(socket.port),
      configurationHash: configuration.hash)
    if configuration.speaksWire44 {
      // A daemon of 4.4.0 drops what names itself as the transmitter.
      header.transmitter = ProcessID(0)
      header.membership = MembershipID(Monitor44.mark, 0)
      header.configurationHash = Monitor44.hash
    }
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: DatagramSize.maxPacket, alignment: 8)
    defer { memory.deallocate() }
    guard let size = encode(header, memory) else { return }
    for _ in 0..<times {
      try socket.send(
        UnsafeRawBufferPointer(rebasing: memory[..<size]), to: peers[index].address, port: peers[index].port)
    }
  }

  private func bare(_ type: PacketType) -> (PacketHeader, UnsafeMutableRawBufferPointer) -> Int? {
    { header, memory in
      var header = header
      header.type = type
      header.store(at: memory.baseAddress!)
      return PacketHeader.size
    }
  }

  func askStatus(_ index: Int) throws(SystemError) { try send(to: index, times: 1, bare(.status)) }

  /// Nothing is acknowledged, so everything but questions is sent twice, as stock does. To 4.4.0 RELOAD goes once: its
  /// hash is the same afterwards, so a second one would be another reload.
  func sendReload(_ index: Int) throws(SystemError) {
    try send(to: index, times: configuration.speaksWire44 ? 1 : 2, bare(.reload))
  }

  func sendPartition(_ components: [Int16], to index: Int) throws(SystemError) {
    let all = components + [Int16](repeating: 0, count: max(0, Self.entries - components.count))
    try send(to: index, times: 2) { PartitionCommand.encode($0, components: all, into: $1) }
  }

  /// -1: unchanged.
  func sendWindows(_ windows: Windows, to index: Int) throws(SystemError) {
    let pairs = zip(windows.personal, windows.accelerated).map { ($0, $1) }
    try send(to: index, times: 2) { FlowControlCommand.encode($0, pairs: pairs, window: windows.window, into: $1) }
  }
}

/// What a flow control command says; -1: unchanged.
struct Windows {
  var window: Int16 = -1
  var personal: [Int16]
  var accelerated: [Int16]

  init(daemons: Int) {
    personal = Array(repeating: -1, count: daemons)
    accelerated = personal
  }
}
