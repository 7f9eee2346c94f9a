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

        func images(_ count: Int, epochs: Int, minimumSteps: Int = 0, dropsLast: Bool) -> Int {
            let whole = count / training.batchSize
            let batches = dropsLast && whole > 0 ? whole : (count + training.batchSize - 1) / training.batchSize
            let steps = max(1, (batches + training.accumulation - 1) / training.accumulation)
            return min(count, batches * training.batchSize) * max(epochs, (minimumSteps + steps - 1) / steps)
        }
        /// What a second stage of the technique adds to a training.
        func second(_ technique: TechniqueSettings, _ count: Int, after key: String) -> [Stage] {
            let epochs = technique.second.trainedEpochs
            guard epochs > 0 else { return [] }
            let seen = images(count, epochs: epochs, dropsLast: training.dropsLast)
            return [Stage(key: "\(technique.second) after \(key)", views: seen)]
        }
        func network(_ name: String, _ technique: TechniqueSettings, _ count: Int, epochs: Int? = nil) -> [Stage] {
            let key = "\(recipe) \(name) \(technique.first)"
            let seen = images(count, epochs: epochs ?? training.epochs, dropsLast: training.dropsLast)
            return [stage(key, seen, rate: training.backboneRate)] + second(technique, count, after: key)
        }
        func stage(_ key: String, _ seen: Int, rate: Double) -> Stage {
            rate > 0 ? Stage(key: key, images: seen) : Stage(key: key, views: seen)
        }

        stages = network("plain, views \(views)", settings.technique, rows)
        guard let distillation = settings.distillation else { return }
        let plan = try SubsetPlan.expected(
            distillation, settings, cohort: cohort, attributes: attributes, rows: split.training)
        let taught = settings.teacherTechnique
        let teacherRows = plan.inner?.training.count ?? rows
        let inner = plan.inner == nil ? "" : "inner "
        if plan.inner != nil {
            stages += network("\(inner)plain, views \(views)", settings.innerTechnique, teacherRows)
        }
        if distillation.teachers.initialization == .plain, taught.first != settings.technique.first {
            stages += network("\(inner)plain, views \(views)", taught, teacherRows)
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
            let seen = images(
                count, epochs: distillation.teachers.epochs, minimumSteps: distillation.teachers.minimumSteps,
                dropsLast: false)
            stages.append(stage(key, seen, rate: rate))
            stages += second(taught, count, after: key)
            if settings.technique.mixing == .none, !sharesTrunk {
                stages.append(Stage(key: "\(banked) views of \(taught) \(key)", views: studentRows * banked))
            }
        }
        if settings.technique.mixing == .none, sharesTrunk {
            let subsets = plan.tasks.map(\.subset)
            stages.append(
                Stage(
                    key:
                        "\(banked) views of \(taught) \(recipe) \(inner)\(distillation.teachers) views \(views) \(subsets)",
                    views: studentRows * banked))
        }
        var student = network(
            "student \(distillation.withoutPreset)", settings.technique, studentRows,
            epochs: distillation.studentEpochs(training: training.epochs))
        if settings.technique.mixing != .none {
            // Teachers are asked as the student sees its images.
            for index in student.indices {
                student[index].views += (student[index].images + student[index].views) * plan.tasks.count
            }
        }
        stages += student
    }
}
