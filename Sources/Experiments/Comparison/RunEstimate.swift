import Basics
import Cohorts
import Distillation
import Training

/// What a run will cost, stage by stage, before anything is decoded.
struct RunEstimate {
    /// A stage. Two with the same key are the same stage, which is made once.
    struct Stage {
        var key: String
        /// Images that pass forward and backward.
        var images = 0
        /// Views that pass forward only.
        var views = 0

        /// In images trained on: a backward pass costs about twice a forward one.
        var work: Double { Double(images) + Double(views) / 3 }
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
        let views = settings.plainViews.map(String.init) ?? "new"
        let technique = "\(settings.technique) \(training) views \(views)"
        func images(_ count: Int, epochs: Int, minimumSteps: Int = 0, dropsLast: Bool) -> Int {
            let whole = count / training.batchSize
            let batches = dropsLast && whole > 0 ? whole : (count + training.batchSize - 1) / training.batchSize
            let steps = max(1, (batches + training.accumulation - 1) / training.accumulation)
            let seen = min(count, batches * training.batchSize)
            return seen * max(epochs, (minimumSteps + steps - 1) / steps)
        }
        func plain(_ name: String, rows: Int, technique: String) -> Stage {
            Stage(
                key: "\(unit) \(name) \(technique)",
                images: images(rows, epochs: training.epochs, dropsLast: training.dropsLast))
        }
        stages = [plain("plain", rows: rows, technique: technique)]
        guard let distillation = settings.distillation else { return }
        let plan = try SubsetPlan(
            distillation, settings, cohort: cohort, attributes: attributes, rows: split.training,
            seed: UInt64(settings.seed))
        let start = settings.teacherTechnique
        if distillation.teachers.initialization == .plain, start != settings.technique {
            let other = "\(start) \(training) views \(views)"
            stages.append(plain("plain", rows: rows, technique: other))
        }
        if let inner = plan.inner {
            stages.append(plain("plain-inner", rows: inner.training.count, technique: technique))
        }
        let studentRows = distillation.weights == .selfPaced ? plan.inner?.training.count ?? rows : rows
        let banked = distillation.bankedViews(epochs: training.epochs)
        for task in plan.tasks {
            let key = "\(unit) \(start) \(distillation.teachers) \(task.subset)"
            stages.append(
                Stage(
                    key: "teacher " + key,
                    images: images(
                        task.positives.count + task.negativesPerEpoch, epochs: distillation.teachers.epochs,
                        minimumSteps: distillation.teachers.minimumSteps, dropsLast: false)))
            stages.append(Stage(key: "views \(banked) " + key, views: studentRows * banked))
        }
        stages.append(
            Stage(
                key: "\(unit) student \(technique) \(distillation)",
                images: images(studentRows, epochs: training.epochs, dropsLast: training.dropsLast)))
    }
}
