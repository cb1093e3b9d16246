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

public enum IPVersion: Sendable {
  case v4
  case v6
}

extension NetworkAddress {
  public var version: IPVersion {
    switch self {
    case .v4: .v4
    case .v6: .v6
    }
  }

  /// 0.0.0.0 or ::
  public var isUnspecified: Bool {
    switch self {
    case .v4(let address): address == 0
    case .v6(let high, let low, _): high == 0 && low == 0
    }
  }

  public var isMulticast: Bool {
    switch self {
    case .v4(let address): address >> 28 == 0xe
    case .v6(let high, _, _): high >> 56 == 0xff
    }
  }

  /// 127.0.0.0/8 or ::1
  public var isLoopback: Bool {
    switch self {
    case .v4(let address): address >> 24 == 127
    case .v6(let high, let low, _): high == 0 && low == 1
    }
  }

  /// 0 for IPv4.
  public var scope: UInt32 {
    get { if case .v6(_, _, let scope) = self { scope } else { 0 } }
    set { if case .v6(let high, let low, _) = self { self = .v6(high, low, scope: newValue) } }
  }

  /// Equal but for the scope, which differs from host to host.
  public func isSame(as other: NetworkAddress) -> Bool {
    var (a, b) = (self, other)
    a.scope = 0
    b.scope = 0
    return a == b
  }
}

/// What an interface of a daemon is used for. The numbers are stock's.
public struct InterfaceRoles: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// `M`. Of no effect: monitor packets come to the daemon port.
  public static let monitor = InterfaceRoles(rawValue: 1)
  /// `C`: clients connect here.
  public static let client = InterfaceRoles(rawValue: 2)
  /// `D`: daemons send here.
  public static let daemon = InterfaceRoles(rawValue: 4)
  /// No interface block: bind to the unspecified address.
  public static let any = InterfaceRoles(rawValue: 8)
  /// What an interface without a letter gets.
  public static let all: InterfaceRoles = [.monitor, .client, .daemon]
}

/// One address a daemon listens on. May be unspecified or multicast.
public struct Interface: Hashable, Sendable {
  public var address: NetworkAddress
  public var roles: InterfaceRoles

  public init(_ address: NetworkAddress, _ roles: InterfaceRoles) {
    self.address = address
    self.roles = roles
  }
}

public struct ConfiguredDaemon: Equatable, Sendable {
  /// At most 19 bytes.
  public var name: GroupName
  public var id: ProcessID
  /// Whether the file gives the id. Otherwise it is made of the name, and a reload in a ring with stock daemons is
  /// only safe when daemons are appended (configuration 10).
  public var hasVirtualID: Bool
  public var address: NetworkAddress
  /// 1 to 10. Without an interface block one implicit interface with the role `any`.
  public var interfaces: [Interface]

  public init(
    name: GroupName, id: ProcessID, hasVirtualID: Bool = false, address: NetworkAddress, interfaces: [Interface]? = nil
  ) {
    self.name = name
    self.id = id
    self.hasVirtualID = hasVirtualID
    self.address = address
    self.interfaces = interfaces ?? [Interface(address, [.all, .any])]
  }
}

public struct Segment: Equatable, Sendable {
  /// Of all addresses, daemons and interfaces of the segment; tokens go to the next one (configuration 4).
  public var port: UInt16
  /// 1 to 5 multicast, broadcast or even unicast addresses; everything multicast goes to each of them, in order.
  public var addresses: [NetworkAddress]
  public var daemons: [ConfiguredDaemon]

  public init(port: UInt16, addresses: [NetworkAddress], daemons: [ConfiguredDaemon]) {
    self.port = port
    self.addresses = addresses
    self.daemons = daemons
  }

  public static let defaultPort: UInt16 = 4803
}

/// Rings whose ids have a time below `ends` begin behind number `sequence` instead of 0, so that tests come to the end
/// of the numbers (daemon-ring 3.2).
public struct LateStart: Equatable, Sendable {
  public var sequence: Int32 = 0
  public var ends: Int32 = .min

  public init() {}

  public init(behind sequence: Int32, until ends: Int32) {
    self.sequence = sequence
    self.ends = ends
  }
}

public struct Configuration: Equatable, Sendable {
  /// 1 to 20, with at least one daemon each and 128 in all.
  public var segments: [Segment]
  public var activeIPVersion: IPVersion

  /// MaxSessionMessages.
  public var maxSessionMessages = 1000
  public var log = LogSettings()
  /// DangerousMonitor: partitions, kills and flow control by monitor packets.
  public var dangerousMonitor = false
  public var socketPortReuse = SocketPortReuse.auto
  /// RuntimeDir; nil when the file does not name it: no chroot then.
  public var runtimeDirectory: String?
  /// DaemonUser and DaemonGroup; nil when not written (stock: `spread`).
  public var daemonUser: String?
  public var daemonGroup: String?
  /// AllowedAuthMethods.
  public var enabledMethods: AuthenticationMethods = .null
  /// RequiredAuthMethods.
  public var requiredMethods: AuthenticationMethods = []
  public var accessControlPolicy = AccessControlPolicy.permit

  /// 1 to 32767, as PersonalWindow, which is not greater.
  public var window = 160
  public var personalWindow = 20
  /// 0 to 32767; not above PersonalWindow when the accelerated ring is configured.
  public var acceleratedWindow = 15
  /// AcceleratedRing as written; nil when it is not, which matters: see `ringProtocol`.
  public var acceleratedRing: Bool?
  /// What holds while it is not written, once the configuration was reloaded; nil before.
  var inheritedRing: RingProtocol?
  /// WideAreaNetwork as written.
  public var wideAreaNetwork: Bool?
  /// The nine timeouts as written; nil: the defaults. See `timeouts`.
  public var configuredTimeouts: Timeouts?
  public var excludeSegmentAddressesFromHash = false
  public var ignoreMulticastJoinErrors = false

  /// `#@ MaxSessions`, ours: sessions of one daemon.
  public var maxSessions = Limits.sessions
  /// `#@ EarlyRepetition`, ours: an unanswered token, or HURRY, is sent again after some rotations of the token instead
  /// of the HurryTimeout.
  public var earlyRepetition = true
  /// `#@ TokenCopies`, ours: tokens are sent twice while datagrams get lost.
  public var tokenCopies = true

  /// `#@ Wire44`, ours: the wire of Spread 4.4.0 instead of 5.0.1's (daemon-ring 7).
  public var speaksWire44 = false

  /// For tests, in no file.
  public var lateStart = LateStart()

  public init(segments: [Segment]) {
    self.segments = segments
    activeIPVersion = segments.lazy.compactMap(\.daemons.first?.address.version).first ?? .v4
  }

  /// All daemons in configuration order, the only order the protocol uses (daemon-ring 0).
  public var daemons: [ConfiguredDaemon] { segments.flatMap(\.daemons) }

  /// Whether the timeouts for wide area networks are the defaults.
  public var isWideArea: Bool { wideAreaNetwork ?? (segments.count > 1) }

  /// What holds, written or not.
  public var timeouts: Timeouts { configuredTimeouts ?? (isWideArea ? .wideArea : .localArea) }

  /// Stock's default of AcceleratedRing is false when a daemon starts, whatever its manual says, and becomes "true
  /// unless wide area" at the first reload, hash included (configuration 5, daemon-ring 6.1). Daemons that share a
  /// ring with stock must do the same. An explicit AcceleratedRing holds always.
  public func ringProtocol(afterReload: Bool) -> RingProtocol {
    if let acceleratedRing { return acceleratedRing ? .accelerated : .original }
    return inheritedRing ?? (afterReload && !isWideArea ? .accelerated : .original)
  }

  /// What the ring runs with this configuration.
  public var ringProtocol: RingProtocol { ringProtocol(afterReload: false) }
}
