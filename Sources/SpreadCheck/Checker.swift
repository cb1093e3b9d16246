// All checkers over one trace: sections 4 to 10 of evs-properties.

public enum Checker {
  /// Checks whatever the traces allow: client properties need client traces only, daemon properties daemon traces.
  public static func check(_ trace: Trace, _ options: CheckOptions = CheckOptions()) -> Report {
    let findings = Findings(trace, options)
    let core = Excerpt(trace, .core)
    let flush = Excerpt(trace, .flush)
    let sessions = core.trace.clients.isEmpty ? nil : ClientIndex(core.trace)
    if let index = sessions {
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
    if !flush.trace.clients.isEmpty {
      let index = FlushIndex(flush.trace)
      checkFlush(index, Findings(flush, in: findings))
      if let sessions {
        let layers = BothLayers(flush: index, flushExcerpt: flush, core: sessions, coreExcerpt: core)
        checkCollapse(layers, findings)
        checkBehind(layers, findings)
      } else {
        findings.skip("F8, F9.behind: no session is recorded below the Flush layer")
      }
    }
    return findings.report
  }
  /// What the traces of the Flush layer alone tell.
  private static func checkFlush(_ index: FlushIndex, _ findings: Findings) {
    checkSending(index, findings)
    checkTogether(index, findings)
    checkAgreements(index, findings)
    checkFlushViews(index, findings)
    checkFlushLiveness(index, findings)
    checkFlushOrder(index, findings)
  }
}
