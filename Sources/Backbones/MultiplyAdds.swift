import Torch

extension Classifier {
    /// How many products are computed and added when one photograph of a side passes forward: those of convolutions, linear layers
    /// and attention, which are nearly all. A backward pass takes about twice as many.
    ///
    /// The network must be in evaluation mode and its batch norms not folded.
    public func multiplyAdds(resolution: Int) throws -> Double {
        let image = try Tensor.zeros([imageCount, 3, resolution, resolution])
        let recorded = try OperatorTrace.record(keeping: Self.multiplyAdds(of:)) {
            try Autograd.inference { try self(image) }
        }
        return recorded.calls.reduce(0, +)
    }

    private static func multiplyAdds(of call: OperatorCall) -> Double {
        func shape(_ index: Int) -> [Int] {
            if case .tensor(let tensor) = call.arguments[index] { tensor.shape } else { [] }
        }
        let outputs = Double(call.results.first?.count ?? 0)
        switch call.name {
        case "aten::conv2d", "aten::linear": return outputs * Double(shape(1).dropFirst().reduce(1, *))
        // Queries with keys, then the weights with the values; [N, heads, tokens, length].
        case "aten::scaled_dot_product_attention": return 2 * outputs * Double(shape(1)[2])
        default: return 0
        }
    }
}
