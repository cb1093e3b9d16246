// Who may open a session: the authentication methods NULL and IP, and the verdict on a client's choice
// (client-protocol 3.3, 3.4, 3.6, configuration 7). The only access control policy, PERMIT, lets every authenticated
// client in, so nothing of it is left here.

import SpreadWire

/// The methods we know, in the order in which the handshake lists them.
public struct AuthenticationMethods: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Always accepts.
  public static let null = AuthenticationMethods(rawValue: 1)
  /// Accepts the clients that spread.access_ip names.
  public static let ip = AuthenticationMethods(rawValue: 2)

  static let all: [(method: AuthenticationMethods, name: StaticString)] = [(.null, "NULL"), (.ip, "IP")]

  /// The method of that name; nil for any other.
  public init?(name: GroupName) {
    for (method, known) in Self.all where GroupName(known) == name {
      self = method
      return
    }
    return nil
  }
}

/// Why a client was not let in.
public enum AuthenticationRefusal: Equatable, Sendable {
  /// The daemon enables no method at all: only RequiredAuthMethods was given, or only unknown names.
  case nothingEnabled
  /// The choice was not 90 bytes.
  case choiceLength(Int)
  case nothingChosen
  /// A method nobody knows, or one that is not enabled.
  case methodNotEnabled(GroupName)
  /// IP: no rule of spread.access_ip matches.
  case addressNotAllowed
  /// IP: there is no spread.access_ip, so nobody is allowed.
  case noAccessFile
}

public struct AuthenticationPolicy: Equatable, Sendable {
  public enum Verdict: Equatable, Sendable {
    case accept
    /// Answer `rejectAuth` and close.
    case refuse(AuthenticationRefusal)
  }

  /// What a client may choose.
  public var enabled: AuthenticationMethods
  /// What must accept whether chosen or not.
  public var required: AuthenticationMethods
  /// nil: no spread.access_ip was found.
  public var accessRules: AccessRules?

  public init(
    enabled: AuthenticationMethods = .null, required: AuthenticationMethods = [], accessRules: AccessRules? = nil
  ) {
    self.enabled = enabled
    self.required = required
    self.accessRules = accessRules
  }

  /// What a configuration asks for; `accessRules` come from spread.access_ip.
  public init(_ configuration: Configuration, accessRules: AccessRules?) {
    self.init(
      enabled: configuration.enabledMethods, required: configuration.requiredMethods, accessRules: accessRules)
  }

  /// The names of the enabled methods, each followed by one space; the handshake sends their number of bytes, then
  /// them (client-protocol 3.3). When it is empty the refusal follows at once: see `isClosed`.
  public var offer: [UInt8] {
    AuthenticationMethods.all.filter { enabled.contains($0.method) }.flatMap { known in
      known.name.withUTF8Buffer { Array($0) } + [UInt8(ascii: " ")]
    }
  }

  /// No method is enabled: a client from 3.16 on gets the empty list and the refusal, without a choice.
  public var isClosed: Bool { enabled.isEmpty }

  /// Judges the AUTH CHOICE of a client from 3.16 on: up to three slots of 30 bytes, ended by the first empty one.
  /// Every named method must be enabled; those and the required ones must all accept. A method named twice is fine.
  public func judge(choice: UnsafeRawBufferPointer, from peer: PeerAddress) -> Verdict {
    guard !isClosed else { return .refuse(.nothingEnabled) }
    guard choice.count == AuthChoice.size else { return .refuse(.choiceLength(choice.count)) }
    var chosen: AuthenticationMethods = []
    // Stock reads on behind the record when all three slots are used.
    for slot in 0..<AuthChoice.slots {
      let name = GroupName(choice.slice(slot * AuthChoice.slotSize, AuthChoice.slotSize))
      if name.isEmpty { break }
      guard let method = AuthenticationMethods(name: name), enabled.contains(method) else {
        return .refuse(.methodNotEnabled(name))
      }
      chosen.formUnion(method)
    }
    guard !chosen.isEmpty else { return .refuse(.nothingChosen) }
    return run(chosen.union(required), peer)
  }

  /// Judges a client older than 3.16, which cannot choose: IP where it is enabled, else NULL (client-protocol 3.6).
  /// Stock forgets the required methods here, so that an old client passes a daemon that requires IP and allows NULL;
  /// we run them.
  public func judgeWithoutChoice(from peer: PeerAddress) -> Verdict {
    guard !isClosed else { return .refuse(.nothingEnabled) }
    let method: AuthenticationMethods = enabled.contains(.ip) ? .ip : .null
    return run(method.union(required), peer)
  }

  private func run(_ methods: AuthenticationMethods, _ peer: PeerAddress) -> Verdict {
    guard methods.contains(.ip) else { return .accept }
    guard let accessRules else { return .refuse(.noAccessFile) }
    return accessRules.allows(peer) ? .accept : .refuse(.addressNotAllowed)
  }
}
