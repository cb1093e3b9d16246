// The library's side of the connect handshake (client-protocol 3, c-api 6.3).

import SpreadWire

/// What a user asks for when connecting.
public struct ConnectRequest {
  /// At most ten bytes; empty lets the daemon invent one.
  public var name: GroupName
  public var priority: Bool
  public var wantsMembership: Bool
  public var methods: AuthMethods

  public init(name: GroupName, priority: Bool, wantsMembership: Bool, methods: AuthMethods = AuthMethods()) {
    self.name = name
    self.priority = priority
    self.wantsMembership = wantsMembership
    self.methods = methods
  }
}

public enum Handshake {
  /// Runs the handshake and answers the private group. `descriptor` is what authentication methods get.
  public static func run<Stream: ByteStream>(
    _ request: ConnectRequest, over stream: inout Stream, descriptor: Int32
  ) throws(ClientError) -> GroupName {
    // The largest record: an authentication list or choice.
    var failure: ClientError?
    let group = withUnsafeTemporaryAllocation(byteCount: AuthChoice.size, alignment: 8) { buffer -> GroupName in
      do throws(ClientError) {
        return try run(request, &stream, descriptor, buffer.baseAddress!)
      } catch {
        failure = error
        return GroupName()
      }
    }
    if let failure { throw failure }
    return group
  }

  private static func run<Stream: ByteStream>(
    _ request: ConnectRequest, _ stream: inout Stream, _ descriptor: Int32, _ buffer: UnsafeMutableRawPointer
  ) throws(ClientError) -> GroupName {
    try greet(request, &stream, buffer)
    let length = try listLength(&stream, buffer)
    guard stream.read(into: buffer, length) == length else { throw .connectionClosed }
    guard request.methods.areAll(in: UnsafeRawBufferPointer(start: buffer, count: length)) else {
      throw .rejectAuthentication
    }
    request.methods.storeChoice(at: buffer)
    guard stream.write(from: buffer, AuthChoice.size) else { throw .connectionClosed }
    guard request.methods.agree(descriptor) else { throw .rejectAuthentication }
    return try acceptance(request, &stream, buffer)
  }

  /// version 3 | priority and membership 1 | name length 1 | name
  private static func greet<Stream: ByteStream>(
    _ request: ConnectRequest, _ stream: inout Stream, _ buffer: UnsafeMutableRawPointer
  ) throws(ClientError) {
    let record = UnsafeMutableRawBufferPointer(start: buffer, count: AuthChoice.size)
    let length = min(request.name.length, PrivateName.maxUserLength)
    record[0] = UInt8(bitPattern: LibraryVersion.current.major)
    record[1] = UInt8(bitPattern: LibraryVersion.current.minor)
    record[2] = UInt8(bitPattern: LibraryVersion.current.patch)
    record[3] = (request.priority ? 0x10 : 0) | (request.wantsMembership ? 1 : 0)
    record[4] = UInt8(length)
    for i in 0..<length { record[5 + i] = request.name[i] }
    // A daemon without room for more sessions refuses before it hears a word (client-protocol 3.2 rule 0): the write
    // may fail, and the reason is still to be read. Stock's library says "connection closed" then.
    _ = stream.write(from: buffer, 5 + length)
  }

  /// One signed byte: a reject code, or the length of the list of authentication methods.
  private static func listLength<Stream: ByteStream>(
    _ stream: inout Stream, _ buffer: UnsafeMutableRawPointer
  ) throws(ClientError) -> Int {
    guard stream.read(into: buffer, 1) == 1 else { throw .connectionClosed }
    let length = Int(buffer.load(as: Int8.self))
    guard length >= 0 else { throw ClientError(code: Int32(length)) }
    guard length <= AuthChoice.size else { throw .connectionClosed }
    return length
  }

  /// answer 1 | version 3 | length 1 | private group. A refusal may be the answer byte alone, followed by the end.
  private static func acceptance<Stream: ByteStream>(
    _ request: ConnectRequest, _ stream: inout Stream, _ buffer: UnsafeMutableRawPointer
  ) throws(ClientError) -> GroupName {
    let count = stream.read(into: buffer, 5)
    let bytes = UnsafeRawBufferPointer(start: buffer, count: 5)
    guard count >= 1 else { throw .connectionClosed }
    let answer = Int8(bitPattern: bytes[0])
    guard answer == ConnectAnswer.accept.rawValue else { throw ClientError(code: Int32(answer)) }
    guard count == 5, bytes[1] < 0x80, bytes[2] < 0x80, bytes[3] < 0x80, bytes[4] < GroupName.size else {
      throw .connectionClosed
    }
    let major = bytes[1]
    let minor = bytes[2]
    let length = Int(bytes[4])
    // Daemons before 3.8 knew no priority.
    guard major > 3 || (major == 3 && (minor >= 8 || !request.priority)) else { throw .rejectVersion }
    guard stream.read(into: buffer, length) == length else { throw .connectionClosed }
    return GroupName(UnsafeRawBufferPointer(start: buffer, count: length))
  }
}
