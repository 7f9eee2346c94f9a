import Torch

private let attention = Operator("aten::scaled_dot_product_attention")

/// Self-attention with several heads (Vaswani et al., NeurIPS 2017) under timm's names, by libtorch's fused kernel.
public final class SelfAttention: Module {
    private let qkv: Linear
    private let projection: Linear
    private let heads: Int

    /// Makes a layer for tokens of `width` numbers, which `heads` must divide.
    public init(_ width: Int, heads: Int) throws {
        self.heads = heads
        qkv = try Linear(width, 3 * width)
        projection = try Linear(width, width)
    }

    /// The parts under timm's names.
    public var children: [(name: String, module: any Module)] { [("qkv", qkv), ("proj", projection)] }

    /// [N, tokens, width], same shape.
    public func callAsFunction(_ x: Tensor) throws -> Tensor {
        let shape = x.shape
        let parts = try qkv(x).reshaped([shape[0], shape[1], 3, heads, shape[2] / heads]).permuted([2, 0, 3, 1, 4])
        func part(_ index: Int) throws -> Argument {
            .tensor(try parts.narrowed(0, from: index, length: 1).reshaped(Array(parts.shape.dropFirst())))
        }
        let mixed = try attention(part(0), part(1), part(2), .none, .double(0), .bool(false), .none, .bool(false))
        return try projection(mixed.transposed(1, 2).reshaped(shape))
    }
}
