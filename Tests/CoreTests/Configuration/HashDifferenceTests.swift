// Why two configurations have different hashes, for people.

import SpreadWire
import Testing

@testable import SpreadCore

@Suite struct HashDifferenceTests {
  private func configuration(_ text: String) throws -> Configuration {
    switch ConfigurationParser.parse(Array(text.utf8), fileName: "a.conf") {
    case .success(let parsed): parsed.configuration
    case .failure(let errors): throw errors
    }
  }

  private let three = "Spread_Segment 225.0.1.1:4803 {\n d1 10.0.0.1\n d2 10.0.0.2\n d3 10.0.0.3\n}\n"

  @Test func equalOnes() throws {
    let a = try configuration(three)
    let timeouts = ["Token", "Hurry", "Alive", "Join", "Rep", "Seg", "Gather", "Form", "Lookup"]
    let b = try configuration(three + timeouts.map { "\($0)Timeout = 1\n" }.joined())
    #expect(
      a.comparison("a", with: b, "b")
        == "a and b have the same hash, \(a.hash): daemons with either form one ring.\n")
    #expect(a.difference(from: b) == nil)
  }

  @Test func anAddress() throws {
    let b = try configuration(three.replacingOccurrence(of: "10.0.0.2", with: "10.0.0.9"))
    let a = try configuration(three)
    let difference = try #require(a.difference(from: b))
    #expect(difference.line == 3)
    #expect(
      difference.text("a", "b") == "line 3 of the hash text is \"'d2' [10.0.0.2] [348480928]\" in a and "
        + "\"'d2' [10.0.0.9] [348480928]\" in b (a daemon's name, address, VirtualID or place)")
    #expect(a.change(givingHash: b.hash) == nil)
    #expect(a.comparison("a", with: b, "b").contains("The hashes differ, \(a.hash) and \(b.hash)"))
  }

  @Test func theAcceleratedRing() throws {
    let (a, b) = (try configuration(three), try configuration(three + "AcceleratedRing = true\n"))
    #expect(a.difference(from: b)?.origin == "AcceleratedRing")
    #expect(
      a.change(givingHash: b.hash)
        == "with AcceleratedRing = true, which is also what it becomes by a reload while AcceleratedRing is not "
        + "written")
    #expect(b.change(givingHash: a.hash) == "with AcceleratedRing = false")
  }

  @Test func segmentAddresses() throws {
    let (a, b) = (try configuration(three), try configuration(three + "ExcludeSegAddrsFromHash = true\n"))
    #expect(a.change(givingHash: b.hash) == "with ExcludeSegAddrsFromHash = true")
    #expect(a.difference(from: b)?.line == 1)
  }

  @Test func aDaemonThatIsNotThereYet() throws {
    let b = try configuration(three.replacingOccurrence(of: " d3 10.0.0.3\n", with: ""))
    let a = try configuration(three)
    #expect(a.change(givingHash: b.hash) == "without the daemon 'd3'")
    #expect(b.change(givingHash: a.hash) == nil)
    #expect(b.comparison("b", with: a, "a").contains("That is all: for the hash b is a without the daemon 'd3'."))
  }
}

extension String {
  fileprivate func replacingOccurrence(of old: String, with new: String) -> String {
    firstRange(of: old).map { String(self[..<$0.lowerBound]) + new + String(self[$0.upperBound...]) } ?? self
  }
}
