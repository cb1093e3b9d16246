// Odds and ends of the system that the program needs at its start.

import CSpreadSystem

public enum System {
  /// Raises the limit of open descriptors so that every session gets one; the limit now in force.
  public static func raiseDescriptorLimit(to wanted: Int) -> Int {
    Int(max(0, sys_raise_descriptor_limit(Int32(wanted))))
  }

  /// 64 bits nobody can guess.
  public static func randomSeed() throws(SystemError) -> UInt64 {
    var seed: UInt64 = 0
    _ = try check(sys_random(&seed, 8), "getrandom")
    return seed
  }

  public static func exit(_ code: Int32) -> Never { sys_exit(code) }

  public static func exists(_ path: String) -> Bool { sys_file_exists(path) == 1 }
}

/// Standard error, for what must be read although there is no log yet.
public enum Terminal {
  public static func error(_ lines: [String]) {
    var text = lines.map { $0 + "\n" }.joined()
    text.withUTF8 { bytes in _ = sys_write_line(2, bytes.baseAddress, bytes.count) }
  }

  /// Standard output, at once.
  public static func print(_ text: String) {
    var text = text + "\n"
    text.withUTF8 { bytes in _ = sys_write_line(1, bytes.baseAddress, bytes.count) }
  }
}
