// Where the bytes of the daemon come from and go to. The protocol code knows this interface only, so it runs the same
// over a socket, over memory in tests, and under the fuzzer.

import CSpreadSocket

/// A blocking stream of bytes.
public protocol ByteStream {
  /// Fills the first `total` bytes of the run. Fewer bytes than asked for mean that the stream is over for good:
  /// closed, broken, or out of time.
  mutating func read(_ run: csp_run, total: Int) -> Int
  /// Writes the first `total` bytes of the run; false when the stream is over.
  mutating func write(_ run: csp_run, total: Int) -> Bool
}

extension ByteStream {
  @inlinable public mutating func read(into memory: UnsafeMutableRawPointer, _ length: Int) -> Int {
    read(csp_run(first: memory, length), total: length)
  }

  @inlinable public mutating func write(from memory: UnsafeRawPointer, _ length: Int) -> Bool {
    write(csp_run(first: UnsafeMutableRawPointer(mutating: memory), length), total: length)
  }

  /// Reads `length` bytes and forgets them; false when the stream is over.
  mutating func discard(_ length: Int) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 8) { scratch in
      var left = length
      while left > 0 {
        let part = min(left, scratch.count)
        guard read(into: scratch.baseAddress!, part) == part else { return false }
        left -= part
      }
      return true
    }
  }
}

extension csp_run {
  /// A run of one or two leading pieces and a body.
  @inlinable public init(
    first: UnsafeMutableRawPointer?, _ firstLength: Int, second: UnsafeMutableRawPointer? = nil,
    _ secondLength: Int = 0, body: Pieces = Pieces(nil, count: 0)
  ) {
    self.init(
      first: csp_piece(base: first, length: firstLength), second: csp_piece(base: second, length: secondLength),
      rest: body.base, count: body.count)
  }
}

/// A point of the monotonic clock in nanoseconds.
public struct Deadline: Sendable {
  public let nanoseconds: Int64

  public static var never: Deadline { Deadline(nanoseconds: CSP_NEVER) }

  public init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  /// `seconds` and `microseconds` from now; a time too long to count is for ever.
  public init(seconds: Int, microseconds: Int) {
    let (whole, overflow) = Int64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    if overflow {
      self.nanoseconds = seconds > 0 ? CSP_NEVER : 0
      return
    }
    let (span, overflow2) = whole.addingReportingOverflow(Int64(microseconds) &* 1000)
    let (point, overflow3) = csp_now().addingReportingOverflow(span)
    self.nanoseconds = overflow2 || overflow3 ? (seconds > 0 ? CSP_NEVER : 0) : point
  }

  public var isPast: Bool { nanoseconds != CSP_NEVER && csp_now() >= nanoseconds }
}

/// A socket. Waits by itself where the socket is non-blocking, be it by us (handshake) or by the application (c-api 5).
public struct SocketStream: ByteStream {
  public let descriptor: Int32
  public let deadline: Deadline

  public init(_ descriptor: Int32, deadline: Deadline = .never) {
    self.descriptor = descriptor
    self.deadline = deadline
  }

  @inline(__always)
  private func transfer(writing: Bool, _ run: csp_run, _ total: Int) -> Int {
    var done = 0
    return withUnsafePointer(to: run) { run in
      while done < total {
        let result = writing ? csp_send(descriptor, run, done, total) : csp_receive(descriptor, run, done, total)
        if result > 0 {
          done += result
        } else if result == Int(CSP_WOULD_BLOCK) {
          guard csp_wait(descriptor, writing ? 1 : 0, deadline.nanoseconds) == 1 else { break }
        } else {
          break
        }
      }
      return done
    }
  }

  public func read(_ run: csp_run, total: Int) -> Int {
    transfer(writing: false, run, total)
  }

  public func write(_ run: csp_run, total: Int) -> Bool {
    transfer(writing: true, run, total) == total
  }
}
