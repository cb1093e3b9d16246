// Receiving one message of the Flush layer, and printing it as stock's flush_user does.

import CSpread
import Glibc
import SpreadABI
import ToolSupport

struct FlushReception {
  private static let nameSize = Int(MAX_GROUP_NAME)

  private var groupRoom = 100
  private var bodyRoom = 102_400
  private var groups: UnsafeMutableRawPointer
  private var body: UnsafeMutablePointer<CChar>
  private let senderField: UnsafeMutablePointer<CChar>
  private var service: CInt = 0
  private var groupCount = 0
  private var messageType = 0
  private var endian: CInt = 0
  private var length = 0
  private(set) var more: CInt = 0

  init() {
    groups = .allocate(byteCount: groupRoom * Self.nameSize, alignment: 8)
    body = .allocate(capacity: bodyRoom)
    senderField = .allocate(capacity: Self.nameSize)
    senderField.initialize(repeating: 0, count: Self.nameSize)
  }

  /// Waits for one message; the answer of FL_receive. The buffers grow to what is needed.
  mutating func receive(from mailbox: CInt) -> CInt {
    while true {
      var count: CInt = 0
      var type: Int16 = 0
      service = 0
      let result = FL_receive(
        mailbox, &service, senderField, CInt(groupRoom), &count, names(groups), &type, &endian, CInt(bodyRoom), body,
        &more)
      (groupCount, messageType, length) = (Int(count), Int(type), max(0, Int(result)))
      guard result == GROUPS_TOO_SHORT || result == BUFFER_TOO_SHORT else { return result }
      if -groupCount > groupRoom {
        groups.deallocate()
        groupRoom = -groupCount
        groups = .allocate(byteCount: groupRoom * Self.nameSize, alignment: 8)
      }
      if -Int(endian) > bodyRoom {
        body.deallocate()
        bodyRoom = -Int(endian)
        body = .allocate(capacity: bodyRoom)
      }
    }
  }

  private func text(_ field: UnsafeRawPointer) -> Slice<UnsafeRawBufferPointer> {
    UnsafeRawBufferPointer(start: field, count: Self.nameSize).prefix { $0 != 0 }
  }

  func print(into out: inout TextOutput) {
    if service & CInt(FLUSH_REQ_MESS) != 0 {
      out.put("received a FLUSH_REQ message for group ")
      line(senderField, &out)
    } else if service & CInt(REGULAR_MESS) != 0 {
      printMessage(&out)
    } else if service & CInt(REG_MEMB_MESS) != 0 {
      printView(&out)
    } else if service & CInt(TRANSITION_MESS) != 0 {
      out.put("received TRANSITIONAL membership for group ")
      line(senderField, &out)
    } else if service & CInt(CAUSED_BY_LEAVE) != 0 {
      out.put("received membership message that left group ")
      line(senderField, &out)
    } else {
      out.put("received message of unknown message type \(service) with \(length) bytes\n")
    }
  }

  private func line(_ field: UnsafeRawPointer, _ out: inout TextOutput) {
    out.put(text(field))
    out.put("\n")
  }

  private func printMessage(_ out: inout TextOutput) {
    let kinds = [
      (UNRELIABLE_MESS, "UNRELIABLE"), (RELIABLE_MESS, "RELIABLE"), (FIFO_MESS, "FIFO"), (CAUSAL_MESS, "CAUSAL"),
      (AGREED_MESS, "AGREED"), (SAFE_MESS, "SAFE"),
    ]
    if let kind = kinds.first(where: { service & CInt($0.0) != 0 }) { out.put("received \(kind.1) ") }
    out.put("message from ")
    out.put(text(senderField))
    out.put(", of type \(messageType), (endian \(endian)) to \(groupCount) groups \n(\(length) bytes): ")
    let content = UnsafeRawBufferPointer(start: body, count: length).prefix { $0 != 0 }
    out.put(content)
    out.put("\nMessage is:\n'")
    out.put(content)
    out.put("'\n")
    if service & CInt(SUBGROUP_CAST) != 0, groupCount > 0 {
      out.put("Received a subgroupcast message to group ")
      out.put(text(groups + (groupCount - 1) * Self.nameSize))
      out.put(": receivers:\n")
      for i in 0..<groupCount - 1 {
        out.put("\t")
        line(groups + i * Self.nameSize, &out)
      }
    }
  }

  /// Body: group id 12 | count 4 | names.
  private func printView(_ out: inout TextOutput) {
    out.put("Received REGULAR membership for group ")
    out.put(text(senderField))
    out.put(" with \(groupCount) members, where I am member \(messageType):\n")
    for i in 0..<max(0, groupCount) {
      out.put("\t")
      line(groups + i * Self.nameSize, &out)
    }
    let bytes = UnsafeRawPointer(body)
    let id = (0..<3).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self) }
    out.put("grp id is \(id[0]) \(id[1]) \(id[2])\n")
    let count = Int(bytes.loadUnaligned(fromByteOffset: 12, as: Int32.self))
    let causes = [(CAUSED_BY_JOIN, "JOIN"), (CAUSED_BY_LEAVE, "LEAVE"), (CAUSED_BY_DISCONNECT, "DISCONNECT")]
    if let cause = causes.first(where: { service & CInt($0.0) != 0 }) {
      out.put("Due to the \(cause.1) of ")
      line(bytes + 16, &out)
    } else {
      out.put("Due to NETWORK change. The VS set has \(count) members:\n")
      for i in 0..<count {
        out.put("\t")
        line(bytes + 16 + i * Self.nameSize, &out)
      }
    }
  }
}
