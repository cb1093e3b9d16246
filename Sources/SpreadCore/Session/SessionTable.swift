// Connections and the users behind them (client-protocol 9).
//
//   connection   one accepted stream: greeting -> choosing -> open, gone when the stream is closed
//   user         a private name of this daemon: taken when CONNECT is accepted, free again when the ring has
//                delivered the KILL that ends it
//
// Stock 5.0.1 keeps the stream open as well until the KILL is delivered. We close it at once, as 4.4.0 does: a client
// whose session is over learns so even while daemons are forming a ring.

import SpreadWire

/// Index of a user; stable from CONNECT to the delivered KILL.
struct UserIndex: Hashable {
  var rawValue: Int32
  init(_ rawValue: Int) {
    self.rawValue = Int32(rawValue)
  }
  var index: Int { Int(rawValue) }
}

struct User {
  /// `#user#daemon`.
  var privateName: GroupName
  var name: GroupName
  var wantsMembership: Bool
  /// nil once the session is dying: nothing reaches it any more.
  var connection: SessionID?
  /// Number of the last message routed to this user; finds duplicates among destinations.
  var lastRouted: UInt64 = 0
  /// False for a slot that waits for its next user.
  var inUse = true
}

struct Connection {
  enum State {
    case closed
    /// Before a whole CONNECT record.
    case greeting(deadline: UInt64)
    /// Before a whole AUTH CHOICE.
    case choosing(deadline: UInt64, UserIndex, LibraryVersion)
    case open(UserIndex)
  }
  var state = State.closed
  var peer = PeerAddress.unixSocket
  /// Bytes of an unfinished handshake record or message header.
  var pending: [UInt8] = []
  /// A message whose header was accepted and whose body is still coming.
  var assembling: MessageBuffer?
  /// Bytes of that message in all.
  var expected = 0
}

struct SessionTable {
  private(set) var connections: [Connection] = []
  var users: [User] = []
  private var freeUsers: [UserIndex] = []
  private var byName: [GroupName: UserIndex] = [:]
  /// Connections still in their handshake, in order of arrival: the only ones with a deadline.
  var handshaking: [SessionID] = []
  private(set) var openConnections = 0

  /// What counts against the limit of sessions: every connection, and every name that is not free yet.
  var occupied: Int { openConnections + dyingUsers }
  private var dyingUsers = 0

  subscript(id: SessionID) -> Connection {
    _read { yield connections[id.index] }
    _modify { yield &connections[id.index] }
  }

  subscript(user: UserIndex) -> User {
    _read { yield users[user.index] }
    _modify { yield &users[user.index] }
  }

  /// True when `id` names a connection that is not closed.
  func isLive(_ id: SessionID) -> Bool {
    guard connections.indices.contains(id.index) else { return false }
    if case .closed = connections[id.index].state { return false }
    return true
  }

  mutating func open(_ id: SessionID, from peer: PeerAddress, deadline: UInt64) {
    while connections.count <= id.index { connections.append(Connection()) }
    connections[id.index] = Connection(state: .greeting(deadline: deadline), peer: peer)
    handshaking.append(id)
    openConnections += 1
  }

  /// Forgets the connection; its user, if any, starts dying.
  mutating func close(_ id: SessionID) {
    switch connections[id.index].state {
    case .closed: return
    case .greeting: handshaking.removeAll { $0 == id }
    case .choosing(_, let user, _):
      handshaking.removeAll { $0 == id }
      // It never was a member of anything, so no KILL has to go around.
      remove(user)
    case .open(let user):
      users[user.index].connection = nil
      dyingUsers += 1
    }
    connections[id.index] = Connection()
    openConnections -= 1
  }

  /// The user called `name`, dying ones included.
  func user(named name: GroupName) -> UserIndex? { byName[name] }

  mutating func addUser(
    name: GroupName, privateName: GroupName, wantsMembership: Bool, connection: SessionID
  ) -> UserIndex {
    let user = User(privateName: privateName, name: name, wantsMembership: wantsMembership, connection: connection)
    let index: UserIndex
    if let free = freeUsers.popLast() {
      index = free
      users[index.index] = user
    } else {
      index = UserIndex(users.count)
      users.append(user)
    }
    byName[name] = index
    return index
  }

  /// Frees the name of a user whose KILL was delivered.
  mutating func bury(_ user: UserIndex) {
    precondition(users[user.index].connection == nil, "a live user cannot be buried")
    dyingUsers -= 1
    remove(user)
  }

  private mutating func remove(_ user: UserIndex) {
    byName[users[user.index].name] = nil
    users[user.index].inUse = false
    users[user.index].connection = nil
    freeUsers.append(user)
  }
}
