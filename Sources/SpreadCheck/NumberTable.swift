// Dense numbers of things that are known by 64 bits. Checkers look up every event of a trace several times, and a
// Dictionary spends most of that on a hash against adversaries.

import SpreadWire

protocol PackedKey {
  /// Different for different keys.
  var packed: UInt64 { get }
}

extension MessageID: PackedKey {
  var packed: UInt64 { UInt64(UInt32(bitPattern: sender.rawValue)) << 32 | UInt64(counter) }
}
extension PacketKey: PackedKey {
  var packed: UInt64 { UInt64(UInt32(bitPattern: ring)) << 32 | UInt64(UInt32(bitPattern: sequence)) }
}
extension MembershipID: PackedKey {
  var packed: UInt64 { UInt64(process.rawValue) << 32 | UInt64(UInt32(bitPattern: time)) }
}

struct NumberTable<Key: PackedKey> {
  private struct Entry {
    var key: UInt64 = 0
    /// -1: free.
    var number: Int32 = -1
  }

  /// A power of two, at most half of it used; from the place of a key on, the next free entry ends the search.
  private var entries = [Entry](repeating: Entry(), count: 64)
  private var count = 0

  subscript(key: Key) -> Int32? {
    let number = entries[place(key.packed)].number
    return number < 0 ? nil : number
  }

  /// Of a key that has none yet.
  mutating func add(_ key: Key, _ number: Int32) {
    if 2 * count >= entries.count { grow() }
    count += 1
    entries[place(key.packed)] = Entry(key: key.packed, number: number)
  }

  private func place(_ key: UInt64) -> Int {
    let mask = entries.count - 1
    var mixed = key &* 0x9e37_79b9_7f4a_7c15
    mixed ^= mixed >> 32
    var place = Int(truncatingIfNeeded: mixed) & mask
    while entries[place].number >= 0, entries[place].key != key { place = (place + 1) & mask }
    return place
  }

  private mutating func grow() {
    let old = entries
    entries = [Entry](repeating: Entry(), count: 2 * old.count)
    for entry in old where entry.number >= 0 { entries[place(entry.key)] = entry }
  }
}
