import Basics
import NN
import Testing
import Torch

@Suite struct WeightAverageTests {
    /// A layer with the weights and gradients of the golden file.
    private final class Layer: Module {
        let pair: Pair
        init() throws { pair = try Pair() }
        var ownParameters: [(name: String, parameter: Parameter)] { pair.named }
        func callAsFunction(_ x: Tensor) throws -> Tensor { x }
    }

    @Test func averagesArePyTorchs() throws {
        let golden = try Golden.read().averages
        let layer = try Layer()
        let average = try WeightAverage(of: layer, decay: golden.decay)
        let optimizer = Optimizer(.sgd(momentum: 0), [ParameterGroup(layer.pair.named)])
        for (step, expected) in golden.weights.enumerated() {
            try layer.pair.setGradients(step: step)
            try optimizer.step(rate: 0.1)
            try average.update()
            let weight = try #require(average.values.first { $0.name == "weight" })
            #expect(try distance(weight.tensor.array(as: Double.self), expected) < 1e-12, "step \(step)")
        }
    }

    @Test func buffersAreAveragedToo() throws {
        let norm = try BatchNorm2d(1)
        let average = try WeightAverage(of: norm, decay: 0.75)
        _ = try norm(Tensor([1, 2, 3, 6] as [Float], shape: [2, 1, 1, 2]))
        try average.update()
        let mean = try #require(average.values.first { $0.name == "running_mean" }).tensor.item()
        #expect(abs(mean - 0.25 * 0.3) < 1e-6)
    }

    @Test func swappingTwiceChangesNothing() throws {
        let layer = try Layer()
        let average = try WeightAverage(of: layer, decay: 0.5)
        let begin = try layer.pair.values()
        try layer.pair.setGradients(step: 0)
        try Optimizer(.sgd(momentum: 0), [ParameterGroup(layer.pair.named)]).step(rate: 1)
        let stepped = try layer.pair.values()
        try average.swap()
        #expect(try layer.pair.values() == begin)
        #expect(try average.values.map { try $0.tensor.array(as: Double.self) } == stepped)
        try average.swap()
        #expect(try layer.pair.values() == stepped)
        #expect(layer.pair.weight.value.requiresGrad)
    }

    @Test func savedAveragesAreRestoredAndMissingOnesNamed() throws {
        let layer = try Layer()
        let average = try WeightAverage(of: layer, decay: 0.5)
        let saved = ["weight": try Tensor.ones([2, 3]), "bias": try Tensor.zeros([2])]
        try average.restore(saved)
        #expect(try average.values[0].tensor.array() == [Float](repeating: 1, count: 6))
        let error = #expect(throws: FoveaError.self) { try average.restore(["weight": Tensor.ones([2, 3])]) }
        #expect(error?.message.contains("bias") == true)
    }
}
