import Backbones

/// What is done to the head of a trained network afterwards, its backbone staying as it is (Kang et al., "Decoupling
/// representation and classifier for long-tailed recognition", ICLR 2020).
///
/// The idea: features are learnt best from the images as they come, and what the long tail spoils is the head. What is
/// left at the end is a classifier like any other, with the same names of parameters.
public protocol SecondStage: Sendable {
    /// Whether the network is trained between `begin` and `end`.
    var isTrained: Bool { get }
    /// Makes the head ready and says, by what is trainable in it, which numbers training changes. The backbone is frozen
    /// by the plan, `TrainingPlan.backboneRate` 0.
    ///
    /// - Parameter counts: positives and known labels of each output among the images that the stage will see.
    func begin(_ network: Classifier, counts: [(positives: Int, known: Int)]) throws
    /// Leaves an ordinary head.
    func end(_ network: Classifier) throws
}

extension SecondStage {
    /// True, unless said otherwise.
    public var isTrained: Bool { true }
    /// Nothing, unless said otherwise.
    public func end(_ network: Classifier) throws {}
}
