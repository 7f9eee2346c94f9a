import Backbones
import Basics
import Cohorts
import Foundation
import FundusImaging
import Models
import NN
import Torch

/// One row of a training's history.
public struct EpochRecord: Sendable, Codable, Equatable {
    /// The epoch, counted from 1.
    public var epoch: Int
    /// Steps done when it ended.
    public var steps: Int
    /// The mean loss on the labels.
    public var loss: Double
    /// The mean distillation loss; nil without distillation.
    public var distillation: Double?
    /// The learning rate of its last step.
    public var rate: Double
    /// The mean norm of the gradients before any limit.
    public var gradientNorm: Double
    /// Seconds of the epoch's training.
    public var seconds: Double
    /// Images seen.
    public var images: Int
    /// Mean average precision on the validation split, where it was measured.
    public var validationMAP: Double?
    /// Mean area under the ROC curve on the validation split, where it was measured.
    public var validationMAUC: Double?
}

/// Trains a network by a plan: one loop for plain models, teachers and students.
public struct Trainer {
    /// The recipe.
    public let plan: TrainingPlan
    /// Pictures and labels.
    public let data: TrainingData
    /// The columns of the cohort that the outputs stand for, in order.
    public let columns: [Int]
    /// Whether each of `columns` has positives in the training split.
    public let trained: [Bool]
    /// Where to compute.
    public let device: Device
    /// What to call this training in messages.
    public let title: String

    /// Prepares a training.
    public init(
        title: String, plan: TrainingPlan, data: TrainingData, columns: [Int], trained: [Bool], device: Device
    ) {
        self.title = title
        self.plan = plan
        self.data = data
        self.columns = columns
        self.trained = trained
        self.device = device
    }

    /// Trains `network`, in place.
    ///
    /// - Parameters:
    ///   - stream: what is seen, epoch by epoch.
    ///   - afterEpoch: called with the record of each epoch and the network in evaluation mode (with averaged weights
    ///     where the plan averages them); may fill in the record.
    ///   - shouldStop: asked before each step.
    /// - Returns: the history.
    /// - Throws: `FoveaError` of kind `numerical` that names epoch, step and images when the loss or a gradient is not
    ///   finite; `CancellationError` when told to stop.
    public func train(
        _ network: Classifier, _ normalization: Normalization, objective: any Objective, stream: EpochStream,
        shouldStop: () -> Bool = { false },
        afterEpoch: (inout EpochRecord, Classifier) throws -> Void = { _, _ in }
    ) throws -> [EpochRecord] {
        try network.move(to: device)
        let optimizer = try makeOptimizer(network)
        let average = try plan.averageDecay.map { try WeightAverage(of: network, decay: $0) }
        let input = try PixelInput(normalization, device: device)
        try Engine.seed(SeededRandom(seed: plan.seed, SeededRandom.key("engine")).state, on: device)

        let itemsPerEpoch = try stream.items(epoch: 0).count
        let batchesPerEpoch = self.batchesPerEpoch(itemsPerEpoch)
        let stepsPerEpoch = (batchesPerEpoch + plan.accumulation - 1) / plan.accumulation
        let epochs = max(plan.epochs, (plan.minimumSteps + stepsPerEpoch - 1) / max(1, stepsPerEpoch))
        let steps = epochs * stepsPerEpoch
        // A training of few steps, such as that of a small subset, must not end while it still warms up.
        let schedule = Schedule(plan.schedule, warmUpSteps: min(plan.warmUpSteps, steps / 5), totalSteps: steps)
        let bar = Progress(title, total: epochs * min(itemsPerEpoch, batchesPerEpoch * plan.batchSize), unit: "images")
        var history: [EpochRecord] = []
        var seen = 0

        for epoch in 0..<epochs {
            let items = try stream.items(epoch: epoch)
            try objective.beginEpoch(epoch, network: network)
            network.setTraining(true)
            // A frozen backbone keeps its statistics too.
            if plan.backboneRate == 0 { network.backbone.setTraining(false) }
            let loader = try BatchLoader(
                cache: data.cache, items: items, batchSize: plan.batchSize,
                dropLast: plan.dropsLast && items.count >= plan.batchSize, augmentation: plan.augmentation,
                seed: plan.seed, threads: plan.loaderThreads)
            var sums = EpochSums()
            let started = Date()
            var next = try loader.next().map { try (upload($0, input), $0) }
            var index = 0
            while let (batch, raw) = next {
                if shouldStop() { throw CancellationError() }
                let parts = try Autocast.run(plan.precision, on: device) {
                    let logits = try network(batch.images)
                    return try objective.parts(
                        logits: logits.to(dtype: .float32), targets: batch.targets, items: raw.items,
                        progress: (Double(epoch) + Double(index) / Double(max(1, batchesPerEpoch))) / Double(epochs))
                }
                let loss = try parts.dropFirst().reduce(parts[0]) { try $0 + $1 }
                try (plan.accumulation == 1 ? loss : loss / Double(plan.accumulation)).backward()
                // The next batch crosses to the device while this step is computed.
                next = try loader.next().map { try (upload($0, input), $0) }
                let values = try parts.map { try $0.item() }
                try requireFinite(values.reduce(0, +), "loss", epoch, optimizer.stepCount, raw.items)
                index += 1
                if index % plan.accumulation == 0 || next == nil {
                    let norm = try optimizer.clipGradients(to: plan.gradientLimit)
                    try requireFinite(norm, "gradient", epoch, optimizer.stepCount, raw.items)
                    sums.rate = plan.rate * schedule.factor(at: optimizer.stepCount)
                    try optimizer.step(rate: sums.rate)
                    try optimizer.clearGradients()
                    try average?.update()
                    sums.add(norm: norm)
                }
                sums.add(values, images: raw.items.count)
                seen += raw.items.count
                bar.update(seen, note: "epoch \(epoch + 1)/\(epochs), loss \(rounded(sums.loss))")
            }
            try device.synchronize()
            var record = sums.record(epoch: epoch + 1, steps: optimizer.stepCount, since: started)
            network.setTraining(false)
            try average?.swap()
            try afterEpoch(&record, network)
            if epoch < epochs - 1 { try average?.swap() }
            history.append(record)
        }
        bar.finish(note: "loss \(rounded(history.last?.loss ?? 0))")
        return history
    }

    private func makeOptimizer(_ network: Classifier) throws -> Optimizer {
        let (head, backbone) = (network.head.ownParameters.map { ObjectIdentifier($0.parameter) }, plan.backboneRate)
        if backbone == 0 {
            for (_, parameter) in network.namedParameters where !head.contains(ObjectIdentifier(parameter)) {
                try parameter.setTrainable(false)
            }
        }
        let trainable = network.trainable
        func inHead(_ entry: (name: String, parameter: Parameter)) -> Bool {
            head.contains(ObjectIdentifier(entry.parameter))
        }
        return Optimizer(
            plan.optimizer,
            [
                ParameterGroup(
                    trainable.filter { !inHead($0) }, rateFactor: backbone, weightDecay: plan.weightDecay),
                ParameterGroup(trainable.filter(inHead), weightDecay: plan.weightDecay),
            ])
    }

    private func batchesPerEpoch(_ images: Int) -> Int {
        let whole = images / plan.batchSize
        return plan.dropsLast && whole > 0 ? whole : (images + plan.batchSize - 1) / plan.batchSize
    }

    private func upload(_ batch: Batch, _ input: PixelInput) throws -> (images: Tensor, targets: Targets) {
        (
            try input(batch.pixels, count: batch.items.count, resolution: batch.resolution),
            try Targets(
                data.cohort, rows: batch.items.map(\.row), columns: columns, trained: trained, device: device)
        )
    }

    private func requireFinite(_ value: Double, _ what: String, _ epoch: Int, _ step: Int, _ items: [BatchItem]) throws
    {
        guard !value.isFinite else { return }
        let names = items.map { data.cohort.photographs[$0.row].image }
        let shown = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", ..." : "")
        throw FoveaError(
            .numerical,
            "\(title): the \(what) became \(value) in epoch \(epoch + 1), step \(step + 1), on the images \(shown)",
            remedy: "Lower training.rate, set training.gradient_limit, or use training.precision float32.")
    }
}

/// What is summed up over an epoch.
private struct EpochSums {
    private var parts: [Double] = []
    private var images = 0
    private var norms = 0.0
    private var steps = 0
    var rate = 0.0

    var loss: Double { images > 0 ? (parts.first ?? 0) / Double(images) : 0 }

    mutating func add(_ values: [Double], images count: Int) {
        if parts.isEmpty { parts = values.map { _ in 0 } }
        for (i, value) in values.enumerated() { parts[i] += value * Double(count) }
        images += count
    }

    mutating func add(norm: Double) {
        norms += norm
        steps += 1
    }

    func record(epoch: Int, steps total: Int, since: Date) -> EpochRecord {
        EpochRecord(
            epoch: epoch, steps: total, loss: loss,
            distillation: parts.count > 1 ? parts.dropFirst().reduce(0, +) / Double(max(1, images)) : nil, rate: rate,
            gradientNorm: norms / Double(max(1, steps)), seconds: Date().timeIntervalSince(since), images: images)
    }
}

/// Four significant digits, for progress lines.
func rounded(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return "\(value)" }
    let scale = pow(10, 3 - floor(log10(Swift.abs(value))))
    return "\((value * scale).rounded() / scale)"
}
