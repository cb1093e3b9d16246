// SP_connect and its kin, SP_disconnect, SP_kill (c-api 6 and 7). The compiler checks every function here against
// include/sp.h.

public import CSpread
import CSpreadShims
import CSpreadSocket
import SpreadClient
import SpreadWire

@_cdecl("SP_version") @implementation
public func SP_version(
  _ major: UnsafeMutablePointer<Int32>!, _ minor: UnsafeMutablePointer<Int32>!, _ patch: UnsafeMutablePointer<Int32>!
) -> Int32 {
  guard let major, let minor, let patch else { return 0 }
  major.pointee = Int32(LibraryVersion.current.major)
  minor.pointee = Int32(LibraryVersion.current.minor)
  patch.pointee = Int32(LibraryVersion.current.patch)
  return 1
}

@_cdecl("SP_connect") @implementation
public func SP_connect(
  _ daemon: UnsafePointer<CChar>!, _ privateName: UnsafePointer<CChar>!, _ priority: Int32, _ membership: Int32,
  _ mbox: UnsafeMutablePointer<mailbox>!, _ privateGroup: UnsafeMutablePointer<CChar>!
) -> Int32 {
  connect(daemon, privateName, priority, membership, mbox, privateGroup, .never)
}

@_cdecl("SP_connect_timeout") @implementation
public func SP_connect_timeout(
  _ daemon: UnsafePointer<CChar>!, _ privateName: UnsafePointer<CChar>!, _ priority: Int32, _ membership: Int32,
  _ mbox: UnsafeMutablePointer<mailbox>!, _ privateGroup: UnsafeMutablePointer<CChar>!, _ timeout: sp_time
) -> Int32 {
  answer { () throws(ClientError) in
    let mixed = timeout.sec > 0 && timeout.usec < 0 || timeout.sec < 0 && timeout.usec > 0
    guard !mixed, timeout.usec > -1_000_000, timeout.usec < 1_000_000 else { throw .illegalTime }
    let isEndless = timeout.sec == 0 && timeout.usec == 0
    let deadline = isEndless ? .never : Deadline(seconds: timeout.sec, microseconds: timeout.usec)
    return connect(daemon, privateName, priority, membership, mbox, privateGroup, deadline)
  }
}

/// Connects; `prepare` is the last step, a connection it does not like is closed again.
func connect(
  _ daemon: UnsafePointer<CChar>?, _ privateName: UnsafePointer<CChar>?, _ priority: Int32, _ membership: Int32,
  _ mbox: UnsafeMutablePointer<mailbox>?, _ privateGroup: UnsafeMutablePointer<CChar>?, _ deadline: Deadline,
  prepare: (_ mailbox: Int32, _ own: GroupName) throws(ClientError) -> Void = { _, _ throws(ClientError) in }
) -> Int32 {
  answer { () throws(ClientError) in
    let mbox = try required(mbox, or: .illegalSession)
    // One byte more than is legal tells a name that is too long.
    let address = text(daemon, DaemonAddress.maxLength + 1)
    let name = GroupName(text(privateName, Int(MAX_PRIVATE_NAME)))
    let session = try Client.connect(
      to: address, name: name, priority: priority >= 1, wantsMembership: membership != 0, deadline: deadline)
    do throws(ClientError) { try prepare(session.mailbox, session.privateGroup) } catch {
      try? Client.kill(session.mailbox)
      throw error
    }
    mbox.pointee = session.mailbox
    if let privateGroup { session.privateGroup.store(at: UnsafeMutableRawPointer(privateGroup)) }
    return ACCEPT_SESSION
  }
}

/// The bytes before the NUL, at most `limit`; none for a null pointer.
func text(_ pointer: UnsafePointer<CChar>?, _ limit: Int) -> UnsafeRawBufferPointer {
  guard let pointer else { return UnsafeRawBufferPointer(start: nil, count: 0) }
  return UnsafeRawBufferPointer(start: pointer, count: Client.boundedLength(pointer, limit))
}

@_cdecl("SP_set_auth_method") @implementation
public func SP_set_auth_method(
  _ name: UnsafePointer<CChar>!, _ method: (@convention(c) (Int32, UnsafeMutableRawPointer?) -> Int32)!,
  _ data: UnsafeMutableRawPointer!
) -> Int32 {
  SessionTable.initialize()
  guard let registered = authMethod(name, method, data) else { return 0 }
  var methods = AuthMethods()
  methods[0] = registered
  SessionTable.setMethods(methods)
  return 1
}

@_cdecl("SP_set_auth_methods") @implementation
public func SP_set_auth_methods(
  _ count: Int32, _ names: UnsafeMutablePointer<UnsafePointer<CChar>?>!,
  _ functions: UnsafeMutablePointer<(@convention(c) (Int32, UnsafeMutableRawPointer?) -> Int32)?>!,
  _ data: UnsafeMutablePointer<UnsafeMutableRawPointer?>!
) -> Int32 {
  SessionTable.initialize()
  guard (0...3).contains(count), count == 0 || (names != nil && functions != nil) else { return 0 }
  var methods = AuthMethods(count: Int(count))
  for i in 0..<Int(count) {
    guard let method = authMethod(names[i], functions[i], data?[i]) else { return 0 }
    methods[i] = method
  }
  SessionTable.setMethods(methods)
  return 1
}

private func authMethod(
  _ name: UnsafePointer<CChar>?, _ call: AuthMethod.Call?, _ data: UnsafeMutableRawPointer?
) -> AuthMethod? {
  let name = text(name, AuthMethod.maxNameLength + 1)
  guard name.baseAddress != nil, name.count <= AuthMethod.maxNameLength, let call else { return nil }
  return AuthMethod(name: GroupName(name), call: call, data: data)
}

@_cdecl("SP_disconnect") @implementation
public func SP_disconnect(_ mbox: mailbox) -> Int32 {
  answer { () throws(ClientError) in
    try Client.disconnect(mbox)
    return 0
  }
}

@_cdecl("SP_kill") @implementation
public func SP_kill(_ mbox: mailbox) {
  _ = answer { () throws(ClientError) in
    try Client.kill(mbox)
    return 0
  }
}

@_cdecl("spi_prepare_fork") @implementation
func spi_prepare_fork() { SessionTable.prepareFork() }

@_cdecl("spi_parent_after_fork") @implementation
func spi_parent_after_fork() { SessionTable.parentAfterFork() }

@_cdecl("spi_child_after_fork") @implementation
func spi_child_after_fork() { SessionTable.childAfterFork() }
