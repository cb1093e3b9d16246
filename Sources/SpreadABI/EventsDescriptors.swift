// The watched descriptors of the event loop: events-and-flush, part 1, "Descriptors".
//
// Stock keeps one select mask per type beside its entries and lets the two drift apart: an entry that is replaced
// while inactive, or that shares its descriptor with a detached entry of another priority, counts as active but is not
// watched. Here the mask follows from the entries: active and not below the threshold means watched.

typealias DescriptorFunction = @convention(c) (CInt, CInt, UnsafeMutableRawPointer?) -> Void

struct DescriptorEntry {
  var fd: CInt
  var kind: CInt
  var function: DescriptorFunction
  var code: CInt
  var data: UnsafeMutableRawPointer?
  var isActive = true
  /// The number of waits before it was attached. What an earlier wait saw of this descriptor number does not concern
  /// it: the number may have been closed and given out anew.
  var attachedAfterWait: Int
}

/// The entries of one priority. Callers check the ranges of their arguments.
struct DescriptorQueue {
  private(set) var entries: [DescriptorEntry] = []
  private(set) var activeCount = 0

  func index(fd: CInt, kind: CInt) -> Int? {
    var index = 0
    while index < entries.count {
      if entries[index].fd == fd && entries[index].kind == kind { return index }
      index += 1
    }
    return nil
  }

  mutating func append(_ entry: DescriptorEntry) {
    entries.append(entry)
    activeCount += 1
  }

  mutating func replace(_ index: Int, by entry: DescriptorEntry) {
    setActive(index, true)
    entries[index] = entry
  }

  /// The last entry moves into the hole: an iteration that goes on by index may miss it for one round.
  mutating func remove(_ index: Int) {
    setActive(index, false)
    entries.swapAt(index, entries.count - 1)
    entries.removeLast()
  }

  mutating func setActive(_ index: Int, _ isActive: Bool) {
    if entries[index].isActive == isActive { return }
    entries[index].isActive = isActive
    activeCount += isActive ? 1 : -1
  }

  mutating func removeAll() {
    entries.removeAll(keepingCapacity: true)
    activeCount = 0
  }
}
