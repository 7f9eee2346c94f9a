import Backbones
import Basics
import Foundation
import NN
import Torch

/// Where the biases of the head begin.
public enum HeadBias: Sendable, Equatable {
    /// The same number for every class, such as -3.
    case constant(Double)
    /// log(p_c / (1 - p_c)) of each class's share of positives in the training data, so that the first epochs need not
    /// learn how rare classes are.
    case prevalence

    /// Sets the biases of a network.
    ///
    /// - Parameter counts: positives and known labels of each output.
    public func apply(to network: Classifier, counts: [(positives: Int, known: Int)]) throws {
        let values = counts.map { count -> Float in
            switch self {
            case .constant(let value): return Float(value)
            case .prevalence:
                // Half an image on either side keeps the logarithm finite.
                return Float(
                    log((Double(count.positives) + 0.5) / (Double(count.known - count.positives) + 0.5)))
            }
        }
        try Autograd.withoutGrad { try network.head.bias?.value.copy(from: Tensor(values)) }
    }
}
