// The exported functions of the event loop: events-and-flush, parts 1 and 3. Arguments are checked here.
//
// A null function is refused (-1): stock takes it and dies when its time comes.

public import CSpread
import CSpreadShims

/// Prints why an argument is refused, and is the -1 that says so to the caller.
private func refuse(_ function: StaticString, _ why: StaticString, _ value: CInt) -> CInt {
  function.withCString { name in why.withCString { spread_events_complain(name, $0, value) } }
  return -1
}

private var notAPriority: StaticString { "not a priority (0 to 2)" }
private var notAKind: StaticString { "not a descriptor type (0 to 2)" }
private var notWatchable: StaticString { "not a descriptor the loop can watch (0 to 1024)" }
private var noFunction: StaticString { "no function to call" }
private var noRoom: StaticString { "no room for another entry of this priority" }

extension StaticString {
  fileprivate func withCString(_ body: (UnsafePointer<CChar>) -> Void) {
    body(UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self))
  }
}

private func isPriority(_ priority: CInt) -> Bool { priority >= 0 && priority < NUM_PRIORITY }
private func isKind(_ kind: CInt) -> Bool { kind >= 0 && kind < NUM_FDTYPES }
private func isDescriptor(_ fd: CInt) -> Bool { fd >= 0 && fd <= CInt(spread_events_max_fd) }

@_cdecl("E_init") @implementation
public func E_init() -> CInt {
  EventLoop.shared.reset()
  return 0
}

// MARK: - Timers

@_cdecl("E_queue") @implementation
public func E_queue(
  _ function: (@convention(c) (CInt, UnsafeMutableRawPointer?) -> Void)!, _ code: CInt,
  _ data: UnsafeMutableRawPointer!, _ delay: sp_time
) -> CInt {
  guard let function else { return refuse("E_queue", noFunction, code) }
  let due = spread_events_monotonic_clock().addingReportingOverflow(delay.microseconds)
  EventLoop.shared.timers.insert(
    TimerCall(function: function, code: code, data: data), due: due.overflow ? .max : due.partialValue)
  return 0
}

@_cdecl("E_in_queue") @implementation
public func E_in_queue(
  _ function: (@convention(c) (CInt, UnsafeMutableRawPointer?) -> Void)!, _ code: CInt,
  _ data: UnsafeMutableRawPointer!
) -> CInt {
  guard let function else { return 0 }
  return EventLoop.shared.timers.contains(TimerCall(function: function, code: code, data: data)) ? 1 : 0
}

@_cdecl("E_dequeue") @implementation
public func E_dequeue(
  _ function: (@convention(c) (CInt, UnsafeMutableRawPointer?) -> Void)!, _ code: CInt,
  _ data: UnsafeMutableRawPointer!
) -> CInt {
  guard let function else { return -1 }
  return EventLoop.shared.timers.remove(TimerCall(function: function, code: code, data: data)) ? 0 : -1
}

// MARK: - Descriptors

@_cdecl("E_attach_fd") @implementation
public func E_attach_fd(
  _ fd: CInt, _ kind: CInt, _ function: (@convention(c) (CInt, CInt, UnsafeMutableRawPointer?) -> Void)!,
  _ code: CInt, _ data: UnsafeMutableRawPointer!, _ priority: CInt
) -> CInt {
  guard isPriority(priority) else { return refuse("E_attach_fd", notAPriority, priority) }
  guard isKind(kind) else { return refuse("E_attach_fd", notAKind, kind) }
  guard isDescriptor(fd) else { return refuse("E_attach_fd", notWatchable, fd) }
  guard let function else { return refuse("E_attach_fd", noFunction, fd) }
  let replaced = EventLoop.shared.attach(
    fd: fd, kind: kind, function: function, code: code, data: data, priority: Int(priority))
  guard let replaced else { return refuse("E_attach_fd", noRoom, priority) }
  return replaced ? 1 : 0
}

@_cdecl("E_detach_fd") @implementation
public func E_detach_fd(_ fd: CInt, _ kind: CInt) -> CInt {
  guard isKind(kind) else { return refuse("E_detach_fd", notAKind, kind) }
  var found = false
  for priority in 0..<Int(NUM_PRIORITY) where EventLoop.shared.detach(fd: fd, kind: kind, priority: priority) {
    found = true
  }
  return found ? 0 : -1
}

@_cdecl("E_detach_fd_priority") @implementation
public func E_detach_fd_priority(_ fd: CInt, _ kind: CInt, _ priority: CInt) -> CInt {
  guard isKind(kind) else { return refuse("E_detach_fd_priority", notAKind, kind) }
  guard isPriority(priority) else { return refuse("E_detach_fd_priority", notAPriority, priority) }
  return EventLoop.shared.detach(fd: fd, kind: kind, priority: Int(priority)) ? 0 : -1
}

@_cdecl("E_activate_fd") @implementation
public func E_activate_fd(_ fd: CInt, _ kind: CInt) -> CInt {
  guard isKind(kind) else { return refuse("E_activate_fd", notAKind, kind) }
  return EventLoop.shared.setActive(fd: fd, kind: kind, true) ? 0 : -1
}

@_cdecl("E_deactivate_fd") @implementation
public func E_deactivate_fd(_ fd: CInt, _ kind: CInt) -> CInt {
  guard isKind(kind) else { return refuse("E_deactivate_fd", notAKind, kind) }
  return EventLoop.shared.setActive(fd: fd, kind: kind, false) ? 0 : -1
}

@_cdecl("E_num_active") @implementation
public func E_num_active(_ priority: CInt) -> CInt {
  guard isPriority(priority) else { return refuse("E_num_active", notAPriority, priority) }
  return CInt(EventLoop.shared.activeCount(priority: Int(priority)))
}

@_cdecl("E_set_active_threshold") @implementation
public func E_set_active_threshold(_ priority: CInt) -> CInt {
  guard isPriority(priority) else { return refuse("E_set_active_threshold", notAPriority, priority) }
  EventLoop.shared.setThreshold(Int(priority))
  return priority
}

// MARK: - The loop

/// An exit asked for before is forgotten, as in stock: the loop runs.
@_cdecl("E_handle_events") @implementation
public func E_handle_events() {
  spread_events_request_exit(0)
  EventLoop.shared.run()
}

@_cdecl("E_exit_events") @implementation
public func E_exit_events() { spread_events_request_exit(1) }

@_cdecl("E_exit_events_async_safe") @implementation
public func E_exit_events_async_safe() { spread_events_request_exit(1) }
