// The entry of libFuzzer: hands the input to the target that SPREAD_FUZZ names.

import Glibc

private let target: (UnsafeRawBufferPointer) -> Void = {
  guard let name = getenv("SPREAD_FUZZ").map({ String(cString: $0) }), let target = fuzzTargets[name] else {
    fatalError("SPREAD_FUZZ must be one of \(fuzzTargets.keys.sorted())")
  }
  return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target(UnsafeRawBufferPointer(start: start, count: count))
  return 0
}
