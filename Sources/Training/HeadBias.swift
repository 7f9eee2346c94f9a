import Backbones
import Basics
import Foundation
import NN
import Torch

/// Where the biases of the head begin.
public struct HeadBias: Sendable, Equatable {
    /// The same number for every class, such as -3; nil for log(p_c / (1 - p_c)) of each class's share of positives in the
    /// training data, so that the first epochs need not learn how rare classes are.
    public var constant: Double?

    /// Describes them.
    public init(_ constant: Double? = nil) { self.constant = constant }

    /// Sets the biases of a network.
    ///
    /// - Parameter counts: positives and known labels of each output.
    public func apply(to network: Classifier, counts: [(positives: Int, known: Int)]) throws {
        let values = counts.map { count -> Float in
            // Half an image on either side keeps the logarithm finite.
            let odds = (Double(count.positives) + 0.5) / (Double(count.known - count.positives) + 0.5)
            return Float(constant ?? log(odds))
        }
        try Autograd.withoutGrad { try network.head.bias?.value.copy(from: Tensor(values)) }
    }
}
