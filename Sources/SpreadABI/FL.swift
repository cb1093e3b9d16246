// The Flush interface (events-and-flush part 2). The compiler checks every function here against include/fl.h; the ones
// with arrays of names have their C side in CSpreadShims.

public import CSpread
import CSpreadShims
import CSpreadSocket
import SpreadClient
import SpreadFlush
import SpreadWire
import Synchronization

private let wasInitialized = Atomic<Bool>(false)

@_cdecl("FL_lib_init") @implementation
public func FL_lib_init() -> Int32 {
  wasInitialized.exchange(true, ordering: .relaxed) ? ClientError.illegalState.code : 0
}

@_cdecl("FL_version") @implementation
public func FL_version(
  _ major: UnsafeMutablePointer<Int32>!, _ minor: UnsafeMutablePointer<Int32>!, _ patch: UnsafeMutablePointer<Int32>!
) {
  major?.pointee = Flush.version.major
  minor?.pointee = Flush.version.minor
  patch?.pointee = Flush.version.patch
}

@_cdecl("FL_connect") @implementation
public func FL_connect(
  _ daemon: UnsafePointer<CChar>!, _ privateName: UnsafePointer<CChar>!, _ priority: Int32,
  _ mbox: UnsafeMutablePointer<mailbox>!, _ privateGroup: UnsafeMutablePointer<CChar>!
) -> Int32 {
  connect(daemon, privateName, priority, 1, mbox, privateGroup, .never) { mailbox, own throws(ClientError) in
    try Flush.adopt(mailbox, own: own)
  }
}

@_cdecl("FL_disconnect") @implementation
public func FL_disconnect(_ mbox: mailbox) -> Int32 {
  answer { () throws(ClientError) in
    try Flush.disconnect(mbox)
    return 0
  }
}

@_cdecl("FL_join") @implementation
public func FL_join(_ mbox: mailbox, _ group: UnsafePointer<CChar>!) -> Int32 {
  answer { () throws(ClientError) in
    try Flush.join(mbox, group)
    return 0
  }
}

@_cdecl("FL_leave") @implementation
public func FL_leave(_ mbox: mailbox, _ group: UnsafePointer<CChar>!) -> Int32 {
  answer { () throws(ClientError) in
    try Flush.leave(mbox, group)
    return 0
  }
}

@_cdecl("FL_flush") @implementation
public func FL_flush(_ mbox: mailbox, _ group: UnsafePointer<CChar>!) -> Int32 {
  answer { () throws(ClientError) in
    try Flush.flush(mbox, group)
    return 0
  }
}

// MARK: Sending

@_cdecl("FL_multicast") @implementation
public func FL_multicast(
  _ mbox: mailbox, _ service: service, _ group: UnsafePointer<CChar>!, _ type: Int16, _ length: Int32,
  _ data: UnsafePointer<CChar>!
) -> Int32 {
  send(mbox, service, group, nil, type, length, data)
}

@_cdecl("FL_scat_multicast") @implementation
public func FL_scat_multicast(
  _ mbox: mailbox, _ service: service, _ group: UnsafePointer<CChar>!, _ type: Int16, _ pieces: UnsafePointer<scatter>!
) -> Int32 {
  send(mbox, service, group, nil, type, pieces)
}

@_cdecl("FL_unicast") @implementation
public func FL_unicast(
  _ mbox: mailbox, _ service: service, _ group: UnsafePointer<CChar>!, _ receiver: UnsafePointer<CChar>!,
  _ type: Int16, _ length: Int32, _ data: UnsafePointer<CChar>!
) -> Int32 {
  withReceiver(receiver) { send(mbox, service, group, ($0, 1), type, length, data) }
}

@_cdecl("FL_scat_unicast") @implementation
public func FL_scat_unicast(
  _ mbox: mailbox, _ service: service, _ group: UnsafePointer<CChar>!, _ receiver: UnsafePointer<CChar>!,
  _ type: Int16, _ pieces: UnsafePointer<scatter>!
) -> Int32 {
  withReceiver(receiver) { send(mbox, service, group, ($0, 1), type, pieces) }
}

@_cdecl("spi_fl_subgroupcast") @implementation
func spi_fl_subgroupcast(
  _ mbox: Int32, _ service: Int32, _ group: UnsafePointer<CChar>!, _ count: Int32, _ receivers: UnsafeRawPointer!,
  _ type: Int16, _ length: Int32, _ data: UnsafePointer<CChar>!
) -> Int32 {
  send(mbox, service, group, (receivers, count), type, length, data)
}

@_cdecl("spi_fl_scat_subgroupcast") @implementation
func spi_fl_scat_subgroupcast(
  _ mbox: Int32, _ service: Int32, _ group: UnsafePointer<CChar>!, _ count: Int32, _ receivers: UnsafeRawPointer!,
  _ type: Int16, _ pieces: UnsafeRawPointer!
) -> Int32 {
  send(mbox, service, group, (receivers, count), type, pieces?.assumingMemoryBound(to: scatter.self))
}

private func send(
  _ mbox: Int32, _ service: Int32, _ group: UnsafePointer<CChar>?,
  _ receivers: (names: UnsafeRawPointer?, count: Int32)?, _ type: Int16, _ length: Int32, _ data: UnsafePointer<CChar>?
) -> Int32 {
  answer { () throws(ClientError) in
    try withPiece(UnsafeMutableRawPointer(mutating: data), Int(length)) { body throws(ClientError) in
      try Flush.send(mbox, ServiceType(service), to: group, receivers: receivers, type, body)
    }
  }
}

private func send(
  _ mbox: Int32, _ service: Int32, _ group: UnsafePointer<CChar>?,
  _ receivers: (names: UnsafeRawPointer?, count: Int32)?, _ type: Int16, _ pieces: UnsafePointer<scatter>?
) -> Int32 {
  answer { () throws(ClientError) in
    try Flush.send(mbox, ServiceType(service), to: group, receivers: receivers, type, Pieces(pieces))
  }
}

/// Runs `body` with the name in a field of 32 bytes; a missing one is the empty name, which no member has.
private func withReceiver(_ receiver: UnsafePointer<CChar>?, _ body: (UnsafeRawPointer) -> Int32) -> Int32 {
  let name = GroupName(text(receiver, GroupName.maxLength))
  return withUnsafeTemporaryAllocation(byteCount: GroupName.size, alignment: 8) { field in
    name.store(at: field.baseAddress!)
    return body(UnsafeRawPointer(field.baseAddress!))
  }
}

// MARK: Receiving

@_cdecl("spi_fl_receive") @implementation
func spi_fl_receive(
  _ mbox: Int32, _ service: UnsafeMutablePointer<Int32>!, _ sender: UnsafeMutableRawPointer!, _ maxGroups: Int32,
  _ groupCount: UnsafeMutablePointer<Int32>!, _ groups: UnsafeMutableRawPointer!,
  _ messageType: UnsafeMutablePointer<Int16>!, _ mismatch: UnsafeMutablePointer<Int32>!, _ maxLength: Int32,
  _ data: UnsafeMutableRawPointer!, _ more: UnsafeMutablePointer<Int32>!
) -> Int32 {
  answer { () throws(ClientError) in
    let results = try ReceiveResults(service, sender, groupCount, messageType, mismatch)
    return try withPiece(data, max(Int(maxLength), 0)) { body throws(ClientError) in
      try receive(mbox, maxGroups, groups, body, results, more)
    }
  }
}

@_cdecl("spi_fl_scat_receive") @implementation
func spi_fl_scat_receive(
  _ mbox: Int32, _ service: UnsafeMutablePointer<Int32>!, _ sender: UnsafeMutableRawPointer!, _ maxGroups: Int32,
  _ groupCount: UnsafeMutablePointer<Int32>!, _ groups: UnsafeMutableRawPointer!,
  _ messageType: UnsafeMutablePointer<Int16>!, _ mismatch: UnsafeMutablePointer<Int32>!,
  _ pieces: UnsafeMutableRawPointer!, _ more: UnsafeMutablePointer<Int32>!
) -> Int32 {
  answer { () throws(ClientError) in
    let results = try ReceiveResults(service, sender, groupCount, messageType, mismatch)
    let body = try Pieces(pieces.map { UnsafePointer($0.assumingMemoryBound(to: scatter.self)) })
    return try receive(mbox, maxGroups, groups, body, results, more)
  }
}

private func receive(
  _ mbox: Int32, _ maxGroups: Int32, _ groups: UnsafeMutableRawPointer?, _ body: Pieces, _ results: ReceiveResults,
  _ more: UnsafeMutablePointer<Int32>?
) throws(ClientError) -> Int32 {
  _ = try Flush.waiting(mbox)
  guard maxGroups >= 0 else { throw .illegalParameter }
  guard let maxBody = body.checkedLength(), groups != nil || maxGroups == 0 else { throw .illegalMessage }
  let asked = results.service.pointee
  let room = ReceiveRoom(
    dropsSurplus: asked & Int32(DROP_RECV) != 0, groups: groups, maxGroups: Int(maxGroups), body: body,
    maxBody: maxBody)
  let received = try Flush.receive(mbox, into: room, blocks: asked & Int32(DONT_BLOCK) == 0)
  results.store(received.reception)
  more?.pointee = Int32(clamping: received.more)
  return received.reception.result
}

@_cdecl("FL_more_msgs") @implementation
public func FL_more_msgs(_ mbox: mailbox) -> Int32 {
  answer { () throws(ClientError) in Int32(clamping: try Flush.waiting(mbox)) }
}

@_cdecl("FL_poll") @implementation
public func FL_poll(_ mbox: mailbox) -> Int32 {
  answer { () throws(ClientError) in try Flush.poll(mbox) }
}

// MARK: Bodies and texts

@_cdecl("FL_get_gid_offset_memb_mess") @implementation
public func FL_get_gid_offset_memb_mess() -> Int32 { 0 }

@_cdecl("FL_get_num_vs_offset_memb_mess") @implementation
public func FL_get_num_vs_offset_memb_mess() -> Int32 { Int32(GroupID.size) }

@_cdecl("FL_get_vs_set_offset_memb_mess") @implementation
public func FL_get_vs_set_offset_memb_mess() -> Int32 { Int32(GroupID.size) + 4 }

@_cdecl("spi_fl_error_text") @implementation
func spi_fl_error_text(_ code: Int32) -> UnsafePointer<CChar>! {
  FlushText.of(code).map { UnsafeRawPointer($0.utf8Start).assumingMemoryBound(to: CChar.self) }
}
