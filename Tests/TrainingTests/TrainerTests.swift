import Backbones
import Basics
import Cohorts
import Evaluation
import Foundation
import FundusImaging
import Losses
import Models
import NN
import Sampling
import Settings
import TestSupport
import Testing
import Torch
import Training

@Suite struct TrainerTests {
    private static let rows = ["100", "010", "001", "110", "011", "101", "000", "111", "100", "010", "001", "000"]

    @Test(arguments: Precision.allCases) func aFewPhotographsAreLearnt(_ precision: Precision) throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows, resolution: 32)
        let network = try Classifier(Architecture.mobilenetv1Short.makeBackbone(), classes: 3)
        // Not from the engine's generator, which tests that run beside this one draw from too.
        for (name, parameter) in network.namedParameters where parameter.value.rank >= 2 {
            var random = SeededRandom(seed: 1, SeededRandom.key(name))
            let shape = parameter.value.shape
            let bound = 1 / Double(shape.dropFirst().reduce(1, *)).squareRoot()
            let values = (0..<parameter.value.count).map { _ in Float(random.uniform(-bound, bound)) }
            try parameter.replace(Tensor(values, shape: shape))
        }
        try HeadBias(-1).apply(to: network, counts: [(5, 12), (5, 12), (5, 12)])
        var plan = TrainingPlan()
        plan.epochs = 25
        plan.batchSize = 6
        plan.rate = 3e-3
        plan.warmUpSteps = 3
        plan.averageDecay = 0.5
        plan.gradientLimit = 5
        plan.precision = precision
        let trainer = makeTrainer(plan, data)
        let history = try trainer.train(
            network, .symmetric, objective: LabelObjective(BinaryCrossEntropy()),
            stream: EpochStream(InstanceSampler(rows: Array(0..<12), seed: 1), views: nil))
        #expect(history.count == 25)
        #expect(history.map(\.epoch) == Array(1...25) && history.map(\.steps) == (1...25).map { 2 * $0 })
        #expect(history.allSatisfy { $0.images == 12 && $0.distillation == nil && $0.gradientNorm > 0 })
        #expect(history[24].loss < 0.5 * history[0].loss)
        let measurement = ModelMeasurement(
            data, normalization: .symmetric, device: .cpu, precision: .float32)
        let summary = try measurement.summary(network, name: "tiny", rows: Array(0..<12), columns: [0, 1, 2])
        #expect(summary.averagePrecision.allSatisfy { ($0 ?? 0) > 0.9 })
    }

    /// As repeat factors draw: twice as many images in the second epoch as in the first.
    private struct Uneven: Sampler {
        func indices(epoch: Int) -> [Int] { Array(0..<(epoch == 1 ? 12 : 6)) }
    }

    @Test func anEpochMayHaveMoreBatchesThanTheFirst() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        var plan = plainPlan(epochs: 3, batchSize: 2)
        plan.accumulation = 2
        var progress: [Double] = []
        let watcher = Spy { _, logits, _, _ in
            try logits.sum()
        } see: {
            progress.append($0.progress)
        }
        let history = try makeTrainer(plan, data).train(
            tinyNetwork(classes: 3), .symmetric, objective: watcher, stream: EpochStream(Uneven(), views: nil))
        #expect(history.map(\.images) == [6, 12, 6])
        #expect(history.map(\.steps) == [2, 5, 7])
        #expect(history.allSatisfy { $0.loss.isFinite && $0.gradientNorm.isFinite })
        let expected: [Double] = [0, 1, 2, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8].map { $0 / 9 }
        #expect(progress.count == 12 && zip(progress, expected).allSatisfy { abs($0 - $1) < 1e-12 })
    }

    @Test func aPlanCountsItsPasses() {
        var plan = plainPlan(epochs: 4, batchSize: 4)
        plan.minimumSteps = 10
        (plan.dropsLast, plan.accumulation) = (false, 2)
        // 9 images: three batches, two steps, so five passes for ten steps.
        #expect(plan.batches(of: 9) == 3 && plan.steps(of: 9) == 2 && plan.passes(over: 9) == 5)
        plan.dropsLast = true
        #expect(plan.batches(of: 9) == 2 && plan.passes(over: 9) == 10)
        #expect(plan.batches(of: 3) == 1 && plan.passes(over: 400) == 4)
    }

    @Test func aStepIsThatOfTheFormula() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(["100", "010", "001", "110"])
        let network = try tinyNetwork(classes: 3)
        let before = try values(network)
        let input = try PixelInput(.symmetric, device: .cpu)
        let x = try input(try (0..<4).flatMap { try data.cache.pixels($0) }, count: 4, resolution: 16)
        let y = try Tensor([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0] as [Float], shape: [4, 3])
        let loss = try BinaryCrossEntropy()(logits: network(x), labels: y, mask: nil)
        try loss.backward()
        let gradient = try network.trainable.flatMap { try #require($0.parameter.value.grad).array() as [Float] }
        for (_, parameter) in network.trainable { try parameter.value.setGrad(nil) }
        let history = try makeTrainer(plainPlan(), data).run(network)
        #expect(try abs(history[0].loss - loss.item()) < 1e-5)
        #expect(try distance(values(network), zip(before, gradient).map { $0 - 0.1 * $1 }) < 1e-5)
        let norm = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(abs(history[0].gradientNorm - norm) < 1e-4 * norm)
    }

    @Test func twoAccumulatedBatchesAreOneOfDoubleSize() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        func trained(batchSize: Int, accumulation: Int) throws -> (Classifier, [EpochRecord]) {
            var plan = plainPlan(epochs: 3, batchSize: batchSize)
            plan.accumulation = accumulation
            (plan.optimizer, plan.momentum) = (.sgd, 0.9)
            plan.gradientLimit = 0.3
            let network = try tinyNetwork(classes: 3)
            return (network, try makeTrainer(plan, data).run(network))
        }
        let (whole, history) = try trained(batchSize: 6, accumulation: 1)
        let (halves, other) = try trained(batchSize: 3, accumulation: 2)
        #expect(try distance(values(whole), values(halves)) < 1e-5)
        #expect(try distance(values(whole), values(tinyNetwork(classes: 3))) > 1e-3)
        #expect(history.map(\.steps) == other.map(\.steps) && history.map(\.steps) == [2, 4, 6])
        #expect(zip(history, other).allSatisfy { abs($0.loss - $1.loss) < 1e-5 })
    }

    @Test func aSubsetSmallerThanABatchIsTrainedUntilItsMinimumSteps() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Array(Self.rows.prefix(5)))
        var plan = plainPlan(epochs: 2, batchSize: 8)
        plan.minimumSteps = 7
        #expect(plan.dropsLast)
        let network = try tinyNetwork(classes: 3)
        let history = try makeTrainer(plan, data).run(network)
        #expect(history.count == 7 && history.allSatisfy { $0.images == 5 })
        #expect(history.map(\.steps) == Array(1...7))
        #expect(history[6].loss < history[0].loss)
    }

    @Test func theLastPartialBatchIsDroppedOnRequest() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Array(Self.rows.prefix(10)))
        for (drops, images, steps) in [(true, 8, 2), (false, 10, 3)] {
            var plan = plainPlan()
            plan.dropsLast = drops
            let record = try makeTrainer(plan, data).run(tinyNetwork(classes: 3))[0]
            #expect(record.images == images && record.steps == steps)
        }
    }

    @Test func aLossThatIsNotFiniteStopsNamingStepAndImages() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        let network = try tinyNetwork(classes: 3)
        var before: [Float] = []
        let objective = Spy { batch, logits, _, _ in
            guard batch == 4 else { return try logits.sum() }
            before = try values(network)
            return try logits.sum() * Double.nan
        }
        let error = try #require(throws: FoveaError.self) {
            try makeTrainer(plainPlan(epochs: 2), data).run(network, objective: objective)
        }
        #expect(error.kind == .numerical)
        #expect(error.message.contains("loss became nan in epoch 2, step 5"), "\(error.message)")
        #expect(error.message.contains("picture-4, picture-5, picture-6, picture-7"))
        #expect(error.remedy != nil)
        #expect(try values(network) == before, "a step with such a loss is not taken")
    }

    @Test func aGradientThatIsNotFiniteStopsToo() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        // The square root has an infinite slope at 0, where its value is finite.
        let objective = Spy { _, logits, _, _ in try (logits * 0).sqrt().sum() }
        let error = try #require(throws: FoveaError.self) {
            try makeTrainer(plainPlan(), data).run(tinyNetwork(classes: 3), objective: objective)
        }
        #expect(error.kind == .numerical && error.message.contains("gradient became"), "\(error.message)")
        #expect(error.message.contains("step 1") && error.message.contains("picture-0"))
    }

    @Test func unknownLabelsAndClassesWithoutPositivesCountNowhere() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(["1?0", "010", "0??", "001"])
        var labels: [Float] = []
        var mask: [Float] = []
        let objective = Spy { _, logits, targets, _ in
            labels = try targets.labels.array()
            mask = try targets.mask.array()
            return try BinaryCrossEntropy()(logits: logits, labels: targets.labels, mask: targets.mask)
        }
        let network = try tinyNetwork(classes: 3)
        let before = try network.head.weight.value.array() as [Float]
        try makeTrainer(plainPlan(), data, trained: [true, true, false]).run(network, objective: objective)
        #expect(labels == [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1])
        #expect(mask == [1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0])
        let after = try network.head.weight.value.array() as [Float]
        #expect(after[16..<24] == before[16..<24] && after[0..<16] != before[0..<16])
    }

    @Test func averagedWeightsAreShownAndKept() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Array(Self.rows.prefix(4)))
        var plan = plainPlan(epochs: 4)
        plan.averageDecay = 0.75
        let network = try tinyNetwork(classes: 3)
        var raw: [[Float]] = []
        var averaged: [[Float]] = []
        let objective = Spy(begin: { _, network in raw.append(try values(network)) }) { _, logits, targets, _ in
            try BinaryCrossEntropy()(logits: logits, labels: targets.labels, mask: nil)
        }
        try makeTrainer(plan, data).run(network, objective: objective) { _, network in
            averaged.append(try values(network))
        }
        // raw[n] is seen before step n + 1; the average after step n follows from that before and raw[n].
        var expected = raw[0]
        for n in 1..<4 {
            expected = zip(expected, raw[n]).map { 0.75 * $0 + 0.25 * $1 }
            #expect(distance(averaged[n - 1], expected) < 1e-6, "epoch \(n)")
        }
        #expect(try values(network) == averaged[3])

        let plain = try tinyNetwork(classes: 3)
        var history: [[Float]] = []
        plan.averageDecay = nil
        try makeTrainer(plan, data).run(plain) { _, network in history.append(try values(network)) }
        #expect(history[0] == raw[1] && history[2] == raw[3], "averaging does not change the training")
    }

    @Test func aFrozenBackboneStaysAndALowerRateIsLower() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Array(Self.rows.prefix(4)))
        func moved(_ rate: Double) throws -> (backbone: [Float], head: [Float]) {
            var plan = plainPlan()
            plan.backboneRate = rate
            plan.weightDecay = 0.1
            let network = try tinyNetwork(classes: 3)
            let before = try network.namedParameters.map { try $0.parameter.value.array() as [Float] }
            try makeTrainer(plan, data).run(network)
            let after = try network.namedParameters.map { try $0.parameter.value.array() as [Float] }
            let change = zip(after, before).map { zip($0, $1).map { $0 - $1 } }
            return (change[0], change[1])
        }
        let (full, low, frozen) = (try moved(1), try moved(0.25), try moved(0))
        #expect(frozen.backbone.allSatisfy { $0 == 0 } && frozen.head == full.head)
        #expect(distance(low.backbone, full.backbone.map { $0 * 0.25 }) < 1e-6)
        #expect((full.backbone.map(abs).max() ?? 0) > 1e-3)
    }

    @Test func theStatisticsOfAFrozenBackboneStayToo() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Array(Self.rows.prefix(4)))
        for (rate, stays) in [(0.0, true), (1.0, false)] {
            var plan = plainPlan()
            plan.backboneRate = rate
            let network = try tinyNetwork(classes: 3, norm: true)
            let statistics = network.namedParameters.filter { $0.name.contains("running") }
            let before = try statistics.map { try $0.parameter.value.array() as [Float] }
            try makeTrainer(plan, data).run(network)
            let after = try statistics.map { try $0.parameter.value.array() as [Float] }
            #expect(before.count == 2 && (after == before) == stays)
        }
    }

    @Test func outputsThatAreNotFiniteNameTheNetworkAndAnImage() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Array(Self.rows.prefix(4)))
        let network = try tinyNetwork(classes: 3)
        try Autograd.withoutGrad { try network.head.weight.value.fill(.infinity) }
        let measurement = ModelMeasurement(data, normalization: .symmetric, device: .cpu, precision: .float32)
        do {
            _ = try measurement.logits(network, name: "teacher x", rows: [2, 3])
            Issue.record("nothing was thrown")
        } catch let error as FoveaError {
            #expect(error.kind == .numerical)
            #expect(error.message.contains("teacher x") && error.message.contains("picture-2"))
        }
    }

    @Test func trainingCanBeStopped() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        let trainer = makeTrainer(plainPlan(), data)
        #expect(throws: CancellationError.self) {
            try trainer.train(
                tinyNetwork(classes: 3), .symmetric, objective: LabelObjective(BinaryCrossEntropy()),
                stream: EpochStream(InOrder(rows: [0, 1, 2, 3]), views: nil), shouldStop: { true })
        }
    }
}
