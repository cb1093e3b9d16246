// Where the vectors are, and how their files are read.

import Foundation

/// Tests/Vectors.
let vectorFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("Vectors")

/// What a JSON file of the vectors holds.
func vectorJSON(_ name: String) throws -> Any {
  try JSONSerialization.jsonObject(with: Data(contentsOf: vectorFolder.appendingPathComponent(name)))
}

/// Bytes from lower-case hex digits.
func hexBytes(_ text: String) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(text.utf8.count / 2)
  var high: UInt8?
  for character in text.utf8 {
    let digit = character <= UInt8(ascii: "9") ? character - 48 : character - 87
    precondition(digit < 16, "not hex: \(text)")
    if let h = high {
      bytes.append(h << 4 | digit)
      high = nil
    } else {
      high = digit
    }
  }
  precondition(high == nil, "half a byte: \(text)")
  return bytes
}
