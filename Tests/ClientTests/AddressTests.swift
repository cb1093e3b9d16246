// Names of daemons and of groups (c-api 6.1, 7).

import SpreadWire
import Testing

@testable import SpreadClient

@Suite struct AddressTests {
  private func parse(_ text: String) -> String {
    var bytes = Array(text.utf8)
    return bytes.withUnsafeMutableBytes { bytes in
      switch DaemonAddress(UnsafeRawBufferPointer(bytes)) {
      case nil: "illegal"
      case .local(let port): "unix \(port)"
      case .host(let port, let start, let end): "\(port) at '\(String(decoding: bytes[start..<end], as: UTF8.self))'"
      }
    }
  }

  @Test(arguments: [
    ("", "unix 4803"), ("4803", "unix 4803"), ("  4803 ", "unix 4803"), ("04803", "unix 4803"),
    ("70339@host", "4803 at 'host'"), ("4803 @host", "4803 at 'host'"), ("4803@host rest", "4803 at 'host'"),
    ("\t4803@::1", "4803 at '::1'"), ("4803@", "4803 at ''"), ("4803@h:1", "4803 at 'h:1'"), ("abc", "illegal"),
    ("@host", "illegal"), ("4803#host", "illegal"), ("4803 host", "illegal"), ("localhost", "illegal"),
    (" ", "illegal"), ("-1@host", "illegal"), ("99999999999999999999999", "unix 65535"),
  ]) func names(_ text: String, _ expected: String) {
    if text.hasPrefix("999") {
      // Far beyond any integer: the remainder is what counts, and nothing traps.
      #expect(parse(text).hasPrefix("unix "))
    } else {
      #expect(parse(text) == expected)
    }
  }

  @Test func lengthLimit() {
    #expect(parse("4803@" + String(repeating: "a", count: 65)) != "illegal")
    #expect(parse("4803@" + String(repeating: "a", count: 66)) == "illegal")
  }

  @Test(arguments: [
    ("", false), ("a", true), ("$~", true), ("a b", false), ("a#b", false), ("#u#d", false), ("a\u{7f}", false),
    ("grüß", false), (String(repeating: "x", count: 31), true), (String(repeating: "x", count: 32), false),
  ]) func joinableGroups(_ name: String, _ legal: Bool) {
    #expect((Client.joinableName(name) != nil) == legal)
  }

  @Test func unterminatedGroupIsNotReadBeyondItsField() {
    let bytes = [CChar](repeating: 0x61, count: 32)
    #expect(bytes.withUnsafeBufferPointer { Client.joinableName($0.baseAddress) } == nil)
    #expect(Client.joinableName(nil) == nil)
  }
}
