// Arbitrary daemon bytes against the receiving side of the client library: the handshake, then messages into rooms of
// every shape, then the readers of membership bodies.
//
// seeds: client-receive
//
// The first 8 bytes of an input choose the calls, the rest is what the daemon sends: byte 0 bit 0 begins with the
// handshake; bytes 1 to 4 are room for groups and the lengths of three pieces of the body; bits of byte 5 are DROP_RECV
// of successive receives.

import CSpreadSocket
import SpreadClient
import SpreadWire

struct FuzzStream: ByteStream {
  let bytes: UnsafeRawBufferPointer
  var position: Int

  mutating func read(_ run: csp_run, total: Int) -> Int {
    precondition(total >= 0 && total <= 1 << 40)
    var done = 0
    for i in 0..<(run.count + 2) where done < total {
      let piece = i == 0 ? run.first : i == 1 ? run.second : run.rest[i - 2]
      let part = min(piece.length, total - done, bytes.count - position)
      guard part > 0 else { continue }
      piece.base.copyMemory(from: bytes.baseAddress! + position, byteCount: part)
      position += part
      done += part
    }
    return done
  }

  mutating func write(_ run: csp_run, total: Int) -> Bool { true }
}

/// Memory of exactly `length` bytes, so that a sanitizer sees any byte behind it.
func allocate(_ length: Int) -> UnsafeMutableRawPointer {
  .allocate(byteCount: max(length, 1), alignment: 1)
}

func clientReceiveFuzz(_ input: UnsafeRawBufferPointer) {
  guard input.count >= 8 else { return }
  var stream = FuzzStream(bytes: input, position: 8)
  var own = GroupName("#a#b")
  if input[0] & 1 == 1 {
    let request = ConnectRequest(name: GroupName("alice"), priority: input[0] & 2 != 0, wantsMembership: true)
    do throws(ClientError) {
      own = try Handshake.run(request, over: &stream, descriptor: -1)
    } catch {
      return
    }
  }
  let maxGroups = Int(input[1])
  let lengths = [Int(input[2]), Int(input[3]), Int(input[4]) * 8]
  let groups = allocate(maxGroups * GroupName.size)
  let memory = lengths.map(allocate)
  defer {
    groups.deallocate()
    memory.forEach { $0.deallocate() }
  }
  let pieces = zip(memory, lengths).map { csp_piece(base: $0, length: $1) }
  pieces.withUnsafeBufferPointer { pieces in
    let body = Pieces(pieces.baseAddress, count: pieces.count)
    var receiver = MessageReceiver(own: own)
    for turn in 0..<8 {
      let room = ReceiveRoom(
        dropsSurplus: input[5] >> UInt8(turn) & 1 == 1, groups: groups, maxGroups: maxGroups, body: body,
        maxBody: lengths.reduce(0, +))
      let before = stream.position
      let reception = receiver.receive(from: &stream, into: room)
      check(reception, room, used: stream.position - before)
      if reception.isBroken { break }
      readMembership(body)
    }
  }
}

/// What must hold of every reception.
func check(_ reception: Reception, _ room: ReceiveRoom, used: Int) {
  precondition(reception.result <= Int32(room.maxBody))
  if reception.result >= 0 {
    precondition(reception.type != nil && reception.sender != nil && reception.groupCount != nil)
    precondition(Int(reception.groupCount!) <= room.maxGroups)
    precondition(used >= Int(reception.result))
  }
  if let sender = reception.sender { precondition(sender.isTerminated) }
}

/// The readers of a membership body, over whatever is in the room.
func readMembership(_ body: Pieces) {
  let view = MembershipView(body)
  let names = allocate(8 * GroupName.size)
  defer { names.deallocate() }
  view.copyGroupID(to: names)
  do throws(ClientError) { try view.copyChangedMember(to: names) } catch {}
  do throws(ClientError) { _ = try view.members(of: view.ownSet(), to: names, max: 8) } catch {}
  do throws(ClientError) { _ = try view.sets(max: 8) { _, _ in } } catch {}
}
