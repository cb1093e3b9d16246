// Lines of the log: stable names, one line per event whatever a client calls itself, limits on refusals.

import Glibc
import Logging
import SpreadCore
import SpreadWire
import Testing

@testable import SpreadPlatform

@Suite struct LogTests {
  private let directory = TemporaryDirectory()
  private var path: String { directory.path + "/log" }

  private func sink() throws -> LogSink {
    let sink = try LogSink(path: path)
    sink.timeStamp.format = nil
    return sink
  }

  private func contents(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 65536)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  private func log(_ events: SpreadCore.LogEvent...) throws -> String {
    let sink = try sink()
    let logger = Logger(label: "test", factory: { _ in LogOutput(sink) })
    for event in events { LogLine(event).log(to: logger) }
    return contents(path)
  }

  @Test func eventBecomesOneLine() throws {
    let text = try log(
      .sessionAccepted(user: GroupName("alice"), from: .unixSocket),
      .sessionEnded(user: GroupName("bob"), from: .network(.v4(0x7f00_0001)), .tooSlow(queued: 1001)))
    #expect(
      text == """
        info session.accepted: alice connected over the unix socket (from=unix user=alice)
        warning session.ended: bob disconnected: it does not read fast enough, 1001 messages waited for it \
        (MaxSessionMessages) (from=127.0.0.1 queued=1001 reason=too-slow user=bob)

        """)
  }

  @Test func namesFromOutsideStayInTheirLine() throws {
    let text = try log(.connectionRefused(user: GroupName("a\n\u{1b}[2J) x"), from: .unixSocket, .nameCharacter))
    #expect(text.filter { $0 == "\n" }.count == 1)
    #expect(!text.contains("\u{1b}"))
    #expect(text.contains("user=\"a??[2J) x\""))
  }

  @Test func everyReasonHasItsOwnName() {
    let refusals: [RefusalReason] = [
      .sessionLimit, .silent, .endedEarly, .version, .nameLength, .nameCharacter, .nameInUse, .authenticationSilent,
      .authentication(.nothingEnabled), .authentication(.choiceLength(1)), .authentication(.nothingChosen),
      .authentication(.methodNotEnabled(GroupName("X"))), .authentication(.addressNotAllowed),
      .authentication(.noAccessFile),
    ]
    #expect(Set(refusals.map(\.name)).count == refusals.count)
    let ends: [SessionEndReason] = [
      .clientLeft, .endOfStream, .failure(5), .tooSlow(queued: 1), .shutdown, .badHeader(.kind(0)),
      .badHeader(.forbiddenBits(0)), .badHeader(.sender), .badHeader(.groupCount(0)), .badHeader(.hint),
      .badHeader(.dataLength(0)), .badHeader(.tooLong(0)), .badHeader(.groupMissing), .badHeader(.groupUnterminated),
    ]
    #expect(Set(ends.map(\.name)).count == ends.count)
  }

  @Test func fileIsOpenedAnewAfterRotation() throws {
    let sink = try sink()
    sink.write("one")
    rename(path, path + ".1")
    sink.write("two")
    try sink.reopen()
    sink.write("three")
    #expect(contents(path + ".1") == "one\ntwo\n")
    #expect(contents(path) == "three\n")
  }

  @Test func fullDiskIsToldLater() throws {
    // The file cannot grow: its descriptor is a device without room.
    let full = try LogSink(path: "/dev/full")
    full.timeStamp.format = nil
    full.write("lost")
    full.write("lost too")
    #expect(full.lostLines == 2)
  }

  @Test func timeStamps() {
    #expect(TimeStampStyle(format: nil).now == "")
    #expect(TimeStampStyle(format: "x").now == "x ")
    let precise = TimeStampStyle(format: "x", withMicroseconds: true).now
    #expect(precise.count == "x.123456 ".count)
    #expect(precise.hasPrefix("x."))
  }
}

@Suite struct RefusalLimiterTests {
  private let second: UInt64 = 1_000_000_000

  @Test func someLinesThenASummary() {
    var limiter = RefusalLimiter()
    let admitted = (0..<25).filter { _ in limiter.admits(.silent, at: 5) }
    #expect(admitted.count == RefusalLimiter.linesPerSecond)
    #expect(limiter.summaryDue == 5 + second)
    let early = limiter.summaries(at: 6)
    #expect(early.isEmpty)
    let summaries = limiter.summaries(at: 5 + second)
    #expect(summaries.map(\.reason) == ["silent"])
    #expect(summaries.map(\.count) == [15])
    #expect(limiter.summaryDue == .max)
    let admittedAgain = limiter.admits(.silent, at: 6 + second)
    #expect(admittedAgain)
  }

  @Test func reasonsDoNotHideEachOther() {
    var limiter = RefusalLimiter()
    for _ in 0..<50 { _ = limiter.admits(.silent, at: 0) }
    let admittedAgain = limiter.admits(.nameInUse, at: 0)
    #expect(admittedAgain)
  }

  @Test func slowSuspectsAreAllTold() {
    var limiter = RefusalLimiter()
    for i in 0..<100 {
      let admitted = limiter.admits(.silent, at: UInt64(i) * second / 5)
      #expect(admitted)
    }
    #expect(limiter.summaryDue == .max)
  }
}

@Suite struct DeadlinesTests {
  private func pop(_ deadlines: inout Deadlines, _ now: UInt64) -> TimerID? { deadlines.popDue(at: now) }

  @Test func earliestComesFirstAndOnce() {
    var deadlines = Deadlines()
    #expect(deadlines.earliest == .max)
    deadlines.set(.admission, 10)
    #expect(deadlines.earliest == 10)
    #expect(pop(&deadlines, 9) == nil)
    #expect(pop(&deadlines, 10) == .admission)
    #expect(pop(&deadlines, 10) == nil)
    #expect(deadlines.earliest == .max)
  }

  @Test func settingReplacesAndNilCancels() {
    var deadlines = Deadlines()
    deadlines.set(.admission, 10)
    deadlines.set(.admission, 20)
    #expect(pop(&deadlines, 10) == nil)
    deadlines.set(.admission, nil)
    #expect(pop(&deadlines, 30) == nil)
  }
}
