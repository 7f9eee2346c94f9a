import Torch

private let crossEntropy = Operator("aten::binary_cross_entropy_with_logits")
/// "none" among libtorch's reductions.
private let unreduced = 0

/// -y log p - (1 - y) log(1 - p) with p = sigmoid(z), computed from z without overflow.
public struct BinaryCrossEntropy: Loss {
    /// y becomes y (1 - s) + s / 2 (Szegedy et al., CVPR 2016, for two outcomes).
    let labelSmoothing: Double

    /// Makes the loss.
    public init(labelSmoothing: Double = 0) { self.labelSmoothing = labelSmoothing }

    /// One term for each image and class, [B, C].
    public func terms(logits: Tensor, labels: Tensor, progress: Double) throws -> Tensor {
        let smooth = labelSmoothing == 0 ? labels : try labels * (1 - labelSmoothing) + labelSmoothing / 2
        return try crossEntropy(.tensor(logits), .tensor(smooth), .none, .none, .int(unreduced))
    }
}

/// Binary cross-entropy whose positive terms are multiplied by a weight of their class: -w_c y log p - (1 - y) log(1 - p).
public struct WeightedBinaryCrossEntropy: Loss {
    private let weights: Tensor

    /// Makes the loss for the counts of the training split.
    public init(_ context: LossContext, _ rule: ClassWeights) throws {
        weights = try Tensor(rule.weights(counts: context.classCounts).map(Float.init)).to(device: context.device)
    }

    /// One term for each image and class, [B, C].
    public func terms(logits: Tensor, labels: Tensor, progress: Double) throws -> Tensor {
        try crossEntropy(.tensor(logits), .tensor(labels), .none, .tensor(weights), .int(unreduced))
    }
}
