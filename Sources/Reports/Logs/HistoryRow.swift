/// What is known after one epoch: a line of `history.csv`.
public struct HistoryRow: Sendable, Equatable {
    /// What was trained, such as "plain", "teacher region/disc" or "student".
    public var stage: String
    /// The epoch, from 1.
    public var epoch: Int
    /// Optimiser steps made so far in this stage.
    public var step: Int
    /// Mean of the whole loss that was minimised: the sum of the three below.
    public var trainingLoss: Double?
    /// The part on the labels.
    public var labelLoss: Double?
    /// The part of distillation, lambda included; nil where nothing is distilled.
    public var distillationLoss: Double?
    /// The part of distilled features, feature_lambda included; nil where they are not distilled.
    public var featureLoss: Double?
    /// Mean average precision on the validation images, 0 to 1.
    public var validationMAP: Double?
    /// Mean area under the ROC curve on the validation images, 0 to 1.
    public var validationMAUC: Double?
    /// The learning rate at the end of the epoch.
    public var learningRate: Double?
    /// Training speed.
    public var imagesPerSecond: Double?
    /// Seconds that the epoch took, validation included.
    public var seconds: Double?
    /// Steps that were left out because a loss or gradient was not finite.
    public var skippedSteps: Double?

    /// A row; what is not given is undefined.
    public init(
        stage: String, epoch: Int, step: Int, trainingLoss: Double? = nil, labelLoss: Double? = nil,
        distillationLoss: Double? = nil, featureLoss: Double? = nil, validationMAP: Double? = nil,
        validationMAUC: Double? = nil,
        learningRate: Double? = nil, imagesPerSecond: Double? = nil, seconds: Double? = nil,
        skippedSteps: Double? = nil
    ) {
        self.stage = stage
        self.epoch = epoch
        self.step = step
        self.trainingLoss = trainingLoss
        self.labelLoss = labelLoss
        self.distillationLoss = distillationLoss
        self.featureLoss = featureLoss
        self.validationMAP = validationMAP
        self.validationMAUC = validationMAUC
        self.learningRate = learningRate
        self.imagesPerSecond = imagesPerSecond
        self.seconds = seconds
        self.skippedSteps = skippedSteps
    }

    /// The numbers of a row and their columns, in the file's order.
    static let numbers: [(column: String, field: any (WritableKeyPath<HistoryRow, Double?> & Sendable))] = [
        ("training_loss", \.trainingLoss), ("label_loss", \.labelLoss), ("distillation_loss", \.distillationLoss),
        ("feature_loss", \.featureLoss), ("validation_map", \.validationMAP),
        ("validation_mauc", \.validationMAUC), ("learning_rate", \.learningRate),
        ("images_per_second", \.imagesPerSecond), ("seconds", \.seconds),
        ("skipped_steps", \.skippedSteps),
    ]

    /// The numbers of the row by the names of their columns, in the file's order.
    public var namedValues: [(name: String, value: Double?)] {
        Self.numbers.map { ($0.column, self[keyPath: $0.field]) }
    }
}
