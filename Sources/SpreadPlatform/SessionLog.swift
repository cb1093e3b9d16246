// The session and membership log of `-l y` (configuration 9): one line for the start, each membership, each connect and
// disconnect, in columns that scripts of users read. Beside the event log, which says more.

import SpreadCore
import SpreadWire

public struct SessionLog {
  private let sink: LogSink

  public init(_ sink: LogSink) {
    self.sink = sink
  }

  /// A line for `event`, if it is one that belongs here.
  /// - Parameters:
  ///   - seconds: wall clock.
  ///   - highest: the highest sequence number of the ring.
  ///   - configured: number of configured daemons.
  func tell(_ event: LogEvent, seconds: Int32, highest: Int32, configured: Int) {
    guard let line = SessionLog.line(event, seconds: seconds, highest: highest, configured: configured) else { return }
    sink.write(line, whenLinesWereLost: { "# \($0) lines were lost" })
  }

  func reopen() throws(SystemError) { try sink.reopen() }

  static func line(_ event: LogEvent, seconds: Int32, highest: Int32, configured: Int) -> String? {
    let when = column(seconds, 13)
    switch event {
    case .started:
      return "B \(when)"
    case .membership(let id, let members):
      // The place of each daemon that is in; stock prints the first one's place for all.
      let places = (0..<configured).map { members.contains($0) ? " " + column(Int32($0), 2) : " --" }.joined()
      return "M \(when) \(column(id.time, 13)) \(column(highest, 11)) > \(places)"
    case .sessionAccepted(let user, let session, let peer):
      let place = "\(column(highest, 11)) \(column(session.rawValue, 3))"
      return "C \(when) \(place) \(left(peer.text, 16)) \(left(user.text, 10))"
    case .sessionEnded(let user, let session, let peer, let reason):
      let place = "\(column(highest, 11)) \(column(session.rawValue, 3))"
      return "D \(when) \(place) \(left(peer.text, 46)) \(left(user.text, 10)) \(reason.unsent)"
    default:
      return nil
    }
  }

  private static func column(_ number: Int32, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: " ", count: max(0, width - text.count)) + text
  }

  private static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}

extension SessionEndReason {
  /// Messages that were queued for the session and are lost with it, as far as they are the reason.
  fileprivate var unsent: Int {
    if case .tooSlow(let queued) = self { return queued }
    return 0
  }
}
