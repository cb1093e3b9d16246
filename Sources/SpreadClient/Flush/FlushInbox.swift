// One message of the daemon, received into memory of the library and taken apart: the application's buffers are for
// its own messages only (events-and-flush 2.1, 2.2).

import CSpreadSocket
import SpreadFlush
import SpreadWire

/// What came from the daemon.
enum FlushArrival {
  case membership(FlushMembership)
  case transition(GroupName)
  case selfLeave(GroupName)
  case control(FlushControl, sender: GroupName)
  /// A member's message; `length` user bytes lead the inbox. `group` is the reference group of a subgroup.
  case message(FlushMessage, length: Int, group: GroupName, sentIn: GroupID?)
  /// An own message that came back.
  case rejected(FlushMessage, length: Int)
  /// Malformed, or not of Flush.
  case nothing
}

struct FlushInbox: ~Copyable {
  private var groups: UnsafeMutableRawPointer
  private var groupCapacity: Int
  private var bytes: UnsafeMutableRawPointer
  private var byteCapacity: Int
  private var reception = Reception(.connectionClosed)

  init() {
    groupCapacity = 64
    byteCapacity = 4096
    groups = .allocate(byteCount: groupCapacity * GroupName.size, alignment: 8)
    bytes = .allocate(byteCount: byteCapacity, alignment: 8)
  }

  deinit {
    groups.deallocate()
    bytes.deallocate()
  }

  /// Receives one message; the memory grows to what messages need.
  mutating func receive(_ session: Session) throws(ClientError) {
    while true {
      var piece = csp_piece(base: bytes, length: byteCapacity)
      reception = withUnsafePointer(to: &piece) { piece in
        session.receive(
          into: ReceiveRoom(
            dropsSurplus: false, groups: groups, maxGroups: groupCapacity, body: Pieces(piece, count: 1),
            maxBody: byteCapacity))
      }
      guard reception.isTooShort else { break }
      let neededGroups = -Int(min(reception.groupCount ?? 0, 0))
      let neededBytes = -Int(min(reception.mismatch ?? 0, 0))
      // A daemon that announces more than any daemon carries is none.
      guard neededGroups <= ClientLimits.flushGroups, neededBytes <= ClientLimits.flushBody else {
        throw .connectionClosed
      }
      grow(groups: neededGroups, bytes: neededBytes)
    }
    if reception.result < 0 { throw ClientError(code: reception.result) }
  }

  private mutating func grow(groups neededGroups: Int, bytes neededBytes: Int) {
    if neededGroups > groupCapacity {
      groups.deallocate()
      groupCapacity = neededGroups
      groups = .allocate(byteCount: groupCapacity * GroupName.size, alignment: 8)
    }
    if neededBytes > byteCapacity {
      bytes.deallocate()
      byteCapacity = neededBytes
      bytes = .allocate(byteCount: byteCapacity, alignment: 8)
    }
  }

  /// The first `length` bytes of the body.
  func body(_ length: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: bytes, count: length)
  }

  private func names() -> [GroupName] {
    let count = Int(max(reception.groupCount ?? 0, 0))
    var names: [GroupName] = []
    names.reserveCapacity(count + 1)
    for i in 0..<count { names.append(GroupName(at: groups + i * GroupName.size)) }
    return names
  }

  /// Takes the message apart.
  func read() -> FlushArrival {
    let type = ServiceType(rawValue: reception.type ?? 0)
    let sender = (reception.sender ?? GroupName()).normalized
    if type.contains(.reject) { return readRejected(type, sender) }
    if !type.isDisjoint(with: .regular) { return readMessage(type, sender) }
    if type.contains(.regularMembership) {
      let membership = FlushMembership(
        group: sender, type: type, members: names(), body: body(Int(reception.result)))
      return membership.map { .membership($0) } ?? .nothing
    }
    if type.contains(.transition) { return .transition(sender) }
    return type.contains(.causedByLeave) ? .selfLeave(sender) : .nothing
  }

  private var order: Endianness {
    let native = Endianness.native
    return reception.mismatch == 0 ? native : native == .little ? .big : .little
  }

  private func readMessage(_ type: ServiceType, _ sender: GroupName) -> FlushArrival {
    let messageType = reception.messageType ?? 0
    var names = names()
    guard let first = names.first else { return .nothing }
    if messageType == FlushWire.agreement || messageType == FlushWire.installed {
      guard let id = GroupID(body(Int(reception.result)), order) else { return .nothing }
      let kind: FlushControl.Kind = messageType == FlushWire.agreement ? .agreement : .installed
      return .control(FlushControl(kind, first, id), sender: sender)
    }
    guard let user = undecorated(type, messageType) else { return .nothing }
    if let reference = user.decoration.reference { names.append(reference) }
    let group = user.decoration.reference ?? first
    return .message(
      message(type, sender, names, user), length: user.length, group: group, sentIn: user.decoration.vulnerableIn)
  }

  private func readRejected(_ type: ServiceType, _ sender: GroupName) -> FlushArrival {
    let messageType = reception.messageType ?? 0
    guard messageType != FlushWire.agreement, messageType != FlushWire.installed,
      let user = undecorated(type, messageType)
    else { return .nothing }
    return .rejected(message(type, sender, names(), user), length: user.length)
  }

  private func undecorated(_ type: ServiceType, _ messageType: Int16) -> UndecoratedMessage? {
    UndecoratedMessage(body(Int(reception.result)), type: type, messageType: messageType, order: order)
  }

  private func message(
    _ type: ServiceType, _ sender: GroupName, _ names: [GroupName], _ user: UndecoratedMessage
  ) -> FlushMessage {
    FlushMessage(
      type: type, sender: sender, groups: names, messageType: user.messageType,
      isForeignOrder: reception.mismatch != 0)
  }

  // MARK: Into the application's memory

  /// Copies a message out. Without DROP_RECV a message that does not fit stays, and its needs are told as negative
  /// numbers; with it what fits is copied, and unlike SP_receive a cut group list is told too.
  static func deliver(_ message: FlushMessage, _ body: UnsafeRawBufferPointer, into room: ReceiveRoom) -> Reception {
    let lacksGroups = message.groups.count > room.maxGroups
    let lacksBody = body.count > room.maxBody
    var reception = Reception(lacksGroups ? .groupsTooShort : .bufferTooShort)
    reception.type = message.type.rawValue
    reception.sender = message.sender
    reception.messageType = message.messageType
    reception.groupCount = Int32(lacksGroups ? -message.groups.count : message.groups.count)
    reception.mismatch = message.isForeignOrder ? 1 : 0
    if !room.dropsSurplus, lacksGroups || lacksBody {
      if !lacksGroups { reception.groupCount = 0 }
      reception.mismatch = lacksBody ? -Int32(body.count) : 0
      return reception
    }
    for i in 0..<min(message.groups.count, room.maxGroups) {
      message.groups[i].store(at: room.groups.unsafelyUnwrapped + i * GroupName.size)
    }
    if let start = body.baseAddress { _ = room.body.write(at: 0, from: start, length: min(body.count, room.maxBody)) }
    if !lacksGroups, !lacksBody { reception.result = Int32(body.count) }
    return reception
  }
}

extension Reception {
  var isTooShort: Bool {
    result == ClientError.bufferTooShort.code || result == ClientError.groupsTooShort.code
  }
}

extension ClientLimits {
  /// Names in one membership message, far above what daemons carry.
  static var flushGroups: Int { 1 << 16 }
  /// Body bytes of one message; daemons with a raised limit of pieces carry up to 14,400,000 (c-api 8).
  static var flushBody: Int { 1 << 24 }
}
