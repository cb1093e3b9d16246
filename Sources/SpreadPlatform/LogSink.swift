// Where log lines go: standard output or a file, one write per line. A log must never stop the daemon: a full disk or
// a reader that stopped costs lines, which are counted and told of later.

import CSpreadSystem

public final class LogSink: @unchecked Sendable {
  /// -1 in `directory`: standard output.
  private var descriptor: Int32
  // Open for as long as the daemon runs, so that the file can be opened anew after a chroot.
  private let directory: Int32
  private let name: String
  private let isStandard: Bool
  /// Lines that could not be written and were not told of yet.
  private(set) var lostLines = 0

  /// Standard output.
  public init() {
    descriptor = 1
    directory = -1
    name = ""
    isStandard = false
  }

  /// Appends to the file at `path`.
  /// - Parameter isStandard: standard output and standard error go there as well (configuration 5, EventLogFile).
  public init(path: String, isStandard: Bool) throws(SystemError) {
    let (parent, name) = System.split(path)
    self.name = name
    directory = try check(sys_open_directory(parent), "cannot open the directory of the log file \(path)")
    self.isStandard = isStandard
    descriptor = sys_open_log(directory, name)
    guard descriptor >= 0 else {
      sys_close(directory)
      throw SystemError("cannot open the log file \(path)", code: -descriptor)
    }
    redirect()
  }

  deinit {
    guard directory >= 0 else { return }
    sys_close(descriptor)
    sys_close(directory)
  }

  /// Opens the file anew, for instance after it was renamed. When that fails, goes on with the one it has.
  func reopen() throws(SystemError) {
    guard directory >= 0 else { return }
    let fresh = try check(sys_open_log(directory, name), "cannot open the log file \(name) anew")
    sys_close(descriptor)
    descriptor = fresh
    redirect()
  }

  /// Hands the file over, so that the daemon can open it anew once it is no longer root.
  public func give(to identity: Identity) {
    if directory >= 0 { _ = sys_give_descriptor(descriptor, identity.user, identity.group) }
  }

  func write(_ line: String, whenLinesWereLost: (Int) -> String) {
    if lostLines > 0, put(whenLinesWereLost(lostLines)) { lostLines = 0 }
    if !put(line) { lostLines += 1 }
  }

  private func put(_ line: String) -> Bool {
    var line = line + "\n"
    return line.withUTF8 { bytes in sys_write_line(descriptor, bytes.baseAddress, bytes.count) == bytes.count }
  }

  private func redirect() {
    if isStandard { _ = sys_redirect_output(descriptor) }
  }
}
