// Tokens of spread.conf (configuration 2). A scanner of stock's making takes the longest match, so a token is nearly
// always a whole run of word bytes, and what that run means is decided afterwards: address, number, keyword or word.

import SpreadWire

enum Keyword: String {
  case segment = "Spread_Segment"
  case virtualID = "VirtualID"
  case debugFlags = "DebugFlags"
  case eventPriority = "EventPriority"
  case eventLogFile = "EventLogFile"
  case eventTimeStamp = "EventTimeStamp"
  case eventPreciseTimeStamp = "EventPreciseTimeStamp"
  case dangerousMonitor = "DangerousMonitor"
  case socketPortReuse = "SocketPortReuse"
  case runtimeDir = "RuntimeDir"
  case daemonUser = "DaemonUser"
  case daemonGroup = "DaemonGroup"
  case requiredAuthMethods = "RequiredAuthMethods"
  case allowedAuthMethods = "AllowedAuthMethods"
  case accessControlPolicy = "AccessControlPolicy"
  case maxSessionMessages = "MaxSessionMessages"
  case activeIPVersion = "ActiveIPVersion"
  case window = "Window"
  case personalWindow = "PersonalWindow"
  case acceleratedRing = "AcceleratedRing"
  case acceleratedWindow = "AcceleratedWindow"
  case tokenTimeout = "TokenTimeout"
  case hurryTimeout = "HurryTimeout"
  case aliveTimeout = "AliveTimeout"
  case joinTimeout = "JoinTimeout"
  case repTimeout = "RepTimeout"
  case segTimeout = "SegTimeout"
  case gatherTimeout = "GatherTimeout"
  case formTimeout = "FormTimeout"
  case lookupTimeout = "LookupTimeout"
  case wideAreaNetwork = "WideAreaNetwork"
  case excludeSegAddrsFromHash = "ExcludeSegAddrsFromHash"
  case ignoreMulticastJoinErrors = "IgnoreMulticastJoinErrors"
}

struct Token {
  enum Kind {
    case openBrace, closeBrace, equals, colon, semicolon, bang
    case keyword(Keyword)
    case flag(DebugFlags)
    case level(LogLevel)
    case role(InterfaceRoles)
    case boolean(Bool)
    case portReuse(SocketPortReuse)
    case number(Int)
    case address(NetworkAddress)
    case addressPort(NetworkAddress, UInt16)
    /// A word or the inside of quotes.
    case string(ArraySlice<UInt8>)
    case end
  }

  var kind: Kind
  /// As it stands in the file, quotes included; empty at the end.
  var text: ArraySlice<UInt8>
  var line: Int
  var column: Int
}

struct ConfigurationLexer {
  struct Finding {
    var severity: Diagnostic.Severity
    var line: Int
    var column: Int
    var message: String
  }

  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  private var lineStart = 0
  private let interfaceIndex: (String) -> UInt32
  /// What was odd about the bytes themselves.
  private(set) var findings: [Finding] = []
  private var failed = false
  /// The comments that begin with `#@`, from the `@` on.
  private(set) var settingLines: [(text: ArraySlice<UInt8>, line: Int, column: Int)] = []

  init(_ bytes: [UInt8], interfaceIndex: @escaping (String) -> UInt32) {
    self.bytes = bytes
    self.interfaceIndex = interfaceIndex
  }

  /// The next token; `end` for ever after the last.
  mutating func next() -> Token {
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): position += 1
      case UInt8(ascii: "\n"): newline()
      case UInt8(ascii: "#"): comment()
      case UInt8(ascii: "{"): return token(.openBrace, length: 1)
      case UInt8(ascii: "}"): return token(.closeBrace, length: 1)
      case UInt8(ascii: "["):
        if let token = bracketedAddress() { return token }
        skip(byte)
      case UInt8(ascii: "]"), 0x0b, 0x0c: skip(byte)
      // The scanner's rule is "a ! and something behind it on the line": it beats any word.
      case UInt8(ascii: "!") where position + 1 < bytes.count && bytes[position + 1] != UInt8(ascii: "\n"):
        return token(.bang, length: 1)
      default: return quoted(byte) ?? word()
      }
    }
    return token(.end, length: 0)
  }

  private mutating func newline() {
    position += 1
    line += 1
    lineStart = position
  }

  private mutating func comment() {
    let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
    if position + 1 < end, bytes[position + 1] == UInt8(ascii: "@") {
      let column = position - lineStart + 1
      if bytes[lineStart..<position].allSatisfy({ $0 == 0x20 || $0 == 0x09 }) {
        settingLines.append((bytes[(position + 1)..<end], line, column))
      } else {
        find(.warning, at: position, "a '#@' setting must stand on a line of its own; this one is ignored")
      }
    }
    position = end
  }

  /// Stock prints such a byte to stdout and goes on.
  private mutating func skip(_ byte: UInt8) {
    find(
      .warning, at: position, "stray '\(printable([byte]))' ignored; brackets belong around an IPv6 address with port")
    position += 1
  }

  private mutating func find(_ severity: Diagnostic.Severity, at offset: Int, _ message: String) {
    guard findings.count < ConfigurationParser.maxFindings || severity == .error && !failed else { return }
    if severity == .error { failed = true }
    findings.append(Finding(severity: severity, line: line, column: offset - lineStart + 1, message: message))
  }

  private mutating func token(_ kind: Token.Kind, length: Int) -> Token {
    let token = Token(
      kind: kind, text: bytes[position..<position + length], line: line, column: position - lineStart + 1)
    for offset in position..<position + length where bytes[offset] == UInt8(ascii: "\n") {
      line += 1
      lineStart = offset + 1
    }
    position += length
    return token
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x09...0x0d, UInt8(ascii: " "), UInt8(ascii: "#"), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "["),
      UInt8(ascii: "]"):
      false
    default: true
    }
  }

  private var wordLength: Int {
    (bytes[position...].firstIndex { !Self.isWordByte($0) } ?? bytes.count) - position
  }

  /// A quoted string, unless the plain word that starts here is longer (`"a"b`) or the quote is never closed.
  private mutating func quoted(_ quote: UInt8) -> Token? {
    guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { return nil }
    guard let end = bytes[(position + 1)...].firstIndex(of: quote), end + 1 - position >= wordLength else { return nil }
    return string(bytes[(position + 1)..<end], length: end + 1 - position)
  }

  private mutating func string(_ value: ArraySlice<UInt8>, length: Int) -> Token {
    if value.contains(0) { find(.error, at: position, "a NUL byte cannot be part of a word") }
    return token(.string(value), length: length)
  }

  private mutating func word() -> Token {
    let length = wordLength
    let word = bytes[position..<position + length]
    if let kind = classify(word) { return token(kind, length: length) }
    return string(word, length: length)
  }

  /// What a run of word bytes means when it is not just a word.
  private mutating func classify(_ word: ArraySlice<UInt8>) -> Token.Kind? {
    switch word {
    case [UInt8(ascii: "=")]: return .equals
    case [UInt8(ascii: ":")]: return .colon
    case [UInt8(ascii: ";")]: return .semicolon
    default: break
    }
    if let first = word.first, AddressText.isDigit(first) || word.contains(UInt8(ascii: ":")) {
      if let kind = numberOrAddress(word) { return kind }
    }
    // The longest reserved word has 25 bytes. ASCII only, since strings compare equal across Unicode forms.
    guard word.count <= 32, word.allSatisfy({ $0 < 0x80 }) else { return nil }
    let text = String(decoding: word, as: UTF8.self)
    if let keyword = Keyword(rawValue: text) { return .keyword(keyword) }
    if let flag = DebugFlags.words[text] { return .flag(flag) }
    return Self.reserved[text] ?? Self.values[text.lowercased()]
  }

  /// Case matters.
  private static let reserved: [String: Token.Kind] = [
    "pDEBUG": .level(.debug), "INFO": .level(.info), "WARNING": .level(.warning), "ERROR": .level(.error),
    "CRITICAL": .level(.critical),
    // Stock stores 6 for this word, which is PRINT (configuration 8).
    "FATAL": .level(.print), "M": .role(.monitor), "C": .role(.client), "D": .role(.daemon),
  ]

  /// Case does not matter.
  private static let values: [String: Token.Kind] = [
    "true": .boolean(true), "yes": .boolean(true), "false": .boolean(false), "no": .boolean(false),
    "on": .portReuse(.on), "off": .portReuse(.off), "auto": .portReuse(.auto),
  ]
}

extension ConfigurationLexer {
  /// A word that begins with a digit or holds a colon. nil: an ordinary word.
  private mutating func numberOrAddress(_ word: ArraySlice<UInt8>) -> Token.Kind? {
    if word.allSatisfy(AddressText.isDigit) {
      // Ten digits are an ordinary word in stock.
      guard word.count <= 9 else { return nil }
      return .number(word.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) })
    }
    if Self.hasDottedShape(word) {
      if let address = AddressText.v4(word) { return .address(.v4(address)) }
    } else if let colon = word.lastIndex(of: UInt8(ascii: ":")), Self.hasDottedShape(word[..<colon]),
      let port = port(word[(colon + 1)...])
    {
      if let address = AddressText.v4(word[..<colon]) { return .addressPort(.v4(address), port) }
    } else {
      guard word.contains(UInt8(ascii: ":")) else { return nil }
      if let address = v6(word) { return .address(address) }
      guard Self.hasColonShape(word.prefix { $0 != UInt8(ascii: "%") }) else { return nil }
    }
    // Stock scans it again as an ordinary word: `d1 10.0.0.999` are two daemons, both looked up by name.
    find(.warning, at: position, "'\(printable(word))' is not a valid address and is taken for a name")
    return nil
  }

  /// `[address]:port`, the only use of brackets. What follows the port is a new token even without white space.
  private mutating func bracketedAddress() -> Token? {
    guard let close = bytes[(position + 1)...].firstIndex(where: { !Self.isWordByte($0) }),
      bytes[close] == UInt8(ascii: "]"), close + 1 < bytes.count, bytes[close + 1] == UInt8(ascii: ":")
    else { return nil }
    let digits = bytes[(close + 2)...].prefix(5).prefix(while: AddressText.isDigit)
    guard let address = v6(bytes[(position + 1)..<close]), let port = port(digits) else { return nil }
    return token(.addressPort(address, port), length: digits.endIndex - position)
  }

  /// One to five digits; one that is too great is an error found here, so that the parser can go on.
  private mutating func port(_ digits: ArraySlice<UInt8>) -> UInt16? {
    guard (1...5).contains(digits.count), digits.allSatisfy(AddressText.isDigit) else { return nil }
    let value = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    guard let port = UInt16(exactly: value) else {
      find(.error, at: digits.startIndex, "port \(value) is greater than 65535")
      return 0
    }
    return port
  }

  /// An IPv6 address, perhaps with `%interface`.
  private func v6(_ text: ArraySlice<UInt8>) -> NetworkAddress? {
    let parts = text.split(separator: UInt8(ascii: "%"), maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = parts.first, let (high, low) = AddressText.v6(address) else { return nil }
    guard parts.count == 2 else { return .v6(high, low, scope: 0) }
    guard !parts[1].isEmpty else { return nil }
    return .v6(high, low, scope: interfaceIndex(String(decoding: parts[1], as: UTF8.self)))
  }

  /// Four groups of one to three digits.
  private static func hasDottedShape(_ word: ArraySlice<UInt8>) -> Bool {
    guard word.count <= 15 else { return false }
    let groups = word.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return groups.count == 4 && groups.allSatisfy { (1...3).contains($0.count) && $0.allSatisfy(AddressText.isDigit) }
  }

  /// Hex groups and at least two colons: meant as an address.
  private static func hasColonShape(_ word: ArraySlice<UInt8>) -> Bool {
    let colon = UInt8(ascii: ":")
    return word.count { $0 == colon } >= 2 && word.allSatisfy { $0 == colon || AddressText.hexValue($0) != nil }
  }
}
