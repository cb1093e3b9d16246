// What the service manager is told, in the protocol of sd_notify(3): datagrams of NAME=value lines to the unix socket
// that NOTIFY_SOCKET names. Without that variable nothing is told. docs/operations.md, "As a service".

import CSpreadSystem
import SpreadCore

public final class ServiceManager {
  private let descriptor: Int32

  /// Connects to the socket of the environment, so that it is still reached after a chroot; nil when none is named.
  /// - Parameter address: a path, or a name in the abstract space with `@` in front.
  public init?(address: String? = sys_environment("NOTIFY_SOCKET").map { String(cString: $0) }) throws(SystemError) {
    guard let address, !address.isEmpty else { return nil }
    descriptor = try check(sys_connect_notices(address), "cannot tell the service manager at \(address)")
  }

  deinit { sys_close(descriptor) }

  /// Clients and other daemons can connect.
  func ready() { tell("READY=1") }

  /// A reload begins; `ready` ends it. systemd 253 and later compare the time.
  func reloading() { tell("RELOADING=1\nMONOTONIC_USEC=\(sys_monotonic_nanoseconds() / 1000)") }

  func stopping() { tell("STOPPING=1\nSTATUS=stopping") }

  /// One line for people.
  func status(_ text: String) {
    tell("STATUS=" + String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 })))
  }

  /// Never waits. A manager that does not listen is no reason to stop: it judges us by what it heard.
  private func tell(_ text: String) {
    var text = text
    text.withUTF8 { _ = sys_send_notice(descriptor, $0.baseAddress!, $0.count) }
  }
}

extension Configuration {
  /// The members of a membership, for `status`: `2 of 3 daemons together: mars, venus`.
  func statusText(of members: DaemonSet) -> String {
    guard daemons.count > 1 else { return "serving clients, the only daemon of its configuration" }
    let shown = 8
    var names = members.prefix(shown).map { daemons[$0].name.text }.joined(separator: ", ")
    if members.count > shown { names += " and \(members.count - shown) more" }
    return "\(members.count) of \(daemons.count) daemons together: \(names)"
  }
}
