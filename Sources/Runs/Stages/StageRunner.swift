import Backbones
import Basics
import Cohorts
import Distillation
import Execution
import Foundation
import FundusImaging
import Logging
import Losses
import Models
import NN
import RunFiles
import Settings
import Torch
import Training

/// Makes the stages of a plan, or finds them in the store.
final class StageRunner {
    let settings: RunSettings
    let preparedData: PreparedData
    let context: ExecutionContext
    let planner: RunPlanner
    let store: StageStore
    /// nil where another process of the run keeps the records.
    let recorder: HistoryRecorder?
    let folder: RunFolder
    /// What networks begin with; nil for random weights.
    let weights: PretrainedWeights?

    /// The photographs as some networks see them, where that is not as the plain model does.
    private var caches: [ImageSettings: ImageCache] = [:]
    /// Of one image, by its side.
    private var knownMultiplyAdds: [Int: Double] = [:]
    private var networks: [StageSpec.ID: StageResult] = [:]
    private var banks: [StageSpec.ID: BankResult] = [:]
    /// What processes of this run made side by side.
    private var made = Set<StageSpec.ID>()
    /// How well teachers and plain model rank the inner split; both stages of a student need it.
    private var measured: InnerMeasurement?

    init(
        _ settings: RunSettings, _ preparedData: PreparedData, _ context: ExecutionContext, _ planner: RunPlanner,
        _ store: StageStore, _ recorder: HistoryRecorder?, _ folder: RunFolder, _ weights: PretrainedWeights?
    ) {
        self.settings = settings
        self.preparedData = preparedData
        self.context = context
        self.planner = planner
        self.store = store
        self.recorder = recorder
        self.folder = folder
        self.weights = weights
    }

    var data: TrainingData { preparedData.data }
    var cohort: Cohort { preparedData.data.cohort }
    var device: Device { context.device }

    /// The photographs as the network of a stage sees them.
    func data(of recipe: NetworkRecipe) throws -> TrainingData {
        recipe.regions.isEmpty ? try data(of: recipe.image) : data
    }

    /// The photographs as a network sees them that sees one image of each.
    func data(of image: ImageSettings) throws -> TrainingData {
        guard image != settings.image else { return TrainingData(cohort, data.cache.joined(with: [])) }
        let cache =
            try caches[image]
            ?? data.cache.seen(
                as: image, sides: image.window == nil ? [] : cohort.eyeSides(), threads: context.threads,
                shouldStop: context.shouldStop)
        caches[image] = cache
        return TrainingData(cohort, cache)
    }

    /// Measures networks of this run that see images as the plain model does.
    var measurement: ModelMeasurement { measurement(on: data) }

    /// Measures networks of this run.
    func measurement(on data: TrainingData) -> ModelMeasurement {
        ModelMeasurement(
            data, normalization: settings.model.architecture.normalization, device: device,
            precision: planner.precision, threads: context.loaderThreads,
            communicator: context.communicator, shouldStop: context.shouldStop)
    }

    /// Makes a stage whose inputs are made, unless it is made or stored already.
    func make(_ spec: StageSpec) throws {
        switch spec.kind {
        case .network(let recipe):
            guard networks[spec.id] == nil else { return }
            networks[spec.id] = try network(spec, recipe)
        case .bank(let recipe):
            guard banks[spec.id] == nil else { return }
            banks[spec.id] = try bank(spec, recipe)
        }
    }

    /// A finished network.
    ///
    /// - Throws: `FoveaError` of kind `engine` where it is not made yet: the plan's order is wrong.
    func network(_ id: StageSpec.ID) throws -> StageResult {
        guard let result = networks[id] else { throw FoveaError(.engine, "the stage \(id) is not made yet") }
        return result
    }

    /// A finished view bank.
    func bank(_ id: StageSpec.ID) throws -> BankResult {
        guard let result = banks[id] else { throw FoveaError(.engine, "the stage \(id) is not made yet") }
        return result
    }

    /// What the stages made so far cost, in the plan's order. View banks are one row.
    func costs(of plan: RunPlan) throws -> [RunMetrics.Cost] {
        var costs: [RunMetrics.Cost] = []
        for spec in plan.stages {
            switch spec.kind {
            case .network(let recipe): try networks[spec.id].map { costs.append(try cost(spec, recipe, $0)) }
            case .bank(let recipe):
                guard let bank = banks[spec.id] else { continue }
                let multiplyAdds = try multiplyAdds(recipe.image) * Double(spec.work.views)
                if let last = costs.last, last.stage == spec.label {
                    costs[costs.count - 1].seconds += bank.seconds
                    costs[costs.count - 1].views += spec.work.views
                    costs[costs.count - 1].reused = last.reused && bank.isReused
                    costs[costs.count - 1].multiplyAdds = (last.multiplyAdds ?? 0) + multiplyAdds
                } else {
                    costs.append(
                        RunMetrics.Cost(
                            stage: spec.label, seconds: bank.seconds, images: 0, views: spec.work.views,
                            reused: bank.isReused, multiplyAdds: multiplyAdds))
                }
            }
        }
        return costs
    }

    private func cost(_ spec: StageSpec, _ recipe: NetworkRecipe, _ result: StageResult) throws -> RunMetrics.Cost {
        // What was planned is what was done, but for steps that were left out.
        let teachers =
            if case .distillation(let recipe) = recipe.objective, recipe.banks == nil { recipe.teachers.count } else {
                0
            }
        let passesBackward = recipe.plan.backboneRate > 0
        let images = passesBackward ? result.images : 0
        let views = result.images * teachers + (passesBackward ? 0 : result.images)
        return RunMetrics.Cost(
            stage: spec.label, seconds: result.seconds, images: images, views: views, reused: result.isReused,
            multiplyAdds: try multiplyAdds(recipe.image) * Double(recipe.imageCount * (3 * images + views)))
    }

    /// Those of the run's network for one image that passes forward.
    func multiplyAdds(_ image: ImageSettings) throws -> Double {
        if let known = knownMultiplyAdds[image.resolution] { return known }
        let network = try ModelDescription(
            architecture: settings.model.architecture, classes: cohort.classes, image: image
        ).makeEmptyClassifier()
        network.setTraining(false)
        let found = try network.multiplyAdds(resolution: image.resolution)
        knownMultiplyAdds[image.resolution] = found
        return found
    }

    /// How well teachers and plain model rank the inner split.
    func innerMeasurement(_ recipe: DistillationRecipe, _ inner: Split) throws -> InnerMeasurement {
        if let measured { return measured }
        let result = try InnerMeasurement(
            measurement,
            teachers: zip(recipe.teachers, recipe.teacherImages).map {
                (try network($0), measurement(on: try data(of: $1)))
            }, recipe.subsets.columns, plain: network(recipe.reference), rows: inner.validation,
            classes: cohort.classes.count)
        measured = result
        return result
    }
}

// MARK: - Networks

extension StageRunner {
    /// A network of the store, or else a training with checkpoints, which are removed when it is finished and stored.
    private func network(_ spec: StageSpec, _ recipe: NetworkRecipe) throws -> StageResult {
        announce(spec, recipe)
        context.logger.debug("\(spec.id): key \(spec.digest)")
        let place = spec.folderName
        let checkpoints = Checkpoints(
            folder: folder.file("checkpoints/" + place), dumps: folder.file("nonfinite/" + place),
            recipe: spec.digest, title: spec.id, policy: settings.checkpoints, communicator: context.communicator,
            isRequested: context.wantsCheckpoint, logger: context.logger)
        var result = try store.stage(spec) {
            for other in folder.foreignCheckpoints(of: spec.storeName, excluding: place) {
                context.logger.warning(
                    "\(other) is of other data, settings or engine than now, so it is not resumed")
            }
            return try StageTrainer(runner: self, spec: spec, recipe: recipe, checkpoints: checkpoints).run()
        }
        let isFound = result.isReused
        if made.contains(spec.id) {
            result = StageResult(bundle: result.bundle, history: result.history, isReused: false)
        }
        if isFound { try recorder?.takeOver(result, named: spec.id) }
        try checkpoints.finish()
        return result
    }

    /// Trains teachers side by side where the settings say so: each process whole ones, alone. All then find them in the
    /// store.
    func makeTeachers(of plan: RunPlan) throws {
        let communicator = context.communicator
        guard communicator.size > 1, settings.distillation?.teachers.areSideBySide == true else { return }
        var own = context
        own.communicator = SingleProcess()
        let alone = StageRunner(settings, preparedData, own, planner, store.alone(), nil, folder, weights)
        alone.networks = networks
        var ids: [StageSpec.ID] = []
        for index in stride(from: communicator.rank, to: plan.teachers.count, by: communicator.size) {
            for spec in plan.stages(of: plan.teachers[index]) {
                try alone.make(spec)
                if try !alone.network(spec.id).isReused { ids.append(spec.id) }
            }
        }
        try communicator.barrier()
        for part in try communicator.texts(ids.joined(separator: "\n")) {
            made.formUnion(part.split(separator: "\n").map(String.init))
        }
    }

    /// Says what a teacher will see.
    private func announce(_ spec: StageSpec, _ recipe: NetworkRecipe) {
        guard let task = recipe.task, !recipe.isSecondStage else { return }
        context.logger.info(
            "teacher \(recipe.teacherPlace ?? ""), \(task.subset.name): \(task.subset.classes.count) classes, "
                + "\(task.positives.count) positive and \(task.negativesPerEpoch) other images per epoch")
        let constant = task.alwaysPresent(in: cohort)
        guard !constant.isEmpty else { return }
        context.logger.warning(
            "every image that this teacher sees with a known label shows "
                + "\(Pluralization.listing(constant.map { cohort.classes[$0] }))"
                + ", so it learns nothing about them; distillation.teachers.negatives: all shows it other images")
    }
}

// MARK: - Committees

extension StageRunner {
    /// The plain model and the teachers of a plan as one model, and the photographs as it sees them.
    func committee(_ plan: RunPlan, _ subsets: SubsetPlan) throws -> (model: StageResult, data: TrainingData) {
        let members = try zip(subsets.grouping.subsets, plan.teachers).map { subset, teacher in
            var bundle = try network(teacher.final).bundle
            // A reused stage may have been trained under another limit of pixels.
            bundle.description.image = plan[teacher.final]?.image ?? settings.image
            return (name: subset.name, bundle: bundle)
        }
        let shifts = members.indices.map { subsets.columns.columns(of: $0).map { subsets.priorShifts[$0] } }
        let bundle = try ModelBundle.committee(network(plan.plain.final).bundle, members, shifts: shifts)
        let others = try members.map { try data(of: $0.bundle.description.image).cache }
        return (
            StageResult(bundle: bundle, history: [], isReused: false),
            TrainingData(cohort, data.cache.joined(with: data.cache.others + others))
        )
    }
}

// MARK: - View banks

/// What one teacher, or several that share a trunk, say on all views, and what that took.
struct BankResult {
    var logits: TeacherLogits
    /// nil where they are not distilled.
    var features: TeacherFeatures?

    var seconds: Double { logits.seconds }
    var isReused: Bool { logits.isStored }

    /// A finished one; nil where there is none at `path`, or a damaged one.
    init?(at path: String, _ recipe: BankRecipe, key: String) throws {
        let features = recipe.keepsFeatures ? TeacherFeatures.path(alongside: path) : nil
        self.features = features.flatMap { TeacherFeatures.stored(at: $0, key: key) }
        // A bank without features is computed again where they are needed.
        guard (self.features != nil) == recipe.keepsFeatures,
            let logits = try TeacherLogits.stored(at: path, key: key)
        else { return nil }
        self.logits = logits
    }

    init(_ logits: TeacherLogits, _ features: TeacherFeatures?) { (self.logits, self.features) = (logits, features) }
}

extension StageRunner {
    private func bank(_ spec: StageSpec, _ recipe: BankRecipe) throws -> BankResult {
        let key = spec.digest
        let stored = { try BankResult(at: $0, recipe, key: key) }
        return try store.bank(recipe.name, key: key, stored: stored) { path in
            let featuresPath = recipe.keepsFeatures ? TeacherFeatures.path(alongside: path) : nil
            let logits = try TeacherLogits.compute(
                teacher(of: recipe), cache: data(of: recipe.image).cache, rows: recipe.rows, views: recipe.views,
                augmentation: recipe.plan.augmentation, seed: recipe.plan.seed, device: device,
                precision: recipe.plan.precision, threads: recipe.plan.loaderThreads,
                title: "views of \(recipe.name)", path: path, featuresPath: featuresPath, key: key,
                communicator: context.communicator, shouldStop: context.shouldStop)
            return BankResult(logits, featuresPath.flatMap { TeacherFeatures.stored(at: $0, key: key) })
        }
    }

    /// A network of its own for the bank, which changes it permanently by folding: a copy of the teacher, or one trunk
    /// with the heads of all.
    private func teacher(of recipe: BankRecipe) throws -> ModelBundle {
        let teachers = try recipe.teachers.map { try network($0).bundle }
        if teachers.count == 1 { return try teachers[0].copy() }
        guard let joined = try ModelBundle.joined(teachers) else {
            throw FoveaError(.engine, "the teachers' backbones were frozen, but are not equal")
        }
        return joined
    }
}
