import Torch

/// Asymmetric loss (Ridnik et al., ICCV 2021, eq. 7): positives -(1 - p)^g+ log p, negatives -p_m^g- log(1 - p_m) with
/// p_m = max(p - m, 0). Easy negatives, of which every image has many, get less weight; those below m get none.
///
/// g- 4 and m 0.05 are the authors' for MS-COCO, where their g+ is 0; 1 is the default of their code.
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
        // 1 - p comes from the logit, since it may round to 0; a margin that float32 does not know is none.
        let surprise =
            margin < 1e-30 ? try logits.softplus() : try -(((-logits).sigmoid() + margin).clamped(nil, 1).log())
        return try labels * positive + (1 - labels) * shifted.focused(negativeGamma) * surprise
    }
}
