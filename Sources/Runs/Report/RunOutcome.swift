import Basics
import Evaluation
import Execution
import Models
import RunFiles
import Settings

/// What a run found, before it is written.
public struct RunOutcome {
    let settings: RunSettings
    /// All stages, as they were made.
    let plan: RunPlan
    let costs: [RunMetrics.Cost]
    /// Of one prediction of the model that the run offers.
    let predictionMultiplyAdds: Double
    let measured: RunMeasurements
    /// The plain model's metrics on the validation images.
    public let plainResult: EvaluationResult
    /// The metrics of the student, or of the committee where there is none, on the validation images; nil without
    /// distillation.
    public let studentResult: EvaluationResult?
    /// That model minus the plain one, on the same images; nil without distillation.
    public let difference: PairedResult?

    /// Evaluates what was measured.
    init(_ measured: RunMeasurements, _ plan: RunPlan, _ runner: StageRunner) throws {
        settings = runner.settings
        self.plan = plan
        self.measured = measured
        costs = try runner.costs(of: plan)
        predictionMultiplyAdds = try ([settings.image] + measured.best.stage.bundle.description.otherImages)
            .reduce(0) { try $0 + runner.multiplyAdds($1) }
        var options = try settings.evaluation.options(
            threads: runner.context.threads, shouldStop: runner.context.shouldStop)
        options.trainingImages = runner.preparedData.counts
        func evaluate(_ model: RunMeasurements.Model) throws -> EvaluationResult {
            options.thresholds = model.thresholds
            return try Evaluator.evaluate(model.outcomes, options)
        }
        plainResult = try evaluate(measured.plain)
        studentResult = try measured.student.map(evaluate)
        difference = try measured.student.map {
            try Evaluator.compare(candidate: [$0.outcomes], reference: [measured.plain.outcomes], options)
        }
    }
}
