import Torch

/// -sum_c y_c log softmax(z)_c for single-label data; the terms of absent classes are 0.
public struct SoftmaxCrossEntropy: Loss {
    /// Makes the loss.
    public init() {}

    public func terms(logits: Tensor, labels: Tensor, progress: Double) throws -> Tensor {
        try -(labels * logits.logSoftmax(1))
    }
}
