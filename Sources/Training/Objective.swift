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
    /// What `beginEpoch` decided; a checkpoint keeps it. Empty where it decides nothing.
    var epochState: [Double] { get }
    /// Called instead of `beginEpoch` where a training goes on within an epoch, with what that decided.
    func resumeEpoch(_ epoch: Int, state: [Double]) throws
}

extension Objective {
    /// Nothing, unless said otherwise.
    public var epochState: [Double] { [] }
    /// Nothing to prepare, unless said otherwise.
    public func resumeEpoch(_ epoch: Int, state: [Double]) throws {}
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
