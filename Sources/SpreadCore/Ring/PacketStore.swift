// The packets of the installed ring that are not discarded yet, by sequence number (daemon-ring 0, "Packets").

import SpreadWire

/// What a daemon has of one sequence number.
enum SlotState: UInt8 {
  case empty
  /// Present, not delivered.
  case held
  /// Present and delivered, kept until everybody has it.
  case delivered
  /// Nobody who comes along into the next ring has it (recovery only).
  case hole
}

struct PacketSlot {
  var state = SlotState.empty
  var type = PacketType.reliable
  /// Position of the daemon that made it.
  var origin: Int16 = 0
  var length: Int32 = 0
  /// The whole packet, header included, in this machine's byte order.
  var memory: UnsafeMutableRawPointer?

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory, count: Int(length)) }
}

/// 8192 slots over reused packet memory. `highest - discarded` stays below their number (flow control), so a slot is
/// unambiguous.
final class PacketStore {
  static let slotCount: Int32 = 8192
  private let slots: UnsafeMutablePointer<PacketSlot>
  private var free: [UnsafeMutableRawPointer] = []
  private var slabs: [UnsafeMutableRawPointer] = []
  /// Where a token is put together before it is sent: too large for the stack, and one per ring is enough.
  let tokenMemory = UnsafeMutableRawBufferPointer.allocate(byteCount: DatagramSize.maxToken, alignment: 8)
  private static let slabPackets = 64
  private static let stride = 1536

  init() {
    slots = .allocate(capacity: Int(Self.slotCount))
    slots.initialize(repeating: PacketSlot(), count: Int(Self.slotCount))
  }

  deinit {
    for slab in slabs { slab.deallocate() }
    tokenMemory.deallocate()
    slots.deallocate()
  }

  subscript(sequence: Int32) -> PacketSlot {
    get { slots[Int(sequence & (Self.slotCount - 1))] }
    set { slots[Int(sequence & (Self.slotCount - 1))] = newValue }
  }

  func state(_ sequence: Int32) -> SlotState { slots[Int(sequence & (Self.slotCount - 1))].state }

  func mark(_ sequence: Int32, _ state: SlotState) { slots[Int(sequence & (Self.slotCount - 1))].state = state }

  /// Memory for one packet of the largest size.
  func takeMemory() -> UnsafeMutableRawPointer {
    if let memory = free.popLast() { return memory }
    let slab = UnsafeMutableRawPointer.allocate(byteCount: Self.slabPackets * Self.stride, alignment: 64)
    slabs.append(slab)
    for i in 1..<Self.slabPackets { free.append(slab + i * Self.stride) }
    return slab
  }

  /// Gives the memory of a burst back, once nothing is in it.
  func spareMemory() {
    guard slabs.count > 1, free.count == slabs.count * Self.slabPackets else { return }
    for slab in slabs { slab.deallocate() }
    slabs = []
    free = []
  }

  /// Fills an empty slot.
  func put(_ sequence: Int32, _ memory: UnsafeMutableRawPointer, length: Int, type: PacketType, origin: Int) {
    self[sequence] = PacketSlot(
      state: .held, type: type, origin: Int16(origin), length: Int32(length), memory: memory)
  }

  /// The daemons are numbered anew, and packets sent from here on carry another hash.
  func readdress(_ sequence: Int32, origin: Int, hash: UInt32) {
    guard let memory = self[sequence].memory else { return }
    self[sequence].origin = Int16(origin)
    if !bug(.oldHashKept) { memory.put32(hash, at: PacketHeader.hashOffset, .native) }
  }

  /// Forgets a packet.
  func clear(_ sequence: Int32) {
    let slot = self[sequence]
    if let memory = slot.memory { free.append(memory) }
    self[sequence] = PacketSlot()
  }

  /// Forgets the packet, remembers that nobody has it.
  func makeHole(_ sequence: Int32) {
    clear(sequence)
    mark(sequence, .hole)
  }
}
