import Basics
import Foundation
import NN
import Testing
import Torch

@Suite struct LayerTests {
    @Test func rowsWithFactorsEndAsAnOrdinaryMatrix() throws {
        let layer = try Linear(3, 2)
        let x = try Self.ramp([4, 3])
        let before = try layer(x).array() as [Float]
        try layer.beginScaling()
        #expect(layer.ownParameters.map(\.name) == ["weight", "bias", "log_scale"])
        #expect(try layer(x).array() as [Float] == before, "factors begin at 1")
        let factors: [Float] = [0.7, -0.4]
        try Autograd.withoutGrad { try layer.logScale?.value.copy(from: Tensor(factors)) }
        let scaled = try layer(x).array() as [Float]
        let bias = try layer.bias?.value.array() as [Float]? ?? []
        for (i, value) in before.enumerated() {
            let expected = (value - bias[i % 2]) * exp(factors[i % 2]) + bias[i % 2]
            #expect(abs(scaled[i] - expected) < 1e-5)
        }
        try layer.endScaling()
        #expect(try layer(x).array() as [Float] == scaled)
        #expect(layer.ownParameters.map(\.name) == ["weight", "bias"])
        #expect(layer.weight.value.requiresGrad)
    }

    private static func ramp(_ shape: [Int]) throws -> Tensor {
        let count = shape.reduce(1, *)
        return try Tensor((0..<count).map { Float(($0 * 37) % 23) / 23 - 0.4 }, shape: shape)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var height, width, kernel, stride, groups: Int
        var padding: Padding
        var testDescription: String {
            "\(height) x \(width), kernel \(kernel), stride \(stride), groups \(groups), \(padding)"
        }
    }

    private static let cases = [Padding.same, .symmetric].flatMap { padding in
        [(5, 5, 1), (5, 6, 2), (7, 4, 2), (9, 9, 2), (8, 11, 3), (1, 2, 2)].flatMap { height, width, stride in
            [(3, 1), (3, 2), (1, 1), (7, 1)].map { kernel, groups in
                Case(
                    height: height, width: width, kernel: kernel, stride: stride, groups: groups, padding: padding)
            }
        }
    }

    /// Against the definition, with TensorFlow's own rule for "SAME": k - s when s divides n, else k - n mod s.
    @Test(arguments: cases) func convolutionFollowsItsDefinition(_ c: Case) throws {
        let layer = try Conv2d(
            2, 4, kernel: c.kernel, stride: c.stride, groups: c.groups, bias: true, padding: c.padding)
        let input = try Self.ramp([1, 2, c.height, c.width])
        let (x, w) = (try input.array() as [Float], try layer.weight.value.array() as [Float])
        let bias = try #require(layer.bias).value.array() as [Float]
        func border(_ n: Int) -> (before: Int, outputs: Int) {
            guard c.padding == .same else {
                let before = (c.kernel - 1) / 2
                return (before, (n + 2 * before - c.kernel) / c.stride + 1)
            }
            let total = max(0, n % c.stride == 0 ? c.kernel - c.stride : c.kernel - n % c.stride)
            return (total / 2, (n + c.stride - 1) / c.stride)
        }
        let (top, rows) = border(c.height)
        let (left, columns) = border(c.width)
        let perGroup = 2 / c.groups
        var expected: [Float] = []
        for o in 0..<4 {
            for row in 0..<rows {
                for column in 0..<columns {
                    var sum = bias[o]
                    for i in 0..<perGroup {
                        let channel = o / (4 / c.groups) * perGroup + i
                        for a in 0..<c.kernel {
                            for b in 0..<c.kernel {
                                let (y, z) = (row * c.stride + a - top, column * c.stride + b - left)
                                guard 0..<c.height ~= y, 0..<c.width ~= z else { continue }
                                sum +=
                                    w[((o * perGroup + i) * c.kernel + a) * c.kernel + b]
                                    * x[(channel * c.height + y) * c.width + z]
                            }
                        }
                    }
                    expected.append(sum)
                }
            }
        }
        let output = try layer(input)
        #expect(output.shape == [1, 4, rows, columns])
        #expect(try distance(output.array(as: Double.self), expected.map(Double.init)) < 1e-5)
    }

    @Test func batchNormTrainsAndEvaluatesByItsFormula() throws {
        let norm = try BatchNorm2d(1)
        let x = try Tensor([1, 2, 3, 6] as [Float], shape: [2, 1, 1, 2])
        // Mean 3, variance 14 / 4 for the output and 14 / 3 for the running statistics.
        let trained = try norm(x).array(as: Double.self)
        #expect(distance(trained, [-2, -1, 0, 3].map { $0 / 3.500_01.squareRoot() }) < 1e-6)
        let values = Dictionary(uniqueKeysWithValues: norm.ownParameters.map { ($0.name, $0.parameter.value) })
        #expect(try abs(#require(values["running_mean"]).item() - 0.3) < 1e-6)
        let variance = 0.9 + 0.1 * 14 / 3
        #expect(try abs(#require(values["running_var"]).item() - variance) < 1e-6)
        norm.setTraining(false)
        let evaluated = try norm(x).array(as: Double.self)
        #expect(distance(evaluated, [1, 2, 3, 6].map { ($0 - 0.3) / (variance + 1e-5).squareRoot() }) < 1e-6)
        #expect(try abs(#require(values["running_mean"]).item() - 0.3) < 1e-6)
    }

    @Test func aFoldedBatchNormGivesTheSameNumbers() throws {
        for bias in [false, true] {
            let convolution = try Conv2d(3, 4, kernel: 3, bias: bias)
            let norm = try BatchNorm2d(4)
            for _ in 0..<5 { _ = try norm(convolution(Self.ramp([2, 3, 6, 6]))) }
            try Autograd.withoutGrad { try norm.ownParameters[0].parameter.value.fill(1.7) }
            norm.setTraining(false)
            let x = try Self.ramp([1, 3, 5, 5])
            let before = try norm(convolution(x)).array(as: Double.self)
            try norm.fold(into: convolution)
            #expect(try distance(convolution(x).array(as: Double.self), before) < 1e-5)
            #expect(try distance(norm(convolution(x)).array(as: Double.self), before) < 1e-5)
            #expect(norm.namedParameters.isEmpty)
            try norm.fold(into: convolution)
            #expect(try distance(convolution(x).array(as: Double.self), before) < 1e-5, "folded twice")
        }
    }

    @Test func dropoutActsInTrainingOnly() throws {
        let dropout = Dropout(0.25)
        let x = try Tensor.ones([100, 100])
        let dropped = try dropout(x).array() as [Float]
        let share = Double(dropped.count { $0 == 0 }) / 10_000
        #expect(abs(share - 0.25) < 0.03)
        #expect(dropped.allSatisfy { $0 == 0 || abs($0 - 4 / 3) < 1e-6 })
        dropout.setTraining(false)
        #expect(try dropout(x).array() == [Float](repeating: 1, count: 10_000))
        #expect(try Dropout(0)(x).array() == [Float](repeating: 1, count: 10_000))
    }

    @Test func linearAndPoolingFollowTheirDefinitions() throws {
        let linear = try Linear(2, 1)
        try linear.weight.replace(Tensor([2, -1] as [Float], shape: [1, 2]))
        try #require(linear.bias).replace(Tensor([0.5] as [Float]))
        #expect(try linear(Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])).array() == [0.5, 2.5] as [Float])
        let x = try Tensor((0..<16).map(Float.init), shape: [1, 1, 4, 4])
        #expect(try x.maxPooled(kernel: 3, stride: 2, padding: 1).array() == [5, 7, 13, 15] as [Float])
        #expect(try x.globallyAveraged().array() == [7.5] as [Float])
    }

    /// One value per channel has no variance: the running statistics are used, and stay as they are.
    @Test func batchNormOfOneValueAChannelIsFinite() throws {
        let norm = try BatchNorm2d(3)
        let x = try Tensor([2, -1, 0.5] as [Float], shape: [1, 3, 1, 1])
        let y = try norm(x).array() as [Float]
        #expect(zip(y, [2, -1, 0.5] as [Float]).allSatisfy { abs($0 - $1) < 1e-4 })
        for (name, parameter) in norm.ownParameters {
            let values = try parameter.value.array() as [Float]
            #expect(values == [Float](repeating: ["weight", "running_var"].contains(name) ? 1 : 0, count: 3))
        }
    }
}
