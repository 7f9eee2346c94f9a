import Backbones
import Basics
import Cohorts
import Foundation
import FundusImaging
import Logging
import Models
import NN
import Settings
import Torch

/// One training from its first step, or from a checkpoint, to its end: the network with everything that changes with it.
///
/// `run` trains epoch by epoch (`runEpoch`), an epoch batch by batch (`accumulate`); the batches of a step add up their
/// gradients, then the step is taken (`finishStep`) or, where its loss or gradient is not finite, left out (`skipStep`).
public final class TrainingSession {
    private let trainer: Trainer
    private let network: Classifier
    private let objective: any Objective
    private let stream: EpochStream
    private let checkpoints: Checkpoints?
    private var communicator: any Communicator { trainer.communicator }

    private let optimizer: Optimizer
    private let average: WeightAverage?
    private let schedule: Schedule
    private let input: PixelInput
    private let tensors: TrainingTensors
    private let buffers: BufferSnapshot
    private let bar: ProgressReporter
    private let epochs: Int

    /// Whether the batches of an epoch, by its number, are the same one, which is ready: what is timed is then the training
    /// without its loading. Epochs before the first loaded batch are loaded nevertheless.
    package var isReady: (Int) -> Bool = { _ in false }
    /// The batch of those epochs.
    private var readyBatch: LoadedBatch?

    /// Where the training stands: always that of the last border between two steps.
    private var state: TrainingState
    /// What is summed up over the epoch, the step that is being computed included.
    private var sums = EpochSums()
    private var step = PendingStep()

    /// What is known of the step that is being computed.
    private struct PendingStep {
        /// What it has seen so far.
        var items: [BatchItem] = []
        /// The state of the random generator before it.
        var random: [UInt8] = []
        /// What went wrong in it.
        var failure: NonFiniteStep?
    }

    /// An epoch in progress.
    private struct Epoch {
        let number: Int
        let images: Int
        let batches: Int
    }

    /// What this process computes of a batch: the first `count` items, with partners that others compute behind them.
    private struct Part {
        let items: ArraySlice<BatchItem>
        let count: Int
        let mixture: Mixture?
    }

    /// A part of a batch on the device.
    private struct LoadedBatch {
        let images: Tensor
        let targets: Targets
        let part: Part
    }

    /// Moves the network to its device and continues the newest checkpoint that can be used.
    ///
    /// - Parameters: as those of `Trainer.train`.
    /// - Throws: `FoveaError` for a checkpoint of another training.
    public init(
        _ trainer: Trainer, _ network: Classifier, _ normalization: Normalization, objective: any Objective,
        stream: EpochStream, checkpoints: Checkpoints? = nil
    ) throws {
        let (plan, device) = (trainer.plan, trainer.device)
        self.trainer = trainer
        self.network = network
        self.objective = objective
        self.stream = stream
        self.checkpoints = checkpoints
        try network.move(to: device)
        for (_, module) in objective.modules { try module.move(to: device) }
        optimizer = try plan.makeOptimizer(network, objective)
        average = try plan.averageDecay.map { try WeightAverage(of: network, decay: $0) }
        input = try PixelInput(normalization, device: device)
        try Engine.seed(SeededRandom(seed: plan.seed, SeededRandom.key("engine")).state, on: device)

        let images = try stream.items(epoch: 0).count
        epochs = plan.passes(over: images)
        let steps = epochs * plan.steps(of: images)
        // A training of few steps, such as that of a small subset, must not end while it still warms up.
        schedule = Schedule(plan.schedule, warmUpSteps: min(plan.warmUpSteps, steps / 5), totalSteps: steps)
        tensors = TrainingTensors(
            network: network, objective: objective.parameters, optimizer: optimizer, average: average, device: device)
        // Random weights may differ in their last bits from one kind of processor to another.
        try trainer.communicator.broadcast((network.namedParameters + objective.parameters).map(\.parameter.value))
        state = try checkpoints?.resume(tensors) ?? TrainingState()
        bar = ProgressReporter(
            trainer.title, total: epochs * plan.batching.used(of: images), unit: "images",
            before: state.images)
        buffers = try BufferSnapshot(of: network)
        if plan.syncsBatchNorm { network.shareBatchNorms(in: trainer.communicator as? ProcessGroup) }
    }

    /// The records of the epochs so far, those before a checkpoint included.
    public var history: [EpochRecord] { state.history }

    /// Trains all epochs that are left; gives the history.
    ///
    /// - Parameters and errors: as those of `Trainer.train`.
    public func run(
        shouldStop: () -> Bool = { false },
        afterEpoch: (inout EpochRecord, Classifier) throws -> Void = { _, _ in }
    ) throws -> [EpochRecord] {
        if shouldStop() { throw CancellationError() }
        do {
            while state.epoch < epochs {
                try runEpoch(shouldStop: shouldStop)
                try measure(afterEpoch)
                if let checkpoints, checkpoints.isDue(afterEpoch: state.epoch, of: epochs) {
                    try checkpoints.save(state, tensors)
                }
            }
        } catch {
            throw communicator.explanation(of: error)
        }
        network.setTraining(false)
        network.shareBatchNorms(in: nil)
        try average?.swap()
        bar.finish(note: "loss \(rounded(state.history.last?.totalLoss ?? 0))")
        return state.history
    }

    /// Trains one epoch, or what is left of it after a checkpoint.
    private func runEpoch(shouldStop: () -> Bool) throws {
        let plan = trainer.plan
        let items = try stream.items(epoch: state.epoch)
        // Not the batches of the first epoch: a sampler may draw more images in one than in another.
        let epoch = Epoch(number: state.epoch, images: items.count, batches: plan.batches(of: items.count))
        try beginEpoch(epoch)
        let load = try batches(of: epoch, items)
        sums = state.sums
        let started = Date()
        var index = state.batch
        var next = try load(index)
        step = PendingStep()
        while let batch = next {
            let terms = try accumulate(batch, epoch, batch: index)
            // The next batch crosses to the device while this step is computed.
            next = try load(index + 1)
            try count(terms, of: batch, epoch)
            index += 1
            guard index % plan.accumulation == 0 || next == nil else { continue }
            try finishStep()
            state.sums = sums
            state.sums.seconds += Date().timeIntervalSince(started)
            state.batch = index
            state.steps = optimizer.stepCount
            let (stopped, saves) = try agree(
                stops: shouldStop(), saves: checkpoints?.isDue(afterStep: state.steps) ?? false)
            if saves {
                try shareBuffers()
                try checkpoints?.save(state, tensors)
            }
            guard stopped.isEmpty else { throw stop(of: stopped) }
        }
        try trainer.device.synchronize()
    }

    /// Which processes are told to stop after a step, and whether a checkpoint is saved: all do what one is told.
    private func agree(stops: Bool, saves: Bool) throws -> (stopped: [Int], saves: Bool) {
        let wishes = try communicator.sums([stops ? 1 : 0, saves || stops ? 1 : 0])
        guard wishes[0] > 0 else { return ([], wishes[1] > 0) }
        let all = try communicator.all([stops ? 1.0 : 0.0])
        return (all.indices.filter { all[$0].first == 1 }, true)
    }

    /// The error by which this process stops where some were told to.
    private func stop(of told: [Int]) -> any Error {
        let (rank, size) = (communicator.rank, communicator.size)
        guard !told.contains(rank) else { return CancellationError() }
        return FoveaError(
            .peer, "Process \(told[0]) of \(size) was told to stop, so process \(rank) stops too",
            remedy: "`fovea train --resume` continues from the checkpoint that was saved.")
    }

    /// Takes over the running statistics of the first process, which are those of its own images.
    private func shareBuffers() throws {
        guard communicator.size > 1 else { return }
        let buffers = network.namedParameters.filter(\.parameter.isBuffer)
        let names = Set(buffers.map(\.name))
        let means = (average?.values ?? []).filter { names.contains($0.name) }
        try communicator.broadcast(buffers.map(\.parameter.value) + means.map(\.tensor))
    }

    private func beginEpoch(_ epoch: Epoch) throws {
        if state.batch > 0 {
            try objective.resumeEpoch(epoch.number, state: state.objective)
        } else {
            try savingOnStop { try objective.beginEpoch(epoch.number, network: network) }
        }
        state.objective = objective.epochState
        network.setTraining(true)
        // A frozen backbone keeps its statistics too.
        if trainer.plan.backboneRate == 0 { network.backbone.setTraining(false) }
    }

    /// Gives the batches of an epoch one after the other, from where the training stands; nil behind the last one.
    private func batches(of epoch: Epoch, _ items: [BatchItem]) throws -> (Int) throws -> LoadedBatch? {
        let plan = trainer.plan
        if isReady(epoch.number), let readyBatch { return { $0 < epoch.batches ? readyBatch : nil } }
        let first = state.batch
        let parts = (first..<max(first, epoch.batches)).map { part(ofBatch: $0, epoch, items) }
        let loader = try BatchLoader(
            cache: trainer.data.cache, batches: parts.map(\.items), augmentation: plan.augmentation, seed: plan.seed,
            threads: plan.loaderThreads)
        return { [self] number in
            guard let next = try loader.next() else { return nil }
            let batch = try load(next, parts[number - first])
            if isReady(epoch.number + 1), readyBatch == nil { readyBatch = batch }
            return batch
        }
    }

    /// What this process computes of a batch: all of it where it is alone.
    private func part(ofBatch number: Int, _ epoch: Epoch, _ items: [BatchItem]) -> Part {
        let plan = trainer.plan
        let batch = items[plan.batching.range(number, of: items.count)]
        let mixture = plan.mixing.mixture(
            count: batch.count, side: trainer.data.cache.resolution, seed: plan.seed, epoch: epoch.number, batch: number
        )
        let own = communicator.part(of: batch.count)
        guard let mixture, communicator.size > 1 else {
            return Part(items: batch.dropFirst(own.lowerBound).prefix(own.count), count: own.count, mixture: mixture)
        }
        let (mixed, places) = mixture.part(own)
        return Part(items: places.map { batch[batch.startIndex + $0] }[...], count: own.count, mixture: mixed)
    }

    private func load(_ batch: Batch, _ part: Part) throws -> LoadedBatch {
        let images = try input(
            batch.pixels, count: batch.items.count * network.imageCount, resolution: batch.resolution)
        let targets = try Targets(
            trainer.data.cohort, rows: batch.items.map(\.row), columns: trainer.columns, trained: trainer.trained,
            device: trainer.device)
        return LoadedBatch(images: try part.mixture?.applied(to: images) ?? images, targets: targets, part: part)
    }

    /// Adds the gradients of a batch to those of its step; gives the terms of its loss.
    private func accumulate(_ batch: LoadedBatch, _ epoch: Epoch, batch index: Int) throws -> [Tensor] {
        if step.items.isEmpty {
            step.random = try Engine.randomState(of: trainer.device)
            try buffers.keep()
        }
        // The generator of one process is in its checkpoints; several draw what follows from seed, batch and process.
        if communicator.size > 1 {
            let place = [epoch.number, index, communicator.rank].map { UInt64($0) }
            try Engine.seed(
                SeededRandom(seed: trainer.plan.seed, SeededRandom.key("engine"), place[0], place[1], place[2]).state,
                on: trainer.device)
        }
        let terms = try Autocast.run(trainer.plan.precision, on: trainer.device) {
            let features = try network.features(of: batch.images)
            let logits = try network.logits(of: features).to(dtype: .float32)
            return try objective.lossTerms(
                NetworkOutputs(features: features, logits: logits),
                TrainingBatch(
                    images: batch.images, targets: batch.targets, items: Array(batch.part.items),
                    progress: (Double(epoch.number) + Double(index) / Double(max(1, epoch.batches)))
                        / Double(epochs),
                    mixture: batch.part.mixture))
        }
        let loss = try terms.dropFirst().reduce(terms[0]) { try $0 + $1 }
        let share = trainer.plan.shareOfStep(batch: index, images: epoch.images, part: batch.part.count)
        try (share == 1 ? loss : loss / share).backward()
        return terms
    }

    /// Counts a batch whose gradients are being computed, and waits for its loss.
    private func count(_ terms: [Tensor], of batch: LoadedBatch, _ epoch: Epoch) throws {
        let own = batch.part.items.prefix(batch.part.count)
        let (values, images) = try mean(of: terms.map { try $0.item() }, images: own.count)
        let loss = values.reduce(0, +)
        step.items += own
        sums.add(loss.isFinite ? values : nil, images: images)
        bar.update(
            state.images - state.sums.images + sums.images,
            note: "epoch \(epoch.number + 1)/\(epochs), loss \(rounded(sums.totalLoss))")
        if !loss.isFinite, step.failure == nil {
            step.failure = NonFiniteStep("loss", loss, state, Array(own), trainer.data)
        }
    }

    /// Means over the images of this process as those over the images of all, and how many these are.
    private func mean(of values: [Double], images: Int) throws -> (values: [Double], images: Int) {
        guard communicator.size > 1 else { return (values, images) }
        let sums = try communicator.sums(values.map { $0 * Double(images) } + [Double(images)])
        let all = sums[values.count]
        return (sums.dropLast().map { $0 / all }, Int(all))
    }

    /// Takes the step whose gradients are added up, or leaves it out.
    private func finishStep() throws {
        defer { step = PendingStep() }
        try communicator.allReduce(optimizer.gradients)
        let norm = try optimizer.clipGradients(to: trainer.plan.gradientLimit)
        if !norm.isFinite, step.failure == nil {
            step.failure = NonFiniteStep("gradient", norm, state, step.items, trainer.data)
        }
        if let failure = step.failure { return try skipStep(failure.gathered(over: communicator)) }
        let rate = trainer.plan.rate * schedule.factor(at: optimizer.stepCount)
        try optimizer.step(rate: rate)
        try optimizer.clearGradients()
        try average?.update()
        sums.addStep(norm: norm, rate: rate)
    }

    /// Leaves a step out: keeps the state before it for the user, and stops the training where no more may be left out.
    private func skipStep(_ failure: NonFiniteStep) throws {
        try optimizer.clearGradients()
        try buffers.restore()
        var message = trainer.title + ": " + failure.message
        if let checkpoints {
            let random = try Engine.randomState(of: trainer.device)
            try Engine.setRandomState(step.random, of: trainer.device)
            do {
                message += "; the state before it is kept in \(try checkpoints.dump(state, tensors, failure))"
            } catch let error as FoveaError where error.kind == .storage {
                message += "; the state before it could not be kept: \(error.message)"
            }
            try Engine.setRandomState(random, of: trainer.device)
        }
        guard state.skippedSteps < trainer.plan.skipLimit else {
            throw FoveaError(.numerical, message, remedy: NonFiniteStep.remedy)
        }
        checkpoints?.logger.warning("\(message); the step is left out")
        sums.addSkippedStep()
    }

    /// Lets the caller measure the network after an epoch, with its averaged weights, and keeps the record.
    private func measure(_ afterEpoch: (inout EpochRecord, Classifier) throws -> Void) throws {
        var record = state.sums.record(epoch: state.epoch + 1, steps: state.steps)
        network.setTraining(false)
        try shareBuffers()
        try savingOnStop {
            try average?.swap()
            do {
                try afterEpoch(&record, network)
            } catch let stop as CancellationError {
                try average?.swap()
                throw stop
            }
            try average?.swap()
        }
        state.finishEpoch(record)
    }

    /// Saves a checkpoint where `body` is stopped.
    private func savingOnStop(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let stop as CancellationError {
            try checkpoints?.save(state, tensors)
            throw stop
        }
    }
}

extension TrainingPlan {
    /// The optimiser of a network: the head, and what belongs to the objective, at the whole learning rate, the backbone at
    /// its share.
    fileprivate func makeOptimizer(_ network: Classifier, _ objective: any Objective) throws -> Optimizer {
        let head = network.head.ownParameters.map { ObjectIdentifier($0.parameter) }
        func inHead(_ entry: (name: String, parameter: Parameter)) -> Bool {
            head.contains(ObjectIdentifier(entry.parameter))
        }
        if settings.backboneRate == 0 {
            for entry in network.namedParameters where !inHead(entry) { try entry.parameter.setTrainable(false) }
        }
        let kind: OptimizerKind =
            switch settings.optimizer {
            case .adamw: .adamW()
            case .sgd: .sgd(momentum: settings.momentum, nesterov: settings.nesterov)
            }
        let (trainable, decay) = (network.trainable, settings.weightDecay)
        return Optimizer(
            kind,
            [
                ParameterGroup(
                    trainable.filter { !inHead($0) }, rateFactor: settings.backboneRate, weightDecay: decay),
                ParameterGroup(trainable.filter(inHead) + objective.parameters, weightDecay: decay),
            ])
    }
}

/// Four significant digits, for progress lines.
private func rounded(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return "\(value)" }
    let scale = pow(10, 3 - floor(log10(Swift.abs(value))))
    return "\((value * scale).rounded() / scale)"
}
