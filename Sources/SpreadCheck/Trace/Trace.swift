// A run: the traces of its recorders and what is known about the run as a whole (evs-properties 2).

import SpreadWire

/// An event, when it happened (nanoseconds, informative, -1 unknown) and on which line of its file it stands.
public struct Record<Event: Sendable>: Sendable {
  public var time: Int64
  public var line: Int32
  public var event: Event
}

/// One session's events in their order. A session may be recorded at both layers, in a trace for each.
public final class ClientTrace {
  public let name: NameID
  public let file: String
  public internal(set) var layer: Layer
  public private(set) var records: [Record<ClientEvent>] = []

  init(_ name: NameID, _ file: String, _ layer: Layer) {
    self.name = name
    self.file = file
    self.layer = layer
  }

  public func record(_ event: ClientEvent, at time: Int64 = -1, line: Int? = nil) {
    records.append(Record(time: time, line: Int32(line ?? records.count + 1), event: event))
  }
}

/// One daemon incarnation's events in their order.
public final class DaemonTrace {
  public let name: NameID
  public let file: String
  public private(set) var records: [Record<DaemonEvent>] = []

  init(_ name: NameID, _ file: String) {
    self.name = name
    self.file = file
  }

  public func record(_ event: DaemonEvent, at time: Int64 = -1, line: Int? = nil) {
    records.append(Record(time: time, line: Int32(line ?? records.count + 1), event: event))
  }
}

/// What is known of the run beside its traces. Everything is optional: what is not known is not checked.
public struct RunRecord: Equatable, Sendable {
  /// Daemons in the order of the configuration file.
  public var daemons: [NameID] = []
  /// The orders of other files that were read in the run; who is missing stays where the first file has it.
  public var otherOrders: [[NameID]] = []
  /// The daemons that are up and fully connected from `quiet` on; empty: all.
  public var core: [NameID] = []
  /// From here on nothing is broken any more.
  public var quiet: Int64?
  public var end: Int64?
  /// Within this time after `quiet` the core has come together (evs-properties 10).
  public var bound: Int64?
  /// Every session read all it could before the run ended: what is missing at the end is lost.
  public var isSettled = false
  /// Times are those of one clock for all recorders (the simulator).
  public var isSimulated = false
  /// Flow control and session limits in force; nil: not checked.
  public var window: Int32?
  public var personalWindow: Int32?
  public var isAccelerated = false
  public var sessionLimit: Int32?
  /// Hurry timeout.
  public var hurry: Int64?
  /// Rings whose ids have a time below `lateUntil` begin with so many numbers left; what is recorded of them counts
  /// from their begin (simulator only).
  public var numbersLeft: Int32?
  public var lateUntil: Int32 = .min

  public init() {}
}

public final class Trace {
  public var names = Names()
  public private(set) var clients: [ClientTrace] = []
  public private(set) var daemons: [DaemonTrace] = []
  public var run = RunRecord()
  public private(set) var hasRun = false

  // Tables that events point into.
  public private(set) var views: [ViewRecord] = []
  public private(set) var configurations: [ConfigurationRecord] = []
  public private(set) var fragments: [[FragmentRecord]] = []
  public private(set) var sequences: [[Int32]] = []
  public private(set) var tables: [GroupTableRecord] = []

  public init() {}

  /// The same run, but only these sessions.
  func part(_ clients: [ClientTrace], withDaemons: Bool = true) -> Trace {
    let part = Trace()
    part.names = names
    part.clients = clients
    part.daemons = withDaemons ? daemons : []
    part.run = run
    part.views = views
    part.configurations = configurations
    part.fragments = fragments
    part.sequences = sequences
    part.tables = tables
    return part
  }

  public func addClient(_ name: String, file: String? = nil, layer: Layer = .core) -> ClientTrace {
    let trace = ClientTrace(names.id(name), file ?? name, layer)
    clients.append(trace)
    return trace
  }

  /// One trace for each incarnation.
  public func addDaemon(_ name: String, file: String? = nil) -> DaemonTrace {
    let trace = DaemonTrace(names.id(name), file ?? name)
    daemons.append(trace)
    return trace
  }

  public func setRun(_ run: RunRecord) {
    self.run = run
    hasRun = true
  }

  public func add(_ view: ViewRecord) -> TableIndex { Self.add(view, &views) }
  public func add(_ configuration: ConfigurationRecord) -> TableIndex { Self.add(configuration, &configurations) }
  public func add(_ list: [FragmentRecord]) -> TableIndex { Self.add(list, &fragments) }
  public func add(_ list: [Int32]) -> TableIndex { list.isEmpty ? -1 : Self.add(list, &sequences) }
  public func add(_ table: GroupTableRecord) -> TableIndex { Self.add(table, &tables) }

  private static func add<Value>(_ value: Value, _ table: inout [Value]) -> TableIndex {
    table.append(value)
    return TableIndex(table.count - 1)
  }

  public var eventCount: Int {
    clients.reduce(0) { $0 + $1.records.count } + daemons.reduce(0) { $0 + $1.records.count }
  }
}
