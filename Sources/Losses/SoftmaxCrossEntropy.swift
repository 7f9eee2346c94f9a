import Torch

/// -sum_c y_c log softmax(z)_c for single-label data; the terms of absent classes are 0.
public struct SoftmaxCrossEntropy: Loss {
    /// So far below every logit that its exponential is 0, yet finite: 0 times it is 0.
    private static let excluded: Float = -1e30
    private let shift: Tensor

    /// Makes the loss without the classes that have no positives in training: they take no part in the softmax's sum.
    public init(_ context: LossContext) throws {
        shift = try context.tensor { $0 > 0 ? 0 : Self.excluded }
    }

    /// One term for each image and class, [B, C].
    public func terms(logits: Tensor, labels: Tensor, progress: Double) throws -> Tensor {
        try -(labels * (logits + shift).logSoftmax(1))
    }
}
