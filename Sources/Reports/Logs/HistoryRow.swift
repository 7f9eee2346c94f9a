/// What is known after one epoch: a line of `history.csv`.
public struct HistoryRow: Sendable, Equatable {
    /// What was trained, such as "plain", "teacher region/disc" or "student".
    public var stage: String
    /// The epoch, from 1.
    public var epoch: Int
    /// Optimiser steps made so far in this stage.
    public var step: Int
    /// Mean training loss of the epoch, distillation included.
    public var trainingLoss: Double?
    /// The distillation part of it, before lambda; nil where nothing is distilled.
    public var distillationLoss: Double?
    /// Mean loss on the validation images.
    public var validationLoss: Double?
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
        stage: String, epoch: Int, step: Int, trainingLoss: Double? = nil, distillationLoss: Double? = nil,
        validationLoss: Double? = nil, validationMAP: Double? = nil, validationMAUC: Double? = nil,
        learningRate: Double? = nil, imagesPerSecond: Double? = nil, seconds: Double? = nil,
        skippedSteps: Double? = nil
    ) {
        self.stage = stage
        self.epoch = epoch
        self.step = step
        self.trainingLoss = trainingLoss
        self.distillationLoss = distillationLoss
        self.validationLoss = validationLoss
        self.validationMAP = validationMAP
        self.validationMAUC = validationMAUC
        self.learningRate = learningRate
        self.imagesPerSecond = imagesPerSecond
        self.seconds = seconds
        self.skippedSteps = skippedSteps
    }

    /// The numbers of a row and the columns they stand in, in the file's order.
    static let numbers: [(column: String, field: any (WritableKeyPath<HistoryRow, Double?> & Sendable))] = [
        ("training_loss", \.trainingLoss), ("distillation_loss", \.distillationLoss),
        ("validation_loss", \.validationLoss), ("validation_map", \.validationMAP),
        ("validation_mauc", \.validationMAUC), ("learning_rate", \.learningRate),
        ("images_per_second", \.imagesPerSecond), ("seconds", \.seconds),
        ("skipped_steps", \.skippedSteps),
    ]
}
