// swift-tools-version: 6.2
// Two ways of building the same sources (see docs/architecture.md, "Build modes"):
//   normal           daemon, tools, tests
//   SPREAD_EMBEDDED  the client library in Embedded Swift: no Swift runtime in foreign processes
import PackageDescription

let embedded = Context.environment["SPREAD_EMBEDDED"] != nil
let librarySettings: [SwiftSetting] =
  embedded ? [.enableExperimentalFeature("Embedded"), .unsafeFlags(["-wmo", "-Xfrontend", "-function-sections"])] : []
// The world of the simulator and the checkers, whose objects are written on every step of a run. Not the core: what
// would stop a daemon must stop its simulation.
let ownedByOneThread: [SwiftSetting] = [
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
]
let headers: [CSetting] = [.headerSearchPath("../../include")]

let package = Package(
  name: "spread",
  products: [
    .library(name: "spread", type: .static, targets: ["SpreadABI"]),
    .executable(name: "spread-daemon", targets: ["spread-daemon"]),
    .executable(name: "spuser", targets: ["spuser"]),
    .executable(name: "spflooder", targets: ["spflooder"]),
    .executable(name: "spping", targets: ["spping"]),
    .executable(name: "spmonitor", targets: ["spmonitor"]),
    .executable(name: "flush-user", targets: ["flush-user"]),
    .executable(name: "spread-check", targets: ["spread-check"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
  ],
  targets: [
    // Pure: codecs shared by daemon and client library. Imports nothing; compiles in Embedded Swift.
    .target(name: "SpreadWire", swiftSettings: librarySettings),
    // Pure: the Flush layer of a mailbox. Compiles in Embedded Swift.
    .target(name: "SpreadFlush", dependencies: ["SpreadWire"], swiftSettings: librarySettings),
    // Pure: the deterministic daemon. Input -> Outbox.
    .target(
      name: "SpreadCore",
      dependencies: ["SpreadWire", .product(name: "DequeModule", package: "swift-collections")]),

    // The simulator: a world around the production core.
    .target(
      name: "SpreadSim",
      dependencies: [
        "SpreadCheck", "SpreadCore", "SpreadFlush", "SpreadWire",
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "HeapModule", package: "swift-collections"),
      ],
      swiftSettings: ownedByOneThread),
    .executableTarget(name: "spread-sim", dependencies: ["SpreadSim", "SpreadCheck", "SpreadFlush"]),

    // The daemon's shell.
    .target(name: "CSpreadSystem"),
    .target(
      name: "SpreadPlatform",
      dependencies: ["SpreadWire", "SpreadCore", "CSpreadSystem", .product(name: "Logging", package: "swift-log")]),
    .executableTarget(
      name: "spread-daemon",
      dependencies: ["SpreadPlatform", "SpreadCore", "SpreadWire"]),

    // The client library.
    .systemLibrary(name: "CSpread", path: "include"),
    .target(name: "CSpreadSocket", cSettings: embedded ? [.define("SPREAD_EMBEDDED")] : []),
    .target(name: "CSpreadShims", cSettings: headers),
    .target(
      name: "SpreadClient", dependencies: ["SpreadFlush", "SpreadWire", "CSpreadSocket"], swiftSettings: librarySettings),
    .target(
      name: "SpreadABI",
      dependencies: ["CSpread", "CSpreadShims", "CSpreadSocket", "SpreadClient", "SpreadFlush", "SpreadWire"],
      swiftSettings: librarySettings),

    // The guarantees as programs: traces in, violations out.
    .target(name: "SpreadCheck", dependencies: ["SpreadWire"], swiftSettings: ownedByOneThread),
    .executableTarget(name: "spread-check", dependencies: ["SpreadCheck"]),

    // Programs over the library.
    .target(name: "ToolSupport", dependencies: ["CSpread", "SpreadABI"]),
    .executableTarget(name: "spuser", dependencies: ["CSpread", "SpreadABI", "ToolSupport"]),
    .executableTarget(name: "spflooder", dependencies: ["CSpread", "SpreadABI", "ToolSupport"]),
    .executableTarget(name: "spping", dependencies: ["CSpread", "SpreadABI", "ToolSupport"]),

    .executableTarget(
      name: "spmonitor", dependencies: ["SpreadPlatform", "SpreadCore", "SpreadWire", "ToolSupport"]),

    .executableTarget(name: "flush-user", dependencies: ["CSpread", "SpreadABI", "ToolSupport"]),

    // What the core costs, and whether it allocates (docs/architecture.md).
    .target(name: "CAllocationCount", path: "Benchmarks/CAllocationCount"),
    .executableTarget(
      name: "ring-bench", dependencies: ["SpreadCore", "SpreadWire", "CAllocationCount"], path: "Benchmarks/ring"),

    .testTarget(name: "WireTests", dependencies: ["SpreadWire"]),
    .testTarget(name: "FlushTests", dependencies: ["SpreadFlush", "SpreadWire"]),
    .testTarget(name: "CheckTests", dependencies: ["SpreadCheck", "SpreadWire"]),
    .testTarget(name: "CoreTests", dependencies: ["SpreadCore", "SpreadWire"]),
    .testTarget(
      name: "PlatformTests",
      dependencies: ["SpreadPlatform", "SpreadCore", "SpreadWire", "CSpreadSystem"]),
    .testTarget(name: "ClientTests", dependencies: ["CSpread", "SpreadABI", "SpreadClient", "SpreadWire"]),
  ],
  swiftLanguageModes: [.v6]
)

// The library and its tests alone, for builds with sanitizers (make check-deep): nothing else takes part in them.
if Context.environment["SPREAD_LIBRARY_ONLY"] != nil {
  let library = [
    "SpreadWire", "SpreadFlush", "CSpread", "CSpreadSocket", "CSpreadShims", "SpreadClient", "SpreadABI", "ClientTests",
  ]
  package.targets.removeAll { !library.contains($0.name) }
  package.products.removeAll { $0.name != "spread" }
  package.dependencies = []
}
