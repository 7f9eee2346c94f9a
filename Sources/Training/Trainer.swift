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
    /// The mean distillation loss, lambda included; nil without distillation. In records of versions without `features`
    /// it holds the distillation of features too.
    public var distillation: Double?
    /// The mean distance of features, its lambda included; nil where features are not distilled.
    public var features: Double?
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
    /// Steps left out because a loss or gradient was not finite; nil in records of versions that stopped instead.
    public var skippedSteps: Int?

    /// The mean of the whole loss that is minimised.
    public var totalLoss: Double { loss + (distillation ?? 0) + (features ?? 0) }
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
    /// How many steps may be left out because a loss or gradient is not finite.
    public let skipLimit: Int

    /// Prepares a training.
    public init(
        title: String, plan: TrainingPlan, data: TrainingData, columns: [Int], trained: [Bool], device: Device,
        skipLimit: Int = 0
    ) {
        self.title = title
        self.plan = plan
        self.data = data
        self.columns = columns
        self.trained = trained
        self.device = device
        self.skipLimit = skipLimit
    }

    /// Trains `network`, in place.
    ///
    /// - Parameters:
    ///   - stream: what is seen, epoch by epoch.
    ///   - checkpoints: where the training goes on from, and where it is saved between steps; nil: from the beginning.
    ///   - shouldStop: asked after each step; a checkpoint is written before the training ends.
    ///   - afterEpoch: called with the record of each epoch and the network in evaluation mode (with averaged weights
    ///     where the plan averages them); may fill in the record.
    /// - Returns: the history.
    /// - Throws: `FoveaError` of kind `numerical` that names epoch, step and images when the loss or a gradient is not
    ///   finite, `storage` when a checkpoint cannot be written; `CancellationError` when told to stop.
    public func train(
        _ network: Classifier, _ normalization: Normalization, objective: any Objective, stream: EpochStream,
        checkpoints: Checkpoints? = nil, shouldStop: () -> Bool = { false },
        afterEpoch: (inout EpochRecord, Classifier) throws -> Void = { _, _ in }
    ) throws -> [EpochRecord] {
        try network.move(to: device)
        for (_, module) in objective.modules { try module.move(to: device) }
        let optimizer = try makeOptimizer(network, objective)
        let average = try plan.averageDecay.map { try WeightAverage(of: network, decay: $0) }
        let input = try PixelInput(normalization, device: device)
        try Engine.seed(SeededRandom(seed: plan.seed, SeededRandom.key("engine")).state, on: device)

        let itemsPerEpoch = try stream.items(epoch: 0).count
        let epochs = plan.passes(over: itemsPerEpoch)
        let steps = epochs * plan.steps(of: itemsPerEpoch)
        // A training of few steps, such as that of a small subset, must not end while it still warms up.
        let schedule = Schedule(plan.schedule, warmUpSteps: min(plan.warmUpSteps, steps / 5), totalSteps: steps)
        let tensors = TrainingTensors(
            network: network, objective: objective.parameters, optimizer: optimizer, average: average, device: device)
        // Always that of the last border between two steps.
        var state = try checkpoints?.resume(tensors) ?? TrainingState()
        let bar = Progress(
            title, total: epochs * min(itemsPerEpoch, plan.batches(of: itemsPerEpoch) * plan.batchSize), unit: "images",
            before: state.images)
        let buffers = try KeptBuffers(of: network)
        if shouldStop() { throw CancellationError() }

        while state.epoch < epochs {
            let epoch = state.epoch
            let items = try stream.items(epoch: epoch)
            // Not those of the first epoch: a sampler may draw more images in one than in another.
            let batches = plan.batches(of: items.count)
            if state.batch > 0 {
                try objective.resumeEpoch(epoch, state: state.objective)
            } else {
                do {
                    try objective.beginEpoch(epoch, network: network)
                } catch let stop as CancellationError {
                    try checkpoints?.save(state, tensors)
                    throw stop
                }
            }
            state.objective = objective.epochState
            network.setTraining(true)
            // A frozen backbone keeps its statistics too.
            if plan.backboneRate == 0 { network.backbone.setTraining(false) }
            let loader = try BatchLoader(
                cache: data.cache, items: Array(items.dropFirst(state.batch * plan.batchSize)),
                batchSize: plan.batchSize, dropLast: plan.dropsLast && items.count >= plan.batchSize,
                augmentation: plan.augmentation, seed: plan.seed, threads: plan.loaderThreads)
            var sums = state.sums
            let started = Date()
            var index = state.batch
            var next = try loader.next().map { try (upload($0, input, epoch: epoch, number: index), $0) }
            var step = PresentStep()
            while let (batch, raw) = next {
                if step.items.isEmpty {
                    step.random = try Engine.randomState(of: device)
                    try buffers.keep()
                }
                let parts = try Autocast.run(plan.precision, on: device) {
                    let features = try network.features(of: batch.images)
                    let logits = try network.logits(of: features).to(dtype: .float32)
                    return try objective.parts(
                        NetworkOutputs(features: features, logits: logits),
                        TrainingBatch(
                            images: batch.images, targets: batch.targets, items: raw.items,
                            progress: (Double(epoch) + Double(index) / Double(max(1, batches))) / Double(epochs),
                            mixture: batch.mixture))
                }
                let loss = try parts.dropFirst().reduce(parts[0]) { try $0 + $1 }
                let share = plan.shareOfStep(batch: index, images: items.count)
                try (share == 1 ? loss : loss / share).backward()
                // The next batch crosses to the device while this step is computed.
                next = try loader.next().map { try (upload($0, input, epoch: epoch, number: index + 1), $0) }
                let values = try parts.map { try $0.item() }
                let sum = values.reduce(0, +)
                index += 1
                step.items += raw.items
                sums.add(sum.isFinite ? values : nil, images: raw.items.count)
                bar.update(
                    state.images - state.sums.images + sums.images,
                    note: "epoch \(epoch + 1)/\(epochs), loss \(rounded(sums.totalLoss))")
                if !sum.isFinite, step.failure == nil {
                    step.failure = NonFiniteStep("loss", sum, state, raw.items, data)
                }
                guard index % plan.accumulation == 0 || next == nil else { continue }

                let norm = try optimizer.clipGradients(to: plan.gradientLimit)
                if !norm.isFinite, step.failure == nil {
                    step.failure = NonFiniteStep("gradient", norm, state, step.items, data)
                }
                if let failure = step.failure {
                    try optimizer.clearGradients()
                    try buffers.putBack()
                    try report(failure, step, state, tensors, checkpoints)
                    sums.addSkippedStep()
                } else {
                    let rate = plan.rate * schedule.factor(at: optimizer.stepCount)
                    try optimizer.step(rate: rate)
                    try optimizer.clearGradients()
                    try average?.update()
                    sums.addStep(norm: norm, rate: rate)
                }
                step = PresentStep()
                state.sums = sums
                state.sums.seconds += Date().timeIntervalSince(started)
                state.batch = index
                state.steps = optimizer.stepCount
                if shouldStop() {
                    try checkpoints?.save(state, tensors)
                    throw CancellationError()
                }
                if let checkpoints, checkpoints.isDue(afterStep: state.steps) { try checkpoints.save(state, tensors) }
            }
            try device.synchronize()
            var record = state.sums.record(epoch: epoch + 1, steps: state.steps)
            network.setTraining(false)
            try average?.swap()
            do {
                try afterEpoch(&record, network)
            } catch let stop as CancellationError {
                try average?.swap()
                try checkpoints?.save(state, tensors)
                throw stop
            }
            try average?.swap()
            state.finishEpoch(record)
            if let checkpoints, checkpoints.isDue(afterEpoch: state.epoch, of: epochs) {
                try checkpoints.save(state, tensors)
            }
        }
        network.setTraining(false)
        try average?.swap()
        bar.finish(note: "loss \(rounded(state.history.last?.totalLoss ?? 0))")
        return state.history
    }

    /// What is known of the step that is being computed.
    private struct PresentStep {
        /// What it has seen so far.
        var items: [BatchItem] = []
        /// The state of the random generator before it.
        var random: [UInt8] = []
        /// What went wrong in it.
        var failure: NonFiniteStep?
    }

    /// Keeps the state before a step that failed, and stops the training where no more steps may be left out.
    private func report(
        _ failure: NonFiniteStep, _ step: PresentStep, _ state: TrainingState, _ tensors: TrainingTensors,
        _ checkpoints: Checkpoints?
    ) throws {
        var message = title + ": " + failure.message
        if let checkpoints {
            let random = try Engine.randomState(of: device)
            try Engine.setRandomState(step.random, of: device)
            do {
                message += "; the state before it is kept in \(try checkpoints.dump(state, tensors, failure))"
            } catch let error as FoveaError where error.kind == .storage {
                message += "; the state before it could not be kept: \(error.message)"
            }
            try Engine.setRandomState(random, of: device)
        }
        guard state.skippedSteps < skipLimit else {
            throw FoveaError(.numerical, message, remedy: NonFiniteStep.remedy)
        }
        checkpoints?.say("warning: \(message); the step is left out")
    }

    private func makeOptimizer(_ network: Classifier, _ objective: any Objective) throws -> Optimizer {
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
                ParameterGroup(trainable.filter(inHead) + objective.parameters, weightDecay: plan.weightDecay),
            ])
    }

    private func upload(
        _ batch: Batch, _ input: PixelInput, epoch: Int, number: Int
    ) throws -> (images: Tensor, targets: Targets, mixture: Mixture?) {
        let images = try input(batch.pixels, count: batch.items.count, resolution: batch.resolution)
        let targets = try Targets(
            data.cohort, rows: batch.items.map(\.row), columns: columns, trained: trained, device: device)
        let mixture = plan.mixing?.mixture(
            count: batch.items.count, side: batch.resolution, seed: plan.seed, epoch: epoch, batch: number)
        return (try mixture?.applied(to: images) ?? images, targets, mixture)
    }
}

/// Four significant digits, for progress lines.
func rounded(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return "\(value)" }
    let scale = pow(10, 3 - floor(log10(Swift.abs(value))))
    return "\((value * scale).rounded() / scale)"
}
