// The times of the answers and what is said about them at the end (tools, "spping").

import ToolSupport

struct RoundTrips {
  /// Microseconds, in order of arrival.
  private var times: [Int] = []

  /// The percentiles printed, in thousandths.
  private static let rows: [(label: String, part: Int)] = [
    ("0", 0), ("0.1", 1), ("0.5", 5), ("1", 10), ("5", 50), ("10", 100), ("25", 250), ("50", 500), ("75", 750),
    ("90", 900), ("95", 950), ("99", 990), ("99.5", 995), ("99.9", 999), ("100", 1000),
  ]

  mutating func add(_ microseconds: Int) { times.append(microseconds) }

  func report(group: String, sent: Int, into out: inout TextOutput) {
    // Stock prints a negative loss when several answer each ping.
    let loss = sent == 0 ? 0 : max(0, Double(sent - times.count) * 100 / Double(sent))
    out.put("\n--- \(group) ping statistics ---\n")
    out.put("\(sent) packets transmitted, \(times.count) packets received, ")
    out.put("\(decimal(loss, digits: 6))% packet loss\n")
    guard !times.isEmpty else { return }
    out.put("round-trip percentiles (ms) (slightly biased outwards):\n")
    let sorted = times.sorted()
    for row in Self.rows {
      let label = String(repeating: " ", count: 4 - row.label.utf8.count) + row.label
      out.put("\(label): \(decimal(Self.percentile(sorted, row.part) / 1000, digits: 3, width: 9))\n")
    }
    let (mean, deviation) = moments
    out.put("round-trip mean/stddev = \(decimal(mean / 1000, digits: 3))/\(decimal(deviation / 1000, digits: 3)) ms\n")
  }

  /// The value `part` thousandths of the way up; away from the middle where that falls between two of them. The index
  /// is in the array for any count: stock reads behind it when there are few.
  static func percentile(_ sorted: [Int], _ part: Int) -> Double {
    func rank(_ part: Int) -> Int { max(1, (sorted.count * part + 999) / 1000) }
    if part == 500 {
      let half = sorted.count / 2
      return sorted.count % 2 == 1 ? Double(sorted[half]) : Double(sorted[half - 1] + sorted[half]) / 2
    }
    return Double(part < 500 ? sorted[rank(part) - 1] : sorted[sorted.count - rank(1000 - part)])
  }

  private var moments: (mean: Double, deviation: Double) {
    let mean = Double(times.reduce(0, +)) / Double(times.count)
    guard times.count > 1 else { return (mean, 0) }
    let squares = times.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    return (mean, (squares / Double(times.count - 1)).squareRoot())
  }
}
