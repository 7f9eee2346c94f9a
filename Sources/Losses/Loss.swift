import Basics
import Torch

/// A loss between logits and multi-hot labels, one term for each image and class.
///
/// Scale, everywhere: sums over classes, means over the batch. To add a loss, write one file with its `terms` and
/// register it by one line in `LossRegistry`.
public protocol Loss {
    /// The terms l(z_ic, y_ic), [B, C].
    ///
    /// - Parameters:
    ///   - logits: raw z, float32 [B, C].
    ///   - labels: y in [0, 1], float32 [B, C]; 0 where unknown.
    ///   - progress: how much of the training is done, in [0, 1), for losses that change over time.
    func terms(logits: Tensor, labels: Tensor, progress: Double) throws -> Tensor
}

extension Loss {
    /// The sum over classes and mean over the batch, a scalar, computed in float32.
    ///
    /// - Parameter mask: 1 where a term counts, 0 where the label is unknown or the class takes no part; [B, C] or [C].
    public func callAsFunction(logits: Tensor, labels: Tensor, mask: Tensor?, progress: Double = 0) throws -> Tensor {
        let terms = try terms(logits: logits.to(dtype: .float32), labels: labels, progress: progress)
        let counted = try mask.map { try terms * $0 } ?? terms
        return try counted.sum() / Double(max(1, logits.shape.first ?? 1))
    }
}

/// What a loss may know of the training data when it is made.
public struct LossContext: Sendable {
    /// Positives of each class in the training split, n_c.
    public var classCounts: [Int]
    /// Images in the training split.
    public var imageCount: Int
    /// Where the loss is computed.
    public var device: Device

    /// Gathers what is known.
    public init(classCounts: [Int], imageCount: Int, device: Device = .cpu) {
        self.classCounts = classCounts
        self.imageCount = imageCount
        self.device = device
    }
}

/// All losses by the names that configurations use.
public enum LossRegistry {
    /// One line for each loss.
    private static let all: [(name: String, make: @Sendable (LossContext, LossOptions) throws -> any Loss)] = [
        ("bce", { _, options in BinaryCrossEntropy(labelSmoothing: options.labelSmoothing) }),
        ("weighted_bce", { try WeightedBinaryCrossEntropy($0, $1.classWeights) }),
        ("focal", { FocalLoss(gamma: $1.focalGamma) }),
        ("class_balanced_focal", { try ClassBalancedFocalLoss($0, gamma: $1.focalGamma, beta: $1.beta) }),
        (
            "ldam",
            {
                try LDAMLoss(
                    $0, margin: $1.ldamMargin, scale: $1.ldamScale, reweightFrom: $1.ldamReweightFrom, beta: $1.beta)
            }
        ),
        ("distribution_balanced", { try DistributionBalancedLoss($0, $1.distributionBalanced) }),
        (
            "asymmetric",
            {
                AsymmetricLoss(
                    positiveGamma: $1.asymmetricPositiveGamma, negativeGamma: $1.asymmetricNegativeGamma,
                    margin: $1.asymmetricMargin)
            }
        ),
        ("logit_adjusted", { try LogitAdjustedBinaryCrossEntropy($0, tau: $1.adjustment) }),
    ]

    /// The names, in order.
    public static var names: [String] { all.map(\.name) }

    /// Makes a loss by name.
    ///
    /// - Throws: `FoveaError` of kind `configuration` for a name that is not registered.
    public static func make(_ name: String, _ options: LossOptions, _ context: LossContext) throws -> any Loss {
        guard let entry = all.first(where: { $0.name == name }) else {
            throw FoveaError(
                .configuration, "\"\(name)\" is not a loss", remedy: FoveaError.suggestion(for: name, among: names))
        }
        return try entry.make(context, options)
    }
}

/// The constants of all losses; each loss reads its own.
public struct LossOptions: Sendable, Equatable {
    /// BCE: how far labels move towards one half, in [0, 1).
    public var labelSmoothing = 0.0
    /// Weighted BCE: how the weight of a class follows from its count.
    public var classWeights = ClassWeights.effectiveNumber(beta: 0.999)
    /// Class-balanced focal, LDAM: beta of the effective number, in [0, 1).
    public var beta = 0.999
    /// Focal, class-balanced focal: gamma.
    public var focalGamma = 2.0
    /// LDAM: the margin of the rarest class.
    public var ldamMargin = 0.5
    /// LDAM: what logits are multiplied by.
    public var ldamScale = 1.0
    /// LDAM: the share of the training after which classes are weighed; 1 for never.
    public var ldamReweightFrom = 0.8
    /// Distribution-balanced: all constants.
    public var distributionBalanced = DistributionBalancedLoss.Constants()
    /// Asymmetric: gamma of positives.
    public var asymmetricPositiveGamma = 1.0
    /// Asymmetric: gamma of negatives.
    public var asymmetricNegativeGamma = 4.0
    /// Asymmetric: what is taken off the probability of negatives.
    public var asymmetricMargin = 0.05
    /// Logit-adjusted: tau.
    public var adjustment = 1.0

    /// The defaults.
    public init() {}
}
