// Views, notices and routing of one daemon (client-protocol 6 and 7, daemon-groups 6 and 7).

import SpreadCore
import SpreadWire
import Testing

@Suite struct LocalGroupsTests {
  private func index(_ message: (header: MessageHeader, groups: [GroupName], data: [UInt8])) -> UInt32 {
    message.data.withUnsafeBytes { $0.u32(at: 8, .native) }
  }

  @Test func viewsListMembersByNameAndCountTheIndex() {
    let host = LoneDaemon()
    let z = host.login("zoe", joining: ["g"])
    _ = host.messages(z)
    let a = host.login("adam")
    host.send(a, host.frame(.join, from: "adam", to: ["g"]))
    let seen = host.messages(z)
    #expect(seen.count == 1)
    #expect(seen[0].groups == [GroupName("#adam#d1"), GroupName("#zoe#d1")])
    #expect(index(seen[0]) == 2)
    // One set that holds the joiner.
    #expect(seen[0].data.count == 56)
    #expect(seen[0].data[24..<56].withUnsafeBytes { GroupName($0) } == GroupName("#adam#d1"))
    #expect(host.messages(a).map(\.data) == seen.map(\.data))
  }

  @Test func leaverIsToldAloneAndOthersOfIt() {
    let host = LoneDaemon()
    let a = host.login("a", joining: ["g"])
    let b = host.login("b", joining: ["g"])
    _ = (host.messages(a), host.messages(b))
    host.send(b, host.frame(.leave, from: "b", to: ["g"]))
    let own = host.messages(b)
    #expect(own.map(\.header.type) == [.causedByLeave])
    #expect(own[0].header.name == GroupName("g") && own[0].data.isEmpty && own[0].groups.isEmpty)
    let other = host.messages(a)
    #expect(other.map(\.header.type) == [[.regularMembership, .causedByLeave]])
    #expect(other[0].groups == [GroupName("#a#d1")])
    #expect(index(other[0]) == 3)
  }

  @Test func joiningTwiceAndLeavingWithoutJoiningIsSilent() {
    let host = LoneDaemon()
    let a = host.login("a", joining: ["g"])
    host.send(a, host.frame(.join, from: "a", to: ["g"]))
    host.send(a, host.frame(.leave, from: "a", to: ["h"]))
    #expect(host.messages(a).isEmpty)
  }

  @Test func disconnectIsToldGroupByGroupInAscendingOrder() {
    let host = LoneDaemon()
    let a = host.login("a", joining: ["c", "a", "b"])
    let b = host.login("b", joining: ["b", "c", "a"])
    _ = (host.messages(a), host.messages(b))
    host.end(b)
    #expect(host.messages(a).map(\.header.name) == [GroupName("a"), GroupName("b"), GroupName("c")])
  }

  @Test func sessionWithoutMembershipGetsDataOnly() {
    let host = LoneDaemon()
    let a = host.login("a", joining: ["g"])
    let quiet = host.login("quiet", membership: false, joining: ["g"])
    #expect(host.messages(a).last?.groups.count == 2)
    host.send(a, host.frame(.fifo, from: "a", to: ["g"], data: [1]))
    host.send(quiet, host.frame(.leave, from: "quiet", to: ["g"]))
    #expect(host.messages(quiet).map(\.header.type) == [.fifo])
  }

  @Test func oneCopyHoweverManyDestinationsMatch() {
    let host = LoneDaemon()
    let a = host.login("a", joining: ["g", "h"])
    let b = host.login("b", joining: ["h"])
    _ = (host.messages(a), host.messages(b))
    host.send(a, host.frame(.agreed, from: "a", to: ["g", "h", "g", "#b#d1", "#a#d1"], data: [1]))
    #expect(host.messages(a).map(\.groups.count) == [5])
    #expect(host.messages(b).map(\.groups.count) == [5])
  }

  @Test func selfDiscardLeavesOutTheSenderOnly() {
    let host = LoneDaemon()
    let a = host.login("a", joining: ["g"])
    let b = host.login("b", joining: ["g"])
    _ = (host.messages(a), host.messages(b))
    host.send(a, host.frame([.safe, .selfDiscard], from: "a", to: ["g", "#a#d1"], data: [1]))
    #expect(host.messages(a).isEmpty)
    #expect(host.messages(b).map(\.header.type) == [[.safe, .selfDiscard]])
  }

  @Test func hundredDestinationsReachTheLastOne() {
    let host = LoneDaemon()
    let a = host.login("a", joining: ["last"])
    let groups = (0..<99).map { "x\($0)" } + ["last"]
    host.send(a, host.frame(.agreed, from: "a", to: groups, data: [1]))
    #expect(host.messages(a).map(\.groups.count) == [100])
  }

  @Test func servicesKeepTheirBitsAndOrder() {
    let host = LoneDaemon()
    let a = host.login("a", joining: ["g"])
    let services: [ServiceType] = [.unreliable, .reliable, .fifo, .causal, .agreed, .safe]
    for (i, service) in services.enumerated() {
      host.send(a, host.frame(service, from: "a", to: ["g"], type: Int16(i) - 3, data: [UInt8(i)]))
    }
    let seen = host.messages(a)
    #expect(seen.map(\.header.type) == services)
    #expect(seen.map(\.header.hint.messageType) == [-3, -2, -1, 0, 1, 2])
  }

  @Test func aFullGroupRefusesWhatAStockPeerCouldNotCarry() {
    let host = LoneDaemon()
    host.daemon.maxSessions = 4000
    for i in 0..<Limits.localMembersPerGroup { _ = host.login("u\(i)", membership: false, joining: ["g"]) }
    let last = host.login("last")
    host.send(last, host.frame(.join, from: "last", to: ["g"]))
    #expect(host.messages(last).isEmpty)
    guard case .joinRefused? = host.log.last else {
      Issue.record("not logged")
      return
    }
    host.send(last, host.frame(.join, from: "last", to: ["h"]))
    #expect(host.messages(last).count == 1)
  }
}
