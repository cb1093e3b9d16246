// How long a token takes around the ring, and from that how long to wait for one that does not come back.

/// One daemon's estimate. All times in nanoseconds.
struct RotationTime {
  /// Never less patient than this: what a busy machine needs to give everybody a turn.
  static let shortest: UInt64 = 2_000_000
  /// Rotations that a token may be late.
  static let patience: UInt64 = 4
  /// The share of the longest time that is waited while no rotation has been measured yet.
  private static let unmeasured: UInt64 = 8

  /// 0: not measured yet.
  private(set) var smoothed: UInt64 = 0
  /// When the token left that is expected back; nil: none is, or it was sent more than once, so that its return says
  /// nothing about the time it took.
  private var sent: UInt64?
  /// How often the time to wait was doubled. It stays doubled until a token comes back that was sent once, so a ring
  /// that has become slower is not flooded with repetitions that teach nothing.
  private var doublings: UInt64 = 0

  mutating func left(at now: UInt64) { sent = now }

  /// The token stays here, or what is measured now is not the ring.
  mutating func forget() { sent = nil }

  mutating func repeated() {
    sent = nil
    doublings = Swift.min(doublings + 1, 10)
  }

  mutating func returned(at now: UInt64) {
    guard let sent, now >= sent else { return }
    self.sent = nil
    doublings = 0
    let sample = Swift.max(now - sent, 1)
    if smoothed == 0 {
      smoothed = sample
    } else if sample > smoothed {
      // Quickly more patient, slowly less.
      smoothed += (sample - smoothed) / 2
    } else {
      smoothed -= (smoothed - sample) / 8
    }
  }

  /// How long to wait before the token is sent again; at most `longest`.
  func wait(_ longest: UInt64) -> UInt64 {
    let base = smoothed == 0 ? longest / Self.unmeasured : Swift.min(Self.patience * smoothed, longest)
    return Swift.min(Swift.max(base, Self.shortest) << doublings, longest)
  }
}
