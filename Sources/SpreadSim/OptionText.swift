// Options as text: name=value, for reports, for saved schedules and for the `world` command of scenarios. An option
// that is not in the table does not exist there; `spread-sim` refuses to start then.

/// One option: how it is written and read.
struct OptionField: Sendable {
  var name: String
  var text: @Sendable (Options) -> String
  /// False when the text is no such value.
  var read: @Sendable (String, inout Options) -> Bool
}

private func field<T: LosslessStringConvertible & SendableMetatype>(
  _ name: String, _ path: WritableKeyPath<Options, T> & Sendable
) -> OptionField {
  OptionField(name: name) { $0[keyPath: path].description } read: { text, options in
    guard let value = T(text) else { return false }
    options[keyPath: path] = value
    return true
  }
}

/// A list: 1,2,3.
private func field<T: LosslessStringConvertible & SendableMetatype>(
  _ name: String, _ path: WritableKeyPath<Options, [T]> & Sendable
) -> OptionField {
  OptionField(name: name) {
    $0[keyPath: path].map(\.description).joined(separator: ",")
  } read: { text, options in
    let words = text.split(separator: ",")
    let values = words.compactMap { T(String($0)) }
    guard values.count == words.count else { return false }
    options[keyPath: path] = values
    return true
  }
}

extension Options {
  static let fields: [OptionField] = [
    field("seed", \.seed), field("daemons", \.daemons), field("end", \.end), field("quiet", \.quiet),
    field("bound", \.bound), field("loss", \.loss), field("duplicate", \.duplicate),
    field("delayFloor", \.delayFloor), field("delayMean", \.delayMean), field("keepsOrder", \.keepsOrder),
    field("swap", \.swap), field("late", \.late), field("slowForms", \.slowForms),
    field("partialMulticast", \.partialMulticast),
    field("queueLimit", \.queueLimit), field("service", \.service), field("clogs", \.clogs),
    field("partitions", \.partitions), field("stalls", \.stalls), field("crashes", \.crashes),
    field("pauses", \.pauses), field("retirements", \.retirements),
    field("wallSteps", \.wallSteps), field("clockRate", \.clockRate), field("timerJitter", \.timerJitter),
    field("wallOffset", \.wallOffset), field("clientsPerDaemon", \.clientsPerDaemon), field("sendRate", \.sendRate),
    field("services", \.services), field("groups", \.groups), field("sizes", \.sizes),
    field("manyGroups", \.manyGroups), field("privateMessages", \.privateMessages),
    field("selfDiscard", \.selfDiscard), field("churn", \.churn), field("disconnects", \.disconnects),
    field("clientCrash", \.clientCrash), field("cutsStream", \.cutsStream), field("slowReaders", \.slowReaders),
    field("reusesNames", \.reusesNames), field("withoutMembership", \.withoutMembership),
    field("maxSessionMessages", \.maxSessionMessages), field("window", \.window),
    field("personalWindow", \.personalWindow), field("absent", \.absent), field("core", \.core),
    field("corrupt", \.corrupt), field("joinsFirst", \.joinsFirst), field("earlyRepetition", \.earlyRepetition),
    field("tokenCopies", \.tokenCopies), field("segments", \.segments),
    field("segmentAddresses", \.segmentAddresses), field("wide", \.wide), field("accelerated", \.accelerated),
    field("acceleratedWindow", \.acceleratedWindow), field("otherOrder", \.otherOrder),
    field("monitorPartitions", \.monitorPartitions), field("reloads", \.reloads),
    field("exchangeLoss", \.exchangeLoss), field("numbersLeft", \.numbersLeft),
    field("flushClients", \.flushClients), field("flushGroups", \.flushGroups), field("flushDelay", \.flushDelay),
    field("flushTricks", \.flushTricks),
  ]

  /// Options that the table lacks.
  public static var unlisted: [String] {
    let names = Set(fields.map(\.name))
    return Mirror(reflecting: Options(seed: 0)).children.compactMap(\.label).filter { !names.contains($0) }
  }

  /// Name and value of each, for reports.
  public var lines: [String] { Options.fields.map { "\($0.name) = \($0.text(self))" } }

  /// name=value of what differs from `other`.
  func words(beside other: Options) -> [String] {
    Options.fields.compactMap { field in
      let text = field.text(self)
      return text == field.text(other) ? nil : "\(field.name)=\(text)"
    }
  }

  /// False when there is no such option or no such value.
  mutating func read(_ name: String, _ text: String) -> Bool {
    Options.fields.first { $0.name == name }?.read(text, &self) ?? false
  }
}
