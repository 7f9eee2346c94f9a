import ConfigurationFile
import Foundation
import Torch

/// Logit adjustment (Menon et al., ICLR 2021, eq. 10, one outcome per class): BCE(z + tau log(pi_c / (1 - pi_c)), y)
/// with pi_c = n_c / n. The prior is added while training, so that the raw z need not learn it; the raw z is what is
/// distilled, ranked and thresholded. tau 1 is the paper's.
public struct LogitAdjustedBinaryCrossEntropy: ConfigurableLoss {
    /// Its parameters.
    public struct Parameters: Hashable, Sendable {
        /// How far priors move logits.
        public var tau = 1.0

        /// The defaults.
        public init() {}
    }

    /// The keys of its parameters.
    public static let fields: [Field<LossParameters>] = [
        Field("logit_adjustment", \.[default: Parameters()].tau, .number(0...100), "logit_adjusted: tau")
    ]

    private let shift: Tensor

    /// Makes the loss for the counts of the training split; a class in none or in all images is not shifted.
    public init(_ context: LossContext, _ parameters: LossParameters) throws {
        let tau = parameters[default: Parameters()].tau
        let total = context.imageCount
        shift = try context.tensor { count in
            0 < count && count < total ? Float(tau * log(Double(count) / Double(total - count))) : 0
        }
    }

    /// One term for each image and class, [B, C].
    public func terms(logits: Tensor, labels: Tensor, progress: Double) throws -> Tensor {
        try BinaryCrossEntropy().terms(logits: logits + shift, labels: labels, progress: progress)
    }
}
