// All checkers over one trace. Sections 4 to 8 and 10 of evs-properties; the Flush layer (9) is not here.

public enum Checker {
  /// Checks whatever the traces allow: client properties need client traces only, daemon properties daemon traces.
  public static func check(_ trace: Trace, _ options: CheckOptions = CheckOptions()) -> Report {
    let findings = Findings(trace, options)
    let core = Excerpt(trace, .core)
    if !core.trace.clients.isEmpty {
      let index = ClientIndex(core.trace)
      let findings = Findings(core, in: findings)
      checkIntegrity(index, findings)
      checkFifo(index, findings)
      checkCausal(index, findings)
      checkTotalOrder(index, findings)
      checkSafe(index, findings)
      checkSignals(index, findings)
      checkViews(index, findings)
      checkVirtualSynchrony(index, findings)
      checkSessions(index, findings)
      checkClientLiveness(index, findings)
    }
    if !trace.daemons.isEmpty {
      let index = DaemonIndex(trace)
      checkConfigurations(index, findings)
      checkDelivery(index, findings)
      checkAtomicity(index, findings)
      checkSafeDelivery(index, findings)
      checkRing(index, findings)
      checkTokens(index, findings)
      checkGroupTables(index, findings)
      checkDaemonLiveness(index, findings)
    }
    return findings.report
  }
}
