import Backbones
import NN

/// LWS, learnable weight scaling (Kang et al., ICLR 2020, section 4): w_c becomes f_c w_c, and f_c > 0 alone is learnt,
/// with class-balanced sampling.
///
/// log f_c is what is trained, from 0 on. So f_c stays positive, and weight decay pulls it towards 1, the head as it was.
/// Biases stay: z becomes f_c (z - b_c) + b_c, which rises with z. The images therefore keep their order in each class.
public struct LearnableWeightScaling: SecondStage {
    /// Nothing to choose.
    public init() {}

    /// Freezes weights and biases and adds the factors.
    public func begin(_ network: Classifier, counts: [(positives: Int, known: Int)]) throws {
        for (_, parameter) in network.head.ownParameters { try parameter.setTrainable(false) }
        try network.head.beginScaling()
    }

    /// Multiplies the factors into the weights.
    public func end(_ network: Classifier) throws {
        try network.head.endScaling()
        for (_, parameter) in network.head.ownParameters { try parameter.setTrainable(true) }
    }
}
