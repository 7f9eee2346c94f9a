import ConfigurationFile

/// When checkpoints are written and how many are kept.
public struct CheckpointPolicy: Sendable, Equatable {
    /// Steps between checkpoints; 0: none between the ends of epochs.
    public var everySteps = 0
    /// Epochs between checkpoints; 0: none at their ends.
    public var everyEpochs = 1
    /// How many of the newest are kept, at least 1.
    public var keepLast = 2
    /// How many of the best are kept in addition, by mean average precision on the validation images.
    public var keepBest = 0

    /// The defaults.
    public init() {}
}

extension CheckpointPolicy: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("every_epochs", \.everyEpochs, .integer(0...10_000), "Epochs between checkpoints; 0: none at their ends"),
        Field(
            "every_steps", \.everySteps, .integer(0...1_000_000),
            "Steps between further checkpoints; 0: none within epochs"),
        Field("keep_last", \.keepLast, .integer(1...10_000), "How many of the newest are kept"),
        Field(
            "keep_best", \.keepBest, .integer(0...10_000),
            "How many of the best by validation mAP are kept in addition, also when the training is finished"),
    ]
}
