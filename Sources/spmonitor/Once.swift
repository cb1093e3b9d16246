// --once: asks, waits, prints, ends.

import Glibc
import SpreadWire
import ToolSupport

struct Once {
  let daemons: Daemons
  let options: Options

  /// The exit code.
  func run() -> Int32 {
    var asked: [Int] = Array(daemons.peers.indices)
    if !options.daemons.isEmpty {
      asked = options.daemons.compactMap { daemons.index(named: $0) }
      for name in options.daemons where daemons.index(named: name) == nil {
        complain("spmonitor: no daemon is called '\(name)' in the configuration\n")
      }
      if asked.count < options.daemons.count { return 2 }
    }
    var answers: [Int: DaemonStatus] = [:]
    // Datagrams get lost: whoever has not answered is asked four times in all.
    for _ in 0..<4 where answers.count < asked.count {
      for index in asked where answers[index] == nil { try? daemons.askStatus(index) }
      collect(&answers, asked, milliseconds: options.timeout * 250)
    }
    print(answers, asked)
    return answers.count < asked.count ? 1 : 0
  }

  private func collect(_ answers: inout [Int: DaemonStatus], _ asked: [Int], milliseconds: Int) {
    let end = monotonicMilliseconds() + milliseconds
    while answers.count < asked.count {
      let left = end - monotonicMilliseconds()
      guard left > 0 else { return }
      var watched = pollfd(fd: daemons.socket.descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&watched, 1, CInt(left)) > 0 else { continue }
      while let status = daemons.nextStatus() {
        if let index = daemons.index(of: status.process), asked.contains(index) { answers[index] = status }
      }
    }
  }

  private func print(_ answers: [Int: DaemonStatus], _ asked: [Int]) {
    if options.json {
      let all = asked.map { index in
        answers[index].map { Report($0, daemons).json } ?? Report.silent(daemons.peers[index].name)
      }
      say("{\"hash\":\(daemons.configuration.hash),\"daemons\":[\(all.joined(separator: ","))]}\n")
      return
    }
    var last: DaemonStatus?
    for index in asked {
      if let status = answers[index] {
        say(Report(status, daemons).text(after: last))
        last = status
      } else {
        say("\n\(daemons.peers[index].name) does not answer\n")
      }
    }
  }
}

func monotonicMilliseconds() -> Int {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}
