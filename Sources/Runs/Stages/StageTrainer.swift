import Backbones
import Basics
import Cohorts
import Distillation
import Evaluation
import Execution
import FundusImaging
import Logging
import Losses
import Models
import NN
import Sampling
import Settings
import Torch
import Training

/// Trains the network of one stage: builds it, its stream of images and its loss, and hands them to the trainer.
struct StageTrainer {
    let runner: StageRunner
    let spec: StageSpec
    let recipe: NetworkRecipe
    let checkpoints: Checkpoints

    private var settings: RunSettings { runner.settings }
    private var cohort: Cohort { runner.cohort }
    private var bias: HeadBias { HeadBias(settings.model.headBias) }

    func run() throws -> (ModelBundle, [EpochRecord]) {
        let description = description
        let network: Classifier
        switch recipe.start {
        case .secondStage(let first): return try secondStage(after: runner.network(first))
        case .continued(let stage): network = try continued(runner.network(stage).bundle, description)
        case .fresh(let name, let rows): network = try fresh(description, seedName: name, rows: rows)
        }
        let stream = try stream(recipe.technique.sampler, seed: recipe.plan.seed)
        return (ModelBundle(description, network), try train(network, stream))
    }

    private func secondStage(after first: StageResult) throws -> (ModelBundle, [EpochRecord]) {
        // The first stage's own network stays as it is: other stages may need it.
        let bundle = try first.bundle.copy()
        guard let second = recipe.technique.second.make(bias, settings.data.labels) else {
            return (bundle, [])
        }
        // Other draws than those of a first stage with the same sampler.
        let seed = SeededRandom(seed: recipe.plan.seed, SeededRandom.key("second stage")).state
        let stream = try stream(.classAware, seed: seed)
        let seen = try stream.items(epoch: 0).map(\.row)
        try Engine.seed(SeededRandom(seed: runner.planner.seed, SeededRandom.key("second head")).state)
        try second.begin(bundle.classifier, counts: counts(rows: seen))
        let history = second.isTrained ? try train(bundle.classifier, stream) : []
        try second.end(bundle.classifier)
        return (bundle, history)
    }

    private var description: ModelDescription {
        let preparedData = runner.preparedData
        return ModelDescription(
            architecture: settings.model.architecture, classes: recipe.columns.map { cohort.classes[$0] },
            labels: settings.data.labels, image: recipe.image, dropout: settings.model.dropout,
            dropPath: settings.model.dropPath, trainingImages: recipe.columns.map { preparedData.counts[$0] },
            regions: recipe.regions)
    }

    /// Positives and known labels of each of the network's classes among some rows.
    private func counts(rows: [Int]) -> [(positives: Int, known: Int)] {
        recipe.columns.map { column in
            let labels = rows.map { cohort.label($0, column) }
            return (labels.count { $0 == 1 }, labels.count { $0 >= 0 })
        }
    }

    private func train(_ network: Classifier, _ stream: EpochStream) throws -> [EpochRecord] {
        let (columns, plan, name) = (recipe.columns, recipe.plan, spec.id)
        let counts = counts(rows: recipe.rows)
        let data = try runner.data(of: recipe)
        let trainer = Trainer(
            title: name, plan: plan, data: data, columns: columns, trained: counts.map { $0.positives > 0 },
            device: runner.device, communicator: runner.context.communicator)
        let every = settings.evaluation.every
        return try trainer.train(
            network, settings.model.architecture.normalization, objective: objective(for: network), stream: stream,
            checkpoints: checkpoints, shouldStop: runner.context.shouldStop
        ) { record, network in
            if every > 0, record.epoch % every == 0 {
                let summary = try runner.measurement(on: data).summary(
                    network, name: name, rows: runner.preparedData.split.validation, columns: columns)
                let trained = columns.indices.filter { counts[$0].positives > 0 }
                record.validationMAP = summary.meanAveragePrecision(over: trained).mean
                record.validationMAUC = summary.meanROCAUC(over: trained).mean
            }
            try runner.recorder?.add(record, stage: name)
        } resumed: {
            try runner.recorder?.restore($0, stage: name)
        }
    }

    private func objective(for network: Classifier) throws -> any Objective {
        switch recipe.objective {
        case .labels: LabelObjective(try loss())
        case .distillation(let distillation):
            try StudentObjective(runner: runner, recipe: distillation, network: recipe)
                .make(label: loss(), featureCount: network.featureCount)
        }
    }

    /// The technique's loss for the counts of the rows.
    private func loss() throws -> any Loss {
        let context = LossContext(
            classCounts: counts(rows: recipe.rows).map(\.positives), imageCount: recipe.rows.count,
            device: runner.device, communicator: runner.context.communicator)
        if settings.data.labels == .single { return try SoftmaxCrossEntropy(context) }
        return try LossRegistry.make(recipe.technique.loss, recipe.technique.losses, context)
    }
}

// MARK: - What it sees

extension StageTrainer {
    /// What a training sees, epoch by epoch.
    private func stream(_ name: TechniqueSettings.SamplerName, seed: UInt64) throws -> EpochStream {
        let (cohort, recipe) = (cohort, recipe)
        @Sendable func sampler(_ rows: [Int]) throws -> any Sampler {
            try Self.sampler(name, recipe, cohort, rows: rows, seed: seed)
        }
        guard let task = recipe.task else {
            return EpochStream(try sampler(recipe.rows), views: recipe.plan.views)
        }
        return EpochStream(views: recipe.plan.views) { try sampler(task.rows(epoch: $0)) }
    }

    private static func sampler(
        _ name: TechniqueSettings.SamplerName, _ recipe: NetworkRecipe, _ cohort: Cohort, rows: [Int], seed: UInt64
    ) throws -> any Sampler {
        if name == .instance { return InstanceSampler(rows: rows, seed: seed) }
        let labels = cohort.photographs.indices.flatMap { row in recipe.columns.map { cohort.label(row, $0) } }
        let data = try LabelledRows(labels: labels, classCount: recipe.columns.count, rows: rows)
        return switch name {
        case .instance: InstanceSampler(rows: rows, seed: seed)
        case .classAware: ClassAwareSampler(data, seed: seed)
        case .squareRoot: SquareRootSampler(data, seed: seed)
        case .progressive: ProgressiveSampler(data, epochs: recipe.plan.passes(over: rows.count), seed: seed)
        case .repeatFactor: try RepeatFactorSampler(data, threshold: recipe.technique.repeatThreshold, seed: seed)
        }
    }
}

// MARK: - Where it begins

extension StageTrainer {
    /// A network with random or given weights and a new head.
    private func fresh(_ description: ModelDescription, seedName: String, rows: [Int]) throws -> Classifier {
        try Engine.seed(SeededRandom(seed: runner.planner.seed, SeededRandom.key("weights " + seedName)).state)
        let network = try description.makeClassifier()
        if let report = try settings.model.loadWeights(into: network, runner.weights) {
            for line in "\(spec.id): \(report)".split(separator: "\n") { runner.context.logger.info("\(line)") }
        }
        try bias.apply(to: network, counts: counts(rows: rows))
        return network
    }

    /// A network that begins where another one ended, with the rows of its head that the columns need.
    private func continued(_ bundle: ModelBundle, _ description: ModelDescription) throws -> Classifier {
        let network = try description.makeClassifier()
        let old = Dictionary(uniqueKeysWithValues: bundle.classifier.namedParameters.map { ($0.name, $0.parameter) })
        let index = try Tensor(recipe.columns)
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

extension SecondStageSettings {
    /// The same for the trainer; nil for none.
    fileprivate func make(_ bias: HeadBias, _ labels: ModelDescription.LabelKind) -> (any SecondStage)? {
        switch name {
        case .none: nil
        case .retraining: ClassifierRetraining(bias: bias)
        case .scaling: LearnableWeightScaling()
        case .tau: TauNormalization(tau: tau, keepsBias: labels == .multi)
        }
    }
}
