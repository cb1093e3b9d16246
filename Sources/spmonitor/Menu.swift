// The menu: stock's keys and screens (monitor 8).

import Glibc
import SpreadPlatform
import SpreadWire
import ToolSupport

struct Menu {
  private var daemons: Daemons
  private let interval: Int
  private var input = LineInput()

  /// Whose status is asked for.
  private var watched: Set<Int> = []
  private var last: DaemonStatus?
  private var askAt: Int?
  /// As defined, and as sent.
  private var drawnPartition: [Int16] = []
  private var partition: [Int16] = []
  private var sendPartitionAt: Int?
  private var drawnWindows = Windows(daemons: 0)
  private var windows = Windows(daemons: 0)

  /// A partition expires after 60 s (monitor 3).
  private static let partitionInterval = 25_000

  init(_ daemons: Daemons, interval: Int) {
    self.daemons = daemons
    self.interval = interval
    reset()
  }

  private mutating func reset() {
    watched = []
    askAt = nil
    drawnPartition = Array(repeating: 0, count: daemons.peers.count)
    partition = drawnPartition
    sendPartitionAt = nil
    drawnWindows = Windows(daemons: daemons.peers.count)
    windows = drawnWindows
  }

  /// Until the end of the input, or a key that says so.
  mutating func run() {
    show()
    while true {
      waitForLine()
      guard let key = input.next()?.text.first else {
        if input.hasEnded { break }
        unknown()
        continue
      }
      guard obey(key) else { break }
    }
    say("Bye.\n")
  }

  private mutating func obey(_ key: UInt8) -> Bool {
    switch key {
    case UInt8(ascii: "0"): selectStatus()
    case UInt8(ascii: "1"): definePartition()
    case UInt8(ascii: "2"):
      partition = drawnPartition
      sendPartition()
      sendPartitionAt = monotonicMilliseconds() + Self.partitionInterval
      prompt()
    case UInt8(ascii: "3"): show(partition)
    case UInt8(ascii: "4"):
      partition = Array(repeating: 0, count: partition.count)
      sendPartitionAt = nil
      sendPartition()
      prompt()
    case UInt8(ascii: "5"): defineWindows()
    case UInt8(ascii: "6"): sendWindows()
    case UInt8(ascii: "7"): show(windows)
    case UInt8(ascii: "8"): terminate()
    case UInt8(ascii: "r"): reload()
    case UInt8(ascii: "9"), UInt8(ascii: "q"): return false
    default: unknown()
    }
    return true
  }

  // MARK: Screens

  private func prompt() { say("\nMonitor> ") }

  private func unknown() {
    // The spelling is stock's.
    say("\nUnknown commnad\n")
    show()
  }

  private func show() {
    say(
      """

      =============
      Monitor Menu:
      -------------
      \t0. Activate/Deactivate Status {all, none, Proc, CR}

      \t1. Define Partition
      \t2. Send   Partition
      \t3. Review Partition
      \t4. Cancel Partition Effects

      \t5. Define Flow Control
      \t6. Send   Flow Control
      \t7. Review Flow Control

      \t8. Terminate Spread Daemons {all, none, Proc, CR}

      \tr. Reload Configuration File

      \t9. Exit

      Monitor> \

      """)
  }

  private func show(_ partition: [Int16]) {
    var text = "\n=============\nPartition Map:\n-------------\n\n"
    for segment in daemons.segments {
      for index in segment { text += "\t\(daemons.peers[index].name)\t\(partition[index])\n" }
      text += "\n"
    }
    say(text + "\nMonitor> ")
  }

  private func show(_ windows: Windows) {
    var text = "\n========================\nFlow Control Parameters:\n------------------------\n\n"
    text += "Window size:  \(windows.window)\n\n"
    for segment in daemons.segments {
      for index in segment {
        text += "\t\(daemons.peers[index].name) personal window\t\(windows.personal[index])\n"
        if isAccelerated {
          text += "\t\(daemons.peers[index].name) accelerated window\t\(windows.accelerated[index])\n"
        }
      }
      text += "\n"
    }
    say(text + "\nMonitor> ")
  }

  private var isAccelerated: Bool { daemons.configuration.ringProtocol == .accelerated }

  // MARK: Questions

  /// Answers to `question` until an empty line: names, `all`, `none`.
  private mutating func select(_ question: String, _ selected: inout Set<Int>) {
    while true {
      let name = String(decoding: ask(question).split(separator: UInt8(ascii: " ")).first ?? [], as: UTF8.self)
      if name.isEmpty { return }
      if name == "all" {
        selected = Set(daemons.peers.indices)
      } else if name == "none" {
        selected = []
      } else if let index = daemons.index(named: name) {
        selected.insert(index)
      } else {
        say("Please! enter a legal proc name, none, or all\n")
      }
    }
  }

  /// A number; an empty line is `empty`, nil: asked again.
  private mutating func number(_ question: String, empty: Int16?) -> Int16 {
    while true {
      let text = String(decoding: ask(question).filter { $0 != UInt8(ascii: " ") && $0 != 13 }, as: UTF8.self)
      if text.isEmpty, let empty { return empty }
      if let value = Int(text) { return Int16(clamping: value) }
      say("Please enter a number\n")
    }
  }

  /// The end of the input ends the program, as everywhere.
  private mutating func ask(_ question: String) -> [UInt8] {
    say(question)
    guard let line = input.next() else {
      say("Bye.\n")
      exit(0)
    }
    return line.text
  }

  // MARK: Status

  private mutating func selectStatus() {
    say("\n=============\nActivate Status\n-------------\n\n")
    var selected = watched
    select("\tEnter Proc Name: ", &selected)
    watched = selected
    askAt = nil
    if !watched.isEmpty { askStatus() }
    prompt()
  }

  private mutating func askStatus() {
    say("Monitor: send status query\n")
    for index in watched.sorted() { tell { () throws(SystemError) in try daemons.askStatus(index) } }
    askAt = monotonicMilliseconds() + interval * 1000
  }

  private mutating func report() {
    while let status = daemons.nextStatus() {
      guard daemons.index(of: status.process) != nil else {
        // The spelling is stock's.
        say("Report_message: Skiping illegal status\n")
        continue
      }
      say(Report(status, daemons).text(after: last) + "\nMonitor> ")
      last = status
    }
  }

  // MARK: Commands

  private mutating func definePartition() {
    say("\n=============\nDefine Partition\n-------------\n\n")
    for segment in daemons.segments {
      for index in segment { drawnPartition[index] = number("\t\(daemons.peers[index].name)\t", empty: nil) }
      say("\n")
    }
    show(drawnPartition)
  }

  private func sendPartition() {
    say("Monitor: send partition\n")
    for index in daemons.peers.indices {
      tell { () throws(SystemError) in try daemons.sendPartition(partition, to: index) }
    }
  }

  private mutating func defineWindows() {
    say("\n===================\nDefine Flow Control\n-------------------\n\n")
    drawnWindows.window = number("    Window size: ", empty: -1)
    say("\n")
    for segment in daemons.segments {
      for index in segment {
        let name = daemons.peers[index].name
        drawnWindows.personal[index] = number("\t\(name) personal window\t", empty: -1)
        if isAccelerated { drawnWindows.accelerated[index] = number("\t\(name) accelerated window\t", empty: -1) }
      }
      say("\n")
    }
    show(drawnWindows)
  }

  private mutating func sendWindows() {
    windows = drawnWindows
    say("Monitor: send flow control params\n")
    for index in daemons.peers.indices {
      tell { () throws(SystemError) in try daemons.sendWindows(windows, to: index) }
    }
    prompt()
  }

  private mutating func terminate() {
    var victims: Set<Int> = []
    select("\tEnter Proc Name to Terminate: ", &victims)
    var components = partition
    for index in victims { components[index] = PartitionCommand.terminate }
    for index in victims.sorted() {
      say("Monitor: Terminating \(daemons.peers[index].name)\n")
      tell { () throws(SystemError) in try daemons.sendPartition(components, to: index) }
    }
    prompt()
  }

  private mutating func reload() {
    say("Old configuration hash is: \(daemons.configuration.hash)\nMonitor: send conf reload command\n")
    for index in daemons.peers.indices { tell { () throws(SystemError) in try daemons.sendReload(index) } }
    do throws(Daemons.Failure) {
      try daemons.reload()
    } catch {
      say(error.lines.joined(separator: "\n") + "\nThe monitor goes on with the old configuration.\n\nMonitor> ")
      return
    }
    reset()
    say(
      """
      New configuration hash is: \(daemons.configuration.hash)
      All Status, Partition, FC, etc commands are reset by configuration reload!
      Reload Membership. \


      """)
    prompt()
  }

  private func tell(_ body: () throws(SystemError) -> Void) {
    do throws(SystemError) { try body() } catch { say("\(error)\n") }
  }

  // MARK: Waiting

  /// Until a line is there; meanwhile answers are shown and questions repeated.
  private mutating func waitForLine() {
    while !input.hasLine {
      let now = monotonicMilliseconds()
      if let at = askAt, at <= now { askStatus() }
      if let at = sendPartitionAt, at <= now {
        sendPartition()
        sendPartitionAt = now + Self.partitionInterval
      }
      let next = [askAt, sendPartitionAt].compactMap { $0 }.min()
      var fds = [
        pollfd(fd: 0, events: Int16(POLLIN), revents: 0),
        pollfd(fd: daemons.socket.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&fds, 2, next.map { CInt(max(0, $0 - now)) } ?? -1) > 0 else { continue }
      if fds[1].revents != 0 { report() }
      if fds[0].revents != 0 { input.fill() }
    }
  }
}
