// Lines in, text out, over descriptors 0 and 1.
//
// Unlike C's stdio, the reader can say whether a whole line is already here. Stock asks select() about descriptor 0
// while stdio holds further lines, so piped commands wait there for the next input; here they do not.

import Glibc

/// Lines of descriptor 0, without the newline.
package struct LineInput {
  private var bytes: [UInt8] = []
  private var start = 0
  private var ended = false

  package init() {}

  /// True when `next` answers without waiting.
  package var hasLine: Bool { ended || bytes[start...].contains(newline) }

  /// Nothing will come any more; lines that are here are still answered.
  package var hasEnded: Bool { ended && start >= bytes.count }

  /// The next line and whether a newline ended it; nil at the end of the input. Waits.
  package mutating func next() -> (text: [UInt8], terminated: Bool)? {
    var searched = start
    while true {
      if let end = bytes[searched...].firstIndex(of: newline) {
        defer { drop(upTo: end + 1) }
        return (Array(bytes[start..<end]), true)
      }
      searched = bytes.count
      if ended {
        guard start < bytes.count else { return nil }
        defer { drop(upTo: bytes.count) }
        return (Array(bytes[start...]), false)
      }
      fill()
    }
  }

  /// One read. Interrupted reads are repeated; an error ends the input as its end does.
  package mutating func fill() {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { room in
      var count = read(0, room.baseAddress!, room.count)
      while count < 0 && errno == EINTR { count = read(0, room.baseAddress!, room.count) }
      if count > 0 {
        bytes.append(contentsOf: room[..<count])
      } else {
        ended = true
      }
    }
  }

  private mutating func drop(upTo end: Int) {
    start = end
    if start == bytes.count || start > 65536 {
      bytes.removeFirst(start)
      start = 0
    }
  }
}

/// Text for descriptor 1, written in one piece by `flush` so that two threads do not mix their lines.
package struct TextOutput {
  private var bytes: [UInt8] = []

  package init() {}

  package mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

  /// Raw bytes, e.g. a message body: they need not be UTF-8.
  package mutating func put(_ raw: some Collection<UInt8>) { bytes.append(contentsOf: raw) }

  package mutating func flush() {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(1, $0.baseAddress!, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        break  // nobody reads any more: nothing to tell, and the session goes on until its input ends
      }
    }
    bytes.removeAll(keepingCapacity: true)
  }
}

package let newline = UInt8(ascii: "\n")

/// Writes `text` at once.
package func say(_ text: String) {
  var out = TextOutput()
  out.put(text)
  out.flush()
}

/// On descriptor 2.
package func complain(_ text: String) {
  let bytes = Array(text.utf8)
  _ = write(2, bytes, bytes.count)
}

/// `value` with `digits` behind the point, as C's `%width.digitsf`; for amounts below 10^12.
package func decimal(_ value: Double, digits: Int, width: Int = 0) -> String {
  var scale = 1.0
  for _ in 0..<digits { scale *= 10 }
  let scaled = Int((value.magnitude * scale).rounded(.toNearestOrEven))
  let unit = Int(scale)
  let fraction = String(scaled % unit)
  let sign = value < 0 && scaled != 0 ? "-" : ""
  let zeros = String(repeating: "0", count: digits - fraction.utf8.count)
  let text = sign + String(scaled / unit) + "." + zeros + fraction
  return String(repeating: " ", count: max(0, width - text.utf8.count)) + text
}
