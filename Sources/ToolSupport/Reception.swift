// Receiving one message, and printing it as spuser does: programs parse this text (tools, "Received items").
//
// Stock's buffers hold 102400 bytes and 100 names and cut what is larger; these grow instead, after the same notice.

import CSpread
import Glibc

/// The buffers of SP_receive and what it answered.
package struct Reception {
  package static let nameSize = Int(MAX_GROUP_NAME)

  private var groupRoom = 100
  private var bodyRoom = 102_400
  private var groups: UnsafeMutableRawPointer
  private var body: UnsafeMutableRawPointer
  private let senderField: UnsafeMutablePointer<CChar>

  package private(set) var service: CInt = 0
  package private(set) var groupCount = 0
  package private(set) var messageType = 0
  package private(set) var endian: CInt = 0
  package private(set) var length = 0

  package init() {
    groups = .allocate(byteCount: groupRoom * Reception.nameSize, alignment: 8)
    body = .allocate(byteCount: bodyRoom, alignment: 8)
    senderField = .allocate(capacity: Reception.nameSize)
    senderField.initialize(repeating: 0, count: Reception.nameSize)
  }

  /// Waits for one message. The answer of SP_receive: a length, or an error code. `growing` is called before the
  /// second try when the first one found the buffers too small.
  package mutating func receive(from mailbox: CInt, growing: () -> Void) -> CInt {
    var result = attempt(mailbox)
    if result == GROUPS_TOO_SHORT || result == BUFFER_TOO_SHORT {
      growing()
      while result == GROUPS_TOO_SHORT || result == BUFFER_TOO_SHORT {
        grow(groups: -groupCount, body: -Int(endian))
        result = attempt(mailbox)
      }
    }
    length = max(0, Int(result))
    return result
  }

  private mutating func attempt(_ mailbox: CInt) -> CInt {
    var count: CInt = 0
    var type: Int16 = 0
    service = 0  // an input as well: no DROP_RECV
    let result = SP_receive(
      mailbox, &service, senderField, CInt(groupRoom), &count, names(groups), &type, &endian, CInt(bodyRoom),
      body.assumingMemoryBound(to: CChar.self))
    groupCount = Int(count)
    messageType = Int(type)
    return result
  }

  private mutating func grow(groups neededGroups: Int, body neededBody: Int) {
    if neededGroups > groupRoom {
      groups.deallocate()
      groups = .allocate(byteCount: neededGroups * Reception.nameSize, alignment: 8)
      groupRoom = neededGroups
    }
    if neededBody > bodyRoom {
      body.deallocate()
      body = .allocate(byteCount: neededBody, alignment: 8)
      bodyRoom = neededBody
    }
  }

  // MARK: Text

  /// The item without the separator before and the prompt behind it.
  package func print(into out: inout TextOutput) {
    let isReject = service & CInt(REJECT_MESS) != 0
    if isRegular {
      printRegular(into: &out)
    } else if !isReject && service & CInt(MEMBERSHIP_MESS) != 0 {
      printMembership(into: &out)
    } else if isReject {
      out.put("REJECTED message from ")
      out.put(sender)
      out.put(", of servicetype 0x\(String(service, radix: 16)) messtype \(messageType), ")
      printBody(into: &out)
    } else {
      out.put("received message of unknown message type 0x\(String(service, radix: 16)) with ret \(length)\n")
    }
  }

  private func printRegular(into out: inout TextOutput) {
    printKind(into: &out)
    out.put("message from ")
    out.put(sender)
    out.put(", of type \(messageType), ")
    printBody(into: &out)
  }

  /// `received FIFO ` and the like.
  package func printKind(into out: inout TextOutput) {
    let kinds = [
      (UNRELIABLE_MESS, "UNRELIABLE"), (RELIABLE_MESS, "RELIABLE"), (FIFO_MESS, "FIFO"), (CAUSAL_MESS, "CAUSAL"),
      (AGREED_MESS, "AGREED"), (SAFE_MESS, "SAFE"),
    ]
    if let kind = kinds.first(where: { service & CInt($0.0) != 0 }) { out.put("received \(kind.1) ") }
  }

  /// Stock prints the body as a C string: up to the first NUL.
  package func printBody(into out: inout TextOutput) {
    out.put("(endian \(endian)) to \(groupCount) groups \n(\(length) bytes): ")
    out.put(UnsafeRawBufferPointer(start: body, count: length).prefix { $0 != 0 })
    out.put("\n")
  }

  private func printMembership(into out: inout TextOutput) {
    let group = sender
    if service & CInt(REG_MEMB_MESS) != 0 {
      var info = membership_info()
      let result = SP_get_memb_info(bodyText, service, &info)
      guard result >= 0 else {
        out.put("BUG: membership message does not have valid body\n")
        return
      }
      printMembers(into: &out)
      out.put("grp id is \(info.gid.id.0) \(info.gid.id.1) \(info.gid.id.2)\n")
      printCause(info, into: &out)
    } else if service & CInt(TRANSITION_MESS) != 0 {
      out.put("received TRANSITIONAL membership for group ")
      out.put(group)
      out.put("\n")
    } else if service & CInt(CAUSED_BY_LEAVE) != 0 {
      out.put("received membership message that left group ")
      out.put(group)
      out.put("\n")
    } else {
      // the spelling is stock's
      out.put("received incorrecty membership message of type 0x\(String(service, radix: 16))\n")
    }
  }

  /// The first lines of a regular membership: the group and who is in it.
  package func printMembers(into out: inout TextOutput) {
    out.put("Received REGULAR membership for group ")
    out.put(sender)
    out.put(" with \(groupCount) members, where I am member \(messageType):\n")
    for index in 0..<max(0, groupCount) { printName(groups + index * Reception.nameSize, into: &out) }
  }

  private func printCause(_ info: membership_info, into out: inout TextOutput) {
    let causes = [(CAUSED_BY_JOIN, "JOIN"), (CAUSED_BY_LEAVE, "LEAVE"), (CAUSED_BY_DISCONNECT, "DISCONNECT")]
    if let cause = causes.first(where: { service & CInt($0.0) != 0 }) {
      out.put("Due to the \(cause.1) of ")
      withUnsafeBytes(of: info.changed_member) { out.put($0.prefix { $0 != 0 }) }
      out.put("\n")
    } else if service & CInt(CAUSED_BY_NETWORK) != 0 {
      out.put("Due to NETWORK change with \(info.num_vs_sets) VS sets\n")
      printSets(count: Int(info.num_vs_sets), into: &out)
    }
  }

  /// Who came along together, the own set marked LOCAL.
  private func printSets(count: Int, into out: inout TextOutput) {
    var sets = [vs_set_info](repeating: vs_set_info(), count: count)
    var mine: CUnsignedInt = 0
    guard SP_get_vs_sets_info(bodyText, &sets, CInt(count), &mine) == count else { return }
    for index in sets.indices {
      let members = Int(sets[index].num_members)
      out.put("\(index == Int(mine) ? "LOCAL" : "OTHER") VS set \(index) has \(members) members:\n")
      let room = UnsafeMutableRawPointer.allocate(byteCount: max(1, members * Reception.nameSize), alignment: 8)
      defer { room.deallocate() }
      guard SP_get_vs_set_members(bodyText, &sets[index], names(room), CInt(members)) == members else { continue }
      for member in 0..<members { printName(room + member * Reception.nameSize, into: &out) }
    }
  }

  private func printName(_ field: UnsafeMutableRawPointer, into out: inout TextOutput) {
    out.put("\t")
    out.put(UnsafeRawBufferPointer(start: field, count: Reception.nameSize).prefix { $0 != 0 })
    out.put("\n")
  }

  private var bodyText: UnsafeMutablePointer<CChar> { body.assumingMemoryBound(to: CChar.self) }

  /// The group of a membership message, the private group of who sent another one.
  package var sender: Slice<UnsafeRawBufferPointer> {
    UnsafeRawBufferPointer(start: senderField, count: Reception.nameSize).prefix { $0 != 0 }
  }

  /// The same as the string the library takes.
  package var senderString: UnsafePointer<CChar> { UnsafePointer(senderField) }

  /// The message, as far as one was received; to be changed in place by who sends it on.
  package var bytes: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: body, count: length) }

  /// The groups of a message, the members of a regular membership.
  package func name(_ index: Int) -> [UInt8] {
    let field = UnsafeRawBufferPointer(start: groups + index * Reception.nameSize, count: Reception.nameSize)
    return Array(field.prefix { $0 != 0 })
  }

  package var isRegular: Bool { service & CInt(REGULAR_MESS) != 0 && service & CInt(REJECT_MESS) == 0 }
  package var isRegularMembership: Bool { !isRegular && service & CInt(REG_MEMB_MESS) != 0 }
}

/// `char (*)[MAX_GROUP_NAME]`: its element is imported as a tuple of 32, which only the parameter spells out.
package func names<Name>(_ memory: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Name> {
  memory.assumingMemoryBound(to: Name.self)
}
