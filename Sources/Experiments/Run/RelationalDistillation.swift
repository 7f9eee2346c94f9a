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
import Torch
import Training

/// What distillation gave: teachers, their bank, the student.
struct DistillationResult {
    var grouping: Grouping
    /// The plain BCE model that teachers begin at, where the technique's own is another.
    var teacherStart: TrainedModel?
    /// The plain model of the inner split, where weights are measured.
    var inner: TrainedModel?
    var teachers: [TrainedModel]
    var columns: TeacherColumns
    /// What the teachers' views cost; nil where teachers were asked live, while the student was trained.
    var bank: BankCost?
    var student: TrainedModel
}

/// What it took to ask the teachers about all views of a bank.
struct BankCost {
    var seconds: Double
    /// Views that passed through all teachers together; those of heads on one trunk pass it once.
    var views: Int
    /// Whether every teacher's views were in the store.
    var isReused: Bool
}

/// Relational subset knowledge distillation (Ju et al., MICCAI 2021): a teacher for each class subset, then one student.
struct RelationalDistillation {
    let settings: DistillationSettings
    let recipe: Recipe
    let training: NetworkTraining
    let store: StageStore
    let journal: Journal

    private var cohort: Cohort { recipe.cohort }

    func run(rows: [Int], plain: TrainedModel) throws -> DistillationResult {
        let attributes = recipe.preparation.attributes
        let plan = try SubsetPlan(
            settings, recipe.settings, cohort: cohort, attributes: attributes, rows: rows,
            clusters: Grouping.learnedTerms(settings.grouping, attributes: attributes) > 0
                ? clusters(plain.first, rows: rows) : nil,
            seed: recipe.seed)
        let (grouping, columns, inner, tasks) = (plan.grouping, plan.columns, plan.inner, plan.tasks)
        for note in grouping.notes { journal.say("grouping \(grouping.name): \(note)") }
        let teacherRows = inner?.training ?? rows
        let studentRows = settings.weights == .selfPaced ? teacherRows : rows
        let start =
            try inner.map { _ in
                try training.plain("plain-inner", rows: teacherRows, as: recipe.settings.innerTechnique)
            } ?? plain
        // Teachers of BCE begin at a model of BCE, so that all techniques of a comparison can share them.
        let isShared =
            settings.teachers.initialization == .plain
            && recipe.teacherTechnique.first != recipe.settings.technique.first
        let teacherStart =
            isShared
            ? try training.plain(inner == nil ? "plain" : "plain-inner", rows: teacherRows, as: recipe.teacherTechnique)
            : nil
        // A student that is measured on the inner split must not begin at a model that has seen it.
        let studentStart = (settings.weights == .selfPaced ? start : plain).first

        let teachers = try tasks.enumerated().map { index, task in
            journal.say(
                "teacher \(index + 1) of \(tasks.count), \(task.subset.name): \(task.subset.classes.count) classes, "
                    + "\(task.positives.count) positive and \(task.negativesPerEpoch) other images an epoch")
            let constant = task.alwaysPresent(in: cohort)
            if !constant.isEmpty {
                journal.say(
                    "warning: every image that this teacher sees with a known label shows "
                        + Wording.listing(constant.map { cohort.classes[$0] })
                        + ", so it learns nothing about them; distillation.teachers.negatives: all shows it other images"
                )
            }
            return try training.teacher(
                task, rows: teacherRows,
                plain: settings.teachers.initialization == .plain ? (teacherStart ?? start).first : nil)
        }
        let final = teachers.map(\.final)
        let measured = try inner.map { try measure(final, columns, start.final, rows: $0.validation) }

        let (answers, features, cost) = try answers(of: final, plan, rows: studentRows)
        let key =
            ["distillation \(settings.withoutPreset)", "grouping \(grouping.subsets)"]
            + final.map { "teacher \($0.hash)" }
            + (settings.student == .plain ? ["from \(studentStart.hash)"] : [])
        let student = try training.student(rows: studentRows, plain: studentStart, key: key) { loss, stage in
            let objective = try objective(loss, answers, rows: studentRows, measured, inner?.validation)
            // Where the backbone rests, in a second stage, features cannot change.
            guard settings.featureLambda > 0, stage.backboneRate > 0, let bank = answers as? ViewBank else {
                return objective
            }
            return FeatureDistillingObjective(
                objective,
                try FeatureDistillation(
                    features, bank: bank, studentLength: plain.first.bundle.classifier.backbone.featureCount,
                    lambda: settings.featureLambda, seed: recipe.seed))
        }
        return DistillationResult(
            grouping: grouping, teacherStart: teacherStart, inner: inner == nil ? nil : start, teachers: teachers,
            columns: columns, bank: cost, student: student)
    }

    /// The clusters of the grouping term `learned`, from the training images alone.
    private func clusters(_ plain: StageResult, rows: [Int]) throws -> ClassClusters {
        let features = try training.measurement.features(plain.bundle.classifier, name: "plain", rows: rows)
        let counts = cohort.classCounts(rows: rows)
        return ClassClusters(
            averageLinkage: ClassSimilarity.mixture(
                ClassSimilarity.cosine(ClassSimilarity.embeddings(features, of: cohort, rows: rows)),
                ClassSimilarity.jaccard(in: cohort, rows: rows), share: settings.learnedCooccurrence),
            of: counts.indices.filter { counts[$0] > 0 }, count: settings.learnedSubsets)
    }

    /// How well teachers and plain model rank the inner split, column by column.
    private struct Measured {
        var teacher: [Double?]
        var plain: [Double?]
        var positives: [Int]
    }

    private func measure(
        _ teachers: [StageResult], _ columns: TeacherColumns, _ plain: StageResult, rows: [Int]
    ) throws -> Measured {
        let summaries = try teachers.enumerated().map { k, teacher in
            try training.measurement.summary(
                teacher.bundle.classifier, name: "teacher " + columns.subsets[k].name, rows: rows,
                columns: columns.subsets[k].classes)
        }
        let reference = try training.measurement.summary(
            plain.bundle.classifier, name: "plain", rows: rows, columns: Array(cohort.classes.indices))
        return Measured(
            teacher: summaries.flatMap { $0.averagePrecision },
            plain: columns.classes.map { reference.averagePrecision[$0] },
            positives: columns.classes.map { reference.positives[$0] })
    }

    private var views: Int { settings.bankedViews(training: recipe.settings.training.epochs) }

    /// What the student's loss asks: a bank of all views, with the teachers' features where they are distilled, or, for
    /// images that are mixed as they are seen, the teachers.
    private func answers(
        of teachers: [StageResult], _ plan: SubsetPlan, rows: [Int]
    ) throws -> (any TeacherAnswers, [TeacherFeatures], BankCost?) {
        let device = recipe.surroundings.device
        guard recipe.settings.technique.mixing == .none else {
            let live = try LiveTeachers(
                plan.columns, teachers: teachers.map { try $0.bundle.copy() }, priorShifts: plan.priorShifts,
                device: device, precision: recipe.precision)
            return (live, [], nil)
        }
        let (logits, features) = try askTeachers(teachers, plan.columns, rows: rows)
        let bank = try ViewBank(
            plan.columns, teachers: logits, rows: rows, views: views, priorShifts: plan.priorShifts, device: device)
        let cost = BankCost(
            seconds: logits.reduce(0) { $0 + $1.seconds }, views: logits.count * rows.count * views,
            isReused: logits.allSatisfy(\.isStored))
        return (bank, features, cost)
    }

    /// What each teacher says on the views, and its features on them if they are distilled.
    private func askTeachers(
        _ teachers: [StageResult], _ columns: TeacherColumns, rows: [Int]
    ) throws -> (logits: [TeacherLogits], features: [TeacherFeatures]) {
        let plan = recipe.plan("student")
        let cache = recipe.preparation.data.cache
        var features: [TeacherFeatures] = []
        var networks = zip(columns.subsets, teachers).map { subset, teacher in
            (name: subset.name, hash: teacher.hash, copy: { try teacher.bundle.copy() })
        }
        // Heads on one trunk are asked together, unless each teacher's features are wanted in a file of its own.
        if teachers.count > 1, settings.featureLambda == 0, let whole = try ModelBundle.joined(teachers.map(\.bundle)) {
            networks = [("all-teachers", teachers.map(\.hash).joined(separator: " "), { whole })]
        }
        let logits = try networks.map { name, hash, copy -> TeacherLogits in
            let key = try TeacherLogits.key(
                teacher: hash, cache: cache, rows: rows, views: views, augmentation: plan.augmentation,
                seed: plan.seed, precision: plan.precision)
            func featuresPath(_ path: String) -> String? {
                settings.featureLambda > 0 ? TeacherFeatures.path(besides: path) : nil
            }
            func storedFeatures(_ path: String) -> TeacherFeatures? {
                featuresPath(path).flatMap { TeacherFeatures.stored(at: $0, key: key) }
            }
            return try store.bank(name, key: key) { path -> TeacherLogits? in
                // A bank without features is asked for once more where they are wanted.
                let found = storedFeatures(path)
                guard settings.featureLambda == 0 || found != nil,
                    let stored = try TeacherLogits.stored(at: path, key: key)
                else { return nil }
                if let found { features.append(found) }
                return stored
            } make: { path in
                defer { if let found = storedFeatures(path) { features.append(found) } }
                // Folding changes a network for good, so the bank works on a copy of its own.
                return try TeacherLogits.compute(
                    copy(), cache: cache, rows: rows, views: views, augmentation: plan.augmentation, seed: plan.seed,
                    device: recipe.surroundings.device, precision: plan.precision, threads: plan.loaderThreads,
                    title: "views of \(name)", path: path, featuresPath: featuresPath(path), key: key,
                    shouldStop: recipe.surroundings.shouldStop)
            }
        }
        return (logits, features)
    }

    private func objective(
        _ loss: any Loss, _ answers: any TeacherAnswers, rows: [Int], _ measured: Measured?, _ innerRows: [Int]?
    ) throws -> any Objective {
        let columns = answers.columns
        let device = recipe.surroundings.device
        if recipe.settings.data.labels == .single {
            return SoftmaxDistillingObjective(
                label: loss,
                distillation: try SoftmaxDistillationLoss(
                    columns, temperature: settings.temperature, lambda: settings.lambda, device: device),
                answers: answers, cohort: cohort, onlySubsetImages: settings.onlySubsetImages)
        }
        var weights: [Double]?
        var imageWeights: ImageWeights?
        var pacing: SelfPacing?
        switch settings.weights {
        case .uniform: break
        case .effectiveNumber:
            weights = DistillationWeights.effectiveNumber(
                columns, counts: recipe.preparation.counts, beta: settings.beta)
        case .teacherQuality:
            weights = measured.map {
                DistillationWeights.teacherQuality(
                    columns, teacher: $0.teacher, plain: $0.plain, positives: $0.positives)
            }
        case .selfPaced:
            guard let measured, let innerRows else { break }
            let measurement = training.measurement
            let all = Array(cohort.classes.indices)
            let means = columns.subsets.indices.map { k -> Double? in
                let defined = columns.columns(of: k).compactMap { measured.teacher[$0] }
                return defined.isEmpty ? nil : defined.reduce(0, +) / Double(defined.count)
            }
            pacing = SelfPacing(columns, teachers: means, a: settings.selfPacedShare) { network in
                try measurement.summary(network, name: "student", rows: innerRows, columns: all).averagePrecision
            }
        case .confidence:
            // `RunSettings.validate` refuses it where there is no bank.
            guard let bank = answers as? ViewBank else {
                throw FoveaError(.configuration, "distillation.weights: confidence needs a view bank")
            }
            imageWeights = try .confidence(bank, temperature: settings.temperature)
        case .membership:
            imageWeights = try .membership(
                columns, rows: rows, cohort: cohort, gain: settings.membershipGain, device: device)
        }
        return DistillingObjective(
            label: loss,
            distillation: try DistillationLoss(
                columns, distance: settings.distance, temperature: settings.temperature, lambda: settings.lambda,
                weights: weights, device: device),
            answers: answers, imageWeights: imageWeights, selfPacing: pacing)
    }
}
