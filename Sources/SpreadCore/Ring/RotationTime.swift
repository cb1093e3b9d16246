// How long a token takes around the ring, and from that how long to wait for one that does not come back.

/// One daemon's estimate. All times in nanoseconds.
struct RotationTime {
  /// Never less patient than this: what a busy machine needs to give everybody a turn.
  static let shortest: UInt64 = 2_000_000
  /// Rotations that a token may be late.
  static let patience: UInt64 = 4
  /// The share of the longest time that is waited while no rotation has been measured yet.
  private static let unmeasured: UInt64 = 8
  /// On a busy machine the shortest time is doubled so often at most, and halved again after so long without need.
  private static let mostCaution: UInt64 = 3
  private static let calmTime: UInt64 = 1_000_000_000

  /// 0: not measured yet.
  private(set) var smoothed: UInt64 = 0
  /// When the token left that is expected back; nil: none is, or it was sent more than once, so that its return says
  /// nothing about the time it took.
  private var sent: UInt64?
  /// How often the time to wait was doubled. It stays doubled until a token comes back that was sent once, so a ring
  /// that has become slower is not flooded with repetitions that teach nothing.
  private var doublings: UInt64 = 0
  /// How often the shortest time is doubled, because tokens that were repeated had not been lost, and when that
  /// changed.
  private(set) var caution: UInt64 = 0
  private var cautionChanged: UInt64 = 0
  /// When the token left that was then repeated.
  private var repeatedSince: UInt64?

  mutating func left(at now: UInt64) {
    sent = now
    repeatedSince = nil
  }

  /// The token stays here, or what is measured now is not the ring.
  mutating func forget() { sent = nil }

  mutating func repeated() {
    if let sent { repeatedSince = sent }
    sent = nil
    doublings = Swift.min(doublings + 1, 10)
  }

  /// The token that was repeated came back before its repetition: it had only been late, and shows how late.
  mutating func repetitionWasNeedless(at now: UInt64) {
    if let since = repeatedSince { learn(now, since) }
    caution = Swift.min(caution + 1, Self.mostCaution)
    cautionChanged = now
  }

  mutating func returned(at now: UInt64) {
    if caution > 0, now > cautionChanged + Self.calmTime {
      caution -= 1
      cautionChanged = now
    }
    guard let sent else { return }
    self.sent = nil
    learn(now, sent)
  }

  private mutating func learn(_ now: UInt64, _ sent: UInt64) {
    guard now >= sent else { return }
    repeatedSince = nil
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
    return Swift.min(Swift.max(base, Self.shortest << caution) << doublings, longest)
  }
}
