// Numbers by packed keys: every key keeps its own through all growth, whatever its bits.

import SpreadWire
import Testing

@testable import SpreadCheck

@Suite struct NumberTableTests {
  @Test func keysKeepTheirNumbers() {
    var keys: [MembershipID] = []
    for i in 0..<3000 {
      // Also the key of all zeros, and keys that differ in one half only.
      keys.append(MembershipID(ProcessID(0), Int32(i)))
      keys.append(MembershipID(ProcessID(UInt32(i) * 1_048_573 + 1), -1))
    }
    var table = NumberTable<MembershipID>()
    for (number, key) in keys.enumerated() {
      #expect(table[key] == nil)
      table.add(key, Int32(number))
    }
    for (number, key) in keys.enumerated() { #expect(table[key] == Int32(number)) }
    #expect(table[MembershipID(ProcessID(7), 7)] == nil)
  }
}
