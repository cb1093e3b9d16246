// The UDP socket of a monitor: daemons look at the address it sends from and answer to its port (monitor 1).

import CSpreadSystem
import SpreadCore

public final class MonitorSocket {
  /// To wait for, readable when an answer is there.
  public let descriptor: Int32
  public let port: UInt16
  private let batch = net_batch_create(1, 1536)!

  /// - Parameter address: that of a configured daemon on this machine.
  public init(_ address: NetworkAddress, port: UInt16) throws(SystemError) {
    var name = sys_address(address, port: port)
    descriptor = try check(net_udp_socket(&name, 0), "cannot open UDP \(address.endpoint(port: port)) for the monitor")
    self.port = port
  }

  deinit {
    sys_close(descriptor)
    net_batch_destroy(batch)
  }

  public func send(_ bytes: UnsafeRawBufferPointer, to address: NetworkAddress, port: UInt16) throws(SystemError) {
    var piece = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
    var to = sys_address(address, port: port)
    let result = net_send(descriptor, &to, &piece, 1, 0)
    if result < 0 { throw SystemError("cannot send to \(address.endpoint(port: port))", code: Int32(-result)) }
  }

  /// The next datagram that is there, valid during the call; false when none is.
  public func receive(_ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
    guard net_batch_receive(batch, descriptor) > 0 else { return false }
    var length = 0
    var source = sys_address()
    let bytes = net_batch_datagram(batch, 0, &length, &source)
    if length > 0 { body(UnsafeRawBufferPointer(start: bytes, count: length)) }
    return true
  }
}
