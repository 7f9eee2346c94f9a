import ConfigurationFile
import Torch

/// Asymmetric loss (Ridnik et al., ICCV 2021, eq. 7): positives -(1 - p)^g+ log p, negatives -p_m^g- log(1 - p_m) with
/// p_m = max(p - m, 0). Easy negatives, of which every image has many, get less weight; those below m get none.
///
/// g- 4 and m 0.05 are the authors' for MS-COCO, where their g+ is 0; 1 is the default of their code.
public struct AsymmetricLoss: ConfigurableLoss, Hashable, Sendable {
    /// g+, of positives.
    public var positiveGamma = 1.0
    /// g-, of negatives.
    public var negativeGamma = 4.0
    /// m, what is taken off the probability of negatives, below 1.
    public var margin = 0.05

    /// The keys of its parameters.
    public static let fields: [Field<LossParameters>] = [
        Field(
            "asl_positive_gamma", \.[default: AsymmetricLoss()].positiveGamma, .number(0...20),
            "asymmetric: gamma of positives"),
        Field(
            "asl_negative_gamma", \.[default: AsymmetricLoss()].negativeGamma, .number(0...20),
            "asymmetric: gamma of negatives"),
        Field(
            "asl_margin", \.[default: AsymmetricLoss()].margin, .number(from: 0, below: 1),
            "asymmetric: taken off the probability of negatives"),
    ]

    /// The defaults.
    public init() {}

    /// Makes the loss.
    public init(_ context: LossContext, _ parameters: LossParameters) { self = parameters[default: Self()] }

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
