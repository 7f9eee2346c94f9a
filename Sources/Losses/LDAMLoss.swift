import Foundation
import Torch

/// Label-distribution-aware margins (Cao et al., NeurIPS 2019, eq. 13, one outcome per class): BCE(s (z - m_c y), y)
/// with m_c = M n_c^(-1/4) / max_c n_c^(-1/4), so the rarest class must be won by the largest margin, and only its
/// positives.
///
/// From a share of the training on, every term of class c is weighed by the effective number of its images (the paper's
/// deferred re-weighting). M 0.5 is the paper's. Its s of 30 belongs to logits of unit features; ours have no such bound,
/// and 1 was the best of 1, 3, 10 and 30 on ODIR-5K (docs/results.md).
public struct LDAMLoss: Loss {
    private let margins: Tensor
    private let weights: Tensor
    private let scale: Double
    private let reweightFrom: Double

    /// Makes the loss for the counts of the training split.
    ///
    /// - Parameters:
    ///   - margin: M, of the rarest class.
    ///   - reweightFrom: the share of the training after which terms are weighed; 1 for never.
    public init(
        _ context: LossContext, margin: Double = 0.5, scale: Double = 1, reweightFrom: Double = 0.8,
        beta: Double = 0.999
    ) throws {
        margins = try Tensor(Self.margins(counts: context.classCounts, largest: margin).map(Float.init))
            .to(device: context.device)
        weights = try Tensor(
            ClassWeights.effectiveNumber(beta: beta).weights(counts: context.classCounts).map(Float.init)
        ).to(device: context.device)
        self.scale = scale
        self.reweightFrom = reweightFrom
    }

    /// m_c; 0 for a class without positives.
    public static func margins(counts: [Int], largest: Double) -> [Double] {
        let roots = counts.map { $0 > 0 ? pow(Double($0), -0.25) : 0 }
        let most = roots.max() ?? 0
        return roots.map { most > 0 ? largest * $0 / most : 0 }
    }

    /// One term for each image and class, [B, C].
    public func terms(logits: Tensor, labels: Tensor, progress: Double) throws -> Tensor {
        let moved = try (logits - margins * labels) * scale
        let terms = try BinaryCrossEntropy().terms(logits: moved, labels: labels, progress: progress)
        return progress >= reweightFrom ? try terms * weights : terms
    }
}
