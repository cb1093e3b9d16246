// The results of the client library, the negative numbers of sp.h (c-api 4).

/// Why a call of the library failed. One struct instead of an enum: the daemon may answer a connect with any byte.
public struct ClientError: Error, Equatable, Sendable {
  public let code: Int32

  public init(code: Int32) {
    self.code = code
  }

  public static var illegalSpread: ClientError { ClientError(code: -1) }
  public static var couldNotConnect: ClientError { ClientError(code: -2) }
  public static var rejectQuota: ClientError { ClientError(code: -3) }
  public static var rejectVersion: ClientError { ClientError(code: -7) }
  public static var connectionClosed: ClientError { ClientError(code: -8) }
  public static var rejectAuthentication: ClientError { ClientError(code: -9) }
  public static var illegalSession: ClientError { ClientError(code: -11) }
  public static var illegalService: ClientError { ClientError(code: -12) }
  public static var illegalMessage: ClientError { ClientError(code: -13) }
  public static var illegalGroup: ClientError { ClientError(code: -14) }
  public static var bufferTooShort: ClientError { ClientError(code: -15) }
  public static var groupsTooShort: ClientError { ClientError(code: -16) }
  public static var messageTooLong: ClientError { ClientError(code: -17) }
  public static var netErrorOnSession: ClientError { ClientError(code: -18) }
  public static var illegalTime: ClientError { ClientError(code: -20) }
  // Of the Flush interface.
  public static var illegalParameter: ClientError { ClientError(code: -24) }
  public static var wouldBlock: ClientError { ClientError(code: -25) }
  public static var illegalMessageType: ClientError { ClientError(code: -26) }
  public static var illegalState: ClientError { ClientError(code: -27) }
  public static var illegalReceivers: ClientError { ClientError(code: -28) }

  /// A text for people; programs only print it. NUL-terminated, one of its own for every code of sp.h.
  /// -2, -8 and -14 are worded as the transcripts of spuser have them (tools, "spuser and sptuser").
  public var text: StaticString {
    switch code {
    case -1: "The daemon name is not one (expected port, or port@host)"
    case -2: "Could not connect."
    case -3: "Refused: too many users at the daemon, or mailboxes in this process"
    case -4: "Refused: the daemon wants a private name"
    case -5: "Refused: the private name has characters that are not allowed"
    case -6: "Refused: the private name is in use at this daemon"
    case -7: "Refused: library and daemon versions do not fit"
    case -8: "Connection closed by Spread."
    case -9: "Refused: authentication failed"
    case -11: "Not a mailbox"
    case -12: "The service type asks for no service"
    case -13: "The message is malformed"
    case -14: "Illegal group."
    case -15: "The buffer is too short for the message"
    case -16: "The group list is too short for the message"
    case -17: "The message with its group names is too long"
    case -18: "The connection broke earlier; disconnect this mailbox"
    case -19: "Internal fault of the Spread library"
    case -20: "Not a time"
    default: "Unknown Spread error"
    }
  }
}

/// Limits of the client interface (c-api 3 and 7).
public enum ClientLimits {
  /// Mailboxes of one process.
  public static var sessions: Int { 1024 }
  /// Body bytes + 32 * groups that a ring can carry; stock's library lets more through and its daemon dies of it.
  public static var message: Int { 143_152 }
  /// Group names in one call; the daemon takes 100.
  public static var groups: Int { 311 }
  /// Elements of a scatter.
  public static var pieces: Int { 100 }
}
