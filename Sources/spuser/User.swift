// The session: prompts, commands, and what arrives in between (tools, "spuser and sptuser").
//
// spuser waits for input and mailbox together in poll(), the mailbox first. sptuser (`threaded`) has one thread that
// receives and one that reads commands; an item and its prompt leave in one write, so they never mix.

import CSpread
import Glibc
import ToolSupport

final class User: @unchecked Sendable {
  // Used by the command thread alone, `mailbox` and `options` read-only after connect; `reception` belongs to the
  // receiving thread when there is one.
  private let options: Options
  private let mailbox: CInt
  private var input = LineInput()
  private var reception = Reception()
  private var asynchronous = true
  private var sent = 0
  private var burstLength = 0
  private static let longestMessage = 102_400

  private init(options: Options, mailbox: CInt) {
    self.options = options
    self.mailbox = mailbox
  }

  /// Connects (5 s at most) and says hello. Ends the program when that fails, with exit code 0 as stock does.
  static func connect(_ options: Options) -> User {
    var out = TextOutput()
    var (major, minor, patch): (CInt, CInt, CInt) = (0, 0, 0)
    _ = SP_version(&major, &minor, &patch)
    out.put("Spread library version is \(major).\(minor).\(patch)\n")
    out.flush()

    var mailbox: CInt = -1
    var privateGroup = [CChar](repeating: 0, count: Int(MAX_GROUP_NAME))
    let result = SP_connect_timeout(
      options.address, options.user, 0, 1, &mailbox, &privateGroup, sp_time(sec: 5, usec: 0))
    guard result == ACCEPT_SESSION else {
      printError(result)
      out.put("\nBye.\n")
      out.flush()
      exit(0)
    }
    out.put("User: connected to \(options.address) with private group ")
    out.put(cString: privateGroup)
    out.put("\n")
    out.flush()
    return User(options: options, mailbox: mailbox)
  }

  func run() -> Never {
    var out = TextOutput()
    putMenu(into: &out)
    prompt(&out)
    if options.threaded { startReceiving() }
    while true {
      if !options.threaded { waitForInput() }
      guard let line = input.next() else { bye() }
      obey(line.text)
    }
  }

  // MARK: Waiting and receiving

  /// Prints what arrives until a line is there. The mailbox is served first, as in stock.
  private func waitForInput() {
    var watched = [
      pollfd(fd: asynchronous ? mailbox : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: 0, events: Int16(POLLIN), revents: 0),
    ]
    while true {
      let ready = poll(&watched, 2, input.hasLine ? 0 : -1)
      if ready < 0 && errno != EINTR { bye() }
      if ready > 0 && watched[0].revents != 0 {
        receiveOne()
        continue
      }
      if input.hasLine { return }
      if ready > 0 && watched[1].revents != 0 { input.fill() }
    }
  }

  private func receiveOne() {
    var out = TextOutput()
    out.put("\n============================\n")
    let result = reception.receive(from: mailbox) { out.put("\n========Buffers or Groups too Short=======\n") }
    guard result >= 0 else {
      out.flush()
      printError(result)
      out.put("\n============================\n\nBye.\n")
      out.flush()
      exit(0)
    }
    reception.print(into: &out)
    prompt(&out)
  }

  /// The thread of sptuser. It ends the program when the daemon goes; `bye` ends it with the process.
  private func startReceiving() {
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { user in
        let user = Unmanaged<User>.fromOpaque(user!).takeUnretainedValue()
        while true { user.receiveOne() }
      }, Unmanaged.passUnretained(self).toOpaque())
    if result != 0 {
      var out = TextOutput()
      out.put("Cannot start a thread that receives (error \(result)): no message will be shown.\n")
      out.flush()
    }
  }

  // MARK: Commands

  /// A command is the first character; the words of its arguments start at the third.
  private func obey(_ line: [UInt8]) {
    var out = TextOutput()
    let words = line.dropFirst(2).split(whereSeparator: isBlank).map(Array.init)
    switch line.first.map({ Character(UnicodeScalar($0)) }) {
    case "j": joinOrLeave(words, SP_join, into: &out)
    case "l": joinOrLeave(words, SP_leave, into: &out)
    case "s": send(words, into: &out) { self.nextOrBye() }
    case "m": send(words, into: &out) { self.linesUpToEmptyOne() }
    case "b": burst(words, into: &out)
    case "q": bye()
    case "r" where !options.threaded: receiveOne()
    case "p" where !options.threaded: out.put("Polling sais: \(SP_poll(mailbox))\n")
    case "e" where !options.threaded: asynchronous = true
    case "d" where !options.threaded: asynchronous = false
    default:
      out.put("\nUnknown commnad\n")  // the spelling is stock's
      putMenu(into: &out)
    }
    prompt(&out)
  }

  private func joinOrLeave(
    _ words: [[UInt8]], _ call: (CInt, UnsafePointer<CChar>?) -> CInt, into out: inout TextOutput
  ) {
    guard let group = words.first else {
      out.put(" invalid group \n")
      return
    }
    let result = withCString(group) { call(mailbox, $0) }
    if result < 0 { printError(result) }
  }

  private func send(_ groups: [[UInt8]], into out: inout TextOutput, message: () -> [UInt8]) {
    let groups = groups.prefix(10)
    // Stock has room for 31 characters and writes past it; here such a name is no group.
    guard !groups.isEmpty, groups.allSatisfy({ $0.count < Reception.nameSize }) else {
      out.put(" invalid group \n")
      return
    }
    out.put("enter message: ")
    out.flush()
    let text = message()
    let fields = UnsafeMutableRawPointer.allocate(byteCount: groups.count * Reception.nameSize, alignment: 8)
    defer { fields.deallocate() }
    fields.initializeMemory(as: UInt8.self, repeating: 0, count: groups.count * Reception.nameSize)
    for (index, group) in groups.enumerated() {
      (fields + index * Reception.nameSize).copyMemory(from: group, byteCount: group.count)
    }
    let result = text.withUnsafeBytes {
      SP_multigroup_multicast(
        mailbox, CInt(SAFE_MESS), CInt(groups.count), names(fields), 1, CInt($0.count),
        $0.assumingMemoryBound(to: CChar.self).baseAddress)
    }
    if result < 0 {
      printError(result)
      bye()
    }
    sent += 1
  }

  /// Ten FIFO messages. What follows their short text is zero bytes; stock sends what its buffer held.
  private func burst(_ words: [[UInt8]], into out: inout TextOutput) {
    out.put("enter size of each message: ")
    out.flush()
    let size = nextOrBye()
    if let given = number(size) { burstLength = min(given, User.longestMessage) }
    out.put("sending 10 messages of \(burstLength) bytes\n")
    for index in 1...10 {
      sent += 1
      var body = Array("mess num \(sent) ".utf8.prefix(burstLength))
      body.append(contentsOf: repeatElement(0, count: burstLength - body.count))
      let result = withCString(words.first ?? Array("dummy_group_name".utf8)) { group in
        body.withUnsafeBytes {
          SP_multicast(
            mailbox, CInt(FIFO_MESS), group, 2, CInt($0.count), $0.assumingMemoryBound(to: CChar.self).baseAddress)
        }
      }
      if result < 0 {
        out.flush()
        printError(result)
        bye()
      }
      out.put("sent message \(index) (total \(sent))\n")
    }
  }

  /// One line, its newline kept.
  private func nextOrBye() -> [UInt8] {
    guard let line = input.next() else { bye() }
    return Array((line.terminated ? line.text + [newline] : line.text).prefix(User.longestMessage))
  }

  private func linesUpToEmptyOne() -> [UInt8] {
    var text: [UInt8] = []
    while text.count < User.longestMessage {
      let line = nextOrBye()
      if line == [newline] { break }
      text += line
    }
    return Array(text.prefix(User.longestMessage))
  }

  private func bye() -> Never {
    var out = TextOutput()
    out.put("\nBye.\n")
    out.flush()
    // The thread of sptuser may be inside SP_receive: closing under it is a caller's error (c-api 5), and the end of
    // the process closes just as well.
    if !options.threaded { _ = SP_disconnect(mailbox) }
    _exit(0)
  }

  // MARK: Text

  private func prompt(_ out: inout TextOutput) {
    out.put("\nUser> ")
    out.flush()
  }

  private func putMenu(into out: inout TextOutput) {
    out.put(
      """

      ==========
      User Menu:
      ----------

      \tj <group> -- join a group
      \tl <group> -- leave a group

      \ts <group> -- send a message
      \tm <group> -- send a multiline message to group. Terminate with empty line
      \tb <group> -- send a burst of messages


      """)
    if !options.threaded {
      out.put("\tr -- receive a message (stuck) \n\tp -- poll for a message \n")
      out.put("\te -- enable asynchonous read (default)\n\td -- disable asynchronous read \n\n")
    }
    out.put("\tq -- quit\n")
  }
}

private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

/// The unsigned number a text starts with, as scanf reads it; nil without one.
private func number(_ text: [UInt8]) -> Int? {
  let digits = text.drop(while: isBlank).prefix { (0x30...0x39).contains($0) }
  guard !digits.isEmpty else { return nil }
  return digits.reduce(0) { min($0 * 10 + Int($1) - 0x30, 1_000_000_000) }
}

private func withCString<Result>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
  (bytes + [0]).withUnsafeBytes { body($0.assumingMemoryBound(to: CChar.self).baseAddress!) }
}
