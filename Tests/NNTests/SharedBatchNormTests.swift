import Basics
import NN
import TestSupport
import Testing
import Torch

/// Batch norms over the images of several processes.
@Suite struct SharedBatchNormTests {
    /// Output, gradients of input, weight and bias, and running statistics.
    private struct Result {
        var output: [Float]
        var input: [Float]
        var weights: [[Float]]
        var statistics: [[Float]]
    }

    private static func run(_ images: [Float], group: ProcessGroup?) throws -> Result {
        let norm = try BatchNorm2d(3)
        norm.shareBatchNorms(in: group)
        let own = norm.ownParameters.map(\.parameter)
        try own[0].replace(Tensor([0.5, 1, 2] as [Float]))
        try own[1].replace(Tensor([0, -1, 1] as [Float]))
        let x = try Tensor(images, shape: [images.count / 12, 3, 2, 2]).contiguous(.channelsLast).requiringGrad()
        let y = try norm(x)
        try (y * y * y).sum().backward()
        return Result(
            output: try y.array(), input: try x.grad?.array() ?? [],
            weights: try own[..<2].map { try $0.value.grad?.array() ?? [] },
            statistics: try own[2...].map { try $0.value.array() })
    }

    @Test(arguments: [[0, 3, 5], [0, 0, 5], [0, 4, 5]])
    func partsComeToTheSameAsTheWhole(_ borders: [Int]) throws {
        var random = SeededRandom(seed: 1)
        let images = (0..<60).map { Float(random.uniform(-2, 5)) + Float($0 % 12) }
        let whole = try Self.run(images, group: nil)
        let parts = try together(2) { launch in
            let own = images[borders[launch.rank] * 12..<borders[launch.rank + 1] * 12]
            return try Self.run(Array(own), group: ProcessGroup(launch))
        }
        func isNear(_ a: [Float], _ b: [Float]) -> Bool {
            a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-4 * max(1, abs($0)) }
        }
        #expect(isNear(parts.flatMap(\.output), whole.output))
        #expect(isNear(parts.flatMap(\.input), whole.input))
        for index in 0..<2 {
            #expect(isNear(zip(parts[0].weights[index], parts[1].weights[index]).map(+), whole.weights[index]))
            #expect(isNear(parts[0].statistics[index], whole.statistics[index]))
            #expect(parts[0].statistics[index] == parts[1].statistics[index])
        }
    }
}
