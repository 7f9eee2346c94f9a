import Backbones
import FundusImaging
import Losses
import NN
import Torch

/// A batch on the device, as the network sees it.
public struct TrainingBatch {
    /// Normalised and mixed, [B, 3, H, W].
    public var images: Tensor
    /// What is to be learnt; of each image by itself, without its partner. Where images are mixed with those of other
    /// processes, these follow.
    public var targets: Targets
    /// Which photographs, in which views; without their partners, but for those of other processes.
    public var items: [BatchItem]
    /// How much of the training is done, in [0, 1).
    public var progress: Double
    /// What the images were mixed of; nil where they are not.
    public var mixture: Mixture?

    package init(
        images: Tensor, targets: Targets, items: [BatchItem], progress: Double, mixture: Mixture? = nil
    ) {
        self.images = images
        self.targets = targets
        self.items = items
        self.progress = progress
        self.mixture = mixture
    }
}

extension TrainingBatch {
    /// A loss on the labels that count.
    ///
    /// Of mixed images it is lambda l(z, y_i) + (1 - lambda) l(z, y_j), over the cells that both images' labels are known
    /// of. For a loss that is linear in y, such as BCE, that is l(z, lambda y_i + (1 - lambda) y_j); a loss that is not,
    /// by its margins or weights, sees labels of 0 and 1 only, for which its paper defines it.
    func loss(_ loss: any Loss, _ logits: Tensor) throws -> Tensor {
        guard let mixture else {
            return try loss(logits: logits, labels: targets.labels, mask: targets.mask, progress: progress)
        }
        let mask = try mixture.ofImages(targets.mask) * mixture.ofPartners(targets.mask)
        let own = try loss(
            logits: logits, labels: mixture.ofImages(targets.labels), mask: mask, progress: progress)
        let other = try loss(
            logits: logits, labels: mixture.ofPartners(targets.labels), mask: mask, progress: progress)
        return try own * mixture.share + other * (1 - mixture.share)
    }
}

/// What a network makes of a batch.
public struct NetworkOutputs {
    /// Pooled, before dropout, [B, featureCount].
    public var features: Tensor
    /// Raw, float32 [B, C].
    public var logits: Tensor

    package init(features: Tensor, logits: Tensor) {
        self.features = features
        self.logits = logits
    }
}

/// What a training minimises, batch by batch.
public protocol Objective: AnyObject {
    /// What is trained with the network and belongs to the loss: at the head's learning rate, kept by checkpoints, no part
    /// of the model. None unless said otherwise.
    var modules: [(name: String, module: any Module)] { get }
    /// Called before each epoch, counted from 0, with the network as it is.
    func beginEpoch(_ epoch: Int, network: Classifier) throws
    /// The parts of the loss, whose sum is minimised; scalars, each a mean over the images of the batch. In order: the
    /// loss on the labels, the distillation of logits, the distillation of features; those at the end may be missing.
    func lossTerms(_ outputs: NetworkOutputs, _ batch: TrainingBatch) throws -> [Tensor]
    /// What `beginEpoch` decided; a checkpoint keeps it. Empty where it decides nothing.
    var epochState: [Double] { get }
    /// Called instead of `beginEpoch` where a training is resumed within an epoch, with what that call decided.
    func resumeEpoch(_ epoch: Int, state: [Double]) throws
}

extension Objective {
    /// None, unless said otherwise.
    public var modules: [(name: String, module: any Module)] { [] }

    /// The parameters of `modules`, by names that no parameter of a network has.
    var parameters: [(name: String, parameter: Parameter)] {
        modules.flatMap { name, module in
            module.namedParameters.map { ("objective." + name + "." + $0.name, $0.parameter) }
        }
    }

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
    public func lossTerms(_ outputs: NetworkOutputs, _ batch: TrainingBatch) throws -> [Tensor] {
        [try batch.loss(loss, outputs.logits)]
    }
}
