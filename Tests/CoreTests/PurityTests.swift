// SpreadWire, SpreadCore and SpreadFlush do no I/O, read no clock, draw no randomness of their own and depend on no
// hash order: a run is a function of its inputs. This test reads their sources and refuses what could break that.

import Foundation
import Testing

struct Impurity: Equatable {
  var line: Int
  var text: String
}

enum Purity {
  static let allowedImports: [String: Set<String>] = [
    "SpreadWire": [],
    "SpreadCore": ["SpreadWire", "DequeModule"],
    "SpreadFlush": ["SpreadWire"],
  ]

  /// Words that reach outside, or whose result differs from run to run.
  static let forbidden = [
    #"\bprint\("#, #"\bdebugPrint\("#, #"\bdump\("#, #"\breadLine\("#, #"\bCommandLine\b"#, #"\bFileManager\b"#,
    #"\bProcessInfo\b"#, #"\bDate\("#, #"\bContinuousClock\b"#, #"\bSuspendingClock\b"#,
    #"\bSystemRandomNumberGenerator\b"#,
    #"\.random\("#, #"\.randomElement\("#, #"\.shuffled\("#, #"\.shuffle\("#, #"\.hashValue\b"#, #"\bHasher\(\)"#,
    #"\bThread\b"#, #"\bTask\s*\{"#, #"\bactor\b"#, #"\bawait\b"#, #"\bgetenv\b"#, #"@_silgen_name"#, #"@_extern"#,
    #"ObjectIdentifier\("#,
    // Iteration order of hashed collections. Dictionaries are for look-ups only.
    #"\bSet<"#, #"\.(keys|values)\b(?!\[)"#, #"in by[A-Z]\w* \{"#,
    #"by[A-Z]\w*\.(map|filter|forEach|first|sorted|min|max)\b"#,
  ]

  static func impurities(in source: String, module: String) -> [Impurity] {
    var found: [Impurity] = []
    for (number, line) in source.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let code = line.split(separator: "//", omittingEmptySubsequences: false)[0]
      let words = code.split(whereSeparator: { $0 == " " })
      if let at = words.firstIndex(of: "import"), at + 1 < words.count {
        let name = words.last!.split(separator: ".")[0]
        if !allowedImports[module]!.contains(String(name)) {
          found.append(Impurity(line: number + 1, text: String(line)))
        }
      }
      for pattern in forbidden where code.range(of: pattern, options: .regularExpression) != nil {
        found.append(Impurity(line: number + 1, text: String(line)))
        break
      }
    }
    return found
  }
}

@Suite struct PurityTests {
  @Test(arguments: ["SpreadWire", "SpreadCore", "SpreadFlush"]) func moduleIsPure(_ module: String) throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Sources/\(module)")
    let files = FileManager.default.enumerator(atPath: root.path)!.compactMap { $0 as? String }.filter {
      $0.hasSuffix(".swift")
    }
    #expect(files.count > 4)
    for file in files {
      let source = try String(contentsOf: root.appendingPathComponent(file), encoding: .utf8)
      for impurity in Purity.impurities(in: source, module: module) {
        Issue.record("\(module)/\(file):\(impurity.line): \(impurity.text)")
      }
    }
  }

  @Test(arguments: [
    "import Foundation", "@_exported import Glibc", "public import Dispatch", "import struct Foundation.Date",
    "let t = ContinuousClock().now", "let n = Int.random(in: 0..<4)", "for (k, v) in byName {", "print(1)",
    "let x = table.keys.first", "let s: Set<Int> = []",
  ]) func theTestSees(_ line: String) {
    #expect(!Purity.impurities(in: line, module: "SpreadCore").isEmpty)
  }

  @Test(arguments: ["import SpreadWire", "// import Foundation", "let printer = 1", "byName[name] = nil"])
  func theTestLeavesAlone(_ line: String) {
    #expect(Purity.impurities(in: line, module: "SpreadCore").isEmpty)
  }
}
