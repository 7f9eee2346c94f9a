import Backbones
import Basics
import Cohorts
import Foundation
import FundusImaging
import Losses
import Models
import NN
import Settings
import TestSupport
import Testing
import Torch
import Training

/// Several processes that train one network come to what one process comes to; here each is a thread.
@Suite struct DataParallelTests {
    private static let rows = ["100", "010", "001", "110", "011", "101", "000", "111", "100", "0?0"]

    /// Trains from the same beginning; gives the history and the weights.
    private static func train(
        _ plan: TrainingPlan, _ data: TrainingData, _ network: () throws -> Classifier,
        objective: (any Communicator) throws -> any Objective = { _ in LabelObjective(BinaryCrossEntropy()) },
        checkpoints: String? = nil, stopAfter steps: Int = .max, _ launch: Launch? = nil
    ) throws -> (history: [EpochRecord], weights: [Float]) {
        let communicator: any Communicator = try launch.map { try ProcessGroup($0) } ?? SingleProcess()
        try Engine.seed(1)
        let (network, columns) = (try network(), Array(data.cohort.classes.indices))
        let trainer = Trainer(
            title: "test", plan: plan, data: data, columns: columns, trained: columns.map { _ in true }, device: .cpu,
            communicator: communicator)
        var asked = 0
        let history = try trainer.train(
            network, .symmetric, objective: objective(communicator),
            stream: EpochStream(InOrder(rows: Array(0..<data.cohort.count)), views: plan.views),
            checkpoints: checkpoints.map {
                Checkpoints(folder: $0, dumps: $0 + "-dumps", recipe: "r", communicator: communicator)
            },
            shouldStop: {
                asked += 1
                return asked > steps
            })
        return (history, try values(network))
    }

    /// The largest difference of losses, epoch by epoch.
    private static func lossDistance(_ one: [EpochRecord], _ other: [EpochRecord]) -> Double {
        guard one.count == other.count, one.map(\.images) == other.map(\.images) else { return .infinity }
        return zip(one, other).map { abs($0.totalLoss - $1.totalLoss) }.max() ?? .infinity
    }

    @Test func aVisionTransformerTakesTheSameFiftySteps() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Array(Self.rows.prefix(8)), resolution: 32)
        var plan = plainPlan(epochs: 50, batchSize: 8, rate: 0.002)
        (plan.optimizer, plan.gradientLimit, plan.averageDecay) = (.adamw, 1, 0.9)
        plan.augmentation = AugmentationSettings()
        let size = VisionTransformer.Size(width: 32, depth: 2, heads: 2)
        func network() throws -> Classifier {
            try Classifier(VisionTransformer(size, pooling: .classToken, resolution: 32), classes: 3)
        }
        let alone = try Self.train(plan, data, network)
        let both = try together(2) { try Self.train(plan, data, network, $0) }
        #expect(alone.history.last?.steps == 50)
        #expect((alone.history.last?.loss ?? 9) < 0.8 * alone.history[0].loss)
        #expect(Self.lossDistance(both[0].history, alone.history) < 1e-5)
        #expect(both[1].history.map(\.loss) == both[0].history.map(\.loss) && both[1].weights == both[0].weights)
    }

    @Test func aResNetWithSharedBatchNormsTakesTheSameFiftySteps() throws {
        let folder = try TemporaryFolder()
        // A batch norm over few values enlarges the rounding of sums, and each step does so again: many values, small steps.
        let data = try folder.data(Array(Self.rows.prefix(8)) + Array(Self.rows.prefix(8)), resolution: 64)
        var plan = plainPlan(epochs: 50, batchSize: 16, rate: 0.000005)
        plan.syncsBatchNorm = true
        func network() throws -> Classifier { try Classifier(Architecture.resnet18.makeBackbone(), classes: 3) }
        let alone = try Self.train(plan, data, network)
        let both = try together(2) { try Self.train(plan, data, network, $0) }
        #expect(Self.lossDistance(both[0].history, alone.history) < 1e-5)
        #expect(both[1].weights == both[0].weights)
        #expect((alone.history.last?.loss ?? 9) < alone.history[0].loss - 0.02)
        // Without, the statistics are those of eight images.
        (plan.syncsBatchNorm, plan.epochs) = (false, 2)
        let apart = try together(2) { try Self.train(plan, data, network, $0) }
        #expect(Self.lossDistance(apart[0].history, Array(alone.history.prefix(2))) > 1e-4)
        #expect(apart[1].weights == apart[0].weights)
    }

    /// The last batch has fewer images than there are processes.
    @Test func shortBatchesAndAccumulationCountByImages() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        var plan = plainPlan(epochs: 4, batchSize: 3)
        (plan.dropsLast, plan.accumulation, plan.syncsBatchNorm) = (false, 2, true)
        func network() throws -> Classifier { try tinyNetwork(classes: 3, norm: true) }
        let alone = try Self.train(plan, data, network)
        let both = try together(2) { try Self.train(plan, data, network, $0) }
        #expect(alone.history.map(\.images) == [10, 10, 10, 10])
        #expect(Self.lossDistance(both[0].history, alone.history) < 1e-5)
        #expect(distance(both[0].weights, alone.weights) < 1e-5 && both[0].weights == both[1].weights)
    }

    /// Images without a positive are weighted by the mean over the others of the whole batch.
    @Test func aLossThatLooksAtTheWholeBatchDoes() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        let plan = plainPlan(epochs: 4, batchSize: 10)
        func network() throws -> Classifier { try tinyNetwork(classes: 3) }
        func objective(_ communicator: any Communicator) throws -> any Objective {
            let context = LossContext(classCounts: [4, 3, 2], imageCount: 10, communicator: communicator)
            return LabelObjective(try DistributionBalancedLoss(context, LossParameters()))
        }
        let alone = try Self.train(plan, data, network, objective: objective)
        let three = try together(3) { try Self.train(plan, data, network, objective: objective, $0) }
        #expect(Self.lossDistance(three[0].history, alone.history) < 1e-6)
        #expect(distance(three[0].weights, alone.weights) < 1e-6)
        let apart = try together(3) { launch in
            try Self.train(plan, data, network, objective: { _ in try objective(SingleProcess()) }, launch)
        }
        #expect(Self.lossDistance(apart[0].history, alone.history) > 1e-5)
    }

    @Test(arguments: [Mixing.Kind.mixup, .cutmix])
    func imagesAreMixedWithThoseOfOtherProcesses(_ kind: Mixing.Kind) throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        var plan = plainPlan(epochs: 4, batchSize: 5)
        plan.mixing.kind = kind
        func network() throws -> Classifier { try tinyNetwork(classes: 3) }
        let alone = try Self.train(plan, data, network)
        let three = try together(3) { try Self.train(plan, data, network, $0) }
        #expect(Self.lossDistance(three[0].history, alone.history) < 1e-5)
        #expect(distance(three[0].weights, alone.weights) < 1e-5)
    }

    @Test func aStepThatIsNotFiniteIsLeftOutByAll() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Array(Self.rows.prefix(8)))
        var plan = plainPlan(epochs: 2, batchSize: 4)
        func objective(_: any Communicator) -> any Objective {
            Spy { batch, z, targets, items in
                let loss = try BinaryCrossEntropy()(logits: z, labels: targets.labels, mask: targets.mask)
                return batch == 1 && items.contains { $0.row == 6 } ? try loss / 0 : loss
            }
        }
        func network() throws -> Classifier { try tinyNetwork(classes: 3) }
        let errors = try together(2) { launch in
            try #require(throws: FoveaError.self) {
                try Self.train(plan, data, network, objective: objective, launch)
            }
        }
        for error in errors {
            #expect(error.kind == .numerical)
            #expect(
                error.message.contains(
                    "in epoch 1, step 2, on the images picture-4, picture-5, picture-6, picture-7"), "\(error)")
        }
        plan.skipLimit = 1
        let both = try together(2) { try Self.train(plan, data, network, objective: objective, $0) }
        let alone = try Self.train(plan, data, network, objective: objective)
        #expect(both[1].history.map(\.skippedSteps) == [1, 0])
        #expect(distance(both[0].weights, alone.weights) < 1e-5 && both[0].weights == both[1].weights)
    }

    /// Stopped after some steps and resumed by as many processes, it is the same to the bit; by another number, up to rounding.
    @Test func aCheckpointIsResumedByAnyNumberOfProcesses() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        var plan = plainPlan(epochs: 3, batchSize: 4)
        (plan.optimizer, plan.averageDecay) = (.adamw, 0.9)
        func network() throws -> Classifier { try tinyNetwork(classes: 3, norm: true, dropout: 0.3) }
        let whole = try together(2) { try Self.train(plan, data, network, $0) }
        func stop(_ place: String) throws {
            _ = try together(2) { launch in
                // One of them is told to stop: all do, and the others name it.
                let error = #expect(throws: (any Error).self) {
                    try Self.train(
                        plan, data, network, checkpoints: folder.path + place, stopAfter: launch.rank == 1 ? 3 : .max,
                        launch)
                }
                #expect(launch.rank == 1 ? error is CancellationError : (error as? FoveaError)?.kind == .peer)
            }
        }
        try stop("/same")
        let again = try together(2) { try Self.train(plan, data, network, checkpoints: folder.path + "/same", $0) }
        #expect(again[0].weights.map(\.bitPattern) == whole[0].weights.map(\.bitPattern))
        #expect(again[0].history.map(\.loss) == whole[0].history.map(\.loss))
        try stop("/other")
        let three = try together(3) { try Self.train(plan, data, network, checkpoints: folder.path + "/other", $0) }
        #expect(three[2].history.count == 3 && three[0].weights == three[2].weights)
        try stop("/one")
        let one = try Self.train(plan, data, network, checkpoints: folder.path + "/one")
        #expect(one.history.count == 3)
    }

    /// Each process predicts a part of the images, and all have the whole.
    @Test func measurementsAreDivided() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data((0..<300).map { ["100", "010", "111"][$0 % 3] })
        let rows = Array((0..<300).reversed())
        func logits(_ communicator: any Communicator) throws -> [Float] {
            try ModelMeasurement(
                data, normalization: .symmetric, device: .cpu, precision: .float32, communicator: communicator
            ).logits(tinyNetwork(classes: 3), name: "test", rows: rows)
        }
        let alone = try logits(SingleProcess())
        let both = try together(2) { try logits(ProcessGroup($0)) }
        #expect(both[0] == alone && both[1] == alone)
    }
}
