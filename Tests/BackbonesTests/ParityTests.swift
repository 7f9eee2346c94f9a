import Backbones
import NN
import Testing
import Torch

/// Against torchvision's ResNets, timm's MobileNet v1 and vision transformers, with weights from a formula that both sides know.
///
/// One at a time, since the larger networks in float64 take much memory, and each on one thread, as in `parity.py`: the
/// engine's threads wait busily for each other and crawl where other work keeps a processor.
@Suite(.serialized) struct ParityTests {
    init() { Engine.threads = 1 }

    @Test(arguments: compared) func logitsAgree(_ architecture: Architecture) throws {
        let golden = try Golden.read(architecture)
        let network = try hashedClassifier(architecture, classes: golden.classes)
        network.setTraining(false)
        func logits(_ case: Golden.Evaluation) throws -> [Double] {
            let x = try images(`case`.batch, `case`.size)
            return try Autograd.withoutGrad { try network(x).array(as: Double.self) }
        }
        var plain: [[Double]] = []
        for expected in golden.eval {
            plain.append(try logits(expected))
            #expect(
                scaledDifference(plain[plain.count - 1], expected.logits.flatMap { $0 }) < 1e-4, "\(expected.size) px")
        }
        try network.move(to: .cpu)
        for (i, expected) in golden.eval.enumerated() {
            #expect(try scaledDifference(logits(expected), plain[i]) < 2e-5, "channels last, \(expected.size) px")
        }
        try network.backbone.foldBatchNorms(fusing: true)
        for (i, expected) in golden.eval.enumerated() {
            #expect(try scaledDifference(logits(expected), plain[i]) < 1e-4, "folded, \(expected.size) px")
        }
    }

    /// In evaluation mode in float32, in training mode in float64; `parity.py` says why.
    @Test(arguments: compared) func namesAndGradientsAgree(_ architecture: Architecture) throws {
        let golden = try Golden.read(architecture)
        for (mode, dtype, tolerance) in [("evaluation", DType.float32, 1e-4), ("training", .float64, 1e-6)] {
            let expected = try #require(golden.gradients[mode])
            let network = try hashedClassifier(architecture, classes: golden.classes, dtype: dtype)
            if dtype == .float32 { try network.move(to: .cpu) }
            network.setTraining(mode == "training")
            let x = try images(expected.batch, expected.size, name: expected.input, dtype: dtype)
            let loss = try objective(network(x), targets(expected.batch, golden.classes, dtype: dtype))
            try loss.backward()
            #expect(try scaledDifference([loss.item()], [expected.loss]) < tolerance)

            #expect(network.trainable.map(\.name).sorted() == expected.parameters.keys.sorted())
            for (name, parameter) in network.trainable {
                let gradient = try #require(parameter.value.grad, "\(name)").array(as: Double.self)
                let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
                let found = [norm] + gradient.prefix(3) + [gradient[gradient.count - 1]]
                let wanted = try #require(expected.parameters[name])
                #expect(scaledDifference([norm], [wanted[0]]) < tolerance, "\(mode): norm of \(name)")
                #expect(
                    scaledDifference(Array(found.dropFirst()), Array(wanted.dropFirst())) < tolerance,
                    "\(mode): elements of \(name)")
            }
        }
    }

    @Test(arguments: compared) func trainingFollowsTheSameLosses(_ architecture: Architecture) throws {
        let golden = try Golden.read(architecture)
        #expect(Set(golden.sequences.filter { $0.dtype == "float64" }.map(\.optimiser)) == ["sgd", "adamw"])
        #expect(golden.sequences.contains { $0.dtype == "float32" })
        for expected in golden.sequences {
            let single = expected.dtype == "float32"
            let dtype = single ? DType.float32 : .float64
            let tolerance = single ? 1e-3 : 1e-6
            let network = try hashedClassifier(architecture, classes: golden.classes, dtype: dtype)
            if single { try network.move(to: .cpu) }
            network.setTraining(true)
            let kind: OptimizerKind =
                expected.optimiser == "sgd"
                ? .sgd(momentum: try #require(expected.momentum))
                : .adamW(
                    beta1: try #require(expected.beta1), beta2: try #require(expected.beta2),
                    epsilon: try #require(expected.epsilon))
            let optimizer = Optimizer(
                kind, [ParameterGroup(network.trainable, weightDecay: expected.weightDecay)])
            let x = try images(expected.batch, expected.size, dtype: dtype)
            let y = try targets(expected.batch, golden.classes, dtype: dtype)
            #expect(expected.losses.count == 20)
            // Float32 goes all the way. Float64 is slow, and its first steps show enough, but for one network and for an
            // optimiser without a sequence in float32.
            let isWhole =
                single || [.resnet18, .vitTinyMean].contains(architecture)
                || !golden.sequences.contains { $0.dtype == "float32" && $0.optimiser == expected.optimiser }
            let steps = isWhole ? expected.losses.count : 3
            for (step, wanted) in expected.losses.prefix(steps).enumerated() {
                let loss = try objective(network(x), y)
                try loss.backward()
                #expect(
                    try scaledDifference([loss.item()], [wanted]) < tolerance,
                    "\(expected.optimiser) in \(dtype), step \(step)")
                try optimizer.step(rate: expected.learningRate)
                try optimizer.clearGradients()
            }
            let buffers = network.namedParameters.filter { $0.parameter.isBuffer }
            #expect(buffers.map(\.name).sorted() == expected.runningNorms.keys.sorted())
            guard isWhole else { continue }
            for (name, parameter) in buffers {
                let wanted = try #require(expected.runningNorms[name])
                let norm = try parameter.value.norm().item()
                #expect(abs(norm - wanted) <= tolerance * wanted, "\(expected.optimiser) in \(dtype): \(name)")
            }
        }
    }
}
