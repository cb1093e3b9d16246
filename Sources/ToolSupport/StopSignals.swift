// SIGINT and SIGTERM as something to poll() for, so that a program can end in order.

import Glibc

package enum StopSignals {
  /// Readable once a signal came. After the first, another one of the same kind ends the program at once.
  package static var descriptor: CInt { reading }

  package static func watch() {
    var ends: [CInt] = [-1, -1]
    guard pipe(&ends) == 0 else { return }  // the signals keep their default action
    reading = ends[0]
    writing = ends[1]
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        let saved = errno
        var byte: UInt8 = 0
        _ = write(writing, &byte, 1)
        signal(number, SIG_DFL)
        errno = saved
      }
    }
  }
}

// Written before the handler is set, only read afterwards.
nonisolated(unsafe) private var reading: CInt = -1
nonisolated(unsafe) private var writing: CInt = -1
