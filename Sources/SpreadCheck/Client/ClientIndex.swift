// One pass over all client traces: messages as dense numbers, and each session's stays in views. The helper
// definitions of evs-properties 3 are read off here.

import SpreadWire

/// A message sent or received by anybody.
struct MessageInfo {
  let id: MessageID
  /// Client trace that sent it, and the record; -1 when no `send` was recorded.
  var sender: Int32 = -1
  var sendRecord: Int32 = -1
  /// The call failed, or the message came back rejected.
  var isVoid = false
  var payload: Payload
  /// Client trace and record of the first reception found.
  var firstReceiver: Int32 = -1
  var firstRecord: Int32 = -1

  var rank: Int { payload.service.rank }
}

struct ViewKey: Hashable {
  let group: NameID
  let id: GroupID
  /// Tells views apart in a life of the group of which ids repeat (see RepeatedIDs); -1 for all others.
  var serial: Int32 = -1
}

/// One session's stay in one view of one group: from the view message to the next view, the self leave, or the end.
struct Stay {
  enum End {
    /// Index of the next stay of the session in the group.
    case view(Int)
    case selfLeave
    case closed
    case endOfTrace
  }

  let client: Int
  let group: NameID
  let viewIndex: TableIndex
  /// Record of the view message.
  let record: Int
  /// Stay before this one without a leave between; -1.
  let previous: Int
  /// Records of the transitional signals in it.
  var signals: [Int] = []
  /// Range of `ClientIndex.items` after the pass: messages to the group, received in this stay.
  var items: [ReceivedItem] = []
  /// How many of them came before the first signal.
  var preCount = 0
  var endRecord: Int
  var end = End.endOfTrace
}

struct ReceivedItem {
  let message: Int32
  let record: Int32
}

struct ClientInfo {
  var name: NameID
  var daemon: NameID?
  var wantsMembership = true
  var connectRecord = -1
  var closedRecord: Int?
  /// Dense numbers of the messages it sent, in the order of the trace.
  var sends: [Int32] = []
  /// Records of successful join calls and of leave calls by group.
  var joins: [NameID: [Int]] = [:]
  var leaves: [NameID: [Int]] = [:]
  /// Stays by group, in order.
  var stays: [NameID: [Int]] = [:]
}

final class ClientIndex {
  let trace: Trace
  private(set) var messages: [MessageInfo] = []
  private(set) var numbers = NumberTable<MessageID>()
  private(set) var clients: [ClientInfo] = []
  /// For each client and record: the dense number of the message of send, sent, receive and reject; else -1.
  private(set) var messageOf: [[Int32]] = []
  private(set) var stays: [Stay] = []
  /// Stays in the same view of the same group, in the order of their first appearance.
  private(set) var byView: [(key: ViewKey, stays: [Int])] = []
  private var viewNumbers: [ViewKey: Int] = [:]
  /// By message: the client that received it last, while clients are read one after another.
  private var lastReceiver: [Int32] = []
  /// What the views of these have in common is not known, so each counts as one of its own.
  private let repeated: Set<GroupLife>
  /// The first client trace with this private name.
  private(set) var clientByName: [NameID: Int] = [:]

  /// Some daemon lost members while it exchanged groups (daemon-groups 5.4, 5.5). Only daemon traces tell.
  let hasCascade: Bool

  init(_ trace: Trace) {
    self.trace = trace
    hasCascade = trace.daemons.contains { daemon in
      daemon.records.contains { record in
        guard case .groups(let number) = record.event else { return false }
        return trace.tables[Int(number)].state == .gatheringTransitional
      }
    }
    repeated = RepeatedIDs(trace).lives
    // Sends first, so that what was sent counts, not what was received.
    for client in trace.clients.indices { readSends(client) }
    for client in trace.clients.indices { read(client) }
  }

  func view(_ stay: Stay) -> ViewRecord { trace.views[Int(stay.viewIndex)] }
  func evidence(_ stay: Stay) -> Evidence { .client(stay.client, stay.record) }
  func groups(_ message: MessageInfo) -> [NameID] { trace.names[message.payload.groups] }
  func stays(of key: ViewKey) -> [Int] { viewNumbers[key].map { byView[$0].stays } ?? [] }

  /// Whether the session cannot be blamed for what it did not receive: it is gone, the run was cut off, or its daemon
  /// stays broken (evs-properties 10, "Core").
  func isFaulty(_ client: Int) -> Bool {
    if clients[client].closedRecord != nil || !trace.run.isSettled { return true }
    return !trace.run.core.isEmpty && !(clients[client].daemon.map(trace.run.core.contains) ?? false)
  }

  /// Whether `sender` is spared the message by its own wish.
  func isDiscarded(_ message: Int32, at client: Int) -> Bool {
    let info = messages[Int(message)]
    return info.payload.selfDiscard && info.id.sender == clients[client].name
  }

  /// The stay of `client` in a view of `group` that `record` lies in.
  func stay(_ client: Int, _ group: NameID, at record: Int) -> Int? {
    guard let list = clients[client].stays[group] else { return nil }
    var low = 0
    var high = list.count
    while low < high {
      let middle = (low + high) / 2
      if stays[list[middle]].record < record { low = middle + 1 } else { high = middle }
    }
    guard low > 0, record < stays[list[low - 1]].endRecord else { return nil }
    return list[low - 1]
  }

  /// Of a stay: messages of at least `rank`, in order, own discarded ones left out for nobody.
  func items(_ stay: Int, rank: Int, preOnly: Bool = false) -> [ReceivedItem] {
    let all = stays[stay].items
    return (preOnly ? all[..<stays[stay].preCount] : all[...]).filter { messages[Int($0.message)].rank >= rank }
  }

  /// What a view is known by.
  func key(_ group: NameID, _ view: TableIndex) -> ViewKey {
    let id = trace.views[Int(view)].id
    let isRepeated = repeated.contains(GroupLife(group: group, membership: id.membership))
    return ViewKey(group: group, id: id, serial: isRepeated ? view : -1)
  }

  private func number(_ id: MessageID, _ payload: Payload) -> Int32 {
    if let number = numbers[id] { return number }
    let number = Int32(messages.count)
    numbers.add(id, number)
    messages.append(MessageInfo(id: id, payload: payload))
    lastReceiver.append(-1)
    return number
  }

  private func readSends(_ client: Int) {
    var info = ClientInfo(name: trace.clients[client].name)
    for (record, entry) in trace.clients[client].records.enumerated() {
      switch entry.event {
      case .connect(let daemon, let name, let wantsMembership):
        info.name = name
        info.daemon = daemon
        info.wantsMembership = wantsMembership
        info.connectRecord = record
      case .send(let id, let payload):
        let number = number(id, payload)
        // A second send of one id: the first counts, integrity reports it.
        if messages[Int(number)].sendRecord < 0 {
          messages[Int(number)].sender = Int32(client)
          messages[Int(number)].sendRecord = Int32(record)
          messages[Int(number)].payload = payload
          info.sends.append(number)
        }
      case .sent(let id, let result):
        if result < 0, let number = numbers[id] { messages[Int(number)].isVoid = true }
      case .reject(let id):
        if let number = numbers[id] { messages[Int(number)].isVoid = true }
      case .join(let group, let result):
        if result >= 0 { info.joins[group, default: []].append(record) }
      case .leave(let group, _):
        info.leaves[group, default: []].append(record)
      case .closed:
        if info.closedRecord == nil { info.closedRecord = record }
      case .receive, .signal, .view, .selfLeave, .flushRequest, .flush: break
      }
    }
    if clientByName[info.name] == nil { clientByName[info.name] = client }
    clients.append(info)
  }

  private func read(_ client: Int) {
    let records = trace.clients[client].records
    var numbersHere = [Int32](repeating: -1, count: records.count)
    /// Open stay by group; -1: none.
    var open = [Int](repeating: -1, count: trace.names.count)
    func close(_ group: NameID, _ record: Int, _ end: Stay.End) {
      let stay = open[group.index]
      guard stay >= 0 else { return }
      open[group.index] = -1
      stays[stay].endRecord = record
      stays[stay].end = end
      if stays[stay].signals.isEmpty { stays[stay].preCount = stays[stay].items.count }
    }
    func closeAll(_ record: Int, _ end: Stay.End) {
      for group in open.indices where open[group] >= 0 { close(NameID(rawValue: Int32(group)), record, end) }
    }
    for (record, entry) in records.enumerated() {
      switch entry.event {
      case .send(let id, let payload): numbersHere[record] = number(id, payload)
      case .sent(let id, _), .reject(let id): numbersHere[record] = numbers[id] ?? -1
      case .receive(let id, _, let payload):
        let message = number(id, payload)
        numbersHere[record] = message
        if messages[Int(message)].firstReceiver < 0, clients[client].wantsMembership {
          messages[Int(message)].firstReceiver = Int32(client)
          messages[Int(message)].firstRecord = Int32(record)
        }
        // A second reception is reported by integrity and counts for nothing else.
        guard lastReceiver[Int(message)] != Int32(client) else { break }
        lastReceiver[Int(message)] = Int32(client)
        let list = trace.names[payload.groups]
        for (place, group) in list.enumerated() where !list[..<place].contains(group) {
          let stay = open[group.index]
          if stay >= 0 {
            stays[stay].items.append(ReceivedItem(message: message, record: Int32(record)))
          }
        }
      case .signal(let group, _):
        let stay = open[group.index]
        guard stay >= 0 else { break }
        if stays[stay].signals.isEmpty { stays[stay].preCount = stays[stay].items.count }
        stays[stay].signals.append(record)
      case .view(let group, let viewIndex):
        let previous = open[group.index]
        close(group, record, .view(stays.count))
        open[group.index] = stays.count
        clients[client].stays[group, default: []].append(stays.count)
        let key = key(group, viewIndex)
        let number = viewNumbers[key] ?? byView.count
        if number == byView.count {
          viewNumbers[key] = number
          byView.append((key, []))
        }
        byView[number].stays.append(stays.count)
        stays.append(
          Stay(
            client: client, group: group, viewIndex: viewIndex, record: record, previous: previous,
            endRecord: records.count))
      case .selfLeave(let group): close(group, record, .selfLeave)
      case .closed:
        closeAll(record, .closed)
      case .connect, .join, .leave, .flushRequest, .flush: break
      }
    }
    closeAll(records.count, .endOfTrace)
    messageOf.append(numbersHere)
  }
}
