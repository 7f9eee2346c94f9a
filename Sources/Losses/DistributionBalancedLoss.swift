import ConfigurationFile
import Foundation
import Torch

/// Distribution-balanced loss (Wu et al., ECCV 2020, eqs. 7, 9 and 10): BCE with two corrections.
///
/// *Re-balanced weights.* r = sigmoid(b (R - mu)) + a with R_ic = (1/n_c) / sum_{j: y_ij = 1} 1/n_j: what an image drawn
/// for its rarest class repeats of frequent classes counts less. An image without a positive has the mean R of the
/// batch's others, 1 where there are none.
///
/// *Negative-tolerant regularisation.* With v_c = kappa log(1 / pi_c - 1) and u = z - v_c: positives softplus(-u),
/// negatives (1 / l) softplus(l u). For rare classes v > 0, so their positives must reach further. a 0.1, b 10, mu 0.3, l 5
/// and kappa 0.05 are the paper's for VOC.
///
/// With gamma above 0 it is DB-focal: positives are also multiplied by (1 - sigmoid(u))^gamma, negatives by
/// sigmoid(l u)^gamma.
public struct DistributionBalancedLoss: ConfigurableLoss {
    /// Its parameters.
    public struct Parameters: Hashable, Sendable {
        /// What is added to every weight.
        public var alpha = 0.1
        /// How steep weights are.
        public var beta = 10.0
        /// Where they rise.
        public var mu = 0.3
        /// l, by which negatives are softened.
        public var lambda = 5.0
        /// How far priors move logits.
        public var kappa = 0.05
        /// gamma of the focal factor of DB-focal; 0 for none.
        public var gamma = 0.0

        /// The paper's.
        public init() {}
    }

    /// The keys of its parameters.
    public static let fields: [Field<LossParameters>] = [
        Field(
            "db_alpha", \.[default: Parameters()].alpha, .number(0...10),
            "distribution_balanced: added to every weight"),
        Field(
            "db_beta", \.[default: Parameters()].beta, .number(0...1000),
            "distribution_balanced: how steep weights are"),
        Field("db_mu", \.[default: Parameters()].mu, .number(0...1), "distribution_balanced: where weights rise"),
        Field(
            "db_lambda", \.[default: Parameters()].lambda, .number(above: 0, through: 1000),
            "distribution_balanced: by which negatives are softened"),
        Field(
            "db_kappa", \.[default: Parameters()].kappa, .number(0...10),
            "distribution_balanced: how far priors move logits"),
        Field(
            "db_focal_gamma", \.[default: Parameters()].gamma, .number(0...20),
            "distribution_balanced: gamma of DB-focal; 0: no focal factor"),
    ]

    private let parameters: Parameters
    /// 1 / n_c, 0 without positives.
    private let rarity: Tensor
    /// 1 for classes with positives.
    private let taught: Tensor
    private let shift: Tensor
    private let communicator: any Communicator

    /// Makes the loss for the counts of the training split.
    public init(_ context: LossContext, _ parameters: LossParameters) throws {
        let parameters = parameters[default: Parameters()]
        self.parameters = parameters
        communicator = context.communicator
        let total = context.imageCount
        rarity = try context.tensor { $0 > 0 ? 1 / Float($0) : 0 }
        taught = try context.tensor { $0 > 0 ? 1 : 0 }
        shift = try context.tensor { count in
            0 < count && count < total ? Float(parameters.kappa * log(Double(total) / Double(count) - 1)) : 0
        }
    }

    /// r, [B, C]; a class with n_c = 0 counts in no mean.
    public func weights(labels: Tensor) throws -> Tensor {
        let sums = try (labels * rarity).sum([1], keepingDimensions: true)
        let isEmpty = try sums.below(1e-30)
        let share = try (sums * 0 + rarity) / sums.clamped(1e-30, nil)
        let counted = try isEmpty.choose(share * 0, share * 0 + 1) * taught
        let (number, sum) = (try counted.sum(), try (share * counted).sum())
        try communicator.allReduce([number, sum])
        let mean = try number.below(0.5).choose(number * 0 + 1, sum / number.clamped(1, nil))
        let relative = try isEmpty.choose(share * 0 + mean, share)
        return try ((relative - parameters.mu) * parameters.beta).sigmoid() + parameters.alpha
    }

    /// One term for each image and class, [B, C].
    public func terms(logits: Tensor, labels: Tensor, progress: Double) throws -> Tensor {
        let u = try logits - shift
        let soft = try u * parameters.lambda
        var positives = try (-u).softplus()
        var negatives = try soft.softplus() / parameters.lambda
        if parameters.gamma > 0 {
            positives = try positives * (1 - u.sigmoid()).focused(parameters.gamma)
            negatives = try negatives * soft.sigmoid().focused(parameters.gamma)
        }
        return try weights(labels: labels) * (labels * positives + (1 - labels) * negatives)
    }
}
