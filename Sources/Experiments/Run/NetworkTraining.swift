import Backbones
import Basics
import Cohorts
import Distillation
import Evaluation
import Foundation
import FundusImaging
import Losses
import Models
import NN
import Sampling
import Torch
import Training
import Weights

/// Trains the three kinds of network of a run: the plain model, a teacher, the student.
struct NetworkTraining {
    let recipe: Recipe
    let store: StageStore
    let journal: Journal
    let folder: RunFolder

    private var settings: RunSettings { recipe.settings }
    private var data: TrainingData { recipe.preparation.data }
    private var device: Device { recipe.surroundings.device }
    private var allColumns: [Int] { Array(recipe.cohort.classes.indices) }

    /// Measures networks of this run.
    var measurement: ModelMeasurement {
        ModelMeasurement(
            data, normalization: settings.model.architecture.normalization, device: device,
            precision: recipe.precision, threads: recipe.surroundings.loaderThreads,
            shouldStop: recipe.surroundings.shouldStop)
    }

    /// The model of a technique alone, trained on `rows`.
    ///
    /// - Parameter other: another technique than the run's.
    func plain(_ name: String = "plain", rows: [Int], as other: TechniqueSettings? = nil) throws -> TrainedModel {
        let technique = other ?? settings.technique
        let columns = allColumns
        // The history tells apart what the store takes for stages of one name.
        let title = technique.first == settings.technique.first ? name : "\(name)-\(technique.loss)"
        var plan = recipe.plan(name)
        plan.mixing = technique.mixer
        return try train(
            NetworkJob(
                name: name, title: title, technique: technique, plan: plan, rows: rows, columns: columns,
                start: { try fresh($0, name: name, title: title, rows: rows, columns: columns) }))
    }

    /// A teacher of one subset.
    ///
    /// - Parameter plain: the model that the teacher starts from, where it does.
    func teacher(_ task: SubsetTask, rows: [Int], plain: StageResult?) throws -> TrainedModel {
        let name = "teacher-" + task.subset.name
        let columns = task.subset.classes
        return try train(
            NetworkJob(
                name: name, technique: recipe.teacherTechnique, plan: recipe.teacherPlan(name), rows: rows,
                columns: columns,
                key: [
                    "negatives \(task.mode) of \(task.positives.count) + \(task.negatives.count)",
                    "from \(plain?.hash ?? "pretrained")",
                ],
                seen: { task.rows(epoch: $0) },
                start: { description in
                    try plain.map { try continued($0.bundle, description, columns: columns) }
                        ?? fresh(description, name: name, rows: task.rows(epoch: 0), columns: columns)
                }))
    }

    /// The student of all teachers.
    func student(
        rows: [Int], plain: StageResult, key: [String],
        objective: @escaping (any Loss, TrainingPlan) throws -> any Objective
    ) throws -> TrainedModel {
        let distillation = settings.distillation ?? DistillationSettings()
        let columns = allColumns
        var plan = recipe.plan("student")
        plan.epochs = distillation.studentEpochs(training: settings.training.epochs)
        plan.views = distillation.bankedViews(training: settings.training.epochs)
        return try train(
            NetworkJob(
                name: "student", technique: settings.technique, plan: plan, rows: rows, columns: columns, key: key,
                start: {
                    distillation.student == .plain
                        ? try continued(plain.bundle, $0, columns: columns)
                        : try fresh($0, name: "plain", title: "student", rows: rows, columns: columns)
                }, objective: objective))
    }

    /// Both stages of a training, each one of the store's, so that techniques that differ in the second share the first.
    private func train(_ job: NetworkJob) throws -> TrainedModel {
        let text = recipe.text(
            job.name, technique: job.technique.first, plan: job.plan, rows: job.rows, columns: job.columns,
            and: job.key)
        let title = job.title ?? job.name
        let first = try stage(job.name, title: title, recipe: text) { checkpoints in
            let description = recipe.description(columns: job.columns)
            let network = try job.start(description)
            let stream = try stream(of: job, job.technique, job.plan, seed: job.plan.seed)
            let history = try train(network, title, job, job.plan, stream: stream, checkpoints: checkpoints)
            return (ModelBundle(description, network), history)
        }
        return TrainedModel(first: first, second: try secondStage(of: job, after: first))
    }

    private func secondStage(of job: NetworkJob, after first: StageResult) throws -> StageResult? {
        let chosen = job.technique.second
        guard let second = chosen.make(settings.model.bias, settings.data.labels) else { return nil }
        let name = job.name + "-" + chosen.name.rawValue
        let plan = recipe.secondPlan(after: job.plan, chosen)
        let text = recipe.text(
            name, technique: job.technique, plan: plan, rows: job.rows, columns: job.columns,
            and: job.key + ["after \(first.hash)"])
        return try stage(name, title: name, recipe: text) { checkpoints in
            // The first stage's own network stays as it is: it may be asked for again.
            let bundle = try first.bundle.copy()
            var technique = job.technique
            technique.sampler = .classAware
            // Other draws than those of a first stage with the same sampler.
            let seed = SeededRandom(seed: plan.seed, SeededRandom.key("second stage")).state
            let stream = try stream(of: job, technique, plan, seed: seed)
            let seen = try stream.items(epoch: 0).map(\.row)
            try Engine.seed(SeededRandom(seed: recipe.seed, SeededRandom.key("second head")).state)
            try second.begin(bundle.classifier, counts: recipe.counts(rows: seen, columns: job.columns))
            let history =
                second.isTrained
                ? try train(bundle.classifier, name, job, plan, stream: stream, checkpoints: checkpoints) : []
            try second.end(bundle.classifier)
            return (bundle, history)
        }
    }

    /// What a training sees, epoch by epoch.
    private func stream(
        of job: NetworkJob, _ technique: TechniqueSettings, _ plan: TrainingPlan, seed: UInt64
    ) throws -> EpochStream {
        let (recipe, columns) = (self.recipe, job.columns)
        @Sendable func sampler(_ rows: [Int]) throws -> any Sampler {
            try recipe.sampler(
                technique, rows: rows, columns: columns, epochs: plan.passes(over: rows.count), seed: seed)
        }
        guard let seen = job.seen else { return EpochStream(try sampler(job.rows), views: plan.views) }
        return EpochStream(views: plan.views) { try sampler(seen($0)) }
    }

    /// A stage of the store, or else a training with checkpoints, which go when it is finished and stored.
    private func stage(
        _ name: String, title: String, recipe text: String,
        _ train: (Checkpoints) throws -> (ModelBundle, [EpochRecord])
    ) throws -> StageResult {
        let hash = Digest.sha256(text)
        let place = name + "-" + hash.prefix(16)
        let checkpoints = Checkpoints(
            folder: folder.file("checkpoints/" + place), dumps: folder.file("nonfinite/" + place),
            recipe: hash, policy: settings.checkpoints, isAskedFor: recipe.surroundings.wantsCheckpoint,
            log: { [journal] line in
                journal.say(line.hasPrefix("warning") ? line : title + " " + line)
            })
        let result = try store.stage(name, recipe: text) {
            for other in folder.foreignCheckpoints(of: name, besides: place) {
                journal.say(
                    "warning: \(other) is of other data, settings or engine than now, so it is not gone on from")
            }
            return try train(checkpoints)
        }
        if result.isReused { try journal.takeOver(result, named: title) }
        try checkpoints.finish()
        return result
    }

    /// A technique's loss for the counts of some rows.
    private func loss(_ technique: TechniqueSettings, rows: [Int], columns: [Int]) throws -> any Loss {
        let context = LossContext(
            classCounts: recipe.counts(rows: rows, columns: columns).map(\.positives), imageCount: rows.count,
            device: device)
        if settings.data.labels == .single { return try SoftmaxCrossEntropy(context) }
        return try LossRegistry.make(technique.loss, technique.lossOptions, context)
    }

    private func train(
        _ network: Classifier, _ name: String, _ job: NetworkJob, _ plan: TrainingPlan, stream: EpochStream,
        checkpoints: Checkpoints
    ) throws -> [EpochRecord] {
        let columns = job.columns
        let counts = recipe.counts(rows: job.rows, columns: columns)
        let trainer = Trainer(
            title: name, plan: plan, data: data, columns: columns, trained: counts.map { $0.positives > 0 },
            device: device, skipLimit: settings.training.skipLimit)
        let objective = try job.objective(loss(job.technique, rows: job.rows, columns: columns), plan)
        let every = settings.evaluation.every
        return try trainer.train(
            network, settings.model.architecture.normalization, objective: objective, stream: stream,
            checkpoints: checkpoints, shouldStop: recipe.surroundings.shouldStop
        ) { record, network in
            if every > 0, record.epoch % every == 0 {
                let summary = try measurement.summary(
                    network, name: name, rows: recipe.preparation.split.validation, columns: columns)
                let trained = columns.indices.filter { counts[$0].positives > 0 }
                record.validationMAP = summary.meanAveragePrecision(over: trained).mean
                record.validationMAUC = summary.meanROCAUC(over: trained).mean
            }
            try journal.add(record, stage: name)
        } resumed: {
            try journal.restore($0, stage: name)
        }
    }

    /// A network with random or given weights and a new head.
    ///
    /// - Parameters:
    ///   - name: decides the random numbers.
    ///   - title: what to call the network, where it is another name.
    private func fresh(
        _ description: ModelDescription, name: String, title: String? = nil, rows: [Int], columns: [Int]
    ) throws -> Classifier {
        try Engine.seed(SeededRandom(seed: recipe.seed, SeededRandom.key("weights " + name)).state)
        let network = try description.makeClassifier()
        if let report = try settings.model.loadWeights(into: network, recipe.weights) {
            journal.say("\(title ?? name): \(report)")
        }
        try settings.model.bias.apply(to: network, counts: recipe.counts(rows: rows, columns: columns))
        return network
    }

    /// A network that starts where another one ended, with the rows of its head that the columns need.
    private func continued(
        _ bundle: ModelBundle, _ description: ModelDescription, columns: [Int]
    ) throws -> Classifier {
        let network = try description.makeClassifier()
        let old = Dictionary(uniqueKeysWithValues: bundle.classifier.namedParameters.map { ($0.name, $0.parameter) })
        let index = try Tensor(columns)
        try Autograd.withoutGrad {
            for (name, parameter) in network.namedParameters {
                guard let source = try old[name]?.value.to(device: .cpu) else { continue }
                let isHead = name.hasPrefix(network.backbone.headName + ".")
                try parameter.value.copy(from: isHead ? source.selecting(index, in: 0) : source)
            }
        }
        return network
    }
}
