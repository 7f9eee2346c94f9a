import Torch

/// Leaves out a residual branch for some images of a batch while training and scales the others up, so that the
/// expectation stays (stochastic depth; Huang et al., ECCV 2016).
public final class DropPath: Module {
    private let rate: Double
    private var isTraining = true

    /// Leaves out with probability `rate` in [0, 1).
    public init(_ rate: Double) { self.rate = rate }

    /// Switches between training and evaluation.
    public func setOwnTraining(_ isTraining: Bool) { self.isTraining = isTraining }

    /// The branch, [N, ...], zero for the images that go without it.
    public func callAsFunction(_ x: Tensor) throws -> Tensor {
        guard isTraining, rate > 0 else { return x }
        let shape = [x.shape[0]] + Array(repeating: 1, count: x.rank - 1)
        let isKept = try Tensor.uniform(shape, 0, 1, device: x.device).atLeast(rate)
        return try x * (isKept.to(dtype: x.dtype) * (1 / (1 - rate)))
    }
}
