import Basics
import Cohorts
import Distillation
import Evaluation
import Foundation
import Models
import NN
import Training

/// What a run found, before it is told to anyone.
public struct RunOutcome {
    /// One teacher on the validation images, beside the plain model.
    struct TeacherOutcome {
        var subset: ClassSubset
        var summary: ClassSummary
        var stage: StageResult
    }

    let settings: RunSettings
    let plain: StageResult
    let plainOutcomes: Outcomes
    /// The plain model's metrics on the validation images.
    public let plainResult: EvaluationResult
    private(set) var distillation: DistillationResult?
    private(set) var teachers: [TeacherOutcome] = []
    private(set) var studentOutcomes: Outcomes?
    /// The student's metrics on the validation images; nil without distillation.
    public private(set) var studentResult: EvaluationResult?
    /// The student minus the plain model, on the same images; nil without distillation.
    public private(set) var difference: PairedResult?
    private(set) var thresholds: [Double?] = []
    /// Wall seconds of everything.
    public internal(set) var seconds = 0.0

    init(_ settings: RunSettings, _ recipe: Recipe, plain: StageResult, measurement: ModelMeasurement) throws {
        self.settings = settings
        self.plain = plain
        let columns = Array(recipe.cohort.classes.indices)
        let thresholds = try Self.chooseThresholds(plain, recipe, measurement)
        self.thresholds = thresholds
        plainOutcomes = try Self.outcomes(plain, recipe, measurement, columns)
        plainResult = try Evaluator.evaluate(plainOutcomes, Self.options(settings, recipe, thresholds))
    }

    mutating func add(_ result: DistillationResult, _ recipe: Recipe, _ measurement: ModelMeasurement) throws {
        distillation = result
        let rows = recipe.preparation.split.validation
        teachers = try zip(result.grouping.subsets, result.teachers).map { subset, stage in
            TeacherOutcome(
                subset: subset,
                summary: try measurement.summary(stage.bundle.classifier, rows: rows, columns: subset.classes),
                stage: stage)
        }
        let columns = Array(recipe.cohort.classes.indices)
        thresholds = try Self.chooseThresholds(result.student, recipe, measurement)
        let outcomes = try Self.outcomes(result.student, recipe, measurement, columns)
        let options = try Self.options(settings, recipe, thresholds)
        studentOutcomes = outcomes
        studentResult = try Evaluator.evaluate(outcomes, options)
        difference = try Evaluator.compare(candidate: [outcomes], reference: [plainOutcomes], options)
    }

    /// The model that the run folder offers: the student, or the plain model where there is none.
    var best: StageResult { distillation?.student ?? plain }

    /// The probabilities of that model on the validation images.
    var bestOutcomes: Outcomes { studentOutcomes ?? plainOutcomes }

    private static func outcomes(
        _ stage: StageResult, _ recipe: Recipe, _ measurement: ModelMeasurement, _ columns: [Int]
    ) throws -> Outcomes {
        let rows = recipe.preparation.split.validation
        let logits = try measurement.logits(
            stage.bundle.classifier, rows: rows, shouldStop: recipe.surroundings.shouldStop)
        let labels = recipe.settings.data.labels
        return try measurement.outcomes(
            rows: rows, columns: columns, scores: labels.probabilities(logits, classes: columns.count))
    }

    /// Thresholds of highest F1 on the training images: validation labels decide nothing.
    private static func chooseThresholds(
        _ stage: StageResult, _ recipe: Recipe, _ measurement: ModelMeasurement
    ) throws -> [Double?] {
        let rows = recipe.preparation.split.training
        let columns = Array(recipe.cohort.classes.indices)
        let logits = try measurement.logits(
            stage.bundle.classifier, rows: rows, shouldStop: recipe.surroundings.shouldStop)
        let scores = try recipe.settings.data.labels.probabilities(logits, classes: columns.count)
        return try measurement.outcomes(rows: rows, columns: columns, scores: scores)
            .choosingThresholds().map { $0?.threshold }
    }

    private static func options(
        _ settings: RunSettings, _ recipe: Recipe, _ thresholds: [Double?]
    ) throws -> EvaluationOptions {
        var options = EvaluationOptions()
        options.trainingImages = recipe.preparation.counts
        options.bounds = try LongTailBounds(many: settings.evaluation.many, medium: settings.evaluation.medium)
        options.thresholds = thresholds
        options.threads = recipe.surroundings.threads
        if settings.evaluation.bootstrap > 0 {
            var bootstrap = BootstrapOptions()
            bootstrap.rounds = settings.evaluation.bootstrap
            bootstrap.minimumPositivePatients = settings.evaluation.minimumPositivePatients
            bootstrap.shouldStop = recipe.surroundings.shouldStop
            options.bootstrap = bootstrap
        } else {
            options.bootstrap = nil
        }
        return options
    }
}
