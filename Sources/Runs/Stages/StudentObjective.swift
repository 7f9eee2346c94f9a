import Basics
import Cohorts
import Distillation
import Evaluation
import Losses
import Models
import Settings
import Torch
import Training

/// Builds what a student minimises: the technique's loss on the labels, the weighted distance to its teachers' outputs, and
/// that of pooled features where they are distilled (docs/method.md).
struct StudentObjective {
    let runner: StageRunner
    let recipe: DistillationRecipe
    let network: NetworkRecipe

    private var settings: DistillationSettings { recipe.settings }
    private var columns: TeacherOutputs { recipe.subsets.columns }
    private var cohort: Cohort { runner.cohort }
    private var device: Device { runner.device }

    /// - Parameters:
    ///   - label: the loss on the labels.
    ///   - featureCount: numbers of the student's pooled feature.
    func make(label: any Loss, featureCount: Int) throws -> any Objective {
        let source = try source()
        let objective = try objective(label, source)
        // Where the backbone is frozen, in a second stage, features cannot change.
        guard recipe.distillsFeatures, network.plan.backboneRate > 0, case .bank(let bank) = source else {
            return objective
        }
        let features = try (recipe.banks ?? []).compactMap { try runner.bank($0).features }
        return FeatureDistillingObjective(
            objective,
            try FeatureDistillation(
                features, bank: bank, studentLength: featureCount, lambda: settings.featureLambda,
                seed: runner.planner.seed))
    }

    /// Where teachers' outputs come from: banks of all views, or the teachers themselves.
    private func source() throws -> TeacherSource {
        guard let banks = recipe.banks else {
            return .live(
                try LiveTeachers(
                    columns, teachers: recipe.teachers.map { try runner.network($0).bundle.copy() },
                    priorShifts: recipe.subsets.priorShifts, device: device, precision: runner.planner.precision))
        }
        return .bank(
            try ViewBank(
                columns, teachers: banks.map { try runner.bank($0).logits }, rows: network.rows,
                views: network.plan.views ?? network.plan.epochs, priorShifts: recipe.subsets.priorShifts,
                device: device))
    }

    private func objective(_ label: any Loss, _ source: TeacherSource) throws -> any Objective {
        if runner.settings.data.labels == .single {
            return SoftmaxDistillingObjective(
                label: label,
                distillation: try SoftmaxDistillationLoss(
                    columns, temperature: settings.temperature, lambda: settings.lambda, device: device),
                teachers: source, cohort: cohort, onlySubsetImages: settings.onlySubsetImages)
        }
        return DistillingObjective(
            label: label,
            distillation: try DistillationLoss(
                columns, distance: settings.distance, temperature: settings.temperature, lambda: settings.lambda,
                weights: columnWeights(), device: device),
            teachers: source, imageWeights: try imageWeights(source), selfPacing: try selfPacing())
    }

    /// Weights of teachers and classes that stay the same.
    private func columnWeights() throws -> [Double]? {
        switch settings.weights {
        case .effectiveNumber:
            return DistillationWeights.effectiveNumber(
                columns, counts: runner.preparedData.counts, beta: settings.beta)
        case .teacherQuality:
            guard let inner = recipe.subsets.inner else { return nil }
            let measured = try runner.innerMeasurement(recipe, inner)
            return DistillationWeights.teacherQuality(
                columns, teacher: measured.teacher, plain: measured.plain, positives: measured.positives)
        case .uniform, .selfPaced, .confidence, .membership: return nil
        }
    }

    /// Weights that vary over images.
    private func imageWeights(_ source: TeacherSource) throws -> ImageWeights? {
        switch settings.weights {
        case .confidence:
            // `RunSettings.validate` refuses it where there is no bank.
            guard case .bank(let bank) = source else {
                throw FoveaError(.configuration, "distillation.weights: confidence needs a view bank")
            }
            return try .confidence(bank, temperature: settings.temperature)
        case .membership:
            return try .membership(
                columns, rows: network.rows, cohort: cohort, gain: settings.membershipGain, device: device)
        case .uniform, .effectiveNumber, .teacherQuality, .selfPaced: return nil
        }
    }

    /// Weights that follow how well the student ranks the inner split.
    private func selfPacing() throws -> SelfPacing? {
        guard settings.weights == .selfPaced, let inner = recipe.subsets.inner else { return nil }
        let measured = try runner.innerMeasurement(recipe, inner)
        let measurement = runner.measurement
        let all = Array(cohort.classes.indices)
        let means = columns.subsets.indices.map { k -> Double? in
            let defined = columns.columns(of: k).compactMap { measured.teacher[$0] }
            return defined.isEmpty ? nil : defined.reduce(0, +) / Double(defined.count)
        }
        return SelfPacing(columns, teachers: means, a: settings.selfPacedShare) { network in
            try measurement.summary(network, name: "student", rows: inner.validation, columns: all).averagePrecision
        }
    }
}

/// How well teachers and plain model rank the inner split, column by column.
struct InnerMeasurement {
    var teacher: [Double?]
    var plain: [Double?]
    var positives: [Int]

    /// - Parameters:
    ///   - teachers: each with what measures it on its own images.
    ///   - classes: the number of classes of the cohort.
    init(
        _ measurement: ModelMeasurement, teachers: [(network: StageResult, measurement: ModelMeasurement)],
        _ columns: TeacherOutputs, plain: StageResult,
        rows: [Int], classes: Int
    ) throws {
        let summaries = try zip(columns.subsets, teachers).map { subset, teacher in
            try teacher.measurement.summary(
                teacher.network.bundle.classifier, name: "teacher " + subset.name, rows: rows, columns: subset.classes)
        }
        let reference = try measurement.summary(
            plain.bundle.classifier, name: "plain", rows: rows, columns: Array(0..<classes))
        teacher = summaries.flatMap(\.averagePrecision)
        self.plain = columns.classes.map { reference.averagePrecision[$0] }
        positives = columns.classes.map { reference.positives[$0] }
    }
}
