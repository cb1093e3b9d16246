// One pass over all daemon traces: rings, packets and messages as dense numbers, and each incarnation's stays in
// regular configurations.

import SpreadWire

struct PacketKey: Hashable {
  let ring: Int32
  let sequence: Int32
}

/// The end of a message in a packet.
struct LastPiece {
  let message: Int32
  let isWhole: Bool
}

/// A packet somebody gave its number.
struct PacketInfo {
  let key: PacketKey
  /// Daemon trace and record of its `seq` event.
  let origin: Int
  let record: Int
  /// Messages that end in it.
  let lastPieces: [LastPiece]
}

struct DeliveredMessage {
  let id: MessageID
  var service: Service
  /// The service is only that of the packet.
  var isGuess: Bool
}

struct Delivery {
  /// Dense number; -1 for messages that daemons make themselves.
  let message: Int32
  let ring: Int32
  let sequence: Int32
  let service: Service
  let phase: Phase
  let record: Int
}

/// One incarnation's stay in one regular configuration, from its installation to the next one's.
struct RingStay {
  let daemon: Int
  /// Dense ring number; -1 before the first installation.
  let ring: Int32
  /// Record of the installation; -1 before the first.
  let begin: Int
  /// Records and table indices of the transitional configurations in it: one, if all is right.
  var transitional: [(record: Int, index: TableIndex)] = []
  var deliveries: [Delivery] = []
  /// Packets of the ring it made or took from the network.
  var held: [(sequence: Int32, record: Int)] = []
  var endRecord: Int
  /// The stay after it.
  var next: Int?
}

struct DaemonInfo {
  let name: NameID
  /// A `stop`, or another incarnation after it.
  var isStopped = false
  /// Record of `left`.
  var left: Int?
  var stays: [Int] = []
}

final class DaemonIndex {
  let trace: Trace
  /// By name: the daemon that a private name belongs to.
  let daemonOf: [NameID?]
  private(set) var daemons: [DaemonInfo] = []
  private(set) var rings = NumberTable<MembershipID>()
  private(set) var ringIDs: [MembershipID] = []
  /// Of the first installation seen; empty when nobody installed the ring.
  private(set) var ringMembers: [[NameID]] = []
  /// Record of that installation.
  private(set) var ringEvidence: [Evidence?] = []
  private(set) var packets: [PacketInfo] = []
  private(set) var packetNumbers = NumberTable<PacketKey>()
  /// Second origins of a number, found on the way.
  private(set) var twoOrigins: [(first: Evidence, second: Evidence)] = []
  private(set) var messages: [DeliveredMessage] = []
  private(set) var messageNumbers = NumberTable<MessageID>()
  private(set) var stays: [RingStay] = []

  init(_ trace: Trace) {
    self.trace = trace
    daemonOf = trace.names.daemons()
    learnServices()
    for daemon in trace.daemons.indices { readPackets(daemon) }
    for daemon in trace.daemons.indices { readStays(daemon) }
    for daemon in trace.daemons.indices {
      let isFollowed = trace.daemons[(daemon + 1)...].contains { $0.name == daemons[daemon].name }
      if isFollowed { daemons[daemon].isStopped = true }
    }
  }

  func configuration(_ index: TableIndex) -> ConfigurationRecord { trace.configurations[Int(index)] }
  func packet(_ ring: Int32, _ sequence: Int32) -> PacketInfo? {
    packetNumbers[PacketKey(ring: ring, sequence: sequence)].map { packets[Int($0)] }
  }
  func rank(_ message: Int32) -> Int { messages[Int(message)].service.rank }
  /// Ended by the daemon's end, or the trace's.
  func isCutOff(_ stay: RingStay) -> Bool { stay.next == nil }
  /// Where the stay's transitional configuration stands, or its begin.
  func evidence(_ stay: RingStay) -> Evidence {
    .daemon(stay.daemon, stay.transitional.first?.record ?? max(stay.begin, 0))
  }

  private func ring(_ id: MembershipID) -> Int32 {
    if let ring = rings[id] { return ring }
    let ring = Int32(ringIDs.count)
    rings.add(id, ring)
    ringIDs.append(id)
    ringMembers.append([])
    ringEvidence.append(nil)
    return ring
  }

  private func message(_ id: MessageID, _ service: Service, isGuess: Bool) -> Int32 {
    if let number = messageNumbers[id] {
      if !isGuess, messages[Int(number)].isGuess {
        messages[Int(number)].service = service
        messages[Int(number)].isGuess = false
      }
      return number
    }
    let number = Int32(messages.count)
    messageNumbers.add(id, number)
    messages.append(DeliveredMessage(id: id, service: service, isGuess: isGuess))
    return number
  }

  /// Packets carry messages of several services; what a message asked for is known from its sender or a delivery.
  private func learnServices() {
    for client in trace.clients {
      for record in client.records {
        if case .send(let id, let payload) = record.event { _ = message(id, payload.service, isGuess: false) }
      }
    }
    for daemon in trace.daemons {
      for record in daemon.records {
        if case .deliver(_, _, let id?, let service, _) = record.event { _ = message(id, service, isGuess: false) }
      }
    }
  }

  private func readPackets(_ daemon: Int) {
    for (record, entry) in trace.daemons[daemon].records.enumerated() {
      switch entry.event {
      case .sequence(let id, let sequence, let service, let list):
        let key = PacketKey(ring: ring(id), sequence: sequence)
        let pieces = trace.fragments[Int(list)].compactMap { fragment -> LastPiece? in
          guard fragment.index < 0, let id = fragment.message else { return nil }
          return LastPiece(message: message(id, service, isGuess: true), isWhole: fragment.index == -1)
        }
        if let first = packetNumbers[key] {
          let packet = packets[Int(first)]
          twoOrigins.append((.daemon(packet.origin, packet.record), .daemon(daemon, record)))
        } else {
          packetNumbers.add(key, Int32(packets.count))
          packets.append(PacketInfo(key: key, origin: daemon, record: record, lastPieces: pieces))
        }
      case .configuration(let index):
        let configuration = trace.configurations[Int(index)]
        guard configuration.kind == .regular else { continue }
        let ring = Int(ring(configuration.id))
        if ringEvidence[ring] == nil {
          ringMembers[ring] = configuration.members
          ringEvidence[ring] = .daemon(daemon, record)
        }
      default: break
      }
    }
  }

  private func readStays(_ daemon: Int) {
    let records = trace.daemons[daemon].records
    var info = DaemonInfo(name: trace.daemons[daemon].name)
    var stay = RingStay(daemon: daemon, ring: -1, begin: -1, endRecord: records.count)
    func finish(_ record: Int, _ hasNext: Bool) {
      stay.endRecord = record
      if hasNext { stay.next = stays.count + 1 }
      info.stays.append(stays.count)
      stays.append(stay)
    }
    for (record, entry) in records.enumerated() {
      switch entry.event {
      case .configuration(let index):
        let configuration = trace.configurations[Int(index)]
        if configuration.kind == .transitional {
          stay.transitional.append((record, index))
        } else {
          finish(record, true)
          stay = RingStay(daemon: daemon, ring: ring(configuration.id), begin: record, endRecord: records.count)
        }
      case .sequence(let id, let sequence, _, _):
        if ring(id) == stay.ring { stay.held.append((sequence, record)) }
      case .have(let id, let sequence, _):
        if ring(id) == stay.ring { stay.held.append((sequence, record)) }
      case .deliver(let id, let sequence, let message, let service, let phase):
        stay.deliveries.append(
          Delivery(
            message: message.flatMap { messageNumbers[$0] } ?? -1, ring: ring(id), sequence: sequence,
            service: service, phase: phase, record: record))
      case .stop: info.isStopped = true
      case .left: info.left = record
      default: break
      }
    }
    finish(records.count, false)
    daemons.append(info)
  }
}
