import ConfigurationFile
import Foundation
import Torch

/// Label-distribution-aware margins (Cao et al., NeurIPS 2019, eq. 13, one outcome per class): BCE(s (z - m_c y), y)
/// with m_c = M n_c^(-1/4) / max_c n_c^(-1/4), so the rarest class must be won by the largest margin, and only its
/// positives.
///
/// From a share of the training on, every term of class c is weighed by the effective number of its images (the paper's
/// deferred re-weighting). M 0.5 is the paper's. Its s of 30 belongs to logits of unit features; ours have no such bound,
/// and 1 was the best of 1, 3, 10 and 30 on ODIR-5K (docs/results.md).
public struct LDAMLoss: ConfigurableLoss {
    /// Its parameters.
    public struct Parameters: Hashable, Sendable {
        /// M, of the rarest class.
        public var margin = 0.5
        /// s, what logits are multiplied by.
        public var scale = 1.0
        /// The share of the training after which terms are weighed; 1 for never.
        public var reweightFrom = 0.8

        /// The defaults.
        public init() {}
    }

    /// The keys of its parameters.
    public static let fields: [Field<LossParameters>] = [
        ClassWeights.betaField.used { $0[default: Parameters()].reweightFrom < 1 },
        Field("ldam_margin", \.[default: Parameters()].margin, .number(0...100), "ldam: margin of the rarest class"),
        Field(
            "ldam_scale", \.[default: Parameters()].scale, .number(above: 0, through: 1000),
            "ldam: factor on logits"),
        Field(
            "ldam_reweight_from", \.[default: Parameters()].reweightFrom, .number(0...1),
            "ldam: share of the training after which classes are weighed; 1: never"),
    ]

    private let parameters: Parameters
    private let margins: Tensor
    private let weights: Tensor

    /// Makes the loss for the counts of the training split.
    public init(_ context: LossContext, _ parameters: LossParameters) throws {
        let own = parameters[default: Parameters()]
        self.parameters = own
        margins = try Tensor(Self.margins(counts: context.classCounts, largest: own.margin).map(Float.init))
            .to(device: context.device)
        weights = try parameters.effectiveNumber.tensor(for: context)
    }

    /// m_c; 0 for a class without positives.
    public static func margins(counts: [Int], largest: Double) -> [Double] {
        let roots = counts.map { $0 > 0 ? pow(Double($0), -0.25) : 0 }
        let most = roots.max() ?? 0
        return roots.map { most > 0 ? largest * $0 / most : 0 }
    }

    /// One term for each image and class, [B, C].
    public func terms(logits: Tensor, labels: Tensor, progress: Double) throws -> Tensor {
        let moved = try (logits - margins * labels) * parameters.scale
        let terms = try BinaryCrossEntropy().terms(logits: moved, labels: labels, progress: progress)
        return progress >= parameters.reweightFrom ? try terms * weights : terms
    }
}
