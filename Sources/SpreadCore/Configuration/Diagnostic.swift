// What is wrong with a file a person wrote, and where (configuration 2, 3, 7). Used for spread.conf and
// spread.access_ip alike.

/// One finding, printed as `file:line:column: error: text`.
public struct Diagnostic: Equatable, Sendable, CustomStringConvertible {
  public enum Severity: Sendable {
    /// The file is used all the same.
    case warning
    /// The file cannot be used.
    case error
  }

  public var severity: Severity
  /// As the caller named it.
  public var file: String
  /// From 1.
  public var line: Int
  /// From 1, in bytes: an editor counts a multi-byte letter once, we do not.
  public var column: Int
  public var message: String

  public init(_ severity: Severity, file: String, line: Int, column: Int, _ message: String) {
    self.severity = severity
    self.file = file
    self.line = line
    self.column = column
    self.message = message
  }

  public var description: String {
    "\(file):\(line):\(column): \(severity == .error ? "error" : "warning"): \(message)"
  }
}

/// Bytes from a file as they may be shown: control characters and broken UTF-8 replaced, long text cut.
func printable(_ bytes: some Collection<UInt8>, limit: Int = 60) -> String {
  let cut = bytes.prefix(limit)
  let text = String(decoding: cut.map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
  return cut.count < bytes.count ? text + "..." : text
}
