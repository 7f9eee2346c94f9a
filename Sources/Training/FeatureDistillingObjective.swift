import Backbones
import Distillation
import NN
import Torch

/// Another objective with distillation of features in addition: a further part of the loss, and the projections that it
/// needs.
public final class FeatureDistillingObjective: Objective {
    private let base: any Objective
    private let distillation: FeatureDistillation

    /// Adds the distillation of features to `base`.
    public init(_ base: any Objective, _ distillation: FeatureDistillation) {
        self.base = base
        self.distillation = distillation
    }

    /// The projections, and what the other objective trains.
    public var modules: [(name: String, module: any Module)] { base.modules + distillation.modules }

    /// What the other objective decided.
    public var epochState: [Double] { base.epochState }

    /// Prepares the other objective.
    public func beginEpoch(_ epoch: Int, network: Classifier) throws {
        try base.beginEpoch(epoch, network: network)
    }

    /// Prepares the other objective.
    public func resumeEpoch(_ epoch: Int, state: [Double]) throws { try base.resumeEpoch(epoch, state: state) }

    /// The parts of the other objective, and the distance of features.
    public func lossTerms(_ outputs: NetworkOutputs, _ batch: TrainingBatch) throws -> [Tensor] {
        let parts = try base.lossTerms(outputs, batch)
        // The third part is that of features, also where the other objective distils no logits.
        let noLogits = parts.count < 2 ? [try Tensor.zeros([], device: outputs.logits.device)] : []
        return try parts + noLogits + [distillation(features: outputs.features, items: batch.items)]
    }
}
