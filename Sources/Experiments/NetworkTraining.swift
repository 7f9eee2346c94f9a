import Backbones
import Basics
import Cohorts
import Distillation
import Evaluation
import Foundation
import Losses
import Models
import NN
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
    /// - Parameter technique: another one than the run's; the history then has it in the stage's name.
    func plain(_ name: String = "plain", rows: [Int], as other: TechniqueSettings? = nil) throws -> StageResult {
        let plan = recipe.plan(name)
        let technique = other ?? settings.technique
        let text = try recipe.text(name, technique: technique, plan: plan, rows: rows, columns: allColumns, and: [])
        let title = other.map { "\(name)-\($0.loss)" } ?? name
        return try stage(name, title: title, recipe: text) { checkpoints in
            let description = recipe.description(columns: allColumns)
            let network = try fresh(description, name: name, rows: rows, columns: allColumns)
            let stream = EpochStream(
                try recipe.sampler(technique, rows: rows, columns: allColumns, epochs: plan.epochs, seed: plan.seed),
                views: plan.views)
            let objective = LabelObjective(try loss(technique, rows: rows, columns: allColumns))
            let history = try train(
                network, title, plan, allColumns, rows: rows, objective: objective, stream: stream,
                checkpoints: checkpoints)
            return (ModelBundle(description, network), history)
        }
    }

    /// A teacher of one subset.
    ///
    /// - Parameter plain: the model that the teacher starts from, where it does.
    func teacher(_ task: SubsetTask, rows: [Int], plain: StageResult?) throws -> StageResult {
        let name = "teacher-" + task.subset.name
        let columns = task.subset.classes
        let plan = recipe.teacherPlan(name)
        let more = [
            "negatives \(task.mode) of \(task.positives.count) + \(task.negatives.count)",
            "from \(plain?.hash ?? "pretrained")",
        ]
        let technique = recipe.teacherTechnique
        let text = try recipe.text(
            name, technique: technique, plan: plan, rows: rows, columns: columns, and: more)
        return try stage(name, recipe: text) { checkpoints in
            let description = recipe.description(columns: columns)
            let network =
                try plain.map { try continued($0.bundle, description, columns: columns) }
                ?? fresh(description, name: name, rows: task.rows(epoch: 0), columns: columns)
            let recipe = self.recipe
            let stream = EpochStream(views: plan.views) { epoch in
                try recipe.sampler(
                    technique, rows: task.rows(epoch: epoch), columns: columns, epochs: plan.epochs, seed: plan.seed)
            }
            let objective = LabelObjective(try loss(technique, rows: rows, columns: columns))
            let history = try train(
                network, name, plan, columns, rows: rows, objective: objective, stream: stream,
                checkpoints: checkpoints)
            return (ModelBundle(description, network), history)
        }
    }

    /// The student of all teachers.
    func student(
        rows: [Int], plain: StageResult, key: [String], objective make: (any Loss) throws -> any Objective
    ) throws -> StageResult {
        let distillation = settings.distillation ?? DistillationSettings()
        var plan = recipe.plan("student")
        plan.views = distillation.bankedViews(epochs: plan.epochs)
        let text = try recipe.text(
            "student", technique: settings.technique, plan: plan, rows: rows, columns: allColumns, and: key)
        return try stage("student", recipe: text) { checkpoints in
            let description = recipe.description(columns: allColumns)
            let network =
                distillation.student == .plain
                ? try continued(plain.bundle, description, columns: allColumns)
                : try fresh(description, name: "plain", title: "student", rows: rows, columns: allColumns)
            let stream = EpochStream(
                try recipe.sampler(
                    settings.technique, rows: rows, columns: allColumns, epochs: plan.epochs, seed: plan.seed),
                views: plan.views)
            let history = try train(
                network, "student", plan, allColumns, rows: rows,
                objective: try make(loss(settings.technique, rows: rows, columns: allColumns)), stream: stream,
                checkpoints: checkpoints)
            return (ModelBundle(description, network), history)
        }
    }

    /// A stage of the store, or else a training with checkpoints, which go when it is finished and stored.
    private func stage(
        _ name: String, title: String? = nil, recipe text: String,
        _ train: (Checkpoints) throws -> (ModelBundle, [EpochRecord])
    ) throws -> StageResult {
        let hash = Digest.sha256(text)
        let place = name + "-" + hash.prefix(16)
        let checkpoints = Checkpoints(
            folder: folder.file("checkpoints/" + place), dumps: folder.file("nonfinite/" + place),
            recipe: hash, policy: settings.checkpoints, isAskedFor: recipe.surroundings.wantsCheckpoint,
            log: { [journal] line in
                journal.say(line.hasPrefix("warning") ? line : (title ?? name) + " " + line)
            })
        let result = try store.stage(name, recipe: text) {
            for other in folder.foreignCheckpoints(of: name, besides: place) {
                journal.say(
                    "warning: \(other) is of other data, settings or engine than now, so it is not gone on from")
            }
            return try train(checkpoints)
        }
        if result.isReused { try journal.takeOver(result, named: title ?? name) }
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
        _ network: Classifier, _ name: String, _ plan: TrainingPlan, _ columns: [Int], rows: [Int],
        objective: any Objective, stream: EpochStream, checkpoints: Checkpoints
    ) throws -> [EpochRecord] {
        let counts = recipe.counts(rows: rows, columns: columns)
        let trainer = Trainer(
            title: name, plan: plan, data: data, columns: columns, trained: counts.map { $0.positives > 0 },
            device: device, skipLimit: settings.training.skipLimit)
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
        if let report = try settings.model.loadWeights(into: network) { journal.say("\(title ?? name): \(report)") }
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
