// The bug bank (evs-properties 12): rules of the core that can be broken on purpose, to show that the
// simulator finds it. Only builds with -D SPREAD_BUGS contain them; in all others `bug` is false at compile time.

#if SPREAD_BUGS
  public enum Bug: String, CaseIterable, Sendable {
    // Ring.
    case safeAfterOneToken, safeAtOnce, gapsIgnored, duplicatesAccepted, nothingRequested, anyRoundAccepted
    case staleTokenAtLeader, flowControlIgnored, sendsInRecovery, sequenceNotRaised
    case repetitionIsNewRound, leavesAtOnce, numbersNeverEnd, aloneWithoutNumbers
    // Recovery.
    case allDeliveredBehindHole, transitionalDropped, holesNotCommon, lateCounted, noRewind, timeRepeats
    // Groups.
    case earlyInExchange, sendsInExchange, mergeNotTold, indexKept, setsNotDivided, remoteLeaveIgnored
    case disconnectOfOneGroup, noSignal, groupOfAll
    // Sessions.
    case selfDiscardIgnored, copyForEachGroup
    // Segments, the accelerated ring, byte orders.
    case notForwarded, asksAhead, orderKept
    // Monitor and reload.
    case partitionStays, retiredForgotten, oldHashKept, oldOrderKept, changedGoesOn, kindFlipsInRing
  }

  /// One bug for a whole process, set before it starts.
  public nonisolated(unsafe) var plantedBug: Bug?

  @inline(__always) func bug(_ bug: Bug) -> Bool { plantedBug == bug }
#else
  enum Bug {
    case safeAfterOneToken, safeAtOnce, gapsIgnored, duplicatesAccepted, nothingRequested, anyRoundAccepted
    case staleTokenAtLeader, flowControlIgnored, sendsInRecovery, sequenceNotRaised
    case repetitionIsNewRound, leavesAtOnce, numbersNeverEnd, aloneWithoutNumbers
    case allDeliveredBehindHole, transitionalDropped, holesNotCommon, lateCounted, noRewind, timeRepeats
    case earlyInExchange, sendsInExchange, mergeNotTold, indexKept, setsNotDivided, remoteLeaveIgnored
    case disconnectOfOneGroup, noSignal, groupOfAll
    case selfDiscardIgnored, copyForEachGroup
    case notForwarded, asksAhead, orderKept
    case partitionStays, retiredForgotten, oldHashKept, oldOrderKept, changedGoesOn, kindFlipsInRing
  }

  @inline(__always) func bug(_ bug: Bug) -> Bool { false }
#endif
