// Any bytes as spread.conf: an answer, and an accepted configuration keeps the rules of configuration 4 and 5.
//
// seeds: conf

import SpreadCore

private let local = NetworkAddress.v4(0x7f00_0001)

func configurationFuzz(_ input: UnsafeRawBufferPointer) {
  let count = input.count
  let bytes = Array(input)
  // Half of all names exist, so that both ways are taken.
  let lookup = HostLookup(
    resolve: { $0.utf8.count % 2 == 0 ? [.v4(0x7f00_0001 + UInt32($0.utf8.count)), .v6(0, 1, scope: 0)] : [] },
    interfaceIndex: { UInt32($0.utf8.count) })
  switch ConfigurationParser.parse(bytes, fileName: "fuzz", lookup: lookup) {
  case .failure(let errors):
    precondition(errors.findings.contains { $0.severity == .error })
    precondition(errors.findings.allSatisfy { $0.line >= 1 && $0.column >= 1 && $0.column <= count + 1 })
  case .success(let parsed):
    precondition(parsed.warnings.allSatisfy { $0.severity == .warning })
    check(parsed.configuration)
  }
  let (rules, _) = AccessRules.parse(bytes, fileName: "fuzz")
  _ = rules.allows(.unixSocket)
  _ = rules.allows(.network(local))
  _ = rules.allows(.network(.v6(0, 1, scope: 0)))
}

private func check(_ configuration: Configuration) {
  let daemons = configuration.daemons
  precondition((1...20).contains(configuration.segments.count))
  precondition((1...128).contains(daemons.count))
  for segment in configuration.segments {
    precondition(segment.port != 0 && !segment.daemons.isEmpty && (1...5).contains(segment.addresses.count))
    precondition(segment.addresses.allSatisfy { $0.version == configuration.activeIPVersion && !$0.isUnspecified })
  }
  for daemon in daemons {
    precondition(!daemon.name.isEmpty && daemon.name.length <= 19)
    precondition(daemon.id.rawValue != 0 && daemon.id.rawValue != .max)
    precondition(daemon.address.version == configuration.activeIPVersion)
    precondition(!daemon.address.isUnspecified && !daemon.address.isMulticast)
    precondition((1...10).contains(daemon.interfaces.count))
  }
  precondition(Set(daemons.map(\.name)).count == daemons.count)
  precondition(Set(daemons.map(\.id)).count == daemons.count)
  precondition(configuration.personalWindow <= configuration.window && configuration.window <= 32767)
  let own = configuration.ownDaemon(localAddresses: [local])
  precondition(!configuration.checkReport(fileName: "fuzz", own: own).isEmpty)
  if case .success(let index) = own {
    var copy = configuration
    copy.adoptScopes(own: index, localAddresses: [local])
    precondition(copy.hash == configuration.hash)
    precondition(StartLines.chosen(copy, own: index) != nil)
  }
}
