// How the C interface answers: codes instead of errors, errno as it was (c-api 4).

import CSpread
import CSpreadSocket
import SpreadClient
import SpreadWire

/// Runs one call of the C interface: an error becomes its code, and errno stays what it was.
@inline(__always)
func answer(_ body: () throws(ClientError) -> Int32) -> Int32 {
  let saved = csp_errno()
  defer { csp_set_errno(saved) }
  do throws(ClientError) { return try body() } catch { return error.code }
}

/// A pointer that must be there.
@inline(__always)
func required<Pointee>(
  _ pointer: UnsafeMutablePointer<Pointee>?, or error: ClientError = .illegalMessage
) throws(ClientError) -> UnsafeMutablePointer<Pointee> {
  guard let pointer else { throw error }
  return pointer
}

@inline(__always)
func required<Pointee>(_ pointer: UnsafePointer<Pointee>?) throws(ClientError) -> UnsafePointer<Pointee> {
  guard let pointer else { throw .illegalMessage }
  return pointer
}

extension Pieces {
  /// The elements of a scatter: csp_piece has the layout of scat_element (asserted in layout.c).
  init(_ pieces: UnsafePointer<scatter>?) throws(ClientError) {
    let pieces = try required(pieces)
    let count = pieces.pointee.num_elements
    guard count <= ClientLimits.pieces else { throw .illegalMessage }
    let elements = UnsafeRawPointer(pieces) + MemoryLayout<Int>.stride
    self.init(elements.assumingMemoryBound(to: csp_piece.self), count: Int(count))
  }
}

/// Runs `body` with one buffer as pieces.
@inline(__always)
func withPiece(
  _ memory: UnsafeMutableRawPointer?, _ length: Int, _ body: (Pieces) throws(ClientError) -> Int32
) throws(ClientError) -> Int32 {
  let piece = csp_piece(base: memory, length: length)
  var failure: ClientError?
  let result = withUnsafePointer(to: piece) { piece -> Int32 in
    do throws(ClientError) { return try body(Pieces(piece, count: 1)) } catch {
      failure = error
      return 0
    }
  }
  if let failure { throw failure }
  return result
}
