// Sending and receiving the flood. Unlike stock, memberships are never taken for messages, a sender's number is checked
// before it is used, and a sender that left holds nobody back.

import CSpread
import ToolSupport

struct Flooder {
  private static let group = "flooder"
  /// Messages on the way before one is awaited for each that is sent.
  private static let ahead = 200

  private let options: Options
  private let mailbox: CInt
  private let name: [UInt8]
  private var reception = Reception()
  private var out = TextOutput()
  private var body: [CChar]
  private var sent = 0
  /// With `-n`: who was a member when the flood began, and how many messages came from each.
  private var senders: [(name: [UInt8], received: Int)] = []

  init(_ options: Options) {
    self.options = options
    let wait = options.members > 0 ? " with group membership" : ""
    say("flooder: connecting to \(options.address)\(wait)\n")
    let session = connect(options.address, options.user, membership: options.members > 0)
    mailbox = session.mailbox
    name = session.name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
    body = [CChar](repeating: 0, count: options.bytes)
  }

  mutating func run() {
    begin()
    waitForMembers()
    for count in 1...max(1, options.messages) where count <= options.messages {
      var length = options.bytes
      if options.direction != .readOnly { send() }
      if options.direction == .readOnly || (count > Self.ahead && options.direction == .both) {
        length = receiveUntilInStep()
      }
      if count % 1000 == 0 {
        let number = String(count)
        let pad = String(repeating: " ", count: max(0, 6 - number.utf8.count))
        say("flooder: completed \(pad)\(number) messages of \(length) bytes\n")
      }
    }
    say("flooder: completed multicast of \(options.messages) messages, \(options.bytes) bytes each.\n")
    _ = SP_disconnect(mailbox)
  }

  private func begin() {
    let what = "flooder: starting  multicast of \(options.messages) messages, \(options.bytes) bytes each"
    switch options.direction {
    case .readOnly: say("flooder: Only receiving messages\n")
    case .writeOnly: return say(what + " (self discarding).\n")
    case .both: say(what + ".\n")
    }
    let result = SP_join(mailbox, Self.group)
    if result < 0 { fail(result) }
  }

  // MARK: Sending and receiving

  private mutating func send() {
    let service = options.members > 0 ? FIFO_MESS : RELIABLE_MESS
    let result = SP_multicast(mailbox, CInt(service), Self.group, 0, CInt(options.bytes), body)
    if result < 0 { fail(result) }
    sent += 1
  }

  /// Receives until the sender may go on; answers the length of the last message.
  private mutating func receiveUntilInStep() -> Int {
    while true {
      receive()
      guard reception.isRegular else {
        if reception.isRegularMembership { forgetWhoLeft() }
        if options.members > 0 && options.direction == .both && inStep { return reception.length }
        continue
      }
      if options.direction == .readOnly { return reception.length }
      if options.members > 0 {
        count()
        if inStep { return reception.length }
      } else if reception.sender.elementsEqual(name) {
        return reception.length
      }
    }
  }

  private mutating func receive() {
    let result = reception.receive(from: mailbox) { say("\n========Buffers or Groups too Short=======\n") }
    if result < 0 { fail(result) }
  }

  // MARK: Several senders in step

  private mutating func waitForMembers() {
    guard options.members > 0 else { return }
    repeat {
      receive()
      printWhileWaiting()
    } while !reception.isRegularMembership || reception.groupCount < options.members
    senders = (0..<reception.groupCount).map { (reception.name($0), 0) }
    // The number of the sender, first thing in each message, in its own byte order.
    withUnsafeBytes(of: Int32(reception.messageType)) {
      for (index, byte) in $0.enumerated() where index < body.count { body[index] = CChar(bitPattern: byte) }
    }
  }

  private mutating func count() {
    guard reception.length >= 4 else { return }
    let number = reception.bytes.loadUnaligned(as: Int32.self)
    let index = Int(reception.endian == 0 ? number : number.byteSwapped)
    if senders.indices.contains(index) { senders[index].received += 1 }
  }

  /// The slowest of those from whom anything came is at most `ahead` behind.
  private var inStep: Bool {
    let slowest = senders.lazy.map(\.received).filter { $0 > 0 }.min() ?? 0
    return slowest >= sent - Self.ahead
  }

  private mutating func forgetWhoLeft() {
    let members = Set((0..<reception.groupCount).map { reception.name($0) })
    for index in senders.indices where !members.contains(senders[index].name) {
      senders[index].received = 0
      senders[index].name = []
    }
  }

  private mutating func printWhileWaiting() {
    if reception.isRegularMembership {
      reception.printMembers(into: &out)
    } else if reception.isRegular {
      reception.printKind(into: &out)
      out.put("message during wait for members, from ")
      out.put(reception.sender)
      out.put(", of type \(reception.messageType), ")
      reception.printBody(into: &out)
    } else {
      reception.print(into: &out)
    }
    out.flush()
  }
}
