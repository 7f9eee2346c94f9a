import Torch

/// Asymmetric loss (Ridnik et al., ICCV 2021, eq. 7): positives -(1 - p)^g+ log p, negatives -p_m^g- log(1 - p_m) with
/// p_m = max(p - m, 0). Easy negatives, of which every image has many, fade; those below m vanish.
///
/// g- 4, g+ 1 and m 0.05 are the paper's for MS-COCO.
public struct AsymmetricLoss: Loss {
    private let positiveGamma: Double
    private let negativeGamma: Double
    private let margin: Double

    /// Makes the loss; all at least 0, the margin below 1.
    public init(positiveGamma: Double = 1, negativeGamma: Double = 4, margin: Double = 0.05) {
        self.positiveGamma = positiveGamma
        self.negativeGamma = negativeGamma
        self.margin = margin
    }

    /// One term for each image and class, [B, C].
    public func terms(logits: Tensor, labels: Tensor, progress: Double) throws -> Tensor {
        let p = try logits.sigmoid()
        let positive = try (1 - p).focused(positiveGamma) * (-logits).softplus()
        let shifted = try (p - margin).relu()
        // Without a margin log(1 - p) comes from the logit, since 1 - p may round to 0.
        let surprise = margin == 0 ? try logits.softplus() : try -((1 - shifted).log())
        return try labels * positive + (1 - labels) * shifted.focused(negativeGamma) * surprise
    }
}
