import Backbones

/// cRT, classifier re-training (Kang et al., ICLR 2020, section 4): the head is made again and trained with
/// class-balanced sampling for a few epochs, on features that no longer change.
public struct ClassifierRetraining: SecondStage {
    private let bias: HeadBias

    /// - Parameter bias: where the biases of the new head begin; a prevalence is that among the images now seen.
    public init(bias: HeadBias) { self.bias = bias }

    /// A new head: weights N(0, 0.01) from the engine's generator.
    public func begin(_ network: Classifier, counts: [(positives: Int, known: Int)]) throws {
        try network.renewHead()
        try bias.apply(to: network, counts: counts)
    }
}
