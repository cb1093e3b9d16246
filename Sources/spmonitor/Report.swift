// A status as text, as stock's monitor prints it (monitor 8), and as JSON.

import SpreadWire
import ToolSupport

struct Report {
  let name: String
  let status: DaemonStatus
  /// The leader by name, or, when it is not configured, as the number stock prints.
  let leader: String

  init(_ status: DaemonStatus, _ daemons: Daemons) {
    name = daemons.index(of: status.process).map { daemons.peers[$0].name } ?? String(status.process.rawValue)
    leader =
      daemons.index(of: status.leader).map { daemons.peers[$0].name }
      ?? String(Int32(bitPattern: status.leader.rawValue))
    self.status = status
  }

  /// The last line shows the difference to the report printed before, whosever it was.
  func text(after last: DaemonStatus?) -> String {
    let last = last ?? DaemonStatus()
    let s = status
    let ring = s.acceleratedRing == 0 ? "regular" : "accelerated"
    func row(
      _ label: String, _ a: Int32, _ second: String, _ b: Int32, _ third: String, _ c: some BinaryInteger
    ) -> String {
      "\(label): \(pad(a, 7))\t\(second): \(pad(b, 7))\t\(third): \(pad(c, 7))\n"
    }
    let patch = pad(s.patchVersion, 2)
    let minor = s.minorVersion < 10 ? "0\(s.minorVersion)" : "\(s.minorVersion)"
    var text = "\n============================\n"
    text += "Status at \(name) V\(pad(s.majorVersion, 2)).\(minor).\(patch) "
    text += "(state \(s.state), gstate \(s.groupsState)) after \(s.seconds) seconds :\n"
    text += "Membership  :  \(s.daemons)  procs in \(s.segments) segments, leader is \(leader), \(ring) protocol\n"
    text += row("rounds   ", s.tokenRounds, "tok_hurry ", s.hurries, "memb change", s.membershipChanges)
    text += row("sent pack", s.packetsSent, "recv pack ", s.packetsReceived, "retrans    ", s.retransmissions)
    text += row(
      "u retrans", s.retransmissionsToOne, "s retrans ", s.retransmissionsToSegment, "b retrans  ",
      s.retransmissionsToAll)
    text += row("My_aru   ", s.myAru, "Aru       ", s.aru, "Highest seq", s.highest)
    text += row("Sessions ", Int32(s.sessions), "Groups    ", Int32(s.groups), "Window     ", s.window)
    text += "Deliver M: \(pad(s.messagesDelivered, 7))\tDeliver Pk: \(pad(s.packetsDelivered, 7))\t"
    text += "P/A Window : \(pad(s.personalWindow, 7))/\(s.acceleratedWindow)\n"
    text += row(
      "Delta Mes", s.messagesDelivered &- last.messagesDelivered, "Delta Pk  ", s.aru &- last.aru, "Delta sec  ",
      s.seconds &- last.seconds)
    return text + "==================================\n"
  }

  private func pad(_ number: some BinaryInteger, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: " ", count: max(0, width - text.utf8.count)) + text
  }

  static let states = ["OP", "SEG", "REPRESENTED", "GATHER", "FORM", "EVS"]

  /// One object; see docs/man/spmonitor.8.
  var json: String {
    let s = status
    let state = Self.states.indices.contains(Int(s.state) - 1) ? Self.states[Int(s.state) - 1] : String(s.state)
    let numbers: [(String, Int64)] = [
      ("id", Int64(s.process.rawValue)), ("seconds", Int64(s.seconds)), ("groups_state", Int64(s.groupsState)),
      ("daemons", Int64(s.daemons)), ("segments", Int64(s.segments)),
      ("membership_changes", Int64(s.membershipChanges)),
      ("sessions", Int64(s.sessions)), ("groups", Int64(s.groups)), ("token_rounds", Int64(s.tokenRounds)),
      ("token_hurries", Int64(s.hurries)), ("packets_sent", Int64(s.packetsSent)),
      ("packets_received", Int64(s.packetsReceived)), ("packets_delivered", Int64(s.packetsDelivered)),
      ("messages_delivered", Int64(s.messagesDelivered)), ("retransmissions", Int64(s.retransmissions)),
      ("retransmissions_to_one", Int64(s.retransmissionsToOne)),
      ("retransmissions_to_segment", Int64(s.retransmissionsToSegment)),
      ("retransmissions_to_all", Int64(s.retransmissionsToAll)), ("aru", Int64(s.aru)), ("my_aru", Int64(s.myAru)),
      ("highest", Int64(s.highest)), ("window", Int64(s.window)), ("personal_window", Int64(s.personalWindow)),
      ("accelerated_window", Int64(s.acceleratedWindow)),
    ]
    let version = "\(s.majorVersion).\(s.minorVersion).\(s.patchVersion)"
    var text = "{\"name\":\(Self.quoted(name)),\"answered\":true,\"version\":\"\(version)\",\"state\":\"\(state)\","
    text += "\"leader\":\(Self.quoted(leader)),\"accelerated_ring\":\(s.acceleratedRing != 0)"
    for (key, value) in numbers { text += ",\"\(key)\":\(value)" }
    return text + "}"
  }

  static func silent(_ name: String) -> String { "{\"name\":\(quoted(name)),\"answered\":false}" }

  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case _ where scalar.value < 0x20:
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension Daemons {
  /// The next status that has come in; nil when none has. What is no status is skipped.
  func nextStatus() -> DaemonStatus? {
    var found: DaemonStatus?
    while found == nil {
      let isThere = socket.receive { bytes in
        guard let header = try? PacketHeader(bytes), (try? header.kind()) == .status else { return }
        let body = UnsafeRawBufferPointer(rebasing: bytes[PacketHeader.size...])
        found = try? DaemonStatus(header, body: body)
      }
      if !isThere { return nil }
    }
    return found
  }
}
