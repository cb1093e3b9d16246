import SpreadCheck
import Testing

@Suite struct ClientCheckTests {
  @Test func theGoodRunIsClean() throws {
    try expectClean(.good())
    var contract = CheckOptions()
    contract.level = .contract
    try expectClean(.good(), contract)
  }

  private func bad(
    _ properties: Set<String>, lines: Int? = nil, sourceLocation: SourceLocation = #_sourceLocation,
    _ damage: (inout Script) -> Void
  ) throws {
    var script = Script.good()
    damage(&script)
    try expect(properties, script, lines: lines, sourceLocation: sourceLocation)
  }
}
