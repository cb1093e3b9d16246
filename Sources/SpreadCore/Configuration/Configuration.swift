// The configuration as a value: ordered segments of ordered daemons, and the settings of the file
// (configuration 3 to 6, daemon-ring 0). Where it comes from: ConfigurationParser.

import SpreadWire

/// An IPv4 or IPv6 address without port.
public enum NetworkAddress: Hashable, Sendable {
  /// Host order: 127.0.0.1 is 0x7f000001.
  case v4(UInt32)
  /// The sixteen bytes as two big-endian words; `scope` is the interface index of a link-local address, else 0.
  case v6(UInt64, UInt64, scope: UInt32)
}

public struct ConfiguredDaemon: Equatable, Sendable {
  public var name: GroupName
  public var id: ProcessID
  public var address: NetworkAddress

  public init(name: GroupName, id: ProcessID, address: NetworkAddress) {
    self.name = name
    self.id = id
    self.address = address
  }
}

public struct Segment: Equatable, Sendable {
  public var port: UInt16
  /// Up to 5 multicast or broadcast addresses.
  public var addresses: [NetworkAddress]
  public var daemons: [ConfiguredDaemon]

  public init(port: UInt16, addresses: [NetworkAddress], daemons: [ConfiguredDaemon]) {
    self.port = port
    self.addresses = addresses
    self.daemons = daemons
  }
}

public struct Configuration: Equatable, Sendable {
  public var segments: [Segment]
  /// MaxSessionMessages.
  public var maxSessionMessages = 1000

  public init(segments: [Segment]) {
    self.segments = segments
  }

  /// All daemons in configuration order, the only order the protocol uses (daemon-ring 0).
  public var daemons: [ConfiguredDaemon] { segments.flatMap(\.daemons) }
}
