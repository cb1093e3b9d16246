// The last time this daemon used in a membership id, kept over restarts so that ids never repeat even when the wall
// clock was set back (docs/architecture.md, decisions).

import CSpreadSystem
import SpreadCore

public final class MembershipMemory {
  private let directory: Int32
  private let name: String
  /// As it stands in the file; 0: nothing is known.
  public private(set) var lastTime: Int32 = 0
  private var failed = false

  /// - Parameters:
  ///   - directory: exists. It is opened here, so that it stays reachable after a chroot.
  ///   - daemon: one file per daemon, since several may share the directory.
  public init(directory: String, daemon: ConfiguredDaemon) throws(SystemError) {
    self.directory = try check(sys_open_directory(directory), "cannot open \(directory)")
    // Names may hold slashes.
    name = "membership-time.\(daemon.id.rawValue)"
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = net_read_file(self.directory, name, &bytes, bytes.count)
    guard count > 0, let text = String(validating: bytes.prefix(count), as: UTF8.self) else { return }
    lastTime = Int32(text.prefix { $0 != "\n" }).map { max($0, 0) } ?? 0
  }

  deinit { sys_close(directory) }

  /// Remembers `time`. The failure is answered once.
  func remember(_ time: Int32) -> SystemError? {
    guard time != lastTime else { return nil }
    lastTime = time
    let text = Array("\(time)\n".utf8)
    let result = net_replace_file(directory, name, name + ".new", text, text.count)
    guard result < 0, !failed else { return nil }
    failed = true
    return SystemError("cannot write the time of the last membership", code: -result)
  }
}
