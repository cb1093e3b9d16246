import SpreadWire
import Testing

@testable import SpreadCore

private let address = ConfigurationVectors.address

private func parse(_ text: String) throws -> Configuration {
  let bytes = Array(text.utf8)
  return try ConfigurationParser.parse(bytes, fileName: "f", lookup: ConfigurationVectors.lookup).get().configuration
}

/// The settings of a file with one daemon.
private func settings(_ text: String) throws -> Configuration {
  try parse(text + "\nSpread_Segment 225.0.0.1:4803 { d1 10.91.0.1 }\n")
}

@Suite struct ConfigurationValueTests {
  /// Odd little files beside a running stock 5.0.1 (Tests/Vectors/conf-odd).
  @Test func stockOddities() throws {
    let top = try vectorJSON("conf-odd/expected.json") as! [String: Any]
    let files = top["files"] as! [String: [String: Any]]
    #expect(files.count == 126)
    for (name, file) in files {
      let bytes = (file["text"] as? String).map { Array($0.utf8) } ?? hexBytes(file["hex"] as! String)
      let (configuration, findings, failed) = ConfigurationVectors.read(bytes)
      if file["ours_differs"] != nil {
        // The other way round: what stock takes is an error here, or (words of 4.x) what it refuses is accepted.
        #expect(failed == (file["stock_hash"] is Int), "\(name): \(findings)")
      } else {
        #expect((failed ? nil : Int(configuration.hash)) == file["stock_hash"] as? Int, "\(name): \(findings)")
      }
    }
  }

  @Test func defaults() throws {
    let configuration = try settings("")
    #expect(configuration.maxSessionMessages == 1000)
    #expect(configuration.maxSessions == 997)
    #expect(configuration.log == LogSettings())
    #expect(configuration.log.flags.rawValue == 0x111)
    #expect(configuration.log.priority == .info)
    #expect(!configuration.dangerousMonitor)
    #expect(configuration.socketPortReuse == .auto)
    #expect(configuration.runtimeDirectory == nil)
    #expect(configuration.daemonUser == nil && configuration.daemonGroup == nil)
    #expect(configuration.enabledMethods == .null && configuration.requiredMethods == [])
    #expect(configuration.accessControlPolicy == .permit)
    #expect((configuration.window, configuration.personalWindow, configuration.acceleratedWindow) == (160, 20, 15))
    #expect(configuration.acceleratedRing == nil && configuration.wideAreaNetwork == nil)
    #expect(configuration.timeouts == .localArea)
    #expect(!configuration.excludeSegmentAddressesFromHash && !configuration.ignoreMulticastJoinErrors)
    #expect(configuration.activeIPVersion == .v4)
  }

  @Test func everyParameter() throws {
    let bytes = try ConfigurationVectors.bytes("v14_all_parameters.conf")
    let configuration = ConfigurationVectors.read(bytes).configuration
    let flags: DebugFlags = [.dataLink, .events, .network, .membership, .protocolFlag]
    #expect(configuration.log.flags == DebugFlags.all.subtracting(flags))
    #expect(configuration.log.timeStamp == .init(format: "[%Y]", precise: true))
    #expect(configuration.log.timeStamp?.format == "[%Y] %s")
    #expect(configuration.maxSessionMessages == 5000)
    #expect(configuration.enabledMethods == [.null, .ip] && configuration.requiredMethods == [])
    #expect((configuration.window, configuration.personalWindow, configuration.acceleratedWindow) == (80, 80, 100))
    #expect(configuration.acceleratedRing == false && configuration.wideAreaNetwork == false)
    #expect(configuration.configuredTimeouts == .localArea)
    #expect(configuration.ignoreMulticastJoinErrors)
    #expect(configuration.runtimeDirectory == "/var/run/spread")
    #expect(configuration.daemonUser == "spread" && configuration.daemonGroup == "spread")
  }

  @Test(arguments: [
    ("{ }", 0), ("{ NONE }", 0), ("{ ALL }", 0xffff_ffff), ("{ ALL !ALL EXIT }", 1), ("{ !EXIT EXIT }", 1),
    ("{ EXIT !EXIT }", 0),
    ("{ DATA_LINK MEMORY EVENTS PRINT }", 0x1e), ("{ NETWORK PROTOCOL SESSION }", 0xe0),
    ("{ CONFIGURATION MEMBERSHIP FLOW_CONTROL STATUS }", 0xf00), ("{ DEBUG GROUPS }", 0x3000),
    ("{ SKIPLIST ACM SECURITY }", 0xe0_0000), ("{ ALL ! DATA_LINK !MEMORY}", 0xffff_fff9),
  ])
  func debugFlags(text: String, mask: UInt32) throws {
    #expect(try settings("DebugFlags = \(text)").log.flags.rawValue == mask)
  }

  @Test(arguments: [
    ("pDEBUG", LogLevel.debug), ("INFO", .info), ("WARNING", .warning), ("ERROR", .error), ("CRITICAL", .critical),
    ("FATAL", .print),
  ])
  func eventPriority(word: String, level: LogLevel) throws {
    #expect(try settings("EventPriority = \(word)").log.priority == level)
  }

  @Test(arguments: [
    ("EventTimeStamp", "%m/%d/%y %H:%M:%S", false),
    ("EventTimeStamp = '%H:%M'", "%H:%M", false),
    ("EventPreciseTimeStamp", "%m/%d/%y %H:%M:%S", true),
    ("EventTimeStamp = '%H:%M' EventPreciseTimeStamp", "%H:%M %s", true),
    ("EventPreciseTimeStamp EventTimeStamp = '%H:%M'", "%H:%M %s", true),
    ("EventPreciseTimeStamp EventTimeStamp = '%s'", "%s", true),
    ("EventTimeStamp = %S EventTimeStamp", "%m/%d/%y %H:%M:%S", false),
    ("EventTimeStamp = %S EventTimeStamp EventPreciseTimeStamp", "%S", true),
    ("EventTimeStamp = '123456789 123456789 123456789 123456789 '", "123456789 123456789 123456789 123456789", false),
    // No room for the seconds: no microseconds either.
    (
      "EventPreciseTimeStamp EventTimeStamp = '123456789 123456789 123456789 1234567'",
      "123456789 123456789 123456789 1234567", false
    ),
  ])
  func timeStamps(text: String, format: String, microseconds: Bool) throws {
    let stamp = try #require(try settings(text).log.timeStamp)
    #expect(stamp.format == format)
    #expect(stamp.microseconds == microseconds)
  }

  @Test func logFileName() throws {
    let log = try settings("EventLogFile = \"/var/log/%h-%H-%d-100%\"").log
    #expect(log.logFile(hostName: "web.%h") == "/var/log/web.%h-web.%h-%d-100%")
    #expect(LogSettings().logFile(hostName: "x") == nil)
  }

  private static let authenticationRows: [(String, AuthenticationMethods, AuthenticationMethods)] = [
    ("AllowedAuthMethods = IP", .ip, []),
    ("AllowedAuthMethods = ' NULL   IP '", [.null, .ip], []),
    ("RequiredAuthMethods = IP", [], .ip),
    ("RequiredAuthMethods = '  '", [], []),
    ("RequiredAuthMethods = IP AllowedAuthMethods = NULL", .null, .ip),
    ("AllowedAuthMethods = NULL AllowedAuthMethods = IP", [.null, .ip], []),
    ("AllowedAuthMethods = '\(String(repeating: " ", count: 85))NULL IP'", .null, []),
  ]

  @Test(arguments: authenticationRows)
  func authenticationMethods(text: String, enabled: AuthenticationMethods, required: AuthenticationMethods) throws {
    let configuration = try settings(text)
    #expect(configuration.enabledMethods == enabled)
    #expect(configuration.requiredMethods == required)
  }

  @Test func wideAreaAndTimeouts() throws {
    let two = "Spread_Segment 225.0.0.1 { d1 10.91.0.1 } Spread_Segment 225.0.0.2 { d2 10.91.0.2 }"
    #expect(try parse(two).timeouts == .wideArea)
    #expect(try parse("WideAreaNetwork = no " + two).timeouts == .localArea)
    #expect(try settings("WideAreaNetwork = yes").timeouts == .wideArea)
    let names = ["Token", "Hurry", "Alive", "Join", "Rep", "Seg", "Gather", "Form", "Lookup"]
    let written = names.enumerated().map { "\($1)Timeout = \($0 + 1)\n" }.joined()
    #expect(
      try settings("WideAreaNetwork = yes " + written).timeouts
        == Timeouts(token: 1, hurry: 2, alive: 3, join: 4, rep: 5, seg: 6, gather: 7, form: 8, lookup: 9))
  }

  /// daemon-ring 6.1: the default flips at the first reload, unless wide area; a written value never does.
  @Test func ringProtocolDefaultQuirk() throws {
    let silent = try settings("")
    #expect(silent.ringProtocol(afterReload: false) == .original)
    #expect(silent.ringProtocol(afterReload: true) == .accelerated)
    let wide = try settings("WideAreaNetwork = true")
    #expect(wide.ringProtocol(afterReload: true) == .original)
    for value in [true, false] {
      let written = try settings("AcceleratedRing = \(value)")
      for reload in [true, false] {
        #expect(written.ringProtocol(afterReload: reload) == (value ? .accelerated : .original))
      }
    }
    let four = ConfigurationVectors.read(try ConfigurationVectors.bytes("v02_four_daemons.conf")).configuration
    #expect(four.hash(four.ringProtocol(afterReload: true)) == 1_316_052_213)
  }

  @Test func automaticIDs() {
    for (name, id) in [("d1" as StaticString, 1_552_775_919), ("d2", 348_480_928), ("d3", 4_014_350_958)] {
      #expect(ProcessID(automaticFor: GroupName(name)) == ProcessID(UInt32(id)))
    }
  }

  @Test func interfaces() throws {
    let bytes = try ConfigurationVectors.bytes("v04_interfaces.conf")
    let daemons = ConfigurationVectors.read(bytes).configuration.daemons
    #expect(
      daemons[0].interfaces == [
        Interface(address("10.91.0.1"), .daemon), Interface(address("127.0.0.1"), .client),
        Interface(address("10.91.0.1"), [.client, .monitor]),
      ])
    #expect(daemons[1].interfaces == [Interface(address("10.91.0.2"), .all)])
    #expect(daemons[3].interfaces == [Interface(address("10.91.0.4"), [.all, .any])])
    #expect(daemons[3].interfaces[0].roles.rawValue == 0xf)
    #expect(daemons[0].bindAddresses(for: .client) == [address("127.0.0.1"), address("10.91.0.1")])
    #expect(daemons[0].bindAddresses(for: .daemon) == [address("10.91.0.1")])
    #expect(daemons[2].bindAddresses(for: .client) == [address("0.0.0.0")])
    #expect(daemons[3].bindAddresses(for: .client) == [address("0.0.0.0")])
    #expect(daemons[3].bindAddresses(for: .daemon) == [address("0.0.0.0")])
  }

  @Test func ownSettings() throws {
    #expect(try settings("#@ MaxSessions = 10000").maxSessions == 10_000)
    #expect(try settings("\t#@MaxSessions=7 # why\r\n#@ MaxSessions = 8 \r").maxSessions == 8)
    #expect(try settings("").earlyRepetition && settings("").tokenCopies)
    #expect(try !settings("#@ EarlyRepetition = off").earlyRepetition)
    #expect(try !settings("#@ TokenCopies = on\n#@ TokenCopies = off # two").tokenCopies)
    // On the wire of 4.4.0 ids are addresses, and the hash is that of capture h (Tests/Vectors/daemon/h-4.4.0).
    let old = ConfigurationVectors.read(
      Array(
        "#@ Wire44 = on\nSpread_Segment 225.8.1.8:5881 { d1 10.88.0.1 d2 10.88.0.2 d3 10.88.0.3 d4 10.88.0.4 }".utf8)
    ).configuration
    #expect(old.hash == 0xe098_3966)
    #expect(old.daemons.map(\.id.rawValue) == [0x0a58_0001, 0x0a58_0002, 0x0a58_0003, 0x0a58_0004])
    // No part of the hash.
    #expect(try settings("#@ MaxSessions = 10000").hash == settings("").hash)
  }
}

@Suite struct OwnDaemonTests {
  private let local = [address("127.0.0.1"), address("10.91.0.2"), address("10.91.0.3")]
  private let configuration = ConfigurationVectors.read(
    Array("Spread_Segment 225.0.0.1 { d1 10.91.0.1 d2 10.91.0.2 } Spread_Segment 225.0.0.2 { d3 10.91.0.3 }".utf8)
  ).configuration

  @Test func theFirstLocalOneWithoutName() {
    #expect(configuration.ownDaemon(localAddresses: local) == .success(1))
    #expect(configuration.ownDaemon(localAddresses: []) == .failure(.noneIsLocal))
  }

  @Test func theNamedOneMustBeLocal() {
    #expect(configuration.ownDaemon(named: "d3", localAddresses: local) == .success(2))
    #expect(configuration.ownDaemon(named: "d", localAddresses: local) == .failure(.unknownName("d")))
    #expect(configuration.ownDaemon(named: "", localAddresses: local) == .failure(.unknownName("")))
    #expect(
      configuration.ownDaemon(named: "d1", localAddresses: local)
        == .failure(.notLocal(name: "d1", address("10.91.0.1"))))
  }

  @Test func scopesComeFromTheOwnInterface() {
    var configuration = ConfigurationVectors.read(
      Array(
        """
        Spread_Segment ff15::1 ff15::2%eth0 { d1 fe80::1 { D fe80::1 C fd91::1 } d2 fe80::2 }
        Spread_Segment ff15::3 { d3 fe80::3 }
        """.utf8)
    ).configuration
    guard case .v6(let high, let low, _) = address("fe80::1") else { return }
    let local: [NetworkAddress] = [.v6(high, low, scope: 3), address("fd91::1")]
    #expect(configuration.ownDaemon(localAddresses: local) == .success(0))
    let hash = configuration.hash
    configuration.adoptScopes(own: 0, localAddresses: local)
    #expect(configuration.daemons.map(\.address.scope) == [3, 3, 3])
    #expect(configuration.segments[0].addresses.map(\.scope) == [3, 7])
    #expect(configuration.segments[1].addresses.map(\.scope) == [0])
    #expect(configuration.daemons[0].interfaces.map(\.address.scope) == [3, 3])
    #expect(configuration.hash == hash)
  }
}

@Suite struct ConfigurationTextTests {
  private let configuration = ConfigurationVectors.read(
    Array(
      """
      Spread_Segment 127.0.0.255:47420 225.1.1.1 { d1 127.0.0.1 VirtualID = 7 ; d2 127.0.0.2 }
      Spread_Segment 127.0.1.255:47421 { e1-long-long-long-x 127.0.1.1 { D 127.0.1.1 C M 0.0.0.0 } }
      """.utf8)
  ).configuration

  /// As a stock 5.0.1 daemon printed them, but for the line about an explicit id.
  @Test func startLines() {
    #expect(
      StartLines.loaded(configuration, fileName: "a.conf") == [
        "Conf_load_conf_file: using file: a.conf",
        "Configured daemon 'd1' with IP '127.0.0.1'",
        "Configured virtual ID = '7' for daemon 'd1'",
        "Configured daemon 'd2' with IP '127.0.0.2'",
        "Auto-generated virtual ID = '348480928' for daemon 'd2'",
        "Successfully configured Segment 0 [127.0.0.255]:47420 with 2 procs:",
        "\t                  d1: 127.0.0.1",
        "\t                  d2: 127.0.0.2",
        "Configured daemon 'e1-long-long-long-x' with IP '127.0.1.1'",
        "Auto-generated virtual ID = '3016862757' for daemon 'e1-long-long-long-x'",
        "Successfully configured Segment 1 [127.0.1.255]:47421 with 1 procs:",
        "\t e1-long-long-long-x: 127.0.1.1",
        "Hash value for this configuration is: 175507994",
        "Finished configuration file.",
      ])
    #expect(
      StartLines.chosen(configuration, own: 0)
        == "Conf_load_conf_file: My name: d1, id: 7, addr: 127.0.0.1, port: 47420")
    #expect(StartLines.chosen(configuration, own: 2)?.hasSuffix("addr: 127.0.1.1, port: 47421") == true)
    #expect(StartLines.chosen(configuration, own: 3) == nil)
  }

  @Test func membershipLines() {
    #expect(
      StartLines.membership(
        MembershipID(ProcessID(7), 1_795_472_531), of: configuration, at: GroupName("d1"),
        isMember: { $0 == ProcessID(7) })
        == [
          "Membership id is ( 7, 1795472531)",
          "--------------------",
          "Configuration at d1 is:",
          "Num Segments 2",
          "\t1\t[127.0.0.255]:47420\t[225.1.1.1]:47420",
          "\t\td1                  \t127.0.0.1\tID: 7               ",
          "\t0\t[127.0.1.255]:47421",
          "====================",
        ])
  }

  @Test func checkReport() {
    #expect(
      configuration.checkReport(fileName: "a.conf", own: .success(1)) == """
        a.conf: 2 segments, 3 daemons, IPv4

        Segment 1: port 47420, addresses 127.0.0.255 225.1.1.1
          d1  127.0.0.1  id 7 (VirtualID)
          d2  127.0.0.2  id 348480928 (from the name)

        Segment 2: port 47421, address 127.0.1.255
          e1-long-long-long-x  127.0.1.1  id 3016862757 (from the name)
            interface 127.0.1.1 for daemons
            interface 0.0.0.0 for clients, monitors

        Ring: original (AcceleratedRing is not written), Window 160, PersonalWindow 20, AcceleratedWindow 15
        Timeouts in ms (wide area defaults): Token 5000, Hurry 1500, Alive 250, Join 250, Rep 1250, Seg 500, \
        Gather 2500, Form 2500, Lookup 45000
        Clients: at most 997 sessions, 1000 messages queued for each; authentication allows NULL, requires nothing

        Hash text:
          | Segment: port = 47420; [127.0.0.255] [225.1.1.1]
          | \t'd1' [127.0.0.1] [7]
          | \t'd2' [127.0.0.2] [348480928]
          |\u{20}
          | Segment: port = 47421; [127.0.1.255]
          | \t'e1-long-long-long-x' [127.0.1.1] [3016862757]
          |\u{20}
          | Version: 5
          | Protocol: Original Ring
        Hash value for this configuration is: 175507994

        This host runs the daemon 'd2'.

        """)
    let one = ConfigurationVectors.read(Array("Spread_Segment 225.0.0.1 { d1 10.91.0.1 }".utf8)).configuration
    let report = one.checkReport(fileName: "b", own: .failure(.noneIsLocal))
    #expect(report.contains("After a reload it would be \(one.hash(.accelerated)), with the accelerated ring"))
    #expect(report.contains("This host runs none of them: no configured daemon has an address of this host"))
  }

  @Test(arguments: [
    ("::", "::"), ("::1", "::1"), ("ff15::91:1", "ff15::91:1"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
    ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"), ("1:2:3:4:5:6::", "1:2:3:4:5:6::"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ("0:0:1::", "0:0:1::"), ("::ffff:a00:1", "::ffff:10.0.0.1"), ("::a00:1", "::10.0.0.1"), ("FE80::00aB", "fe80::ab"),
    ("1:0:0:2:3:0:0:4", "1::2:3:0:0:4"),
  ])
  func addresses(written: String, shown: String) {
    #expect(address(written).text == shown)
  }

  @Test(arguments: [
    "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1::2::3", ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:", ":::", "12345::", "g::", "", ":", "1.2.3.4", "::1.2.3.4",
  ])
  func noV6Addresses(text: String) {
    #expect(AddressText.v6(Array(text.utf8)[...]) == nil)
  }

  @Test(arguments: [
    "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "", "...", "1..2.3", "0001.2.3.4", "a.b.c.d",
  ])
  func noV4Addresses(text: String) {
    #expect(AddressText.v4(Array(text.utf8)[...]) == nil)
  }
}
