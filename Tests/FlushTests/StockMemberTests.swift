// The recorded stream of a stock member, held against the machine: fed with what the daemon sent, it must send what
// stock sent and give the application what stock gave.

import Foundation
import SpreadFlush
import SpreadWire
import Testing

/// The member's side of the recording.
private struct Replay {
  var machine = FlushMachine(own: GroupName("#va#localhost"))
  /// What the machine wanted to be sent and stock did not send yet.
  var due: [FlushControl] = []
  var delivered: [String] = []

  mutating func perform(_ actions: [FlushAction]) {
    for action in actions {
      switch action {
      case .send(let control): due.append(control)
      case .deliver(let message): deliver(message.type, message.body.count)
      }
    }
  }

  mutating func deliver(_ type: ServiceType, _ length: Int) {
    delivered.append("\(String(type.rawValue, radix: 16)) \(length)")
  }

  mutating func arrives(_ message: RecordedMessage) throws {
    var actions: [FlushAction] = []
    let type = message.header.type
    if type.contains(.regularMembership) {
      let kind = ServiceType(rawValue: type.rawValue & 0x3f00)
      let membership = message.body.withUnsafeBytes {
        FlushMembership(group: message.header.name, type: kind, members: message.groups, body: $0)
      }
      machine.membership(try #require(membership), &actions)
    } else if !type.isDisjoint(with: .membership) {
      machine.selfLeave(message.header.name, &actions)
    } else if let control = message.control {
      machine.control(control, from: message.header.name, &actions)
    } else {
      let plain = try message.undecorated()
      let group = plain.decoration.reference ?? message.groups[0]
      let verdict = machine.judge(
        type, to: group, from: message.header.name, sentIn: plain.decoration.vulnerableIn)
      #expect(verdict == .deliver)
      deliver(type, plain.length)
    }
    perform(actions)
  }

  mutating func leaves(_ message: RecordedMessage) throws {
    let type = message.header.type
    if type.contains(.join) {
      try machine.join(message.groups[0])
    } else if type.contains(.leave) {
      try machine.leave(message.groups[0])
    } else if let control = message.control {
      // What the machine did not send by itself is the application's agreement.
      if due.isEmpty, control.kind == .agreement {
        var actions: [FlushAction] = []
        try machine.flush(control.group, &actions)
        perform(actions)
      }
      #expect(due.first == control)
      if !due.isEmpty { due.removeFirst() }
    } else {
      let plain = try message.undecorated()
      let group = plain.decoration.reference ?? message.groups[0]
      let decoration = try machine.decoration(
        of: type, to: group, receivers: plain.decoration.reference == nil ? nil : message.groups)
      #expect(decoration == plain.decoration)
      #expect(decoration.messageType(plain.messageType) == message.header.hint.messageType)
      var bytes = [UInt8](repeating: 0, count: decoration.size)
      bytes.withUnsafeMutableBytes {
        if let start = $0.baseAddress { decoration.store(at: start, messageType: plain.messageType) }
      }
      #expect(bytes == Array(message.body[plain.length...]))
    }
  }
}

private struct RecordedMessage {
  var header: MessageHeader
  var groups: [GroupName]
  var body: [UInt8]

  init?(_ hex: Substring) {
    let digits = Array(hex.utf8)
    let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
      UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
    }
    guard var header = bytes.withUnsafeBytes({ MessageHeader($0) }) else { return nil }
    header.name = header.name.normalized
    let start = MessageHeader.size + Int(header.groupCount) * GroupName.size
    guard bytes.count == start + Int(header.dataLength) else { return nil }
    self.header = header
    groups = bytes.withUnsafeBytes { bytes in
      (0..<Int(header.groupCount)).map {
        GroupName(at: bytes.baseAddress! + MessageHeader.size + $0 * GroupName.size).normalized
      }
    }
    body = Array(bytes[start...])
  }

  /// An agreement, or the word that a view is installed.
  var control: FlushControl? {
    let kind = header.hint.messageType
    guard !header.type.isDisjoint(with: .regular), kind == FlushWire.agreement || kind == FlushWire.installed,
      let id = body.withUnsafeBytes({ GroupID($0, header.hint.order) })
    else { return nil }
    return FlushControl(kind == FlushWire.agreement ? .agreement : .installed, groups[0], id)
  }

  func undecorated() throws -> UndecoratedMessage {
    try #require(
      body.withUnsafeBytes {
        UndecoratedMessage($0, type: header.type, messageType: header.hint.messageType, order: header.hint.order)
      })
  }
}

@Suite struct StockMemberTests {
  @Test func theMachineAnswersAsARecordedStockMember() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let file = folder.appendingPathComponent("Vectors/flush/stock-member.txt")
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
    var replay = Replay()
    var expected: [String] = []
    for line in lines where !line.hasPrefix("#") {
      if line.hasPrefix("= ") {
        expected.append(String(line.dropFirst(2)))
        continue
      }
      let message = try #require(RecordedMessage(line.dropFirst(2)), "\(line)")
      if line.hasPrefix("<") { try replay.arrives(message) } else { try replay.leaves(message) }
    }
    #expect(replay.due.isEmpty)
    #expect(replay.delivered == expected)
    #expect(expected.count == 21)
  }
}
