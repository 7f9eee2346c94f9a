import NN
import Torch

/// A further head for some of the classes, on the features of an image of its own that passes the same backbone.
public struct RegionHead {
    /// What it is called, such as "macula".
    public let name: String
    /// Where its classes stand among the network's.
    public let columns: [Int]
    /// The layer, one output for each of `columns`: weights N(0, 0.01), bias 0.
    let layer: Linear

    init(_ name: String, columns: [Int], featureCount: Int) throws {
        (self.name, self.columns) = (name, columns)
        layer = try Linear(featureCount, columns.count)
        try layer.resetAsHead()
    }

    /// The logits with what the head says added to those of its classes.
    func callAsFunction(_ features: Tensor, addingTo logits: Tensor) throws -> Tensor {
        try logits + layer(features).spread(to: columns, of: logits.shape[1])
    }
}

extension Linear {
    /// How a head begins: weights N(0, 0.01) from the engine's generator, bias 0.
    func resetAsHead() throws {
        try Autograd.withoutGrad {
            try weight.value.copy(from: .normal(weight.value.shape, deviation: 0.01))
            try bias?.value.fill(0)
        }
    }
}

extension Tensor {
    /// [N, columns.count] as [N, count]: each number at its column, and 0 elsewhere.
    package func spread(to columns: [Int], of count: Int) throws -> Tensor {
        var selection = [Float](repeating: 0, count: columns.count * count)
        for (row, column) in columns.enumerated() { selection[row * count + column] = 1 }
        return try matmul(Tensor(selection, shape: [columns.count, count]).to(device: device))
    }
}
