// Names, lists of names and message ids as small integers, so that a trace of a million events stays small and two
// names are compared as numbers.

/// A daemon, session, group or private group name of one trace.
public struct NameID: Hashable, Comparable, Sendable {
  public let rawValue: Int32
  public static func < (a: NameID, b: NameID) -> Bool { a.rawValue < b.rawValue }
  var index: Int { Int(rawValue) }
}

/// A list of names of one trace; equal lists have equal ids.
public struct NameListID: Hashable, Sendable {
  public let rawValue: Int32
}

/// "private name : counter" (evs-properties 2). Unique in a run: a session that reuses a private name counts on.
public struct MessageID: Hashable, Sendable {
  public let sender: NameID
  public let counter: UInt32

  public init(_ sender: NameID, _ counter: UInt32) {
    self.sender = sender
    self.counter = counter
  }
}

/// The names of one trace.
public struct Names {
  private var ids: [String: NameID] = [:]
  private var texts: [String] = []
  private var listIDs: [[NameID]: NameListID] = [:]
  private var lists: [[NameID]] = []

  public init() {}

  public mutating func id(_ text: String) -> NameID {
    if let id = ids[text] { return id }
    let id = NameID(rawValue: Int32(texts.count))
    ids[text] = id
    texts.append(text)
    return id
  }

  public mutating func list(_ names: [NameID]) -> NameListID {
    if let id = listIDs[names] { return id }
    let id = NameListID(rawValue: Int32(lists.count))
    listIDs[names] = id
    lists.append(names)
    return id
  }

  public subscript(id: NameID) -> String { texts[id.index] }
  public subscript(id: NameListID) -> [NameID] { lists[Int(id.rawValue)] }
  public func find(_ text: String) -> NameID? { ids[text] }
  public var count: Int { texts.count }

  /// The daemon part of a private name `#user#daemon`; nil for any other name.
  public func daemon(of id: NameID) -> String? {
    let text = self[id]
    guard text.utf8.first == UInt8(ascii: "#"), let last = text.lastIndex(of: "#"), last != text.startIndex else {
      return nil
    }
    return String(text[text.index(after: last)...])
  }

  /// The daemon parts of all names; a daemon without a name of its own here gets `unnamed`, which is nobody's.
  func daemons() -> [NameID?] {
    texts.indices.map { name in
      daemon(of: NameID(rawValue: Int32(name))).map { find($0) ?? Self.unnamed }
    }
  }
  private static let unnamed = NameID(rawValue: -1)

  /// The user part of a private name.
  public func user(of id: NameID) -> String? {
    let text = self[id]
    guard daemon(of: id) != nil, let last = text.lastIndex(of: "#") else { return nil }
    return String(text[text.index(after: text.startIndex)..<last])
  }
}
