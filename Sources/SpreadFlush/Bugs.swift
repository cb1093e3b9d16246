// Rules of the Flush layer that can be broken on purpose, as those of the core (SpreadCore/Bugs.swift): builds with
// -D SPREAD_BUGS only, in all others `bug` is false at compile time.

#if SPREAD_BUGS
  public enum FlushBug: String, CaseIterable, Sendable {
    case oneAgreementShort, heldAtOnce, setOfNewView, sendsAfterAgreement, waitsForTheGone, lossNotTold
  }

  /// One bug for a whole process, set before it starts.
  public nonisolated(unsafe) var plantedFlushBug: FlushBug?

  @inline(__always) func bug(_ bug: FlushBug) -> Bool { plantedFlushBug == bug }
#else
  enum FlushBug {
    case oneAgreementShort, heldAtOnce, setOfNewView, sendsAfterAgreement, waitsForTheGone, lossNotTold
  }

  @inline(__always) func bug(_ bug: FlushBug) -> Bool { false }
#endif
