// Lines of the log: stable names, one line per event whatever a client calls itself, limits on refusals.

import Glibc
import SpreadCore
import SpreadWire
import Testing

@testable import SpreadPlatform

@Suite struct LogTests {
  private let directory = TemporaryDirectory()
  private var path: String { directory.path + "/log" }

  private func sink() throws -> LogSink { try LogSink(path: path, isStandard: false) }

  private func contents(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 65536)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  private func log(
    _ events: LogEvent..., format: LogFormat = .text, flags: DebugFlags = .all, priority: LogLevel = .info
  ) throws -> String {
    let log = EventLog(
      try sink(), format: format, timeStamp: TimeStampStyle(format: nil), flags: flags, priority: priority)
    for event in events { log.tell(LogLine(event)) }
    return contents(path)
  }

  @Test func json() throws {
    let text = try log(.sessionAccepted(user: GroupName("a\"\u{7}b"), SessionID(3), from: .unixSocket), format: .json)
    let rest = text.drop { $0 != "," }
    #expect(text.hasPrefix("{\"time\":\"20"))
    #expect(
      rest == #","level":"info","event":"session.accepted","message":"a\"\u0007b connected over the unix socket","#
        + #""from":"unix","user":"a\"\u0007b"}"# + "\n")
  }

  /// DebugFlags and EventPriority hide events, but never a refusal or the end of a session.
  @Test func filter() throws {
    let accepted = LogEvent.sessionAccepted(user: GroupName("a"), SessionID(3), from: .unixSocket)
    let ended = LogEvent.sessionEnded(user: GroupName("a"), SessionID(3), from: .unixSocket, .clientLeft)
    let refused = LogEvent.connectionRefused(user: nil, from: .unixSocket, .silent)
    func names(_ flags: DebugFlags, _ priority: LogLevel) throws -> [Substring] {
      unlink(path)
      return try log(accepted, ended, refused, flags: flags, priority: priority).split(separator: "\n")
        .map { $0.split(separator: " ")[1].dropLast() }
    }
    #expect(try names(.session, .info) == ["session.accepted", "session.ended", "connection.refused"])
    #expect(try names(.groups, .info) == ["session.ended", "connection.refused"])
    #expect(try names(.session, .warning) == ["session.ended", "connection.refused"])
    #expect(try names([], .print) == ["session.ended", "connection.refused"])
  }

  @Test func verbatimLinesStandAlone() throws {
    let log = EventLog(try sink(), timeStamp: TimeStampStyle(format: "x"))
    log.tell(.verbatim("Hash value for this configuration is: 7", "configuration.read", .info, in: .configuration))
    #expect(contents(path) == "x Hash value for this configuration is: 7\n")
  }

  @Test func eventBecomesOneLine() throws {
    let text = try log(
      .sessionAccepted(user: GroupName("alice"), SessionID(3), from: .unixSocket),
      .sessionEnded(user: GroupName("bob"), SessionID(3), from: .network(.v4(0x7f00_0001)), .tooSlow(queued: 1001)))
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

  static let refusals: [RefusalReason] = [
    .sessionLimit, .silent, .endedEarly, .version, .nameLength, .nameCharacter, .nameInUse, .authenticationSilent,
    .authentication(.nothingEnabled), .authentication(.choiceLength(1)), .authentication(.nothingChosen),
    .authentication(.methodNotEnabled(GroupName("X"))), .authentication(.addressNotAllowed),
    .authentication(.noAccessFile),
  ]
  static let ends: [SessionEndReason] = [
    .clientLeft, .endOfStream, .failure(5), .tooSlow(queued: 1), .shutdown, .badHeader(.kind(0)),
    .badHeader(.forbiddenBits(0)), .badHeader(.sender), .badHeader(.groupCount(0)), .badHeader(.hint),
    .badHeader(.dataLength(0)), .badHeader(.tooLong(0)), .badHeader(.groupMissing), .badHeader(.groupUnterminated),
  ]

  static let losses: [TokenLossReason] = [
    .timeout, .aruWentDown, .requestBelowAru, .aruBeyondHeld, .sequenceTooHigh, .numbersUsedUp, .recoveryTooLong,
    .brokenMessage, .membershipMessage, .formTimeout, .contradictoryForm, .started,
  ]

  @Test func everyReasonHasItsOwnName() throws {
    #expect(Set(Self.refusals.map(\.name)).count == Self.refusals.count)
    #expect(Set(Self.losses.map(\.name)).count == Self.losses.count)
    #expect(Set(Self.ends.map(\.name)).count == Self.ends.count)
  }

  @Test func fileIsOpenedAnewAfterRotation() throws {
    let sink = try sink()
    sink.write("one") { _ in "" }
    rename(path, path + ".1")
    sink.write("two") { _ in "" }
    try sink.reopen()
    sink.write("three") { _ in "" }
    #expect(contents(path + ".1") == "one\ntwo\n")
    #expect(contents(path) == "three\n")
  }

  /// The reader of a pipe stops for a while.
  @Test func lostLinesAreToldLater() throws {
    mkfifo(path, 0o600)
    let reader = open(path, O_RDONLY | O_NONBLOCK)
    let sink = try sink()
    let long = String(repeating: "x", count: 4000)
    var written = 0
    while sink.lostLines == 0, written < 1000 {
      sink.write(long) { _ in "" }
      written += 1
    }
    #expect(sink.lostLines == 1)
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    #expect(read(reader, &bytes, bytes.count) == (written - 1) * 4001)
    sink.write("again") { "lost \($0)" }
    let count = read(reader, &bytes, bytes.count)
    #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == "lost 1\nagain\n")
    #expect(sink.lostLines == 0)
    close(reader)
  }

  @Test func fullDiskDoesNotStopAnything() throws {
    let full = try LogSink(path: "/dev/full", isStandard: false)
    full.write("lost") { _ in "" }
    full.write("lost too") { _ in "" }
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

/// The columns of the session log (configuration 9), as stock prints them.
@Suite struct SessionLogTests {
  private func line(_ event: LogEvent) -> String? {
    SessionLog.line(event, seconds: 1_795_420_182, highest: 7, configured: 3)
  }

  @Test func lines() {
    #expect(line(.started(daemon: GroupName("d1"), process: ProcessID(1))) == "B    1795420182")
    #expect(
      line(.membership(MembershipID(ProcessID(1), 1_795_420_184), DaemonSet([0, 2])))
        == "M    1795420182    1795420184           7 >   0 --  2")
    #expect(
      line(.sessionAccepted(user: GroupName("alice"), SessionID(12), from: .network(.v4(0x0a58_0001))))
        == "C    1795420182           7  12 10.88.0.1        alice     ")
    #expect(
      line(.sessionEnded(user: GroupName("alice"), SessionID(12), from: .unixSocket, .tooSlow(queued: 1001)))
        == "D    1795420182           7  12 unix" + String(repeating: " ", count: 43) + "alice      1001")
    #expect(line(.tokenLost(.timeout)) == nil)
  }
}

