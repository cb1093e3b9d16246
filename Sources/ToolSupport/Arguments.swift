// Command lines as Spread's tools have always read them (tools, first lines): an option word is compared by its first
// characters, its value is always the next argument.

import CSpread
import Glibc

/// The arguments behind the program's name.
package struct Arguments {
  /// The last part of the path the program was called by.
  package let program: String
  private var rest: ArraySlice<String>

  package init(_ arguments: [String], otherwise name: String) {
    program = arguments.first?.split(separator: "/").last.map(String.init) ?? name
    rest = arguments.dropFirst()
  }

  /// The next option word, or the value of the option before.
  package mutating func next() -> String? { rest.popFirst() }

  /// A number in `range`; nil for anything else, also for digits with something behind them.
  package mutating func number(in range: ClosedRange<Int>) -> Int? {
    guard let text = next(), let value = Int(text), range.contains(value) else { return nil }
    return value
  }
}

extension String {
  package var asksForHelp: Bool { self == "--help" || self == "-h" }
}

/// A session with the daemon at `address`; `user` empty: the daemon invents a name. When that fails the library says
/// why, and the program ends with exit code 1.
package func connect(_ address: String, _ user: String, membership: Bool) -> (mailbox: CInt, name: [CChar]) {
  var mailbox: CInt = -1
  var name = [CChar](repeating: 0, count: Int(MAX_GROUP_NAME))
  let result = SP_connect(address, user, 0, membership ? 1 : 0, &mailbox, &name)
  guard result == ACCEPT_SESSION else { fail(result) }
  return (mailbox, name)
}

/// Says what the error code of the library means and ends the program with exit code 1.
package func fail(_ code: CInt) -> Never {
  printError(code)
  exit(1)
}

/// Printed by the library, through C's stdout.
package func printError(_ code: CInt) {
  SP_error(code)
  fflush(nil)
}

extension TextOutput {
  /// Up to the first NUL.
  package mutating func put(cString: [CChar]) {
    put(cString.lazy.map(UInt8.init(bitPattern:)).prefix { $0 != 0 })
  }
}
