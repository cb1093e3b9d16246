// The parameters of spread.conf, and the words of 4.x that mean nothing any more (configuration 5 and 11).

import SpreadWire

/// Words of older files that are accepted and ignored. Only where a statement may begin: elsewhere they are names.
enum OldWord: String {
  case linkProtocol = "LinkProtocol"
  case routeMatrix = "RouteMatrix"
  case debugInitialSequence = "DebugInitialSequence"

  init?(_ word: ArraySlice<UInt8>) {
    guard word.count <= 32 else { return nil }
    self.init(rawValue: String(decoding: word, as: UTF8.self))
  }
}

extension ConfigurationParser {
  mutating func parameter(_ keyword: Keyword) throws(Stop) {
    let name = take()
    if let earlier = positions[keyword], keyword != .allowedAuthMethods, keyword != .requiredAuthMethods {
      warn(name, "\(keyword.rawValue) was already given in line \(earlier.line); the last one holds")
    }
    positions[keyword] = name
    switch keyword {
    case .segment, .virtualID: break
    case .debugFlags: try debugFlags()
    case .eventPriority, .eventLogFile, .eventTimeStamp, .eventPreciseTimeStamp: try logging(keyword)
    case .dangerousMonitor: configuration.dangerousMonitor = try boolean(keyword)
    case .socketPortReuse: try socketPortReuse()
    case .runtimeDir: try limited(keyword, 4096) { $0.runtimeDirectory = $1 }
    case .daemonUser: try limited(keyword, 32) { $0.daemonUser = $1 }
    case .daemonGroup: try limited(keyword, 32) { $0.daemonGroup = $1 }
    case .allowedAuthMethods, .requiredAuthMethods: try authenticationMethods(keyword)
    case .accessControlPolicy:
      let (policy, token) = try string(keyword)
      if !policy.elementsEqual("PERMIT".utf8) { error(token, "the only access control policy is \"PERMIT\"") }
    case .maxSessionMessages: configuration.maxSessionMessages = try number(after: keyword.rawValue).0
    case .activeIPVersion: try activeIPVersion(name)
    case .window: try window(keyword, from: 1, \.window)
    case .personalWindow: try window(keyword, from: 1, \.personalWindow)
    case .acceleratedWindow: try window(keyword, from: 0, \.acceleratedWindow)
    case .acceleratedRing: configuration.acceleratedRing = try boolean(keyword)
    case .tokenTimeout, .hurryTimeout, .aliveTimeout, .joinTimeout, .repTimeout, .segTimeout, .gatherTimeout,
      .formTimeout, .lookupTimeout:
      let (value, token) = try number(after: keyword.rawValue)
      if value == 0 { error(token, "\(keyword.rawValue) must be greater than 0 ms") }
      timeouts[keyword] = value
    case .wideAreaNetwork: configuration.wideAreaNetwork = try boolean(keyword)
    case .excludeSegAddrsFromHash: configuration.excludeSegmentAddressesFromHash = try boolean(keyword)
    case .ignoreMulticastJoinErrors: configuration.ignoreMulticastJoinErrors = try boolean(keyword)
    }
  }

  /// `LinkProtocol = word`, `RouteMatrix { ... }`, `DebugInitialSequence`.
  mutating func oldWord(_ word: OldWord) throws(Stop) {
    let token = take()
    switch word {
    case .debugInitialSequence: break
    case .linkProtocol:
      try equals(after: word.rawValue)
      guard case .string = current.kind else { throw unexpected("a word") }
      take()
    case .routeMatrix:
      if case .equals = current.kind { take() }
      try expectOpenBrace("'{'")
      skipping: while true {
        switch current.kind {
        case .end: throw unexpected("the '}' of RouteMatrix in line \(token.line)")
        case .closeBrace: break skipping
        default: take()
        }
      }
      take()
    }
    warn(token, "\(word.rawValue) is a word of Spread 4 without effect; take it out, stock 5 does not start with it")
  }

  /// The checks that need several parameters, at the end of the file.
  mutating func checkParameters() {
    let token = positions[.personalWindow] ?? positions[.window] ?? current
    if configuration.personalWindow > configuration.window {
      error(token, "PersonalWindow (\(configuration.personalWindow)) exceeds Window (\(configuration.window))")
    }
    if configuration.acceleratedRing == true, configuration.acceleratedWindow > configuration.personalWindow {
      error(
        positions[.acceleratedWindow] ?? token,
        "AcceleratedWindow (\(configuration.acceleratedWindow)) exceeds "
          + "PersonalWindow (\(configuration.personalWindow))")
    }
    checkTimeouts()
    if configuration.enabledMethods.isEmpty,
      let token = positions[.allowedAuthMethods] ?? positions[.requiredAuthMethods]
    {
      warn(
        token,
        "no authentication method is allowed, so every client is refused; "
          + "AllowedAuthMethods = \"NULL\" allows all that pass the required ones")
    }
  }

  /// Stock parses a file with some of the timeouts and ends when its membership starts (configuration 5).
  private mutating func checkTimeouts() {
    let all: [Keyword] = [
      .tokenTimeout, .hurryTimeout, .aliveTimeout, .joinTimeout, .repTimeout, .segTimeout, .gatherTimeout, .formTimeout,
      .lookupTimeout,
    ]
    let missing = all.filter { timeouts[$0] == nil }
    if missing.count == all.count { return }
    let values = all.map { timeouts[$0] ?? 0 }
    configuration.configuredTimeouts = Timeouts(
      token: values[0], hurry: values[1], alive: values[2], join: values[3], rep: values[4], seg: values[5],
      gather: values[6], form: values[7], lookup: values[8])
    guard !missing.isEmpty, let token = all.lazy.compactMap({ [positions] in positions[$0] }).first else { return }
    error(token, "give all nine timeouts or none; missing: \(missing.map(\.rawValue).joined(separator: ", "))")
  }
}

// Values.
extension ConfigurationParser {
  private mutating func equals(after name: String) throws(Stop) {
    guard case .equals = current.kind else { throw unexpected("'=' behind \(name)") }
    take()
  }

  mutating func number(after name: String) throws(Stop) -> (Int, Token) {
    try equals(after: name)
    guard case .number(let value) = current.kind else { throw unexpected("a number for \(name)") }
    return (value, take())
  }

  private mutating func boolean(_ keyword: Keyword) throws(Stop) -> Bool {
    try equals(after: keyword.rawValue)
    guard case .boolean(let value) = current.kind else {
      throw unexpected("true, false, yes or no for \(keyword.rawValue)")
    }
    take()
    return value
  }

  private mutating func string(_ keyword: Keyword) throws(Stop) -> (ArraySlice<UInt8>, Token) {
    try equals(after: keyword.rawValue)
    guard case .string(let value) = current.kind else {
      throw unexpected("a word or a quoted string for \(keyword.rawValue)")
    }
    return (value, take())
  }

  /// A string that becomes text of ours; file names and formats that are not UTF-8 cannot.
  private mutating func text(_ keyword: Keyword) throws(Stop) -> (String, Token) {
    let (value, token) = try string(keyword)
    if let text = String(validating: value, as: UTF8.self) { return (text, token) }
    error(token, "the value of \(keyword.rawValue) is not UTF-8")
    return ("", token)
  }

  /// An empty string changes nothing, one that is too long is an error, as in stock.
  private mutating func limited(_ keyword: Keyword, _ limit: Int, _ set: (inout Configuration, String) -> Void)
    throws(Stop)
  {
    let (value, token) = try text(keyword)
    if value.isEmpty {
      warn(token, "an empty \(keyword.rawValue) is ignored")
    } else if value.utf8.count > limit {
      error(token, "\(keyword.rawValue) is longer than \(limit) bytes")
    } else {
      set(&configuration, value)
    }
  }

  /// Stock keeps windows in 16 bits, where greater values turn negative; here they are an error.
  private mutating func window(_ keyword: Keyword, from least: Int, _ field: WritableKeyPath<Configuration, Int>)
    throws(Stop)
  {
    let (value, token) = try number(after: keyword.rawValue)
    if value >= least && value <= 32767 {
      configuration[keyPath: field] = value
    } else {
      error(token, "\(keyword.rawValue) must be from \(least) to 32767")
    }
  }

  private mutating func debugFlags() throws(Stop) {
    try equals(after: "DebugFlags")
    try expectOpenBrace("'{'")
    var flags: DebugFlags = []
    while true {
      if case .closeBrace = current.kind { break }
      var clears = false
      if case .bang = current.kind {
        clears = true
        take()
      }
      guard case .flag(let flag) = current.kind else { throw unexpected(clears ? "a flag" : "a flag, '!' or '}'") }
      take()
      if clears { flags.subtract(flag) } else { flags.formUnion(flag) }
    }
    take()
    configuration.log.flags = flags
  }

  private mutating func logging(_ keyword: Keyword) throws(Stop) {
    switch keyword {
    case .eventPriority:
      try equals(after: keyword.rawValue)
      guard case .level(let level) = current.kind else {
        throw unexpected("pDEBUG, INFO, WARNING, ERROR, CRITICAL or FATAL")
      }
      take()
      configuration.log.priority = level
    case .eventLogFile:
      configuration.log.file = try text(keyword).0
    case .eventTimeStamp:
      var format = LogSettings.TimeStamp.defaultFormat
      if case .equals = current.kind {
        let (written, token) = try text(keyword)
        // Stock keeps 39 bytes; a character that would be cut goes as a whole.
        format = written
        while format.utf8.count > LogSettings.TimeStamp.maxLength { format.removeLast() }
        if format != written { warn(token, "the time stamp format is cut to \(LogSettings.TimeStamp.maxLength) bytes") }
        customStamp = format
      }
      configuration.log.timeStamp = .init(format: format, precise: preciseStamp)
    default:
      // Works alone and uses the last format that was written, not the default that may be in force.
      preciseStamp = true
      configuration.log.timeStamp = .init(
        format: customStamp ?? LogSettings.TimeStamp.defaultFormat, precise: true)
    }
  }

  private mutating func socketPortReuse() throws(Stop) {
    try equals(after: "SocketPortReuse")
    guard case .portReuse(let value) = current.kind else { throw unexpected("on, off or auto for SocketPortReuse") }
    take()
    configuration.socketPortReuse = value
  }

  /// The first list of either kind disables NULL; then each only adds (configuration 7).
  private mutating func authenticationMethods(_ keyword: Keyword) throws(Stop) {
    let (list, token) = try string(keyword)
    if !authenticationConfigured { configuration.enabledMethods = [] }
    authenticationConfigured = true
    // Stock uses 89 bytes of it.
    for name in list.prefix(89).split(separator: UInt8(ascii: " ")) {
      guard let method = AuthenticationMethods(name: name.withUnsafeBytes { GroupName($0) }) else {
        warn(token, "the authentication method '\(printable(name))' is unknown and ignored; there are NULL and IP")
        continue
      }
      if keyword == .allowedAuthMethods {
        configuration.enabledMethods.formUnion(method)
      } else {
        configuration.requiredMethods.formUnion(method)
      }
    }
  }

  /// Decides for the whole file, so it must not contradict a daemon before it.
  private mutating func activeIPVersion(_ name: Token) throws(Stop) {
    let (value, token) = try string(.activeIPVersion)
    let version: IPVersion
    if value.elementsEqual("IPv4".utf8) {
      version = .v4
    } else if value.elementsEqual("IPv6".utf8) {
      version = .v6
    } else {
      return error(token, "ActiveIPVersion must be IPv4 or IPv6")
    }
    if let activeVersion, activeVersion != version {
      error(name, "ActiveIPVersion contradicts \(activeVersion == .v4 ? "IPv4" : "IPv6") used above")
    } else {
      activeVersion = version
    }
  }
}
