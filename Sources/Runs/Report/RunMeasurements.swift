import Basics
import Cohorts
import Distillation
import Evaluation
import Execution
import Models
import Settings
import Training

/// What the finished networks of a plan make of the run's images. Of several processes each computes a part, and all have
/// the whole.
struct RunMeasurements {
    /// A network on the run's images.
    struct Model {
        let stage: StageResult
        /// The thresholds of highest F1 on the training images: validation labels decide nothing.
        let thresholds: [Double?]
        /// The probabilities on the validation images.
        let outcomes: Outcomes

        init(_ stage: StageResult, _ name: String, _ runner: StageRunner, on data: TrainingData) throws {
            let measurement = runner.measurement(on: data)
            func outcomes(_ rows: [Int]) throws -> Outcomes {
                try measurement.outcomes(
                    rows: rows, columns: Array(runner.cohort.classes.indices),
                    scores: measurement.probabilities(stage.bundle, name: name, rows: rows))
            }
            self.stage = stage
            thresholds = try outcomes(runner.preparedData.split.training)
                .choosingThresholds(threads: runner.context.threads).map { $0?.threshold }
            self.outcomes = try outcomes(runner.preparedData.split.validation)
        }
    }

    /// One teacher on the validation images, beside the plain model.
    struct Teacher {
        var subset: ClassSubset
        var summary: ClassSummary
    }

    let plain: Model
    private(set) var teachers: [Teacher] = []
    /// Or the committee, where there is no student; nil without distillation.
    private(set) var student: Model?

    init(_ plan: RunPlan, _ runner: StageRunner) throws {
        plain = try Model(runner.network(plan.plain.final), "plain", runner, on: runner.data)
        guard let subsets = plan.subsets else { return }
        teachers = try zip(subsets.grouping.subsets, plan.teachers).map { subset, teacher in
            let data = try runner.data(of: plan[teacher.final]?.image ?? runner.settings.image)
            return Teacher(
                subset: subset,
                summary: try runner.measurement(on: data).summary(
                    runner.network(teacher.final).bundle.classifier, name: "teacher " + subset.name,
                    rows: runner.preparedData.split.validation, columns: subset.classes))
        }
        if let model = plan.student {
            student = try Model(runner.network(model.final), plan.studentName, runner, on: runner.data)
        } else {
            let (committee, data) = try runner.committee(plan, subsets)
            student = try Model(committee, plan.studentName, runner, on: data)
        }
    }

    /// The model that the run folder offers: the student, or the plain model where there is none.
    var best: Model { student ?? plain }
}
