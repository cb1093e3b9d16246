// Signals as something to read. SIGTERM and SIGINT stop the daemon in order, SIGHUP asks it to look at its files
// again, SIGPIPE is ignored (configuration 9; stock dies of SIGHUP).

import CSpreadSystem

enum Signal {
  case stop(name: String)
  case hangUp
}

final class Signals {
  let descriptor: Int32

  /// To be made before anything else that waits: from here on the signals no longer interrupt.
  init() throws(SystemError) {
    descriptor = try check(sys_signal_descriptor(), "signalfd")
  }

  deinit { sys_close(descriptor) }

  /// The next signal that came in; nil when there is none.
  func next() -> Signal? {
    switch sys_next_signal(descriptor) {
    case sys_sigterm: .stop(name: "SIGTERM")
    case sys_sigint: .stop(name: "SIGINT")
    case sys_sighup: .hangUp
    default: nil
    }
  }
}
