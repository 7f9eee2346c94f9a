import Foundation
import Torch

/// Logit adjustment (Menon et al., ICLR 2021, eq. 10, one outcome per class): BCE(z + tau log(pi_c / (1 - pi_c)), y)
/// with pi_c = n_c / n. The prior is added while training, so that the raw z need not learn it; the raw z is what is
/// distilled, ranked and thresholded. tau 1 is the paper's.
public struct LogitAdjustedBinaryCrossEntropy: Loss {
    private let shift: Tensor

    /// Makes the loss for the counts of the training split; a class in none or in all images is not shifted.
    public init(_ context: LossContext, tau: Double = 1) throws {
        let total = context.imageCount
        let shifts = context.classCounts.map { count -> Float in
            0 < count && count < total ? Float(tau * log(Double(count) / Double(total - count))) : 0
        }
        shift = try Tensor(shifts).to(device: context.device)
    }

    /// One term for each image and class, [B, C].
    public func terms(logits: Tensor, labels: Tensor, progress: Double) throws -> Tensor {
        try BinaryCrossEntropy().terms(logits: logits + shift, labels: labels, progress: progress)
    }
}
