// Times of the event loop: events-and-flush, part 1, "sp_time arithmetic".
//
// A time is microseconds inside (Int64) and sp_time at the surface: seconds and microseconds of one sign, |usec| below
// a million. The arithmetic of the surface wraps instead of trapping: its arguments are anybody's.

public import CSpread
import CSpreadShims

private let million = 1_000_000

extension sp_time {
  /// The time of a number of microseconds.
  init(microseconds: Int64) {
    self.init(sec: Int(microseconds / 1_000_000), usec: Int(microseconds % 1_000_000))
  }

  /// In microseconds, also of fields that are out of range; held at the ends of Int64 rather than wrapped, so a timer
  /// of "for ever" is never due.
  var microseconds: Int64 {
    let limit: Int64 = sec < 0 ? .min : .max
    let seconds = Int64(sec).multipliedReportingOverflow(by: 1_000_000)
    if seconds.overflow { return limit }
    let sum = seconds.partialValue.addingReportingOverflow(Int64(usec))
    return sum.overflow ? limit : sum.partialValue
  }

  /// Sum of the fields, brought back into range once: enough for operands in range.
  func plus(_ other: sp_time) -> sp_time {
    var sec = self.sec &+ other.sec
    var usec = self.usec &+ other.usec
    if usec >= million {
      usec &-= million
      sec &+= 1
    } else if usec <= -million {
      usec &+= million
      sec &-= 1
    }
    if sec > 0 && usec < 0 {
      usec &+= million
      sec &-= 1
    } else if sec < 0 && usec > 0 {
      usec &-= million
      sec &+= 1
    }
    return sp_time(sec: sec, usec: usec)
  }

  var negated: sp_time { sp_time(sec: 0 &- sec, usec: 0 &- usec) }
}

@_cdecl("E_get_time") @implementation
public func E_get_time() -> sp_time { sp_time(microseconds: spread_events_wall_clock()) }

@_cdecl("E_get_time_monotonic") @implementation
public func E_get_time_monotonic() -> sp_time { sp_time(microseconds: spread_events_monotonic_clock()) }

@_cdecl("E_neg_time") @implementation
public func E_neg_time(_ time: sp_time) -> sp_time { time.negated }

@_cdecl("E_add_time") @implementation
public func E_add_time(_ first: sp_time, _ second: sp_time) -> sp_time { first.plus(second) }

@_cdecl("E_sub_time") @implementation
public func E_sub_time(_ first: sp_time, _ second: sp_time) -> sp_time { first.plus(second.negated) }

@_cdecl("E_compare_time") @implementation
public func E_compare_time(_ first: sp_time, _ second: sp_time) -> CInt {
  if first.sec != second.sec { return first.sec < second.sec ? -1 : 1 }
  if first.usec != second.usec { return first.usec < second.usec ? -1 : 1 }
  return 0
}

@_cdecl("E_delay") @implementation
public func E_delay(_ time: sp_time) { spread_events_sleep(time.sec, time.usec) }
