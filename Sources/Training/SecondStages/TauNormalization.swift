import Backbones
import NN
import Torch

/// tau-normalisation (Kang et al., ICLR 2020, section 4): w_c becomes w_c / ||w_c||^tau. Nothing is trained.
///
/// Frequent classes come to have longer w_c; tau takes that back, wholly at 1 and not at all at 0.
///
/// The paper leaves the bias out. With softmax that takes the classes' frequencies out too, and `keepsBias` false does so.
/// With one sigmoid a class it would put every rare disease at a probability around one half, so there the bias, which
/// holds how rare the class is, stays: z becomes (z - b_c) / ||w_c||^tau + b_c, which rises with z, so that the images
/// keep their order in each class.
public struct TauNormalization: SecondStage {
    private let tau: Double
    private let keepsBias: Bool

    /// - Parameter tau: in [0, 1].
    public init(tau: Double, keepsBias: Bool) {
        self.tau = tau
        self.keepsBias = keepsBias
    }

    /// False: this is a formula.
    public var isTrained: Bool { false }

    /// Divides the weights. A class whose weights are all 0 keeps them.
    public func begin(_ network: Classifier, counts: [(positives: Int, known: Int)]) throws {
        try Autograd.withoutGrad {
            let weight = try network.head.weight.value.detached()
            let norm = try weight.norm([1], keepingDimensions: true)
            let divisor = try norm.equals(0).choose(norm * 0 + 1, norm.pow(tau))
            try weight.copy(from: weight / divisor)
            if !keepsBias { try network.head.bias?.value.fill(0) }
        }
    }
}
