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

    enum CodingKeys: String, CodingKey {
        case epoch, steps, loss, distillation, features, rate, gradientNorm, seconds, images, skippedSteps
        case validationMAP = "validationMap"
        case validationMAUC = "validationMauc"
    }
}

extension EpochRecord {
    /// Keys that earlier versions wrote.
    private enum EarlierKeys: String, CodingKey { case validationMAP, validationMAUC }

    /// Reads a record, also one of an earlier version.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let earlier = try decoder.container(keyedBy: EarlierKeys.self)
        epoch = try values.decode(Int.self, forKey: .epoch)
        steps = try values.decode(Int.self, forKey: .steps)
        loss = try values.decode(Double.self, forKey: .loss)
        distillation = try values.decodeIfPresent(Double.self, forKey: .distillation)
        features = try values.decodeIfPresent(Double.self, forKey: .features)
        rate = try values.decode(Double.self, forKey: .rate)
        gradientNorm = try values.decode(Double.self, forKey: .gradientNorm)
        seconds = try values.decode(Double.self, forKey: .seconds)
        images = try values.decode(Int.self, forKey: .images)
        validationMAP =
            try values.decodeIfPresent(Double.self, forKey: .validationMAP)
            ?? earlier.decodeIfPresent(Double.self, forKey: .validationMAP)
        validationMAUC =
            try values.decodeIfPresent(Double.self, forKey: .validationMAUC)
            ?? earlier.decodeIfPresent(Double.self, forKey: .validationMAUC)
        skippedSteps = try values.decodeIfPresent(Int.self, forKey: .skippedSteps)
    }
}
