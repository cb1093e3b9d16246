// Hand-made traces. A script holds the JSON lines of several recorders; a good one is damaged in one place and the
// checkers must say exactly which property is broken.

import SpreadCheck
import Testing

struct Script {
  /// File name: lines.
  var files: [String: [String]] = [:]

  mutating func add(_ file: String, _ line: String) { files[file, default: []].append(line) }

  /// Index of the only (or `number`-th) line of `file` that contains all of `parts`.
  func find(_ file: String, _ parts: [String], number: Int = 0) -> Int {
    let hits = (files[file] ?? []).indices.filter { line in parts.allSatisfy { files[file]![line].contains($0) } }
    guard number < hits.count else {
      Issue.record("\(file) has no line with \(parts)")
      return 0
    }
    return hits[number]
  }

  mutating func remove(_ file: String, _ parts: String..., number: Int = 0) {
    files[file]!.remove(at: find(file, parts, number: number))
  }

  /// Moves a line behind another one of the same file.
  mutating func move(_ file: String, _ parts: [String], behind other: [String]) {
    let line = files[file]!.remove(at: find(file, parts))
    files[file]!.insert(line, at: find(file, other) + 1)
  }

  mutating func replace(_ file: String, _ parts: String..., from old: String, to new: String) {
    let line = find(file, parts)
    let text = files[file]![line]
    guard let range = text.firstRange(of: old) else {
      Issue.record("\(text) has no \(old)")
      return
    }
    files[file]![line] = text.replacingCharacters(in: range, with: new)
  }

  mutating func insert(_ file: String, behind parts: [String], _ lines: String...) {
    files[file]!.insert(contentsOf: lines, at: find(file, parts) + 1)
  }

  func trace() throws -> Trace {
    let trace = Trace()
    for file in files.keys.sorted() { try trace.read(files[file]!.joined(separator: "\n"), file: file) }
    return trace
  }

  func report(_ options: CheckOptions = CheckOptions()) throws -> Report { Checker.check(try trace(), options) }
}

extension String {
  fileprivate func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
    String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
  }
}

/// The script has no violation and no warning.
func expectClean(
  _ script: Script, _ options: CheckOptions = CheckOptions(), sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let trace = try script.trace()
  let report = Checker.check(trace, options)
  #expect(report.counts.isEmpty, "\(report.text(trace))", sourceLocation: sourceLocation)
}

/// Exactly these properties are broken, and every report shows its lines.
func expect(
  _ properties: Set<String>, _ script: Script, _ options: CheckOptions = CheckOptions(), lines: Int? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let trace = try script.trace()
  let report = Checker.check(trace, options)
  #expect(Set(report.counts.keys) == properties, "\(report.text(trace))", sourceLocation: sourceLocation)
  for violation in report.violations {
    #expect(!violation.evidence.isEmpty, sourceLocation: sourceLocation)
    if let lines, properties.count == 1 {
      #expect(violation.evidence.count == lines, "\(report.text(trace))", sourceLocation: sourceLocation)
    }
  }
}
