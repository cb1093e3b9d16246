// The recordings of stock sessions in Tests/Vectors/client and what expect.json says of each.

import Foundation

enum Recordings {
  static let folder = vectorFolder.appendingPathComponent("client")

  /// Every recording in the folder, groups/ included, by its name in expect.json.
  static let files: [String] = {
    let enumerator = FileManager.default.enumerator(atPath: folder.path)!
    return enumerator.compactMap { $0 as? String }.filter {
      $0.hasSuffix(".json") && $0 != "expect.json" && $0 != "index.json"
    }.sorted()
  }()

  static let expectations: [String: Expectation] = {
    let data = try! Data(contentsOf: folder.appendingPathComponent("expect.json"))
    return try! JSONDecoder().decode([String: Expectation].self, from: data)
  }()

  static func events(_ name: String) -> [Event] {
    try! JSONDecoder().decode([Event].self, from: Data(contentsOf: folder.appendingPathComponent(name)))
  }

  /// What is played to a lone daemon.
  static let playable = files.filter {
    guard let use = expectations[$0]?.use else { return false }
    return ["exact", "masked", "ours-differs"].contains(use)
  }
}

struct Event: Decodable {
  var dir: String
  var hex: String
  var close: Bool?

  var bytes: [UInt8] { hexBytes(hex) }
}

struct Expectation: Decodable {
  struct Mask: Decodable {
    var at: Int
    var len: Int
  }
  struct Helper: Decodable {
    struct Cue: Decodable {
      var after: Int
      var hex: String
    }
    var name: String?
    var memb: Int?
    var join: [String]?
    var cues: [Cue]?
    var fill: Int?
  }
  struct Variant: Decodable {
    var s2c: String
    var end: String
    var mask: [Mask]?
    var optional_from: Int?
    var not_before_ms: Int?
  }
  struct Ours: Decodable {
    var any: [Variant]
  }
  var use: String
  var daemon: String?
  var conf: String?
  var transport: String?
  var end: String?
  var hold_ms: Int?
  var mask: [Mask]?
  var helpers: [Helper]?
  var auto_name: Bool?
  var ours: Ours?
}
