import ConfigurationFile
import Torch

private let crossEntropy = Operator("aten::binary_cross_entropy_with_logits")
/// "none" among libtorch's reductions.
private let unreduced = 0

/// -y log p - (1 - y) log(1 - p) with p = sigmoid(z), computed from z without overflow.
public struct BinaryCrossEntropy: ConfigurableLoss, Hashable, Sendable {
    /// s: y becomes y (1 - s) + s / 2 (Szegedy et al., CVPR 2016, for two outcomes).
    public var labelSmoothing = 0.0

    /// The keys of its parameters.
    public static let fields: [Field<LossParameters>] = [
        Field(
            "label_smoothing", \.[default: BinaryCrossEntropy()].labelSmoothing, .number(from: 0, below: 1),
            "bce: labels move towards one half")
    ]

    /// The loss of labels as they are.
    public init() {}

    /// Makes the loss.
    public init(_ context: LossContext, _ parameters: LossParameters) { self = parameters[default: Self()] }

    /// One term for each image and class, [B, C].
    public func terms(logits: Tensor, labels: Tensor, progress: Double) throws -> Tensor {
        let smooth = labelSmoothing == 0 ? labels : try labels * (1 - labelSmoothing) + labelSmoothing / 2
        return try crossEntropy(.tensor(logits), .tensor(smooth), .none, .none, .int(unreduced))
    }
}

/// Binary cross-entropy whose positive terms are multiplied by a weight of their class: -w_c y log p - (1 - y) log(1 - p).
public struct WeightedBinaryCrossEntropy: ConfigurableLoss {
    /// The keys of its parameters.
    public static let fields = [
        ClassWeights.ruleField,
        ClassWeights.betaField.used { $0[default: ClassWeights()].rule == .effectiveNumber },
    ]

    private let weights: Tensor

    /// Makes the loss for the counts of the training split.
    public init(_ context: LossContext, _ parameters: LossParameters) throws {
        weights = try parameters[default: ClassWeights()].tensor(for: context)
    }

    /// One term for each image and class, [B, C].
    public func terms(logits: Tensor, labels: Tensor, progress: Double) throws -> Tensor {
        try crossEntropy(.tensor(logits), .tensor(labels), .none, .tensor(weights), .int(unreduced))
    }
}
