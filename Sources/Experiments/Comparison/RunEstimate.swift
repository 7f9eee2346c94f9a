import Basics
import Cohorts
import Distillation
import Reports
import Training

/// What a run will cost, stage by stage, before anything is decoded.
struct RunEstimate {
    /// A stage. Two with the same key are the same stage, which is made once.
    struct Stage {
        var key: String
        /// Images that pass forward and backward.
        var images = 0
        /// Views, and images of a backbone that rests, which pass forward only.
        var views = 0
        /// What of it stays in the stage store.
        var left: Left
        /// Passes of its training; 0 where nothing is trained.
        var epochs = 0
        /// Steps of its training.
        var steps = 0
        /// Whether it is the second stage of a technique.
        var isSecond = false
        /// Projections of features that are learnt with it.
        var projections = 0

        /// A file or folder of the stage store.
        enum Left {
            /// A model, by the name of its stage.
            case model(String)
            /// What a teacher, or several asked as one, says of so many views.
            case bank(String, columns: Int, teachers: Int, views: Int)
        }

        /// In images trained on.
        var work: Double { CostTable.work(images: Double(images), views: Double(views)) }
    }

    var stages: [Stage]

    /// Everything, in images trained on.
    var work: Double { stages.reduce(0) { $0 + $1.work } }

    /// - Parameter unit: what the keys of stages begin with.
    init(
        _ settings: RunSettings, cohort: Cohort, attributes: ClassAttributes?, split: Split, unit: String
    ) throws {
        let training = settings.training
        let rows = split.training.count
        let recipe = "\(unit) \(settings.model) \(training)"
        let views = settings.plainViews.map(String.init) ?? "new"

        /// How long a training is.
        func length(
            _ count: Int, epochs: Int, minimumSteps: Int = 0, dropsLast: Bool
        ) -> (images: Int, epochs: Int, steps: Int) {
            var plan = TrainingPlan()
            (plan.batchSize, plan.accumulation, plan.dropsLast) = (training.batchSize, training.accumulation, dropsLast)
            (plan.epochs, plan.minimumSteps) = (epochs, minimumSteps)
            let passes = plan.passes(over: count)
            return (
                min(count, plan.batches(of: count) * plan.batchSize) * passes, passes, plan.steps(of: count) * passes
            )
        }
        /// What a second stage of the technique adds to a training.
        func second(_ technique: TechniqueSettings, _ count: Int, after key: String, _ name: String) -> [Stage] {
            guard technique.second.name != .none else { return [] }
            let left = Stage.Left.model(name + "-" + technique.second.name.rawValue)
            var stage = Stage(key: "\(technique.second) after \(key)", left: left)
            stage.isSecond = true
            let epochs = technique.second.trainedEpochs
            if epochs > 0 {
                (stage.views, stage.epochs, stage.steps) = length(
                    count, epochs: epochs, dropsLast: training.dropsLast)
            }
            return [stage]
        }
        func network(
            _ name: String, _ words: String, _ technique: TechniqueSettings, _ count: Int, epochs: Int? = nil
        ) -> [Stage] {
            let key = "\(recipe) \(words) \(technique.first)"
            let length = length(count, epochs: epochs ?? training.epochs, dropsLast: training.dropsLast)
            return [stage(key, name, length, rate: training.backboneRate)] + second(technique, count, after: key, name)
        }
        func stage(
            _ key: String, _ name: String, _ length: (images: Int, epochs: Int, steps: Int), rate: Double
        ) -> Stage {
            var stage = Stage(key: key, left: .model(name), epochs: length.epochs, steps: length.steps)
            if rate > 0 { stage.images = length.images } else { stage.views = length.images }
            return stage
        }

        stages = network("plain", "plain, views \(views)", settings.technique, rows)
        guard let distillation = settings.distillation else { return }
        let plan = try SubsetPlan.expected(
            distillation, settings, cohort: cohort, attributes: attributes, rows: split.training)
        let taught = settings.teacherTechnique
        let teacherRows = plan.inner?.training.count ?? rows
        let inner = plan.inner == nil ? "" : "inner "
        let start = plan.inner == nil ? "plain" : "plain-inner"
        if plan.inner != nil {
            stages += network(start, "\(inner)plain, views \(views)", settings.innerTechnique, teacherRows)
        }
        if distillation.teachers.initialization == .plain, taught.first != settings.technique.first {
            stages += network(start, "\(inner)plain, views \(views)", taught, teacherRows)
        }
        let studentRows = distillation.weights == .selfPaced ? teacherRows : rows
        let banked = distillation.bankedViews(training: training.epochs)
        let rate = distillation.teachers.backboneRate ?? training.backboneRate
        // As `RelationalDistillation` does: heads on one trunk are asked together. Random weights are each teacher's own.
        let sharesTrunk =
            rate == 0 && distillation.featureLambda == 0
            && (distillation.teachers.initialization == .plain || settings.model.weights != nil)
        for task in plan.tasks {
            let key = "\(recipe) \(inner)\(taught.first) \(distillation.teachers) views \(views) \(task.subset)"
            let count = task.positives.count + task.negativesPerEpoch
            let length = length(
                count, epochs: distillation.teachers.epochs, minimumSteps: distillation.teachers.minimumSteps,
                dropsLast: false)
            let name = "teacher-" + task.subset.name
            stages.append(stage(key, name, length, rate: rate))
            stages += second(taught, count, after: key, name)
            if settings.technique.mixing == .none, !sharesTrunk {
                let seen = studentRows * banked
                stages.append(
                    Stage(
                        key: "\(banked) views of \(taught) \(key)", views: seen,
                        left: .bank(task.subset.name, columns: task.subset.classes.count, teachers: 1, views: seen)))
            }
        }
        if settings.technique.mixing == .none, sharesTrunk {
            let subsets = plan.tasks.map(\.subset)
            stages.append(
                Stage(
                    key:
                        "\(banked) views of \(taught) \(recipe) \(inner)\(distillation.teachers) views \(views) \(subsets)",
                    views: studentRows * banked,
                    left: .bank(
                        "all-teachers", columns: plan.columns.count, teachers: subsets.count,
                        views: studentRows * banked)))
        }
        var student = network(
            "student", "student \(distillation.withoutPreset)", settings.technique, studentRows,
            epochs: distillation.studentEpochs(training: training.epochs))
        if settings.technique.mixing != .none {
            // Teachers are asked as the student sees its images.
            for index in student.indices {
                student[index].views += (student[index].images + student[index].views) * plan.tasks.count
            }
        }
        if distillation.featureLambda > 0 { student[0].projections = plan.tasks.count }
        stages += student
    }
}
