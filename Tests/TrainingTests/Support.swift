import Backbones
import Basics
import Cohorts
import Foundation
import FundusImaging
import Logging
import Losses
import Models
import NN
import Sampling
import Settings
import TestSupport
import Torch
import Training

extension TemporaryFolder {
    /// A cohort of noisy images whose colour shows their labels: class c lights channel c. One string of 0, 1 and ?
    /// for each image.
    func data(_ rows: [String], resolution: Int = 16) throws -> TrainingData {
        let photographs = try rows.enumerated().map { i, row in
            var random = SeededRandom(seed: 1, UInt64(i))
            let bytes = (0..<resolution * resolution * 3).map { at -> UInt8 in
                let shown = Array(row)[at % 3 % row.count] == "1"
                return UInt8(random.index(below: 60) + (shown ? 180 : 20))
            }
            let file = path + "/\(i).png"
            try PixelImage(width: resolution, height: resolution, bytes: bytes).png()
                .write(to: URL(fileURLWithPath: file))
            return Photograph(image: "picture-\(i)", path: file)
        }
        let cohort = try Cohort(
            classes: (0..<(rows.first?.count ?? 0)).map { "c\($0)" }, photographs: photographs,
            labels: rows.joined().map { $0 == "?" ? Int8(-1) : ($0 == "1" ? 1 : 0) })
        let cache = try ImageCache.open(
            paths: photographs.map(\.path), settings: ImageSettings(resolution: resolution, crop: .none),
            folder: path + "/cache")
        return TrainingData(cohort, cache)
    }
}

/// One convolution, with or without a batch norm: what is tested here is the loop around it.
final class TinyBackbone: Backbone {
    let featureCount: Int
    let headName = "fc"
    private let convolution: Conv2d
    private let norm: BatchNorm2d?

    init(norm: Bool = false, features: Int = 8) throws {
        featureCount = features
        convolution = try Conv2d(3, features, kernel: 3, stride: 2)
        self.norm = norm ? try BatchNorm2d(features) : nil
    }

    var children: [(name: String, module: any Module)] {
        [("conv", convolution)] + (norm.map { [("norm", $0)] } ?? [])
    }

    func callAsFunction(_ x: Tensor) throws -> Tensor {
        let y = try convolution(x)
        return try (norm?(y) ?? y).relu().globallyAveraged()
    }

    func foldBatchNorms(fusing: Bool) throws { try norm?.fold(into: convolution) }
}

/// A network whose weights are numbers of a formula, so that tests that run side by side do not disturb it.
func tinyNetwork(classes: Int, norm: Bool = false, dropout: Double = 0, seed: UInt64 = 1) throws -> Classifier {
    let network = try Classifier(TinyBackbone(norm: norm), classes: classes, dropout: dropout)
    for (name, parameter) in network.namedParameters where name.hasPrefix("conv") || name.hasPrefix("fc") {
        var random = SeededRandom(seed: seed, SeededRandom.key(name))
        let values = (0..<parameter.value.count).map { _ in Float(random.uniform(-0.4, 0.4)) }
        try parameter.replace(Tensor(values, shape: parameter.value.shape))
    }
    return network
}

/// All values of a network, one after the other.
func values(_ network: Classifier) throws -> [Float] {
    try network.namedParameters.flatMap { try $0.parameter.value.array() as [Float] }
}

/// Every row once per epoch, in order.
struct InOrder: Sampler {
    var rows: [Int]
    func indices(epoch: Int) -> [Int] { rows }
}

/// A plan without anything that the test does not set.
func plainPlan(epochs: Int = 1, batchSize: Int = 4, rate: Double = 0.1) -> TrainingPlan {
    var plan = TrainingPlan()
    plan.epochs = epochs
    plan.batchSize = batchSize
    plan.rate = rate
    (plan.optimizer, plan.momentum) = (.sgd, 0)
    plan.weightDecay = 0
    plan.schedule = .constant
    plan.warmUpSteps = 0
    plan.augmentation = .none
    return plan
}

/// A trainer for all classes of a cohort.
func makeTrainer(_ plan: TrainingPlan, _ data: TrainingData, trained: [Bool]? = nil) -> Trainer {
    let columns = Array(data.cohort.classes.indices)
    return Trainer(
        title: "test", plan: plan, data: data, columns: columns, trained: trained ?? columns.map { _ in true },
        device: .cpu)
}

extension Trainer {
    /// Trains on all rows in order with binary cross-entropy.
    @discardableResult
    func run(
        _ network: Classifier, objective: (any Objective)? = nil, rows: [Int]? = nil,
        afterEpoch: (inout EpochRecord, Classifier) throws -> Void = { _, _ in }
    ) throws -> [EpochRecord] {
        try train(
            network, .symmetric, objective: objective ?? LabelObjective(BinaryCrossEntropy()),
            stream: EpochStream(InOrder(rows: rows ?? Array(0..<data.cohort.count)), views: plan.views),
            afterEpoch: afterEpoch)
    }
}

/// Calls `body` for every batch: number of the batch, logits, targets, items.
final class Spy: Objective {
    private let body: (Int, Tensor, Targets, [BatchItem]) throws -> Tensor
    private let begin: (Int, Classifier) throws -> Void
    private let see: (TrainingBatch) -> Void
    private var batches = 0

    init(
        begin: @escaping (Int, Classifier) throws -> Void = { _, _ in },
        _ body: @escaping (Int, Tensor, Targets, [BatchItem]) throws -> Tensor,
        see: @escaping (TrainingBatch) -> Void = { _ in }
    ) {
        self.begin = begin
        self.see = see
        self.body = body
    }

    func beginEpoch(_ epoch: Int, network: Classifier) throws { try begin(epoch, network) }

    func lossTerms(_ outputs: NetworkOutputs, _ batch: TrainingBatch) throws -> [Tensor] {
        defer { batches += 1 }
        see(batch)
        return [try body(batches, outputs.logits, batch.targets, batch.items)]
    }
}

extension Objective {
    /// The parts for logits alone, at the beginning of a training.
    func lossTerms(logits: Tensor, targets: Targets, items: [BatchItem]) throws -> [Tensor] {
        try lossTerms(
            NetworkOutputs(features: logits, logits: logits),
            TrainingBatch(images: logits, targets: targets, items: items, progress: 0))
    }
}

/// The largest absolute difference; infinite when the numbers of elements differ.
func distance(_ a: [Float], _ b: [Float]) -> Float {
    a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
}

extension Logger {
    /// Tells a test each line, as the terminal would show it.
    static func telling(_ tell: @escaping (String) -> Void) -> Logger {
        nonisolated(unsafe) let tell = tell
        return Logger(label: "test") { _ in LineLogHandler { tell($0) } }
    }
}
