// Every file of Tests/Vectors/conf with what stock 5.0.1 made of it (expected.json there).

import Foundation
import SpreadWire
import Testing

@testable import SpreadCore

enum ConfigurationVectors {
  static let folder = vectorFolder.appendingPathComponent("conf")

  static func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: folder.appendingPathComponent(name)))
  }

  /// All `.conf` files of the folder.
  static func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".conf") }.sorted()
  }

  static func expected() throws -> [String: [String: Any]] {
    let top = try vectorJSON("conf/expected.json") as! [String: Any]
    return top["files"] as! [String: [String: Any]]
  }

  /// The host the outcomes were recorded on.
  static let localAddresses = ["127.0.0.1", "::1", "10.91.0.1", "fd91::1"].map(address)
  static var lookup: HostLookup {
    HostLookup(
      resolve: { $0 == "localhost" ? [address("127.0.0.1"), address("::1")] : [] },
      interfaceIndex: { $0 == "eth0" ? 7 : 0 })
  }

  static func address(_ text: String) -> NetworkAddress {
    if let v4 = AddressText.v4(Array(text.utf8)[...]) { return .v4(v4) }
    let (high, low) = AddressText.v6(Array(text.utf8)[...])!
    return .v6(high, low, scope: 0)
  }

  static func read(_ bytes: [UInt8]) -> (configuration: Configuration, findings: [Diagnostic], failed: Bool) {
    ConfigurationParser.read(bytes, fileName: "f", lookup: lookup)
  }
}

@Suite struct ConfigurationVectorTests {
  @Test func everyFileIsListedAndEveryListedFileIsThere() throws {
    #expect(try ConfigurationVectors.names() == ConfigurationVectors.expected().keys.sorted())
    #expect(try ConfigurationVectors.names().count == 46)
  }

  /// Files stock parses and dies of a moment later; here they are errors of the file.
  static let lateDeaths = [
    "i16_some_timeouts_only.conf": "give all nine timeouts or none",
    "i25_empty_second_segment.conf": "a segment needs at least one daemon",
  ]

  @Test(arguments: try ConfigurationVectors.names())
  func outcome(name: String) throws {
    let expected = try #require(try ConfigurationVectors.expected()[name])
    let (configuration, findings, failed) = ConfigurationVectors.read(try ConfigurationVectors.bytes(name))
    let errors = findings.filter { $0.severity == .error }
    if expected["accepted_by_parser"] as! Bool {
      if let reason = Self.lateDeaths[name] {
        #expect(errors.count == 1 && errors[0].message.hasPrefix(reason))
      } else {
        #expect(errors.isEmpty, "\(errors)")
      }
      try compare(configuration, expected)
    } else {
      #expect(failed)
    }
    #expect(findings.count - errors.count >= expected["warnings"] as? Int ?? 0)
    let own = configuration.ownDaemon(localAddresses: ConfigurationVectors.localAddresses)
    let runs = !failed && (try? own.get()) != nil
    #expect(runs == (expected["daemon_runs"] as! Bool))
  }

  private func compare(_ configuration: Configuration, _ expected: [String: Any]) throws {
    let segments = expected["segments"] as! [[String: Any]]
    #expect(configuration.segments.count == segments.count)
    for (ours, theirs) in zip(configuration.segments, segments) {
      #expect(Int(ours.port) == theirs["port"] as? Int)
      #expect(ours.addresses.first?.text == theirs["address"] as? String)
      let procs = theirs["procs"] as! [[String: Any]]
      #expect(ours.daemons.count == procs.count)
      for (daemon, proc) in zip(ours.daemons, procs) {
        #expect(daemon.name.text == proc["name"] as? String)
        #expect(daemon.address.text == proc["address"] as? String)
        #expect(Int(daemon.id.rawValue) == proc["id"] as? Int)
        #expect(daemon.hasVirtualID == (proc["id_source"] as? String == "explicit"))
      }
    }
    let text = configuration.hashText(configuration.ringProtocol(afterReload: false))
    #expect(String(decoding: text, as: UTF8.self) == expected["hash_string"] as? String)
    #expect(text.count == expected["hash_string_length"] as? Int)
    #expect(Int(configuration.hash) == expected["hash"] as? Int)
    let own = configuration.ownDaemon(localAddresses: ConfigurationVectors.localAddresses)
    guard let selected = expected["selected_daemon_without_n"] as? [String: Any] else {
      #expect(own == .failure(.noneIsLocal))
      return
    }
    let daemon = configuration.daemons[try own.get()]
    #expect(daemon.name.text == selected["name"] as? String)
    #expect(Int(daemon.id.rawValue) == selected["id"] as? Int)
    #expect(daemon.address.text == selected["address"] as? String)
  }
}

/// Whatever the bytes, there is an answer.
@Suite struct ConfigurationTotalityTests {
  @Test(arguments: try ConfigurationVectors.names())
  func truncations(name: String) throws {
    let bytes = try ConfigurationVectors.bytes(name)
    for length in 0..<bytes.count { check(Array(bytes[..<length]), report: true) }
  }

  /// Each byte replaced by bytes that mean something to the scanner (a third of them in turn), doubled, and taken out.
  @Test(arguments: try ConfigurationVectors.names())
  func mutations(name: String) throws {
    let bytes = try ConfigurationVectors.bytes(name)
    let replacements = Array("{}[]=;:!#@\"'%. \n0f".utf8) + [0, 0x0b, 0x80, 0xff]
    for at in bytes.indices {
      for byte in stride(from: at % 3, to: replacements.count, by: 3) {
        var changed = bytes
        changed[at] = replacements[byte]
        check(changed)
      }
      check(Array(bytes[...at] + bytes[at...]))
      check(Array(bytes[..<at] + bytes[(at + 1)...]))
    }
  }

  /// Words of one file in the place of words of another, from a fixed seed.
  @Test func shuffledWords() throws {
    let words = try ConfigurationVectors.names().flatMap { name in
      try ConfigurationVectors.bytes(name).split(whereSeparator: { $0 == 0x20 || $0 == 0x0a }).map(Array.init)
    }
    var state: UInt64 = 47
    for _ in 0..<4000 {
      var text: [UInt8] = []
      for _ in 0..<30 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        text += words[Int(state >> 33) % words.count] + [state >> 60 == 0 ? 0x0a : 0x20]
      }
      check(text)
    }
  }

  private func check(_ bytes: [UInt8], report: Bool = false) {
    let (configuration, findings, failed) = ConfigurationVectors.read(bytes)
    // Not #expect for each of the many: it is slow.
    if failed != findings.contains(where: { $0.severity == .error }) { Issue.record("findings and result disagree") }
    if failed { return }
    let daemons = configuration.daemons
    if daemons.isEmpty || daemons.count > 128 || configuration.segments.contains(where: \.daemons.isEmpty)
      || Set(daemons.map(\.id)).count != daemons.count || Set(daemons.map(\.name)).count != daemons.count
      || configuration.personalWindow > configuration.window
      || daemons.contains(where: { $0.address.isUnspecified || $0.address.isMulticast || $0.name.isEmpty })
    {
      Issue.record("accepted against the rules: \(printable(bytes, limit: 4000))")
    }
    if report, configuration.checkReport(fileName: "f").isEmpty { Issue.record("no report") }
  }
}
