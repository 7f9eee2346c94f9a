import Foundation

/// A weight for each class from its number of positives n_c, with mean 1 over the classes that have any.
public enum ClassWeights: Sendable, Equatable {
    /// 1 for every class.
    case uniform
    /// 1 / n_c.
    case inverseFrequency
    /// (1 - beta) / (1 - beta^n_c), the inverse effective number of samples (Cui et al., CVPR 2019, eq. 2).
    case effectiveNumber(beta: Double)

    /// The weights; 0 for a class without positives, which takes part in nothing.
    public func weights(counts: [Int]) -> [Double] {
        let raw = counts.map { count -> Double in
            guard count > 0 else { return 0 }
            switch self {
            case .uniform: return 1
            case .inverseFrequency: return 1 / Double(count)
            case .effectiveNumber(let beta): return (1 - beta) / (1 - pow(beta, Double(count)))
            }
        }
        let present = raw.filter { $0 > 0 }
        let mean = present.reduce(0, +) / Double(max(1, present.count))
        return raw.map { mean > 0 ? $0 / mean : 0 }
    }
}
