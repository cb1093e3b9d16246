// What the program asks the system for at its start: files, addresses, names, limits.

import CSpreadSystem
import SpreadCore

public enum System {
  /// Descriptors for what is no session: logs, listeners, the ring's sockets, a connection that is refused.
  private static let ownDescriptors = 128
  /// As many at least, where the limit is low.
  private static let fewestOwnDescriptors = 32

  /// Raises the limit of open descriptors so that every session gets one; how many sessions it allows. Whoever comes
  /// when all are taken is refused in words, instead of waiting for a descriptor.
  public static func sessions(wanted: Int) -> Int {
    let limit = Int(max(0, sys_raise_descriptor_limit(Int32(wanted + ownDescriptors))))
    return max(1, min(wanted, limit - fewestOwnDescriptors))
  }

  /// Before anything large is allocated: what a burst needs does not pass through the heap, so that all of it can go
  /// back.
  public static func keepHeapSmall() { sys_keep_heap_small() }

  /// 64 bits nobody can guess.
  public static func randomSeed() throws(SystemError) -> UInt64 {
    var seed: UInt64 = 0
    _ = try check(sys_random(&seed, 8), "getrandom")
    return seed
  }

  /// The command line without the program's name, also in a chroot without /proc, where Swift's list is empty.
  public static var arguments: [String] {
    Array(sequence(state: Int32(1)) { i in
      defer { i += 1 }
      return sys_argument(i).map { String(cString: $0) }
    })
  }

  public static func exit(_ code: Int32) -> Never { sys_exit(code) }

  public static func exists(_ path: String) -> Bool { sys_file_exists(path) == 1 }

  /// The bytes of a file of at most 16 MiB.
  public static func read(file path: String) throws(SystemError) -> [UInt8] {
    let descriptor = try check(sys_open_reading(path), "cannot open \(path)")
    defer { sys_close(descriptor) }
    return try read(descriptor, path)
  }

  static func read(_ descriptor: Int32, _ path: String) throws(SystemError) -> [UInt8] {
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 64 * 1024)
    while bytes.count < 16 << 20 {
      let count = sys_read(descriptor, &part, part.count)
      guard count >= 0 else { throw SystemError("cannot read \(path)", code: Int32(-count)) }
      if count == 0 { break }
      bytes += part[..<count]
    }
    return bytes
  }

  /// The directory of a path, and the name in it.
  static func split(_ path: String) -> (directory: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    return (slash == path.startIndex ? "/" : String(path[..<slash]), String(path[path.index(after: slash)...]))
  }

  /// The addresses of this machine's interfaces.
  public static func localAddresses() -> [NetworkAddress] {
    addresses { list, capacity in sys_local_addresses(list, capacity) }
  }

  public static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    guard sys_host_name(&name, name.count) >= 0 else { return "localhost" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// What the configuration asks about names.
  public static var hostLookup: HostLookup {
    HostLookup(
      resolve: { name in addresses { list, capacity in sys_resolve(name, list, capacity) } },
      interfaceIndex: { sys_interface_index($0) })
  }

  private static func addresses(
    _ fill: (UnsafeMutablePointer<sys_address>, Int32) -> Int32
  ) -> [NetworkAddress] {
    var list = [sys_address](repeating: sys_address(), count: 256)
    let count = list.withUnsafeMutableBufferPointer { fill($0.baseAddress!, Int32($0.count)) }
    return list.prefix(Int(max(0, count))).map { NetworkAddress($0) }
  }
}

/// The terminal the program was started from, for what is not part of the log.
public enum Terminal {
  /// Standard error.
  public static func error(_ text: String) { write(text, to: 2) }

  /// Standard output.
  public static func print(_ text: String) { write(text, to: 1) }

  private static func write(_ text: String, to descriptor: Int32) {
    var text = text + "\n"
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while rest.count > 0 {
        let count = sys_write(descriptor, rest.baseAddress, rest.count)
        guard count > 0 else { return }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
  }
}
