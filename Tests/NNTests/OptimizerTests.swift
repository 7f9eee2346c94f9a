import Basics
import NN
import Testing
import Torch

@Suite struct OptimizerTests {
    /// The optimisers of the golden file, by its names.
    private static func make(_ name: String, _ pair: Pair) throws -> Optimizer {
        func one(_ kind: OptimizerKind, decay: Double = 0) -> Optimizer {
            Optimizer(kind, [ParameterGroup(pair.named, weightDecay: decay)])
        }
        switch name {
        case "sgd": return one(.sgd(momentum: 0))
        case "sgd_momentum": return one(.sgd(momentum: 0.9))
        case "sgd_nesterov_decay": return one(.sgd(momentum: 0.8, nesterov: true), decay: 0.05)
        case "adamw": return one(.adamW())
        case "adamw_decay": return one(.adamW(beta1: 0.8, beta2: 0.95, epsilon: 1e-3), decay: 0.2)
        case "groups":
            return Optimizer(
                .adamW(),
                [
                    ParameterGroup([pair.named[0]], weightDecay: 0.2),
                    ParameterGroup([pair.named[1]], rateFactor: 0.5),
                ])
        default: throw FoveaError(.data, "the golden file has an optimiser \(name) that this test does not know")
        }
    }

    private static let names = ["sgd", "sgd_momentum", "sgd_nesterov_decay", "adamw", "adamw_decay", "groups"]

    @Test(arguments: names) func stepsArePyTorchs(_ name: String) throws {
        let golden = try Golden.read()
        #expect(golden.optimisers.keys.sorted() == Self.names.sorted())
        let expected = try #require(golden.optimisers[name])
        let pair = try Pair()
        let optimizer = try Self.make(name, pair)
        for (step, values) in expected.enumerated() {
            try pair.setGradients(step: step)
            try optimizer.step(rate: 0.1 / Double(step + 1))
            #expect(try distance(pair.values(), values) < 1e-12, "step \(step)")
        }
        #expect(optimizer.stepCount == expected.count)
    }

    @Test(arguments: names, [DType.float32, .float64]) func restoredStateContinuesExactly(
        _ name: String, _ dtype: DType
    ) throws {
        let whole = try Pair(dtype: dtype)
        let optimizer = try Self.make(name, whole)
        let half = try Pair(dtype: dtype)
        let first = try Self.make(name, half)
        for step in 0..<4 {
            for (pair, optimizer) in [(whole, optimizer), (half, first)] {
                try pair.setGradients(step: step)
                try optimizer.step(rate: 0.05)
            }
        }
        let resumed = try Pair(dtype: dtype)
        for (mine, saved) in zip(resumed.named, half.named) {
            try mine.parameter.replace(saved.parameter.value.cloned())
        }
        let second = try Self.make(name, resumed)
        let state = Dictionary(uniqueKeysWithValues: first.state.map { ($0.name, $0.tensor) })
        try second.restore(state, stepCount: first.stepCount)
        for step in 4..<8 {
            for (pair, optimizer) in [(whole, optimizer), (resumed, second)] {
                try pair.setGradients(step: step)
                try optimizer.step(rate: 0.05)
            }
        }
        #expect(try resumed.values() == whole.values())
        #expect(second.stepCount == 8)
    }

    @Test func restoredStateOfAnotherShapeIsRefused() throws {
        let pair = try Pair()
        let optimizer = try Self.make("sgd_momentum", pair)
        let state = ["bias.momentum_buffer": try Tensor.zeros([3])]
        let error = #expect(throws: FoveaError.self) { try optimizer.restore(state, stepCount: 1) }
        #expect(error?.kind == .data)
        #expect(error?.message.contains("bias.momentum_buffer") == true)
    }

    @Test func clippingIsPyTorchs() throws {
        for expected in try Golden.read().clipping {
            let pair = try Pair()
            let optimizer = try Self.make("sgd", pair)
            try pair.setGradients(step: 0)
            let norm = try optimizer.clipGradients(to: expected.limit)
            #expect(abs(norm - expected.norm) < 1e-12)
            #expect(try distance(pair.gradients(), expected.gradients) < 1e-12)
        }
    }

    @Test func withoutALimitTheNormIsOnlyMeasured() throws {
        let pair = try Pair()
        let optimizer = try Self.make("sgd", pair)
        #expect(try optimizer.clipGradients(to: 1) == 0)
        try pair.setGradients(step: 0)
        let before = try pair.gradients()
        #expect(try optimizer.clipGradients(to: nil) > 1)
        #expect(try pair.gradients() == before)
    }

    @Test func frozenParametersAndThoseWithoutGradientStay() throws {
        let pair = try Pair()
        let before = try pair.values()
        try pair.bias.setTrainable(false)
        let x = try Tensor([1, 2, 3] as [Double], shape: [3, 1])
        let y = try pair.weight.value.matmul(x).flattened() + pair.bias.value
        try (y * y).sum().backward()
        #expect(pair.bias.value.grad == nil)
        try Self.make("adamw_decay", pair).step(rate: 0.1)
        let after = try pair.values()
        #expect(after[1] == before[1])
        #expect(distance(after[0], before[0]) > 1e-3)
    }

    @Test func clearedGradientsAreGone() throws {
        let pair = try Pair()
        try pair.setGradients(step: 0)
        try Self.make("sgd", pair).clearGradients()
        #expect(pair.weight.value.grad == nil && pair.bias.value.grad == nil)
    }
}
