// Groups and messages: SP_join to SP_receive (c-api 7). The functions with arrays of names have their C side in
// CSpreadShims.

public import CSpread
import CSpreadShims
import CSpreadSocket
import SpreadClient
import SpreadWire

@_cdecl("SP_join") @implementation
public func SP_join(_ mbox: mailbox, _ group: UnsafePointer<CChar>!) -> Int32 {
  answer { () throws(ClientError) in
    try Client.join(mbox, group)
    return 0
  }
}

@_cdecl("SP_leave") @implementation
public func SP_leave(_ mbox: mailbox, _ group: UnsafePointer<CChar>!) -> Int32 {
  answer { () throws(ClientError) in
    try Client.leave(mbox, group)
    return 0
  }
}

/// Runs `body` with the body of a message. A negative length travels in the header, with no body, and ends the session
/// at the daemon; the call itself succeeds (c-api row J11).
private func withBody(
  _ data: UnsafePointer<CChar>?, _ length: Int32, _ body: (Pieces, Int32?) throws(ClientError) -> Int32
) throws(ClientError) -> Int32 {
  try withPiece(UnsafeMutableRawPointer(mutating: data), max(Int(length), 0)) { piece throws(ClientError) in
    try body(piece, length < 0 ? length : nil)
  }
}

@_cdecl("SP_multicast") @implementation
public func SP_multicast(
  _ mbox: mailbox, _ service: service, _ group: UnsafePointer<CChar>!, _ type: Int16, _ length: Int32,
  _ data: UnsafePointer<CChar>!
) -> Int32 {
  answer { () throws(ClientError) in
    try withBody(data, length) { body, announced throws(ClientError) in
      try Client.multicast(mbox, ServiceType(service), to: group, type, body, announcedLength: announced)
    }
  }
}

@_cdecl("SP_scat_multicast") @implementation
public func SP_scat_multicast(
  _ mbox: mailbox, _ service: service, _ group: UnsafePointer<CChar>!, _ type: Int16, _ pieces: UnsafePointer<scatter>!
) -> Int32 {
  answer { () throws(ClientError) in
    try Client.multicast(mbox, ServiceType(service), to: group, type, Pieces(pieces))
  }
}

@_cdecl("spi_multigroup_multicast") @implementation
func spi_multigroup_multicast(
  _ mbox: Int32, _ service: Int32, _ count: Int32, _ groups: UnsafeRawPointer!, _ type: Int16, _ length: Int32,
  _ data: UnsafePointer<CChar>!
) -> Int32 {
  answer { () throws(ClientError) in
    try withBody(data, length) { body, announced throws(ClientError) in
      try Client.multicast(mbox, ServiceType(service), to: groups, count, type, body, announcedLength: announced)
    }
  }
}

@_cdecl("spi_multigroup_scat_multicast") @implementation
func spi_multigroup_scat_multicast(
  _ mbox: Int32, _ service: Int32, _ count: Int32, _ groups: UnsafeRawPointer!, _ type: Int16,
  _ pieces: UnsafeRawPointer!
) -> Int32 {
  answer { () throws(ClientError) in
    let body = try Pieces(pieces?.assumingMemoryBound(to: scatter.self))
    return try Client.multicast(mbox, ServiceType(service), to: groups, count, type, body)
  }
}

@_cdecl("spi_receive") @implementation
func spi_receive(
  _ mbox: Int32, _ service: UnsafeMutablePointer<Int32>!, _ sender: UnsafeMutableRawPointer!, _ maxGroups: Int32,
  _ groupCount: UnsafeMutablePointer<Int32>!, _ groups: UnsafeMutableRawPointer!,
  _ messageType: UnsafeMutablePointer<Int16>!, _ mismatch: UnsafeMutablePointer<Int32>!, _ maxLength: Int32,
  _ data: UnsafeMutableRawPointer!
) -> Int32 {
  answer { () throws(ClientError) in
    let results = try ReceiveResults(service, sender, groupCount, messageType, mismatch)
    return try withPiece(data, max(Int(maxLength), 0)) { body throws(ClientError) in
      try receive(mbox, maxGroups, groups, body, results)
    }
  }
}

@_cdecl("spi_scat_receive") @implementation
func spi_scat_receive(
  _ mbox: Int32, _ service: UnsafeMutablePointer<Int32>!, _ sender: UnsafeMutableRawPointer!, _ maxGroups: Int32,
  _ groupCount: UnsafeMutablePointer<Int32>!, _ groups: UnsafeMutableRawPointer!,
  _ messageType: UnsafeMutablePointer<Int16>!, _ mismatch: UnsafeMutablePointer<Int32>!,
  _ pieces: UnsafeMutableRawPointer!
) -> Int32 {
  answer { () throws(ClientError) in
    let results = try ReceiveResults(service, sender, groupCount, messageType, mismatch)
    let body = try Pieces(pieces.map { UnsafePointer($0.assumingMemoryBound(to: scatter.self)) })
    return try receive(mbox, maxGroups, groups, body, results)
  }
}

/// The caller's variables for what a receive finds out.
struct ReceiveResults {
  let service: UnsafeMutablePointer<Int32>
  let sender: UnsafeMutableRawPointer
  let groupCount: UnsafeMutablePointer<Int32>
  let messageType: UnsafeMutablePointer<Int16>
  let mismatch: UnsafeMutablePointer<Int32>

  init(
    _ service: UnsafeMutablePointer<Int32>?, _ sender: UnsafeMutableRawPointer?,
    _ groupCount: UnsafeMutablePointer<Int32>?, _ messageType: UnsafeMutablePointer<Int16>?,
    _ mismatch: UnsafeMutablePointer<Int32>?
  ) throws(ClientError) {
    guard let service, let sender, let groupCount, let messageType, let mismatch else { throw .illegalMessage }
    self.service = service
    self.sender = sender
    self.groupCount = groupCount
    self.messageType = messageType
    self.mismatch = mismatch
  }

  func store(_ reception: Reception) {
    if let value = reception.type { service.pointee = Int32(bitPattern: value) }
    if let value = reception.sender { value.store(at: sender) }
    if let value = reception.groupCount { groupCount.pointee = value }
    if let value = reception.messageType { messageType.pointee = value }
    if let value = reception.mismatch { mismatch.pointee = value }
  }
}

private func receive(
  _ mbox: Int32, _ maxGroups: Int32, _ groups: UnsafeMutableRawPointer?, _ body: Pieces, _ results: ReceiveResults
) throws(ClientError) -> Int32 {
  guard let maxBody = body.checkedLength(), groups != nil || maxGroups <= 0 else { throw .illegalMessage }
  let drops = results.service.pointee & Int32(DROP_RECV) != 0
  let room = ReceiveRoom(
    dropsSurplus: drops, groups: groups, maxGroups: Int(maxGroups), body: body, maxBody: maxBody)
  let reception = try Client.receive(mbox, into: room)
  results.store(reception)
  return reception.result
}

extension ServiceType {
  init(_ service: service) {
    self.init(rawValue: UInt32(bitPattern: service))
  }
}

@_cdecl("SP_poll") @implementation
public func SP_poll(_ mbox: mailbox) -> Int32 {
  answer { () throws(ClientError) in try Client.poll(mbox) }
}

@_cdecl("SP_query_groups") @implementation
public func SP_query_groups(
  _ mbox: Int32, _ maxGroups: Int32, _ groups: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>!
) -> Int32 { -1 }

@_cdecl("SP_query_members") @implementation
public func SP_query_members(
  _ mbox: Int32, _ group: UnsafeMutablePointer<CChar>!, _ maxMembers: Int32,
  _ members: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>!
) -> Int32 { -1 }
