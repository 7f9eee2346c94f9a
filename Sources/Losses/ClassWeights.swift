import ConfigurationFile
import Foundation
import Torch

/// A weight for each class from its number of positives n_c, with mean 1 over the classes that have any.
public struct ClassWeights: Hashable, Sendable {
    /// The rules.
    public enum Rule: String, Sendable, CaseIterable {
        /// (1 - beta) / (1 - beta^n_c), the inverse effective number of samples (Cui et al., CVPR 2019, eq. 2).
        case effectiveNumber = "effective_number"
        /// 1 / n_c.
        case inverseFrequency = "inverse_frequency"
    }

    /// How the weight of a class follows from its count.
    public var rule: Rule
    /// beta of the effective number, in [0, 1).
    public var beta: Double

    /// Describes weights.
    public init(_ rule: Rule = .effectiveNumber, beta: Double = 0.999) { (self.rule, self.beta) = (rule, beta) }

    static let ruleField = Field(
        "class_weights", \LossParameters.[default: ClassWeights()].rule, .choice,
        "weighted_bce: how weights follow from counts")
    static let betaField = Field(
        "beta", \LossParameters.[default: ClassWeights()].beta, .number(from: 0, below: 1),
        "beta of the effective number")

    /// The weights; 0 for a class without positives, which takes part in nothing.
    public func weights(counts: [Int]) -> [Double] {
        let raw = counts.map { count -> Double in
            guard count > 0 else { return 0 }
            switch rule {
            case .inverseFrequency: return 1 / Double(count)
            case .effectiveNumber: return (1 - beta) / (1 - pow(beta, Double(count)))
            }
        }
        let present = raw.filter { $0 > 0 }
        let mean = present.reduce(0, +) / Double(max(1, present.count))
        return raw.map { mean > 0 ? $0 / mean : 0 }
    }

    /// The weights for the counts of a training split, [C].
    func tensor(for context: LossContext) throws -> Tensor {
        try Tensor(weights(counts: context.classCounts).map(Float.init)).to(device: context.device)
    }
}

extension LossParameters {
    /// The weights by the effective number, whatever the rule of weighted BCE is.
    var effectiveNumber: ClassWeights { ClassWeights(beta: self[default: ClassWeights()].beta) }
}
