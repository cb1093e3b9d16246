// The whole daemon as one deterministic value: inputs in, an outbox out.

import SpreadWire

public struct Daemon {
  public init(configuration: Configuration, me: Int, seed: UInt64) {}

  public mutating func handle(_ input: Input, at now: Instant, into out: inout Outbox) {}
}
