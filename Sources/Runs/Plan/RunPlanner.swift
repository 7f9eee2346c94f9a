import Basics
import Cohorts
import Distillation
import Execution
import FundusImaging
import Models
import Sampling
import Settings
import Torch
import Training

/// Turns settings and a cohort into the stages of a run. No engine is needed, no image is opened and nothing is written.
package struct RunPlanner {
    private(set) var settings: RunSettings
    let cohort: Cohort
    let attributes: ClassAttributes?
    let split: Split
    /// The hash of each image's content, by row.
    let contents: ContentHashes
    /// The hash of `model.weights`; nil for random weights.
    let weights: String?
    /// The arithmetic of trainings and of frozen teachers.
    let precision: Precision
    let loaderThreads: Int
    /// The version of the engine.
    let engine: String

    var seed: UInt64 { UInt64(settings.seed) }
    var columns: [Int] { Array(cohort.classes.indices) }

    /// The stages.
    ///
    /// - Parameters:
    ///   - clusters: those of the grouping term `learned`, which are known once the plain model is trained; nil: equal parts of
    ///     the classes stand for them.
    ///   - candidate: the one of `training.candidates` that is taken, which is known once all are trained; nil: the longest
    ///     stands for it.
    /// - Throws: `FoveaError` of kind `configuration` for a grouping that cannot be made.
    package func plan(clusters: ClassClusters? = nil, candidate: Int? = nil) throws -> RunPlan {
        var plan = RunPlan()
        plan.regions = try settings.regions?.sharedRegions(cohort.classes, attributes) ?? []
        let chosen = try addCandidates(to: &plan, chosen: candidate)
        plan.plain = chosen.addPlain("plain", settings.technique, rows: split.training, to: &plan)
        guard let distillation = settings.distillation else { return plan }
        let subsets = try subsets(of: distillation, clusters)
        plan.subsets = subsets
        let rows = subsets.inner?.training ?? split.training
        let name = subsets.inner == nil ? "plain" : "plain-inner"
        // The plain model that has not seen the images on which teachers are measured.
        let reference =
            subsets.inner == nil
            ? plan.plain : addPlain(name, settings.innerTechnique, rows: rows, to: &plan)
        var teacherStart: StageSpec.ID?
        if distillation.teachers.initialization == .plain {
            // Teachers of BCE begin at a model of BCE, so that all techniques of a comparison can share them.
            teacherStart = addPlain(name, settings.teacherTechnique, rows: rows, to: &plan).first
        }
        plan.teachers = subsets.tasks.enumerated().map { index, task in
            addTeacher(
                task, place: "\(index + 1) of \(subsets.tasks.count)", rows: rows, from: teacherStart, to: &plan)
        }
        guard distillation.student != .none else {
            try requireCommittee(of: plan)
            return plan
        }
        // A student that is measured on the inner split must neither see it nor begin at a model that has.
        let isPaced = distillation.weights == .selfPaced
        let studentRows = isPaced ? rows : split.training
        let recipe = DistillationRecipe(
            settings: distillation, subsets: subsets, teachers: plan.teachers.map(\.final),
            teacherImages: plan.teachers.map { plan[$0.final]?.image ?? settings.image }, reference: reference.final,
            banks: addBanks(distillation, subsets, rows: studentRows, to: &plan))
        plan.student = addStudent(
            recipe, rows: studentRows, from: isPaced ? reference.first : plan.plain.first, to: &plan)
        return plan
    }

    /// Refuses a committee that sees more images of a photograph than a model may.
    private func requireCommittee(of plan: RunPlan) throws {
        let (images, limit) = (1 + plan.regions.count + plan.teachers.count, ModelDescription.imageLimit)
        guard images > limit else { return }
        throw FoveaError(
            .configuration,
            "distillation.student is none, and plain model and teachers see \(images) images of a photograph; a committee may "
                + "see \(limit)",
            remedy: "Choose a grouping with fewer teachers.")
    }

    private func subsets(of distillation: DistillationSettings, _ clusters: ClassClusters?) throws -> SubsetPlan {
        guard let clusters else {
            return try SubsetPlan.expected(
                distillation, settings, cohort: cohort, attributes: attributes, rows: split.training)
        }
        return try SubsetPlan(
            distillation, settings, cohort: cohort, attributes: attributes, rows: split.training, clusters: clusters,
            seed: seed)
    }
}

// MARK: - Networks

extension RunPlanner {
    /// Adds the trainings of `training.candidates`; gives the planner of the one that is taken.
    private func addCandidates(to plan: inout RunPlan, chosen: Int?) throws -> RunPlanner {
        let planners = settings.training.candidates.map { candidate in
            var planner = self
            planner.settings.training = settings.training.taking(candidate)
            return planner
        }
        guard !planners.isEmpty else { return self }
        let inner = try Split.inner(
            of: cohort, rows: split.training, share: DistillationSettings().innerShare, seed: seed,
            for: "training.candidates")
        plan.inner = inner
        for (index, planner) in planners.enumerated() {
            let name = "candidate-\(index + 1)"
            let model = planner.addPlain(name, settings.technique, rows: inner.training, to: &plan)
            plan.candidates.append(model)
        }
        let longest = planners.max { $0.settings.training.epochs < $1.settings.training.epochs } ?? self
        return chosen.map { planners[$0] } ?? longest
    }

    /// The model of a technique alone.
    private func addPlain(
        _ name: String, _ technique: TechniqueSettings, rows: [Int], to plan: inout RunPlan
    ) -> RunPlan.Model {
        // The name distinguishes what the store takes for stages of one name.
        let isOwn = technique.first == settings.technique.first
        let id = isOwn ? name : "\(name)-\(technique.loss)"
        var training = trainingPlan()
        training.mixing = technique.mixing
        return add(
            NetworkRecipe(
                technique: technique, image: settings.image, regions: plan.regions, plan: training, rows: rows,
                columns: columns,
                start: .fresh(seedName: name, rows: rows)),
            id: id, storeName: name, label: isOwn ? name : "\(name) \(technique.loss)", to: &plan)
    }

    private func addTeacher(
        _ task: SubsetTask, place: String, rows: [Int], from start: StageSpec.ID?, to plan: inout RunPlan
    ) -> RunPlan.Model {
        let name = "teacher-" + task.subset.name
        return add(
            NetworkRecipe(
                technique: settings.teacherTechnique, image: settings.teacherImage(of: task.subset.name),
                plan: teacherPlan(name), rows: rows,
                columns: task.subset.classes, task: task, teacherPlace: place,
                start: start.map { .continued($0) } ?? .fresh(seedName: name, rows: task.rows(epoch: 0))),
            id: name, storeName: name, label: "teacher " + task.subset.name, to: &plan)
    }

    private func addStudent(
        _ recipe: DistillationRecipe, rows: [Int], from start: StageSpec.ID, to plan: inout RunPlan
    ) -> RunPlan.Model {
        var training = trainingPlan()
        training.epochs = recipe.settings.studentEpochs(training: settings.training.epochs)
        training.views = recipe.settings.bankedViews(training: settings.training.epochs)
        return add(
            NetworkRecipe(
                technique: settings.technique, image: settings.image, regions: plan.regions, plan: training, rows: rows,
                columns: columns,
                start: recipe.settings.student == .plain
                    ? .continued(start) : .fresh(seedName: "plain", rows: rows),
                objective: .distillation(recipe)),
            id: "student", storeName: "student", label: "student", to: &plan)
    }

    /// Adds a training, and what its technique does to the head afterwards: two stages, so that techniques that differ in
    /// the second share the first.
    private func add(
        _ recipe: NetworkRecipe, id: StageSpec.ID, storeName: String, label: String, to plan: inout RunPlan
    ) -> RunPlan.Model {
        let first = append(recipe, id: id, storeName: storeName, label: label, to: &plan)
        let second = recipe.technique.second
        guard second.name != .none else { return RunPlan.Model(first: first) }
        var head = recipe
        head.plan = secondPlan(after: recipe.plan, second)
        head.start = .secondStage(of: first)
        let suffix = second.name.rawValue
        return RunPlan.Model(
            first: first,
            second: append(
                head, id: storeName + "-" + suffix, storeName: storeName + "-" + suffix, label: label + " " + suffix,
                to: &plan))
    }

    private func append(
        _ recipe: NetworkRecipe, id: StageSpec.ID, storeName: String, label: String, to plan: inout RunPlan
    ) -> StageSpec.ID {
        plan.append(
            StageSpec(
                id: id, storeName: storeName, label: label, kind: .network(recipe), inputs: inputs(of: recipe),
                key: key(of: recipe, storeName, plan), work: work(of: recipe)))
    }

    private func inputs(of recipe: NetworkRecipe) -> [StageSpec.ID] {
        var inputs: [StageSpec.ID] = []
        switch recipe.start {
        case .fresh: break
        case .continued(let stage), .secondStage(let stage): inputs.append(stage)
        }
        if case .distillation(let distillation) = recipe.objective {
            inputs += (distillation.banks ?? distillation.teachers)
            if distillation.subsets.inner != nil { inputs += distillation.teachers + [distillation.reference] }
        }
        var seen = Set<StageSpec.ID>()
        return inputs.filter { seen.insert($0).inserted }
    }

    /// The pixels of an image, relative to those of the run's own.
    private func scale(of image: ImageSettings) -> Double {
        let ratio = Double(image.resolution) / Double(settings.image.resolution)
        return ratio * ratio
    }

    private func work(of recipe: NetworkRecipe) -> StageSpec.Work {
        let isTrained = !recipe.isSecondStage || recipe.technique.second.isTrained
        guard isTrained else { return StageSpec.Work() }
        let count = recipe.task.map { $0.positives.count + $0.negativesPerEpoch } ?? recipe.rows.count
        let passes = recipe.plan.passes(over: count)
        let images = recipe.plan.batching.used(of: count) * passes
        var work = StageSpec.Work(
            epochs: passes, steps: recipe.plan.steps(of: count) * passes,
            scale: scale(of: recipe.image) * Double(recipe.imageCount))
        // Images pass a frozen backbone forward only.
        if recipe.plan.backboneRate > 0 { work.images = images } else { work.views = images }
        if case .distillation(let distillation) = recipe.objective, distillation.banks == nil {
            work.views += images * distillation.teachers.count
        }
        return work
    }
}

// MARK: - View banks

extension RunPlanner {
    /// Adds the banks of a student's teachers; nil where its images are mixed as they are seen, so that no bank can hold
    /// them.
    private func addBanks(
        _ distillation: DistillationSettings, _ subsets: SubsetPlan, rows: [Int], to plan: inout RunPlan
    ) -> [StageSpec.ID]? {
        guard settings.technique.mixing.kind == .none else { return nil }
        let teachers = plan.teachers.map(\.final)
        // Heads on one trunk pass the images together, unless each teacher's features are kept in a file of its own.
        if sharesTrunk(distillation), teachers.count > 1 {
            return [
                addBank("all-teachers", teachers, columnCount: subsets.columns.count, distillation, rows, to: &plan)
            ]
        }
        return zip(subsets.grouping.subsets, teachers).map { subset, teacher in
            addBank(subset.name, [teacher], columnCount: subset.classes.count, distillation, rows, to: &plan)
        }
    }

    private func addBank(
        _ name: String, _ teachers: [StageSpec.ID], columnCount: Int, _ distillation: DistillationSettings,
        _ rows: [Int], to plan: inout RunPlan
    ) -> StageSpec.ID {
        let recipe = BankRecipe(
            name: name, teachers: teachers, image: plan[teachers[0]]?.image ?? settings.image,
            columnCount: columnCount, rows: rows,
            views: distillation.bankedViews(training: settings.training.epochs),
            keepsFeatures: distillation.featureLambda > 0, plan: trainingPlan())
        return plan.append(
            StageSpec(
                id: "bank-" + name, storeName: name, label: "view bank", kind: .bank(recipe), inputs: teachers,
                key: key(of: recipe, name, plan),
                work: StageSpec.Work(views: rows.count * recipe.views, scale: scale(of: recipe.image))))
    }

    /// Whether all teachers have the same backbone: it is frozen, and none has random weights of its own.
    private func sharesTrunk(_ distillation: DistillationSettings) -> Bool {
        (distillation.teachers.backboneRate ?? settings.training.backboneRate) == 0
            && distillation.featureLambda == 0 && settings.regions == nil
            && (distillation.teachers.initialization == .plain || settings.model.weights != nil)
    }
}

extension RunPlanner {
    /// - Parameter contents: the hash of each image's content, by row.
    package init(
        _ settings: RunSettings, cohort: Cohort, attributes: ClassAttributes?, split: Split, contents: [String],
        weights: String? = nil, precision: Precision = .float32, engine: String = Engine.version
    ) {
        self.init(
            settings: settings, cohort: cohort, attributes: attributes, split: split,
            contents: ContentHashes(contents), weights: weights, precision: precision, loaderThreads: 1,
            engine: engine)
    }

    /// For a run whose images are decoded.
    package init(
        _ settings: RunSettings, _ preparedData: PreparedData, _ context: ExecutionContext,
        _ weights: PretrainedWeights?
    ) {
        let (cohort, cache) = (preparedData.data.cohort, preparedData.data.cache)
        self.init(
            settings: settings, cohort: cohort, attributes: preparedData.attributes, split: preparedData.split,
            contents: ContentHashes(cohort.photographs.indices.map(cache.contentHash)), weights: weights?.sha256,
            precision: settings.training.precision(on: context.device),
            loaderThreads: context.loaderThreads, engine: Engine.version)
    }

    /// For a run whose images may not be decoded yet: stages of images that were never read have keys that no stored stage
    /// has.
    package init(
        _ settings: RunSettings, cohort: Cohort, attributes: ClassAttributes?, split: Split, contents: ContentHashes,
        weights: PretrainedWeights?, device: Device
    ) {
        self.init(
            settings: settings, cohort: cohort, attributes: attributes, split: split, contents: contents,
            weights: weights?.sha256, precision: settings.training.precision(on: device), loaderThreads: 1,
            engine: Engine.version)
    }
}

extension ContentHashes {
    /// The contents of a cohort's images, as far as they are known without reading the images.
    package convenience init(known cohort: Cohort, _ settings: RunSettings) {
        self.init(
            ImageCache.knownContents(of: cohort.photographs.map(\.path), folder: settings.imageCacheFolder))
    }
}
