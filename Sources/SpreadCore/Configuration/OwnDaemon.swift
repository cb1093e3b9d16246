// Which of the configured daemons runs on this host (configuration 7), and the IPv6 scopes it learns from the local
// interfaces (configuration 4).

import SpreadWire

public enum OwnDaemonFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// No daemon has one of the local addresses.
  case noneIsLocal
  case unknownName(String)
  /// The named daemon has an address this host does not have.
  case notLocal(name: String, NetworkAddress)

  public var description: String {
    switch self {
    case .noneIsLocal: "no configured daemon has an address of this host; name one with -n, or correct the addresses"
    case .unknownName(let name): "no daemon is called '\(name)' in the configuration"
    case .notLocal(let name, let address): "the daemon '\(name)' has the address \(address.text), which this host lacks"
    }
  }
}

extension Configuration {
  /// The index into `daemons` of the daemon to run: the one called `name`, or without a name the first with a local
  /// address. Ports are not compared, so two daemons on one host need names.
  public func ownDaemon(named name: String? = nil, localAddresses: [NetworkAddress]) -> Result<Int, OwnDaemonFailure> {
    func isLocal(_ daemon: ConfiguredDaemon) -> Bool {
      localAddresses.contains { $0.isSame(as: daemon.address) }
    }
    let daemons = daemons
    guard let name else {
      guard let index = daemons.firstIndex(where: isLocal) else { return .failure(.noneIsLocal) }
      return .success(index)
    }
    guard let index = daemons.firstIndex(where: { $0.name.bytes.elementsEqual(name.utf8) }) else {
      return .failure(.unknownName(name))
    }
    guard isLocal(daemons[index]) else { return .failure(.notLocal(name: name, daemons[index].address)) }
    return .success(index)
  }

  /// Segment and place in it of the daemon with this index into `daemons`; nil when there is none.
  public func place(ofDaemon index: Int) -> (segment: Int, daemon: Int)? {
    var index = index
    for (number, segment) in segments.enumerated() {
      if segment.daemons.indices.contains(index) { return (number, index) }
      index -= segment.daemons.count
    }
    return nil
  }

  /// Fills in the IPv6 scopes the file leaves open, seen from the daemon with index `own`: its own from the local
  /// interface that has its address; that one for every unicast address, as stock does, and for the addresses of its
  /// segment and its interfaces that have none.
  public mutating func adoptScopes(own: Int, localAddresses: [NetworkAddress]) {
    guard let (s, d) = place(ofDaemon: own) else { return }
    let segment = segments[s]
    var scope = segment.daemons[d].address.scope
    func local(_ address: NetworkAddress) -> UInt32 {
      localAddresses.first { $0.isSame(as: address) }?.scope ?? 0
    }
    if scope == 0 { scope = local(segment.daemons[d].address) }
    for i in segments.indices {
      for j in segments[i].daemons.indices { segments[i].daemons[j].address.scope = scope }
    }
    for i in segment.addresses.indices where segment.addresses[i].scope == 0 {
      segments[s].addresses[i].scope = scope
    }
    for (i, interface) in segment.daemons[d].interfaces.enumerated() where interface.address.scope == 0 {
      let found = local(interface.address)
      segments[s].daemons[d].interfaces[i].address.scope = found == 0 ? scope : found
    }
  }
}

extension ConfiguredDaemon {
  /// Where to bind the sockets of a role: the interfaces that have it, or without an interface block the unspecified
  /// address (configuration 4). Empty when no interface has the role.
  public func bindAddresses(for role: InterfaceRoles) -> [NetworkAddress] {
    if interfaces.contains(where: { $0.roles.contains(.any) }) {
      return [address.version == .v4 ? .v4(0) : .v6(0, 0, scope: 0)]
    }
    return interfaces.filter { $0.roles.contains(role) }.map(\.address)
  }
}
