// spread-check FILES...: checks recorded traces against the guarantees.

import SpreadCheck

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

let help = """
  Usage: spread-check [--contract] [--strict-reliable] FILE...

  Reads traces, one JSON object a line (client and daemon recorders, a "run" line), and checks the guarantees of
  Extended Virtual Synchrony, of the services, of group membership and of the Flush layer on them. Prints every
  violation with the trace lines that prove it; the last line is "n traces, m events, v violations".

    --contract         ask only for what the services promise, not for the order stock gives
    --strict-reliable  RELIABLE messages keep virtual synchrony too (only among daemons that hold them back)
    --help             this text

  Exit status: 0 no violation, 1 violations, 2 unreadable input.

  Example:
    spread-check alice.jsonl bob.jsonl run.json

  """

func fail(_ text: String) -> Never {
  let line = Array("spread-check: \(text)\n".utf8)
  _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  exit(2)
}

/// The whole file; nil, and errno, when it cannot be read. "-" is standard input.
func contents(_ path: String) -> [UInt8]? {
  let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY)
  guard descriptor >= 0 else { return nil }
  defer { if path != "-" { close(descriptor) } }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 20)
  while true {
    let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    if count < 0, errno == EINTR { continue }
    if count < 0 { return nil }
    if count == 0 { return bytes }
    bytes += chunk[..<count]
  }
}

var options = CheckOptions()
var files: [String] = []
for argument in CommandLine.arguments.dropFirst() {
  switch argument {
  case "--help", "-h":
    print(help, terminator: "")
    exit(0)
  case "--contract": options.level = .contract
  case "--strict-reliable": options.strictReliable = true
  default:
    if argument.count > 1, argument.hasPrefix("-") { fail("unknown option \(argument); try --help") }
    files.append(argument)
  }
}
if files.isEmpty { fail("no files; try --help") }

let trace = Trace()
for file in files {
  guard let bytes = contents(file) else { fail("\(file): \(String(cString: strerror(errno)))") }
  do throws(TraceFailure) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(TraceFailure) in try trace.read(buffer, file: file) }
  } catch {
    fail("\(error.file):\(error.line): \(error.text)")
  }
}

let report = Checker.check(trace, options)
print(report.text(trace), terminator: "")
print(
  "\(trace.clients.count + trace.daemons.count) traces, \(trace.eventCount) events, \(report.violationCount) violations"
)
exit(report.isClean ? 0 : 1)
