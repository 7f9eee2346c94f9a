import Backbones
import FundusImaging
import Losses
import Torch

/// What a training minimises, batch by batch.
public protocol Objective: AnyObject {
    /// Called before each epoch, counted from 0, with the network as it is.
    func beginEpoch(_ epoch: Int, network: Classifier) throws
    /// The parts of the loss, whose sum is minimised; scalars. The first is the loss on the labels.
    ///
    /// - Parameters:
    ///   - logits: raw, [B, C].
    ///   - progress: how much of the training is done, in [0, 1).
    func parts(logits: Tensor, targets: Targets, items: [BatchItem], progress: Double) throws -> [Tensor]
}

/// The loss on the labels alone.
public final class LabelObjective: Objective {
    private let loss: any Loss

    /// Minimises a loss.
    public init(_ loss: any Loss) { self.loss = loss }

    /// Nothing to prepare.
    public func beginEpoch(_ epoch: Int, network: Classifier) throws {}

    /// The loss alone.
    public func parts(logits: Tensor, targets: Targets, items: [BatchItem], progress: Double) throws -> [Tensor] {
        [try loss(logits: logits, labels: targets.labels, mask: targets.mask, progress: progress)]
    }
}
