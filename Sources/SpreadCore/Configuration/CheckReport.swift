// What `spread --check` prints: everything a configuration amounts to, for people.

import SpreadWire

extension Configuration {
  /// The report, with line ends. `own` is the result of `ownDaemon` for this host, nil when nobody asked.
  public func checkReport(fileName: String, own: Result<Int, OwnDaemonFailure>? = nil) -> String {
    let daemons = daemons
    var text = "\(fileName): \(count(segments.count, "segment")), \(count(daemons.count, "daemon")), "
    text += "\(activeIPVersion == .v4 ? "IPv4" : "IPv6")\n"
    for (index, segment) in segments.enumerated() { text += report(segment, number: index + 1) }
    text += "\n" + settingsReport + "\nHash text:\n"
    for line in hashText(ringProtocol(afterReload: false)).split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
    ).dropLast() {
      text += "  | " + String(decoding: line, as: UTF8.self) + "\n"
    }
    text += "Hash value for this configuration is: \(hash)\n"
    let reloaded = hash(ringProtocol(afterReload: true))
    if reloaded != hash {
      text += "After a reload it would be \(reloaded), with the accelerated ring: AcceleratedRing is not written.\n"
      text += "Write AcceleratedRing = false (or true, on all daemons) to keep one hash.\n"
    }
    switch own {
    case nil: break
    case .success(let index) where daemons.indices.contains(index):
      text += "\nThis host runs the daemon '\(daemons[index].name.text)'.\n"
    case .success: break
    case .failure(let failure): text += "\nThis host runs none of them: \(failure).\n"
    }
    return text
  }

  private func report(_ segment: Segment, number: Int) -> String {
    var text = "\nSegment \(number): port \(segment.port), "
    text += segment.addresses.count == 1 ? "address" : "addresses"
    text += segment.addresses.map { " " + $0.text }.joined() + "\n"
    let names = segment.daemons.map(\.name.text)
    let addresses = segment.daemons.map(\.address.text)
    let nameWidth = names.map(\.utf8.count).max() ?? 0
    let addressWidth = addresses.map(\.utf8.count).max() ?? 0
    for (daemon, (name, address)) in zip(segment.daemons, zip(names, addresses)) {
      text += "  " + pad(name, nameWidth) + "  " + pad(address, addressWidth)
      text += "  id \(daemon.id.rawValue) (\(daemon.hasVirtualID ? "VirtualID" : "from the name"))\n"
      for interface in daemon.interfaces where !interface.roles.contains(.any) {
        text += "    interface \(interface.address.text) for \(interface.roles.text)\n"
      }
    }
    return text
  }

  private var settingsReport: String {
    let ring = ringProtocol(afterReload: false) == .accelerated ? "accelerated" : "original"
    let written = acceleratedRing == nil ? " (AcceleratedRing is not written)" : ""
    let t = timeouts
    let origin = configuredTimeouts != nil ? "configured" : isWideArea ? "wide area defaults" : "local area defaults"
    return """
      Ring: \(ring)\(written), Window \(window), PersonalWindow \(personalWindow), \
      AcceleratedWindow \(acceleratedWindow)
      Timeouts in ms (\(origin)): Token \(t.token), Hurry \(t.hurry), Alive \(t.alive), Join \(t.join), Rep \(t.rep), \
      Seg \(t.seg), Gather \(t.gather), Form \(t.form), Lookup \(t.lookup)
      Clients: at most \(maxSessions) sessions, \(maxSessionMessages) messages queued for each; \
      authentication allows \(enabledMethods.text), requires \(requiredMethods.text)

      """
  }

  private func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.utf8.count))
  }
}

extension InterfaceRoles {
  fileprivate var text: String {
    [(InterfaceRoles.daemon, "daemons"), (.client, "clients"), (.monitor, "monitors")]
      .filter { contains($0.0) }.map(\.1).joined(separator: ", ")
  }
}

extension AuthenticationMethods {
  fileprivate var text: String {
    let names = Self.all.filter { contains($0.method) }.map { "\($0.name)" }
    return names.isEmpty ? "nothing" : names.joined(separator: " and ")
  }
}
