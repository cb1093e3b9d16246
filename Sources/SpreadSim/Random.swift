// All randomness of a run (evs-properties 12): xoshiro256** seeded by SplitMix64. One seed, many streams: each link,
// each client and each plan draws from a stream of its own, so that leaving one decision out does not shift the others
// (evs-properties 13, "Replays take the decisions by key").

struct SplitMix64 {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

struct Xoshiro256 {
  private var a, b, c, d: UInt64

  /// The stream `name` of the run `seed`.
  init(_ seed: UInt64, stream name: UInt64 = 0) {
    var mix = SplitMix64(seed ^ (name &* 0xd134_2543_de82_ef95))
    (a, b, c, d) = (mix.next(), mix.next(), mix.next(), mix.next())
  }

  mutating func next() -> UInt64 {
    let result = rotated(b &* 5, 7) &* 9
    let shifted = b << 17
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotated(d, 45)
    return result
  }

  private func rotated(_ x: UInt64, _ by: UInt64) -> UInt64 { x << by | x >> (64 - by) }

  /// In 0..<1.
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  mutating func below(_ bound: Int) -> Int { bound <= 1 ? 0 : Int(next() % UInt64(bound)) }

  mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }

  mutating func chance(_ probability: Double) -> Bool { unit() < probability }

  /// Between two bounds, small values as likely as large ones.
  mutating func spread(_ low: Double, _ high: Double) -> Double { low * exponential2(unit() * log2(high / low)) }

  mutating func uniform(_ low: Double, _ high: Double) -> Double { low + unit() * (high - low) }

  mutating func pick<T>(_ list: [T]) -> T { list[below(list.count)] }

  mutating func shuffle<T>(_ list: inout [T]) {
    guard list.count > 1 else { return }
    for i in stride(from: list.count - 1, to: 0, by: -1) { list.swapAt(i, below(i + 1)) }
  }
}

// The logarithms of libm may differ between machines in the last bit; these are the same everywhere.

/// Base 2 logarithm of a positive number, good to about 1e-7.
func log2(_ x: Double) -> Double {
  let exponent = Double(x.exponent)
  let m = x.significand
  // ln m = 2 atanh((m - 1) / (m + 1)), m in 1..<2
  let t = (m - 1) / (m + 1)
  let square = t * t
  let series = 1 + square * (1 / 3.0 + square * (1 / 5.0 + square * (1 / 7.0 + square * (1 / 9.0 + square / 11.0))))
  return exponent + 2 * t * series * 1.4426950408889634
}

func exponential2(_ x: Double) -> Double {
  let whole = Double(Int(x < 0 ? x - 1 : x))
  let y = (x - whole) * 0.6931471805599453
  var sum = 1.0
  var term = 1.0
  for n in 1..<14 {
    term *= y / Double(n)
    sum += term
  }
  return Double(sign: .plus, exponent: Int(whole), significand: 1) * sum
}

/// Of an exponential distribution with mean 1, at most about 12; `bits` uniform.
func exponential(_ bits: UInt32) -> Double {
  let table = ExponentialTable.values
  let place = Int(bits >> 22)
  let rest = Double(bits & 0x3f_ffff) * (1 / 4_194_304.0)
  return table[place] + (table[place + 1] - table[place]) * rest
}

private enum ExponentialTable {
  static let values: [Double] = (0...1024).map { -log2(1 - Double($0) / 1024.2) * 0.6931471805599453 }
}

/// Mixes words into a hash; for the log of a run and for contents, not for tables.
struct Mixer {
  private(set) var value: UInt64

  init(_ start: UInt64 = 0x2545_f491_4f6c_dd1d) { value = start }

  mutating func add(_ word: UInt64) {
    value = (value ^ word) &* 0x9fb2_1c65_1e98_df25
    value ^= value >> 32
  }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var at = 0
    while at + 8 <= bytes.count {
      add(bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      at += 8
    }
    var rest: UInt64 = UInt64(bytes.count) << 56
    while at < bytes.count {
      rest = rest << 8 | UInt64(bytes[at])
      at += 1
    }
    add(rest)
  }
}
