import Backbones
import Basics
import Models
import Torch

/// Trains networks by a plan, each in a `TrainingSession` of its own.
public struct Trainer {
    /// Everything but network, data and loss.
    public let plan: TrainingPlan
    /// Images and labels.
    public let data: TrainingData
    /// The columns of the cohort that the outputs stand for, in order.
    public let columns: [Int]
    /// Whether each of `columns` has positives in the training split.
    public let trained: [Bool]
    /// Where to compute.
    public let device: Device
    /// What to call this training in messages.
    public let title: String
    /// The processes that train together, each on its part of every batch.
    public let communicator: any Communicator

    /// Prepares a training.
    public init(
        title: String, plan: TrainingPlan, data: TrainingData, columns: [Int], trained: [Bool], device: Device,
        communicator: any Communicator = SingleProcess()
    ) {
        (self.title, self.plan, self.data) = (title, plan, data)
        (self.columns, self.trained, self.device) = (columns, trained, device)
        self.communicator = communicator
    }

    /// Trains `network`, in place.
    ///
    /// - Parameters:
    ///   - stream: what is seen, epoch by epoch.
    ///   - checkpoints: where the training resumes, and where it is saved between steps; nil: from the beginning.
    ///   - shouldStop: queried after each step; a checkpoint is written before the training ends.
    ///   - afterEpoch: called with the record of each epoch and the network in evaluation mode (with averaged weights
    ///     where the plan averages them); may fill in the record.
    ///   - resumed: called with the records of the epochs that a checkpoint has, where the training resumes from one.
    /// - Returns: the history.
    /// - Throws: `FoveaError` of kind `numerical` that names epoch, step and images when the loss or a gradient is not
    ///   finite, `storage` when a checkpoint cannot be written; `CancellationError` when stopped.
    public func train(
        _ network: Classifier, _ normalization: Normalization, objective: any Objective, stream: EpochStream,
        checkpoints: Checkpoints? = nil, shouldStop: () -> Bool = { false },
        afterEpoch: (inout EpochRecord, Classifier) throws -> Void = { _, _ in },
        resumed: ([EpochRecord]) throws -> Void = { _ in }
    ) throws -> [EpochRecord] {
        let session = try TrainingSession(
            self, network, normalization, objective: objective, stream: stream, checkpoints: checkpoints)
        try resumed(session.history)
        return try session.run(shouldStop: shouldStop, afterEpoch: afterEpoch)
    }
}
