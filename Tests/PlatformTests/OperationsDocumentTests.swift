// docs/operations.md promises to list every event and every reason: programs of users rely on the names.

import Glibc
import SpreadCore
import SpreadWire
import Testing

@testable import SpreadPlatform

@Suite struct OperationsDocumentTests {
  private static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

  private static func read(_ path: String) throws -> String {
    String(decoding: try System.read(file: root + "/" + path), as: UTF8.self)
  }

  private static func sources(in folder: String) -> [String] {
    guard let directory = opendir(root + "/" + folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasSuffix(".swift") { names.append(folder + "/" + name) }
    }
    return names
  }

  /// Every `"area.word"` in the sources of shell and daemon.
  private static func eventNames() throws -> Set<String> {
    let files = sources(in: "Sources/SpreadPlatform") + sources(in: "Sources/spread-daemon")
    let pattern = #/"([a-z]+(?:-[a-z]+)*(?:\.[a-z]+(?:-[a-z]+)*)+)"/#
    let found = try files.flatMap { file in try Self.read(file).matches(of: pattern).map { String($0.output.1) } }
    return Set(found)
  }

  @Test func everyEventIsListed() throws {
    let document = try Self.read("docs/operations.md")
    let names = try Self.eventNames()
    #expect(names.isSuperset(of: ["session.accepted", "daemon.listening", "connection.refused.more"]))
    for name in names { #expect(document.contains("`\(name)`"), "\(name) is not in docs/operations.md") }
  }

  @Test func everyReasonIsListed() throws {
    let document = try Self.read("docs/operations.md")
    for reason in LogTests.refusals.map(\.name) + LogTests.ends.map(\.name) + LogTests.losses.map(\.name) {
      let short = reason.hasPrefix("bad-message-") ? String(reason.dropFirst("bad-message".count)) : reason
      #expect(document.contains("`\(reason)`") || document.contains("`\(short)`"), "\(reason) is not listed")
    }
  }
}
