// Requests for missing packets, and answers to them (daemon-ring 3.5).

import SpreadWire

/// What answering the requests of a token came to.
struct AnsweredRequests {
  /// Packets sent again.
  var count = 0
  /// Somebody else misses something that I miss too: my request goes out in nobody's name ...
  var othersMiss = false
  /// ... and, when that somebody is in another segment, to nobody's segment.
  var otherSegmentsMiss = false
}

extension Ring {
  /// Sends what is asked for and is here; requests of other rings stay in the token. Nil when somebody asks for a
  /// packet that everybody has had: stock exits there (daemon-ring 3.9).
  mutating func answer(
    _ requests: RetransmissionRequests, keepingOthersIn builder: inout TokenBuilder, _ wire: inout Transmitter,
    into out: inout Outbox
  ) -> AnsweredRequests? {
    var answered = AnsweredRequests()
    for request in requests {
      guard request.membership == installedID else {
        // Without room the request is lost; its maker asks again in the next round.
        _ = builder.append(request)
        continue
      }
      for sequence in request.sequences {
        guard sequence > lastDiscarded, sequence >= aru else { return nil }
        let slot = sequence <= highest ? store[sequence] : PacketSlot()
        switch slot.state {
        case .held, .delivered:
          resend(slot, for: request, &wire, into: &out)
          answered.count += 1
        case .empty, .hole:
          answered.othersMiss = true
          if request.segment != topology.mySegment { answered.otherSegmentsMiss = true }
        }
      }
    }
    return answered
  }

  private mutating func resend(
    _ slot: PacketSlot, for request: RetransmissionRequest, _ wire: inout Transmitter, into out: inout Outbox
  ) {
    if request.process != .unknown, let position = topology.position(of: request.process) {
      counters.retransmittedToOne += 1
      wire.unicast(slot.bytes, to: position, into: &out)
    } else if let segment = request.segment, topology.segments.indices.contains(segment) {
      counters.retransmittedToSegment += 1
      wire.segmentCast(slot.bytes, segment, into: &out)
    } else {
      counters.retransmittedToAll += 1
      wire.broadcast(slot.bytes, into: &out)
    }
  }

  /// Adds one request for everything this daemon misses. In the accelerated ring packets newer than the last token may
  /// still be on their way and are not asked for.
  mutating func request(_ answered: AnsweredRequests, in builder: inout TokenBuilder) -> [Int32] {
    let skipsNew = settings.accelerated && !isRecovering && !bug(.asksAhead)
    let top = skipsNew ? Swift.min(lastToken.sequence, highest) : highest
    guard myAru < top, !bug(.nothingRequested) else { return [] }
    let room = builder.room
    // Fewer than two are not worth an entry: the token is full.
    guard room >= 2 else { return [] }
    let missing = self.missing(from: myAru + 1, through: top, atMost: room)
    let isAsked = builder.append(
      membership: installedID, process: answered.othersMiss ? .unknown : topology.myID,
      segment: answered.otherSegmentsMiss ? nil : topology.mySegment, sequences: missing)
    return isAsked ? missing : []
  }

  /// Sequence numbers of which nothing is here, ascending.
  func missing(from first: Int32, through last: Int32, atMost limit: Int) -> [Int32] {
    var result: [Int32] = []
    guard first <= last else { return result }
    for sequence in first...last where store.state(sequence) == .empty {
      if result.count == limit { break }
      result.append(sequence)
    }
    return result
  }
}
