// The grammar of spread.conf and the checks of segments and daemons (configuration 3 and 4). Parameters are in
// ParameterParser.swift. Total: any bytes give a configuration or errors.
//
// There is no recovery from a syntax error, but all errors of meaning up to there are reported together.

import SpreadWire

/// What parsing needs to know about the world.
public struct HostLookup {
  /// The addresses of a host, best first; none: no such host.
  public var resolve: (_ name: String) -> [NetworkAddress]
  /// The index of a network interface; 0: no such interface.
  public var interfaceIndex: (_ name: String) -> UInt32

  public init(
    resolve: @escaping (String) -> [NetworkAddress] = { _ in [] },
    interfaceIndex: @escaping (String) -> UInt32 = { _ in 0 }
  ) {
    self.resolve = resolve
    self.interfaceIndex = interfaceIndex
  }
}

/// Why a file cannot be used: at least one error. Warnings are told too, since they often explain it.
public struct ConfigurationErrors: Error, Equatable, CustomStringConvertible {
  /// In the order of the file.
  public var findings: [Diagnostic]
  public var description: String { findings.map(\.description).joined(separator: "\n") }
}

public struct ParsedConfiguration {
  public var configuration: Configuration
  /// In the order of the file.
  public var warnings: [Diagnostic]
}

public struct ConfigurationParser {
  /// Parses a whole file. `fileName` only appears in messages.
  public static func parse(_ bytes: [UInt8], fileName: String, lookup: HostLookup = HostLookup())
    -> Result<ParsedConfiguration, ConfigurationErrors>
  {
    let (configuration, findings, failed) = read(bytes, fileName: fileName, lookup: lookup)
    if failed { return .failure(ConfigurationErrors(findings: findings)) }
    return .success(ParsedConfiguration(configuration: configuration, warnings: findings))
  }

  /// The same with whatever was understood of a wrong file.
  static func read(_ bytes: [UInt8], fileName: String, lookup: HostLookup)
    -> (configuration: Configuration, findings: [Diagnostic], failed: Bool)
  {
    var parser = ConfigurationParser(bytes, lookup)
    parser.run()
    let findings = (parser.findings + parser.lexer.findings).enumerated()
      .sorted { ($0.element.line, $0.element.column, $0.offset) < ($1.element.line, $1.element.column, $1.offset) }
      .map {
        Diagnostic(
          $0.element.severity, file: fileName, line: $0.element.line, column: $0.element.column,
          $0.element.message)
      }
    return (parser.configuration, findings, findings.contains { $0.severity == .error })
  }

  /// A syntax error was reported.
  struct Stop: Error {}

  static let maxSegments = 20
  static let maxDaemons = 128
  static let maxInterfaces = 10
  static let maxSegmentAddresses = 5
  /// Warnings beyond this number are not told; errors of meaning are bounded by the number of daemons and parameters.
  static let maxFindings = 100

  var lexer: ConfigurationLexer
  let lookup: HostLookup
  /// The next token.
  var current: Token
  var configuration = Configuration(segments: [])
  var findings: [ConfigurationLexer.Finding] = []
  var positions: [Keyword: Token] = [:]
  // Of the parameters that are checked together at the end.
  var timeouts: [Keyword: Int] = [:]
  var customStamp: String?
  var preciseStamp = false
  var authenticationConfigured = false
  var activeVersion: IPVersion?
  /// All daemons so far, with their ports, for the checks of uniqueness.
  private var known: [(daemon: ConfiguredDaemon, port: UInt16)] = []

  private init(_ bytes: [UInt8], _ lookup: HostLookup) {
    lexer = ConfigurationLexer(bytes, interfaceIndex: lookup.interfaceIndex)
    self.lookup = lookup
    current = lexer.next()
  }

  private mutating func run() {
    do throws(Stop) {
      try statements()
      finish()
    } catch {}
    applyOwnSettings()
    applyWire44()
    configuration.activeIPVersion = activeVersion ?? .v4
  }

  private mutating func statements() throws(Stop) {
    while true {
      switch current.kind {
      case .end: return
      case .keyword(.segment): try segment()
      case .keyword(let keyword) where keyword != .virtualID: try parameter(keyword)
      case .string(let word):
        guard let old = OldWord(word) else { throw unexpected("a parameter or Spread_Segment") }
        try oldWord(old)
      default: throw unexpected("a parameter or Spread_Segment")
      }
    }
  }

  private mutating func finish() {
    if configuration.segments.isEmpty, !findings.contains(where: { $0.severity == .error }) {
      error(current, "the file has no Spread_Segment")
    }
    checkParameters()
  }
}

// Tokens and messages.
extension ConfigurationParser {
  @discardableResult mutating func take() -> Token {
    let token = current
    current = lexer.next()
    return token
  }

  mutating func error(_ token: Token, _ message: String) { find(.error, token, message) }
  mutating func warn(_ token: Token, _ message: String) { find(.warning, token, message) }

  private mutating func find(_ severity: Diagnostic.Severity, _ token: Token, _ message: String) {
    guard findings.count < Self.maxFindings || severity == .error else { return }
    findings.append(.init(severity: severity, line: token.line, column: token.column, message: message))
  }

  /// Reports a syntax error at the next token.
  mutating func unexpected(_ expected: String) -> Stop {
    var message = "expected \(expected), found \(describe(current))"
    switch current.kind {
    case .string(let word) where word.starts(with: [0xef, 0xbb, 0xbf]):
      message = "the file begins with a byte order mark; save it without one"
    case .string(let word) where word.count > 1 && word.contains(UInt8(ascii: "=")):
      message += "; '=' must stand alone, with white space on both sides"
    case .string(let word) where word.count > 9 && word.allSatisfy(AddressText.isDigit):
      message += "; a number has at most nine digits"
    default: break
    }
    error(current, message)
    return Stop()
  }

  func describe(_ token: Token) -> String {
    switch token.kind {
    case .end: "the end of the file"
    case .addressPort: "the address with port '\(printable(token.text))'"
    case .address: "the address '\(printable(token.text))'"
    case .number: "the number '\(printable(token.text))'"
    case .string, .openBrace, .closeBrace, .equals, .colon, .semicolon, .bang: "'\(printable(token.text))'"
    case .keyword, .flag, .level, .role, .boolean, .portReuse: "the keyword '\(printable(token.text))'"
    }
  }

  mutating func expectOpenBrace(_ what: String) throws(Stop) {
    guard case .openBrace = current.kind else { throw unexpected(what) }
    take()
  }
}

// Segments.
extension ConfigurationParser {
  private mutating func segment() throws(Stop) {
    let keyword = take()
    var segment = Segment(port: Segment.defaultPort, addresses: [], daemons: [])
    var addressTokens: [Token] = []
    switch current.kind {
    case .address(let address): segment.addresses = [address]
    case .addressPort(let address, let port):
      segment.addresses = [address]
      // Port 0 is "not given".
      if port != 0 { segment.port = port }
    default: throw unexpected("the address of the segment")
    }
    addressTokens.append(take())
    while case .address(let address) = current.kind {
      guard segment.addresses.count < Self.maxSegmentAddresses else {
        error(current, "a segment has at most \(Self.maxSegmentAddresses) addresses")
        throw Stop()
      }
      segment.addresses.append(address)
      addressTokens.append(take())
    }
    if case .addressPort = current.kind { throw unexpected("'{', or an address without port (the first one has it)") }
    try expectOpenBrace("'{' or another address of the segment")
    while true {
      if case .closeBrace = current.kind { break }
      try daemon(of: &segment, openedAt: keyword)
    }
    try close(segment, keyword, addressTokens)
    take()
  }

  /// Checks that need the whole segment, at its closing brace.
  private mutating func close(_ segment: Segment, _ keyword: Token, _ addressTokens: [Token]) throws(Stop) {
    guard configuration.segments.count < Self.maxSegments else {
      error(keyword, "there are more than \(Self.maxSegments) segments")
      throw Stop()
    }
    guard !segment.daemons.isEmpty else {
      // Stock takes an empty segment when it is not the first and then dies (configuration 4).
      error(keyword, "a segment needs at least one daemon")
      configuration.segments.append(segment)
      return
    }
    for (address, token) in zip(segment.addresses, addressTokens) {
      if let activeVersion, address.version != activeVersion {
        error(token, "'\(printable(token.text))' is not \(name(activeVersion)), which this configuration uses")
      } else if address.isUnspecified {
        error(token, "a segment's address cannot be the unspecified address")
      } else if address.isLoopback {
        warn(token, "a loopback address joins daemons of one host only")
      } else if address.version == .v6, !address.isMulticast {
        warn(token, "an IPv6 segment should have a multicast address")
      }
    }
    configuration.segments.append(segment)
  }

  private func name(_ version: IPVersion?) -> String { version == .v6 ? "IPv6" : "IPv4" }
}

// Daemons.
extension ConfigurationParser {
  /// name [address] | address, then VirtualID, interfaces and `;`, each optional.
  private mutating func daemon(of segment: inout Segment, openedAt keyword: Token) throws(Stop) {
    let first = current
    var name: ArraySlice<UInt8>
    var address: NetworkAddress?
    switch first.kind {
    case .string(let word):
      name = word
      take()
      // Even on a later line an address belongs to the name before it.
      if case .address(let own) = current.kind {
        address = own
        take()
      }
    case .address(let own):
      name = first.text
      address = own
      take()
    case .end:
      throw unexpected("a daemon or the '}' of the segment that begins in line \(keyword.line)")
    case .keyword, .flag, .level, .role, .boolean, .portReuse, .number:
      throw unexpected("the name of a daemon (put a reserved word in quotes) or '}'")
    default: throw unexpected("a daemon or '}'")
    }
    if case .addressPort = current.kind {
      error(current, "a daemon's address has no port; all daemons have the port of their segment")
      throw Stop()
    }
    guard known.count < Self.maxDaemons else {
      error(first, "there are more than \(Self.maxDaemons) daemons")
      throw Stop()
    }
    let place = locate(name, address, first)
    let daemonName = daemonName(name, first)
    let (id, idToken) = try virtualID()
    var daemon = ConfiguredDaemon(
      name: daemonName, id: id ?? ProcessID(automaticFor: daemonName), hasVirtualID: id != nil, address: place)
    if case .openBrace = current.kind { daemon.interfaces = try interfaces(of: daemon) }
    if case .semicolon = current.kind { take() }
    checkUnique(daemon, port: segment.port, at: first, idAt: idToken ?? first)
    known.append((daemon, segment.port))
    segment.daemons.append(daemon)
  }

  /// The address of a daemon, looked up when it is not written; checked. The unspecified address stands for one that
  /// was found wrong.
  private mutating func locate(_ name: ArraySlice<UInt8>, _ written: NetworkAddress?, _ token: Token) -> NetworkAddress
  {
    var address = written
    if name.isEmpty {
      // Reported with the name.
    } else if address == nil {
      let found = lookup.resolve(String(decoding: name, as: UTF8.self))
      address = found.first { activeVersion == nil || $0.version == activeVersion }
      if address == nil {
        let what = found.isEmpty ? "address" : "\(self.name(activeVersion)) address"
        error(token, "no \(what) is known for the host '\(printable(name))'; write the address behind the name")
      }
    }
    guard let address else { return .v4(0) }
    if address.isUnspecified {
      error(token, "a daemon's address cannot be the unspecified address")
    } else if let activeVersion, address.version != activeVersion {
      error(token, "the address of '\(printable(name))' is not \(self.name(activeVersion)), as the others are")
    } else if address.isMulticast {
      error(token, "a daemon's address cannot be a multicast address")
    }
    // The first daemon decides (configuration 4).
    if activeVersion == nil { activeVersion = address.version }
    return address
  }

  private mutating func daemonName(_ text: ArraySlice<UInt8>, _ token: Token) -> GroupName {
    var bytes = text.prefix(PrivateName.maxDaemonLength)
    if case .address = token.kind {
      // Without `%interface`, which differs from host to host.
      bytes = bytes.prefix { $0 != UInt8(ascii: "%") }
    } else if text.isEmpty {
      error(token, "the name of a daemon cannot be empty")
    }
    if text.last == UInt8(ascii: ";"), text.count > 1 {
      warn(token, "the name '\(printable(text))' ends in ';', which needs white space around it to separate daemons")
    }
    if text.count > PrivateName.maxDaemonLength {
      warn(token, "the name '\(printable(text))' is cut to its first \(PrivateName.maxDaemonLength) bytes")
    }
    if !bytes.allSatisfy(isLegalNameByte) {
      // Private group names carry the name of the daemon, and only '$' to '~' is accepted there (client-protocol 3.2).
      warn(token, "clients cannot use a daemon whose name has bytes outside '$' to '~'")
    }
    return bytes.withUnsafeBytes { GroupName($0) }
  }

  private mutating func virtualID() throws(Stop) -> (ProcessID?, Token?) {
    guard case .keyword(.virtualID) = current.kind else { return (nil, nil) }
    take()
    let (number, token) = try number(after: "VirtualID")
    if number == 0 { error(token, "a VirtualID must be from 1 to 999999999") }
    return (ProcessID(UInt32(number)), token)
  }

  private mutating func interfaces(of daemon: ConfiguredDaemon) throws(Stop) -> [Interface] {
    let brace = take()
    var interfaces: [Interface] = []
    while true {
      if case .closeBrace = current.kind { break }
      var roles: InterfaceRoles = []
      while case .role(let role) = current.kind {
        roles.formUnion(role)
        take()
      }
      if case .addressPort = current.kind { throw unexpected("the address of an interface without port") }
      guard case .address(let address) = current.kind else {
        throw unexpected(roles.isEmpty ? "D, C, M, the address of an interface or '}'" : "the address of an interface")
      }
      guard interfaces.count < Self.maxInterfaces else {
        error(current, "a daemon has at most \(Self.maxInterfaces) interfaces")
        throw Stop()
      }
      interfaces.append(Interface(address, roles.isEmpty ? .all : roles))
      take()
    }
    let end = take()
    if interfaces.isEmpty {
      error(end, "an interface block needs at least one interface")
    } else if !interfaces.contains(where: { $0.roles.contains(.daemon) && $0.address.covers(daemon.address) }) {
      error(brace, "one interface with D or without letter must be the daemon's own address or the unspecified one")
    }
    return interfaces
  }

  private mutating func checkUnique(_ daemon: ConfiguredDaemon, port: UInt16, at token: Token, idAt idToken: Token) {
    let name = daemon.name.text
    for (other, otherPort) in known {
      let otherName = other.name.text
      if daemon.name == other.name, !daemon.name.isEmpty {
        error(token, "the name '\(printable(Array(name.utf8)))' is already taken (names count to their 19th byte)")
      } else if daemon.id == other.id, !daemon.name.isEmpty {
        error(
          idToken,
          "the id \(daemon.id.rawValue) of '\(name)' is also the id of '\(otherName)'; "
            + "give one of them another VirtualID")
      }
      if port == otherPort, !daemon.address.isUnspecified, daemon.address.isSame(as: other.address) {
        error(token, "'\(name)' has the address and port of '\(otherName)': \(daemon.address.text), \(port)")
      }
    }
  }
}

extension NetworkAddress {
  /// Equal, or the unspecified address of the same family.
  fileprivate func covers(_ other: NetworkAddress) -> Bool {
    isSame(as: other) || version == other.version && isUnspecified
  }
}
