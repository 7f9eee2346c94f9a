import Torch

private let kernel = Operator("aten::layer_norm")

/// Normalises the last dimension to mean 0 and variance 1, then scales and shifts it (Ba et al., arXiv 1607.06450).
public final class LayerNorm: Module {
    private let weight: Parameter
    private let bias: Parameter
    private let features: Int
    private let epsilon: Double

    /// Makes a layer for vectors of `features` numbers; the epsilon is that of timm's vision transformers.
    public init(_ features: Int, epsilon: Double = 1e-6) throws {
        self.features = features
        self.epsilon = epsilon
        weight = try Parameter(.ones([features]))
        bias = try Parameter(.zeros([features]))
    }

    /// The weights under PyTorch's names.
    public var ownParameters: [(name: String, parameter: Parameter)] { [("weight", weight), ("bias", bias)] }

    /// [..., features], same shape.
    public func callAsFunction(_ x: Tensor) throws -> Tensor {
        try kernel(
            .tensor(x), .ints([features]), .tensor(weight.value), .tensor(bias.value), .double(epsilon), .bool(false))
    }

    /// What each vector adds to the normalised mean of all, [..., features], same shape: the mean of the result over
    /// `dimension` is the layer's output for the mean of `x` over it.
    public func shares(of x: Tensor, meanOver dimension: Int) throws -> Tensor {
        let mean = try x.mean([dimension], keepingDimensions: true)
        let centered = try mean - mean.mean([-1], keepingDimensions: true)
        let deviation = try ((centered * centered).mean([-1], keepingDimensions: true) + epsilon).sqrt()
        return try (x - x.mean([-1], keepingDimensions: true)) / deviation * weight.value + bias.value
    }
}
