// The session of flush_user: commands and what they print.

import CSpread
import Glibc
import SpreadABI
import ToolSupport

struct FlushUser {
  private let mailbox: CInt
  private let name: String
  private var input = LineInput()
  private var messages = FlushReception()
  private var sent = 0

  private static let menu = """

    ==========
    User Menu:
    ----------

    \tj <group> -- join a group
    \tl <group> -- leave a group

    \ts <group> -- send a message
    \tg <group> -- send a subgroup message
    \tb <group> -- send a burst of messages

    \tr -- receive a message (stuck) 
    \tp -- poll for a message 
    \tf <group> -- send a FLUSH_OK message

    \tq -- quit

    """

  init(user: String, address: String) {
    var version: (CInt, CInt, CInt) = (0, 0, 0)
    FL_version(&version.0, &version.1, &version.2)
    say("Flush library version is \(version.0).\(version.1).\(version.2)\n")
    var mailbox: CInt = -1
    var name = [CChar](repeating: 0, count: Int(MAX_GROUP_NAME))
    let result = FL_connect(address, user, 0, &mailbox, &name)
    guard result == ACCEPT_SESSION else {
      FL_error(result)
      fflush(nil)
      exit(1)
    }
    self.mailbox = mailbox
    self.name = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    say("User: connected to \(address) with private group \(self.name)\n")
  }

  mutating func run() -> Never {
    say(Self.menu)
    while true {
      say("\nUser> ")
      guard let line = input.next() else { bye() }
      command(String(decoding: line.text, as: UTF8.self))
    }
  }

  private mutating func command(_ line: String) {
    // Empty lines and those that begin with a blank are unknown commands, as in stock.
    let letter = line.first ?? "\n"
    let words = line.split(separator: " ")
    let group = words.count > 1 ? String(words[1]) : ""
    switch letter {
    case "j", "l", "s", "g", "b", "f":
      guard !group.isEmpty else {
        say(" a group is missing: \(letter) <group>\n")
        return
      }
      groupCommand(letter, group)
    case "r": receive()
    case "p":
      let count = FL_poll(mailbox)
      if count < 0 { fail(count) }
      say("Polling says: \(count)\n")
    case "q": bye()
    default:
      say("\nUnknown commnad\n")
      say(Self.menu)
    }
  }

  private mutating func groupCommand(_ letter: Character, _ group: String) {
    switch letter {
    case "j": check(FL_join(mailbox, group))
    case "l": check(FL_leave(mailbox, group))
    case "s": send(to: group)
    case "g": sendSubgroup(to: group)
    case "b": burst(to: group)
    default:
      // Said before it is tried, as stock does.
      say("Sent a FLUSH_OK message to group '\(group)'\n")
      check(FL_flush(mailbox, group))
    }
  }

  private mutating func ask(_ question: String) -> String {
    say(question)
    guard let line = input.next() else { bye() }
    return String(decoding: line.text, as: UTF8.self)
  }

  private mutating func send(to group: String) {
    let text = ask("enter message: ") + "\n"
    say("user.c : multicasting message of size \(text.utf8.count):\n'\(text)'\n")
    check(FL_multicast(mailbox, SAFE_MESS, group, 1, CInt(text.utf8.count), text))
    sent += 1
  }

  private mutating func sendSubgroup(to group: String) {
    guard let count = Int(ask("enter number of receivers: ")), (1...9).contains(count) else {
      say("Expected a number of receivers from 1 to 9\n")
      return
    }
    let size = Int(MAX_GROUP_NAME)
    let field = UnsafeMutableRawPointer.allocate(byteCount: count * size, alignment: 1)
    defer { field.deallocate() }
    memset(field, 0, count * size)
    for i in 0..<count {
      let bytes = Array(ask("enter recvr \(i + 1): ").utf8.prefix(size - 1))
      (field + i * size).copyMemory(from: bytes, byteCount: bytes.count)
    }
    let text = ask("enter message: ") + "\n"
    var out = TextOutput()
    out.put("user.c: subgroupcasting message of size \(text.utf8.count) to group \(group) with receivers:\n")
    for i in 0..<count { out.put(String(cString: (field + i * size).assumingMemoryBound(to: CChar.self)) + "\n") }
    out.flush()
    check(FL_subgroupcast(mailbox, SAFE_MESS, group, CInt(count), names(field), 0, CInt(text.utf8.count), text))
  }

  private mutating func burst(to group: String) {
    let size = Int(ask("enter size of each message: ")).map { min(max($0, 0), 100_000) } ?? 0
    say("sending 10 messages of \(size) bytes\n")
    for turn in 1...10 {
      sent += 1
      var text = [CChar](repeating: 0, count: max(size, 1))
      let number = "mess num \(sent)".utf8.prefix(size)
      for (i, byte) in number.enumerated() { text[i] = CChar(bitPattern: byte) }
      let result = FL_multicast(mailbox, FIFO_MESS, group, 2, CInt(size), text)
      check(result)
      say("sent message \(turn) (total \(sent))\n")
    }
  }

  private mutating func receive() {
    var out = TextOutput()
    let result = messages.receive(from: mailbox)
    if result < 0 { fail(result) }
    out.put("\n============================\n")
    messages.print(into: &out)
    out.put("There are \(messages.more) buffered messages waiting to be delivered\n")
    // Stock prompts here and again for the next command.
    out.put("\nUser> ")
    out.flush()
  }

  private func check(_ result: CInt) {
    if result < 0 { fail(result) }
  }

  private func fail(_ code: CInt) -> Never {
    FL_error(code)
    fflush(nil)
    bye()
  }

  private func bye() -> Never {
    say("\nBye.\nCalling FL_disconnect(mbox = \(mailbox))\n")
    _ = FL_disconnect(mailbox)
    exit(0)
  }
}
