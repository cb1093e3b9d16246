// Failures of the operating system as Swift errors. Only set-up throws them; the data path handles plain results.

import CSpreadSystem

/// A system call that failed, on what, and its errno.
public struct SystemError: Error, Equatable, CustomStringConvertible {
  public var action: String
  public var code: Int32

  public init(_ action: String, code: Int32) {
    self.action = action
    self.code = code
  }

  /// The failures that a person can do something about.
  public enum Reason: Sendable {
    case addressInUse, addressNotHere, notAllowed, other
  }

  public var reason: Reason {
    switch code {
    case sys_eaddrinuse: .addressInUse
    case sys_eaddrnotavail: .addressNotHere
    case sys_eacces: .notAllowed
    default: .other
    }
  }

  public var description: String { "\(action): \(errorText(code))" }
}

/// The system's words for an errno.
func errorText(_ code: Int32) -> String {
  sys_error_text(code).map { String(cString: $0) } ?? "error \(code)"
}

/// `result`, or what a negative one means.
func check(_ result: Int32, _ action: @autoclosure () -> String) throws(SystemError) -> Int32 {
  guard result >= 0 else { throw SystemError(action(), code: -result) }
  return result
}
