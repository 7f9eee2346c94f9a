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
        var model: TrainedModel
    }

    let settings: RunSettings
    let plain: TrainedModel
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
    /// Decision thresholds of plain model and student, each its own.
    private(set) var plainThresholds: [Double?] = []
    private(set) var studentThresholds: [Double?]?

    init(_ settings: RunSettings, _ recipe: Recipe, plain: TrainedModel, measurement: ModelMeasurement) throws {
        self.settings = settings
        self.plain = plain
        let columns = Array(recipe.cohort.classes.indices)
        let thresholds = try Self.chooseThresholds(plain.final, "plain", recipe, measurement)
        plainThresholds = thresholds
        plainOutcomes = try Self.outcomes(plain.final, "plain", recipe, measurement, columns)
        plainResult = try Evaluator.evaluate(plainOutcomes, Self.options(settings, recipe, thresholds))
    }

    mutating func add(_ result: DistillationResult, _ recipe: Recipe, _ measurement: ModelMeasurement) throws {
        distillation = result
        let rows = recipe.preparation.split.validation
        teachers = try zip(result.grouping.subsets, result.teachers).map { subset, model in
            TeacherOutcome(
                subset: subset,
                summary: try measurement.summary(
                    model.final.bundle.classifier, name: "teacher " + subset.name, rows: rows,
                    columns: subset.classes),
                model: model)
        }
        let columns = Array(recipe.cohort.classes.indices)
        let thresholds = try Self.chooseThresholds(result.student.final, "student", recipe, measurement)
        studentThresholds = thresholds
        let outcomes = try Self.outcomes(result.student.final, "student", recipe, measurement, columns)
        let options = try Self.options(settings, recipe, thresholds)
        studentOutcomes = outcomes
        studentResult = try Evaluator.evaluate(outcomes, options)
        difference = try Evaluator.compare(candidate: [outcomes], reference: [plainOutcomes], options)
    }

    /// The model that the run folder offers: the student, or the plain model where there is none.
    var best: StageResult { (distillation?.student ?? plain).final }

    /// That model's decision thresholds.
    var bestThresholds: [Double?] { studentThresholds ?? plainThresholds }

    /// The probabilities of that model on the validation images.
    var bestOutcomes: Outcomes { studentOutcomes ?? plainOutcomes }

    private static func outcomes(
        _ stage: StageResult, _ name: String, _ recipe: Recipe, _ measurement: ModelMeasurement, _ columns: [Int]
    ) throws -> Outcomes {
        let rows = recipe.preparation.split.validation
        let logits = try measurement.logits(
            stage.bundle.classifier, name: name, rows: rows)
        return try measurement.outcomes(
            rows: rows, columns: columns, scores: stage.bundle.description.probabilities(logits))
    }

    /// Thresholds of highest F1 on the training images: validation labels decide nothing.
    private static func chooseThresholds(
        _ stage: StageResult, _ name: String, _ recipe: Recipe, _ measurement: ModelMeasurement
    ) throws -> [Double?] {
        let rows = recipe.preparation.split.training
        let columns = Array(recipe.cohort.classes.indices)
        let logits = try measurement.logits(
            stage.bundle.classifier, name: name, rows: rows)
        let scores = try stage.bundle.description.probabilities(logits)
        return try measurement.outcomes(rows: rows, columns: columns, scores: scores)
            .choosingThresholds(threads: recipe.surroundings.threads).map { $0?.threshold }
    }

    private static func options(
        _ settings: RunSettings, _ recipe: Recipe, _ thresholds: [Double?]
    ) throws -> EvaluationOptions {
        let surroundings = recipe.surroundings
        var options = try settings.evaluation.options(
            threads: surroundings.threads, shouldStop: surroundings.shouldStop)
        options.trainingImages = recipe.preparation.counts
        options.thresholds = thresholds
        return options
    }
}
