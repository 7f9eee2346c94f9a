import Basics
import Cohorts
import Distillation
import Evaluation
import Execution
import Foundation
import Models
import NN
import RunFiles
import Settings
import Training

/// What a run found, before it is written.
public struct RunOutcome {
    /// One teacher on the validation images, beside the plain model.
    struct TeacherOutcome {
        var subset: ClassSubset
        var summary: ClassSummary
    }

    let settings: RunSettings
    /// All stages, as they were made.
    let plan: RunPlan
    let costs: [RunMetrics.Cost]
    /// Of one prediction of the model that the run offers.
    private(set) var predictionMultiplyAdds: Double
    let plain: StageResult
    let plainOutcomes: Outcomes
    /// The plain model's metrics on the validation images.
    public let plainResult: EvaluationResult
    private(set) var teachers: [TeacherOutcome] = []
    /// Or the committee, where there is no student.
    private(set) var student: StageResult?
    private(set) var studentOutcomes: Outcomes?
    /// The student's metrics on the validation images; nil without distillation.
    public private(set) var studentResult: EvaluationResult?
    /// The student minus the plain model, on the same images; nil without distillation.
    public private(set) var difference: PairedResult?
    /// Decision thresholds of plain model and student, each its own.
    private(set) var plainThresholds: [Double?] = []
    private(set) var studentThresholds: [Double?]?

    /// Measures the finished stages of a plan.
    init(_ plan: RunPlan, _ runner: StageRunner) throws {
        settings = runner.settings
        self.plan = plan
        costs = try runner.costs(of: plan)
        predictionMultiplyAdds = 0
        plain = try runner.network(plan.plain.final)
        let thresholds = try Self.chooseThresholds(plain, "plain", runner, on: runner.data)
        plainThresholds = thresholds
        plainOutcomes = try Self.outcomes(plain, "plain", runner, on: runner.data)
        plainResult = try Evaluator.evaluate(plainOutcomes, Self.options(runner, thresholds))
        if let student = plan.student {
            try measure(runner.network(student.final), runner, on: runner.data)
        } else if let subsets = plan.subsets {
            let (committee, data) = try runner.committee(plan, subsets)
            try measure(committee, runner, on: data)
        }
        let model = best.bundle.description
        for image in [settings.image] + model.otherImages { predictionMultiplyAdds += try runner.multiplyAdds(image) }
    }

    /// What the run's model is called beside the plain one.
    var studentName: String { plan.isCommittee ? "committee" : "student" }

    private mutating func measure(_ student: StageResult, _ runner: StageRunner, on data: TrainingData) throws {
        let rows = runner.preparedData.split.validation
        teachers = try zip(plan.subsets?.grouping.subsets ?? [], plan.teachers).map { subset, teacher in
            TeacherOutcome(
                subset: subset,
                summary: try runner.measurement(on: runner.data(of: plan[teacher.final]?.image ?? settings.image))
                    .summary(
                        runner.network(teacher.final).bundle.classifier, name: "teacher " + subset.name, rows: rows,
                        columns: subset.classes))
        }
        self.student = student
        let thresholds = try Self.chooseThresholds(student, studentName, runner, on: data)
        studentThresholds = thresholds
        let outcomes = try Self.outcomes(student, studentName, runner, on: data)
        let options = try Self.options(runner, thresholds)
        studentOutcomes = outcomes
        studentResult = try Evaluator.evaluate(outcomes, options)
        difference = try Evaluator.compare(candidate: [outcomes], reference: [plainOutcomes], options)
    }

    /// The model that the run folder offers: the student, or the plain model where there is none.
    var best: StageResult { student ?? plain }

    /// That model's decision thresholds.
    var bestThresholds: [Double?] { studentThresholds ?? plainThresholds }

    /// The probabilities of that model on the validation images.
    var bestOutcomes: Outcomes { studentOutcomes ?? plainOutcomes }

    /// The probabilities for some rows, by default those that validate.
    private static func outcomes(
        _ stage: StageResult, _ name: String, _ runner: StageRunner, on data: TrainingData, rows: [Int]? = nil
    ) throws -> Outcomes {
        let rows = rows ?? runner.preparedData.split.validation
        let measurement = runner.measurement(on: data)
        return try measurement.outcomes(
            rows: rows, columns: Array(runner.cohort.classes.indices),
            scores: measurement.probabilities(stage.bundle, name: name, rows: rows))
    }

    /// Thresholds of highest F1 on the training images: validation labels decide nothing.
    private static func chooseThresholds(
        _ stage: StageResult, _ name: String, _ runner: StageRunner, on data: TrainingData
    ) throws -> [Double?] {
        try outcomes(stage, name, runner, on: data, rows: runner.preparedData.split.training)
            .choosingThresholds(threads: runner.context.threads).map { $0?.threshold }
    }

    private static func options(_ runner: StageRunner, _ thresholds: [Double?]) throws -> EvaluationOptions {
        let context = runner.context
        var options = try runner.settings.evaluation.options(
            threads: context.threads, shouldStop: context.shouldStop)
        options.trainingImages = runner.preparedData.counts
        options.thresholds = thresholds
        return options
    }
}
