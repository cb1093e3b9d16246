// Authentication methods of this process and the two records about them (client-protocol 3.3 and 3.4, c-api 6.3).

import SpreadWire

/// A registered method: `call(descriptor, data)` answers 0 to give up. Without a call it is NULL: nothing to do.
public struct AuthMethod {
  public typealias Call = @convention(c) (Int32, UnsafeMutableRawPointer?) -> Int32

  public var name: GroupName
  public var call: Call?
  public var data: UnsafeMutableRawPointer?

  public init(name: GroupName, call: Call?, data: UnsafeMutableRawPointer?) {
    self.name = name
    self.call = call
    self.data = data
  }

  public static var none: AuthMethod { AuthMethod(name: GroupName("NULL"), call: nil, data: nil) }
  /// Longest name of a method.
  public static var maxNameLength: Int { AuthChoice.slotSize - 1 }
}

/// The methods used by every later connect, in order.
public struct AuthMethods {
  var first: AuthMethod = .none
  var second: AuthMethod = .none
  var third: AuthMethod = .none
  /// 0...3
  public let count: Int

  /// Starts as the NULL method in every place.
  public init(count: Int = 1) {
    self.count = count
  }

  public subscript(index: Int) -> AuthMethod {
    get { index == 0 ? first : index == 1 ? second : third }
    set {
      switch index {
      case 0: first = newValue
      case 1: second = newValue
      default: third = newValue
      }
    }
  }

  /// Whether the daemon offers every method. `list` is its blank-separated list of names.
  public func areAll(in list: UnsafeRawBufferPointer) -> Bool {
    for i in 0..<count where !Self.offers(list, self[i].name) { return false }
    return true
  }

  private static func offers(_ list: UnsafeRawBufferPointer, _ name: GroupName) -> Bool {
    var start = 0
    while start < list.count {
      var end = start
      while end < list.count, list[end] != UInt8(ascii: " ") { end += 1 }
      if end > start, end - start <= GroupName.maxLength, GroupName(list.slice(start, end - start)) == name {
        return true
      }
      start = end + 1
    }
    return false
  }

  /// Writes the 90 bytes of the choice.
  public func storeChoice(at record: UnsafeMutableRawPointer) {
    record.initializeMemory(as: UInt8.self, repeating: 0, count: AuthChoice.size)
    for i in 0..<count {
      let name = self[i].name
      for j in 0..<min(name.length, AuthMethod.maxNameLength) {
        record.storeBytes(of: name[j], toByteOffset: i * AuthChoice.slotSize + j, as: UInt8.self)
      }
    }
  }

  /// Calls every method in order, also behind a failure, as stock does; true when all agreed.
  func agree(_ descriptor: Int32) -> Bool {
    var agreed = true
    for i in 0..<count {
      let method = self[i]
      if let call = method.call, call(descriptor, method.data) == 0 { agreed = false }
    }
    return agreed
  }
}
