/// One row of a training's history.
public struct EpochRecord: Sendable, Codable, Equatable {
    /// The epoch, counted from 1.
    public var epoch: Int
    /// Steps done when it ended.
    public var steps: Int
    /// The mean loss on the labels.
    public var loss: Double
    /// The mean distillation loss, lambda included; nil without distillation. In records of versions without `features`
    /// it holds the distillation of features too.
    public var distillation: Double?
    /// The mean distance of features, its lambda included; nil where features are not distilled.
    public var features: Double?
    /// The learning rate of its last step.
    public var rate: Double
    /// The mean norm of the gradients before any limit.
    public var gradientNorm: Double
    /// Seconds of the epoch's training.
    public var seconds: Double
    /// Images seen.
    public var images: Int
    /// Mean average precision on the validation split, where it was measured.
    public var validationMAP: Double?
    /// Mean area under the ROC curve on the validation split, where it was measured.
    public var validationMAUC: Double?
    /// Steps left out because a loss or gradient was not finite; nil in records of versions that stopped instead.
    public var skippedSteps: Int?

    /// The mean of the whole loss that is minimised.
    public var totalLoss: Double { loss + (distillation ?? 0) + (features ?? 0) }
}
