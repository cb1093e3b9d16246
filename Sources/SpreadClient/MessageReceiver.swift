// Receiving one message: the too-short rules, DROP_RECV, byte orders (client-protocol 8, c-api 7).
//
// Nothing of the next message is ever read, so the descriptor is readable exactly when there is a message; what may be
// kept between calls is one header.

import CSpreadSocket
import SpreadWire

/// Where the caller wants a message.
public struct ReceiveRoom {
  /// DROP_RECV: cut what does not fit instead of leaving the message.
  public var dropsSurplus: Bool
  /// `maxGroups` names of 32 bytes.
  public var groups: UnsafeMutableRawPointer?
  public var maxGroups: Int
  public var body: Pieces
  public var maxBody: Int

  public init(
    dropsSurplus: Bool, groups: UnsafeMutableRawPointer?, maxGroups: Int, body: Pieces, maxBody: Int
  ) {
    self.dropsSurplus = dropsSurplus
    self.groups = groups
    self.maxGroups = max(maxGroups, 0)
    self.body = body
    self.maxBody = max(maxBody, 0)
  }
}

/// What a receive found out. A nil field leaves the caller's variable untouched.
public struct Reception: Equatable {
  /// Body length, or a code of ClientError.
  public var result: Int32
  public var type: UInt32?
  public var sender: GroupName?
  public var groupCount: Int32?
  public var messageType: Int16?
  public var mismatch: Int32?

  init(_ error: ClientError) {
    result = error.code
  }

  /// The stream ended inside the message: the session is of no use any more.
  public var isBroken: Bool { result == ClientError.connectionClosed.code }
}

/// The receiving side of a session, without its socket.
public struct MessageReceiver {
  /// The header of a message that did not fit and still waits.
  public private(set) var saved: MessageHeader?
  /// The private group of the session.
  public let own: GroupName

  public init(own: GroupName) {
    self.own = own
  }

  public mutating func receive<Stream: ByteStream>(
    from stream: inout Stream, into room: ReceiveRoom
  ) -> Reception {
    guard let header = saved ?? Self.readHeader(&stream) else { return Reception(.connectionClosed) }
    saved = nil
    guard header.groupCount >= 0, header.dataLength >= 0 else { return Reception(.illegalMessage) }
    let lacksGroups = Int(header.groupCount) > room.maxGroups
    let lacksBody = Int(header.dataLength) > room.maxBody
    if !room.dropsSurplus, lacksGroups || lacksBody {
      saved = header
      return Self.tooShort(header, lacksGroups: lacksGroups, lacksBody: lacksBody)
    }
    return readMessage(header, &stream, room)
  }

  private static func readHeader<Stream: ByteStream>(_ stream: inout Stream) -> MessageHeader? {
    withUnsafeTemporaryAllocation(byteCount: MessageHeader.size, alignment: 8) { buffer in
      guard stream.read(into: buffer.baseAddress!, MessageHeader.size) == MessageHeader.size else { return nil }
      return MessageHeader(UnsafeRawBufferPointer(buffer))
    }
  }

  /// The answer when the message stays: needs as negative numbers.
  private static func tooShort(_ header: MessageHeader, lacksGroups: Bool, lacksBody: Bool) -> Reception {
    var reception = Reception(lacksGroups ? .groupsTooShort : .bufferTooShort)
    reception.type = header.type.rawValue
    reception.sender = header.name.cut
    reception.messageType = header.carriesMessageType ? header.hint.messageType : 0
    reception.groupCount = lacksGroups ? -header.groupCount : 0
    reception.mismatch = lacksBody ? -header.dataLength : 0
    return reception
  }

  /// old type 4 (reject only) | groups | body
  private func readMessage<Stream: ByteStream>(
    _ header: MessageHeader, _ stream: inout Stream, _ room: ReceiveRoom
  ) -> Reception {
    let groupCount = min(Int(header.groupCount), room.maxGroups)
    let bodyLength = min(Int(header.dataLength), room.maxBody)
    let surplusGroups = (Int(header.groupCount) - groupCount) * GroupName.size
    let surplusBody = Int(header.dataLength) - bodyLength

    var reception = Reception(.connectionClosed)
    reception.sender = header.name.cut
    reception.messageType = header.carriesMessageType ? header.hint.messageType : -1
    reception.mismatch = header.carriesMessageType && header.hint.order != .native ? 1 : 0

    var oldType: UInt32 = 0
    let complete = withUnsafeMutableBytes(of: &oldType) { old -> Bool in
      let before = (header.isReject ? 4 : 0) + groupCount * GroupName.size
      let total = surplusGroups == 0 ? before + bodyLength : before
      let run = csp_run(
        first: old.baseAddress, header.isReject ? 4 : 0, second: room.groups, groupCount * GroupName.size,
        body: room.body)
      let got = total == 0 ? 0 : stream.read(run, total: total)
      guard got >= before, surplusGroups == 0 || stream.discard(surplusGroups) else { return false }
      reception.groupCount = surplusGroups == 0 ? header.groupCount : -header.groupCount
      if surplusGroups == 0 { return got == total }
      return bodyLength == 0
        || stream.read(csp_run(first: nil, 0, body: room.body), total: bodyLength) == bodyLength
    }
    guard complete else { return reception }

    terminate(room.groups, groupCount)
    if header.type.contains(.regularMembership), surplusGroups == 0, let index = ownIndex(room.groups, groupCount) {
      reception.messageType = Int16(truncatingIfNeeded: index)
    }
    if header.order != .native { MembershipView.swap(room.body, length: bodyLength, header.type) }
    reception.type = header.isReject ? header.rejectedType(oldType) : header.type.rawValue
    guard surplusBody == 0 || stream.discard(surplusBody) else { return reception }
    reception.result = surplusBody == 0 ? header.dataLength : ClientError.bufferTooShort.code
    return reception
  }

  /// Programs take the names as C strings, whatever a daemon sent.
  private func terminate(_ groups: UnsafeMutableRawPointer?, _ count: Int) {
    guard let groups else { return }
    for i in 0..<count {
      groups.storeBytes(of: 0, toByteOffset: i * GroupName.size + GroupName.maxLength, as: UInt8.self)
    }
  }

  private func ownIndex(_ groups: UnsafeMutableRawPointer?, _ count: Int) -> Int? {
    guard let groups else { return nil }
    for i in 0..<count where GroupName(at: groups + i * GroupName.size) == own { return i }
    return nil
  }
}

extension MessageHeader {
  var isReject: Bool { type.contains(.reject) }

  /// Regular and rejected messages carry the sender's message type; in others the field is ours to fill.
  var carriesMessageType: Bool { isReject || !type.isDisjoint(with: .regular) }

  /// The type of a rejected message, which came as a word in the order of the header.
  func rejectedType(_ word: UInt32) -> UInt32 {
    let value = order == .native ? word : word.byteSwapped
    return value & ~endianMarks | ServiceType.reject.rawValue
  }
}

extension GroupName {
  /// The name as it came, but surely terminated.
  var cut: GroupName { isTerminated ? self : normalized }
}
