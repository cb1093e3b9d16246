// The members of a view, in the order of the daemons, found by name without hashing.

import SpreadWire

/// An ordered list of members with a place for each name.
public struct MemberList: Equatable, Sendable {
  /// As the membership message lists them.
  public let names: [GroupName]
  /// Indices of `names`, sorted by name.
  private let sorted: [Int32]

  public init(_ names: [GroupName]) {
    self.names = names
    var order: [Int32] = []
    order.reserveCapacity(names.count)
    for i in 0..<names.count { order.append(Int32(truncatingIfNeeded: i)) }
    order.sort { names[Int($0)] < names[Int($1)] }
    sorted = order
  }

  public var count: Int { names.count }

  public func index(of name: GroupName) -> Int? {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if names[Int(sorted[middle])] < name { low = middle + 1 } else { high = middle }
    }
    guard low < sorted.count, names[Int(sorted[low])] == name else { return nil }
    return Int(sorted[low])
  }
}

/// Some members of a list: a flag for each, and how many are set.
struct MemberMarks: Equatable {
  private var flags: [Bool]
  private(set) var count: Int

  init(_ size: Int, all: Bool) {
    flags = [Bool](repeating: all, count: size)
    count = all ? size : 0
  }

  subscript(_ index: Int) -> Bool {
    get { flags[index] }
    set {
      if flags[index] != newValue { count += newValue ? 1 : -1 }
      flags[index] = newValue
    }
  }
}
