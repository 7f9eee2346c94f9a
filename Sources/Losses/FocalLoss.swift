import ConfigurationFile
import Torch

/// Focal loss (Lin et al., ICCV 2017, eq. 4, one outcome per class): (1 - p_t)^gamma BCE, with p_t the probability
/// given to the truth. What is known already counts less. gamma 2 is the paper's.
public struct FocalLoss: ConfigurableLoss, Hashable, Sendable {
    /// At least 0, where 0 is BCE.
    public var gamma = 2.0

    /// The keys of its parameters.
    public static let fields: [Field<LossParameters>] = [
        Field("focal_gamma", \.[default: FocalLoss()].gamma, .number(0...20), "focal, class_balanced_focal: gamma")
    ]

    /// The defaults.
    public init() {}

    /// Makes the loss.
    public init(_ context: LossContext, _ parameters: LossParameters) { self = parameters[default: Self()] }

    /// One term for each image and class, [B, C].
    public func terms(logits: Tensor, labels: Tensor, progress: Double) throws -> Tensor {
        let p = try logits.sigmoid()
        let missed = try labels * (1 - p) + (1 - labels) * p
        return try missed.focused(gamma)
            * BinaryCrossEntropy().terms(logits: logits, labels: labels, progress: progress)
    }
}

/// Class-balanced focal loss (Cui et al., CVPR 2019, section 4.3): focal loss times one weight for each image, the sum of
/// the effective-number weights of its positive classes; those have mean 1 over the classes.
///
/// An image without a positive weighs 1: with weight 0, as in some public code, images of healthy eyes would have no
/// effect.
public struct ClassBalancedFocalLoss: ConfigurableLoss {
    /// The keys of its parameters.
    public static let fields = FocalLoss.fields + [ClassWeights.betaField]

    private let focal: FocalLoss
    private let weights: Tensor

    /// Makes the loss for the counts of the training split; beta 0.999 and gamma 2 are among the paper's values.
    public init(_ context: LossContext, _ parameters: LossParameters) throws {
        focal = FocalLoss(context, parameters)
        weights = try parameters.effectiveNumber.tensor(for: context)
    }

    /// One term for each image and class, [B, C].
    public func terms(logits: Tensor, labels: Tensor, progress: Double) throws -> Tensor {
        let positives = try labels.sum([1], keepingDimensions: true)
        let sums = try (labels * weights).sum([1], keepingDimensions: true)
        let ofImage = try positives.below(0.5).choose(sums * 0 + 1, sums)
        return try focal.terms(logits: logits, labels: labels, progress: progress) * ofImage
    }
}

extension Tensor {
    /// x^gamma of a probability x, with a gradient that stays finite at x = 0 also for gamma below 1.
    func focused(_ gamma: Double) throws -> Tensor {
        gamma > 0 && gamma < 1 ? try clamped(1e-8, nil).pow(gamma) : try pow(gamma)
    }
}
