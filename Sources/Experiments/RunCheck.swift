import Backbones
import Basics
import Cohorts
import Distillation
import Models
import NN
import Torch

/// Finds before any image is decoded what would otherwise stop a run after hours: a grouping that does not exist, a
/// subset that cannot be learnt, weights that do not fit, a disk that is too small.
struct RunCheck {
    let settings: RunSettings
    let cohort: Cohort
    let attributes: ClassAttributes?
    let split: Split

    /// - Throws: `FoveaError` as the run itself would.
    func verify() throws {
        let description = ModelDescription(
            architecture: settings.model.architecture, classes: cohort.classes, image: settings.image.imageSettings)
        let network = try description.makeClassifier()
        _ = try settings.model.loadWeights(into: network)
        let modelBytes = network.namedParameters.reduce(0) { $0 + $1.parameter.value.count * 4 }
        func stages(_ technique: TechniqueSettings) -> Int { technique.second.name == .none ? 1 : 2 }
        let own = stages(settings.technique)
        var models = own
        var bankBytes = 0
        if let distillation = settings.distillation {
            let plan = try SubsetPlan(
                distillation, settings, cohort: cohort, attributes: attributes, rows: split.training,
                seed: UInt64(settings.seed))
            // Teachers, the plain model that they are compared with, and the student.
            models += stages(settings.teacherTechnique) * (plan.tasks.count + (plan.inner == nil ? 0 : 1)) + own
            let views = distillation.bankedViews(epochs: settings.training.epochs)
            // Mixed images are in no bank: teachers are asked live.
            if settings.technique.mixing == .none {
                bankBytes = plan.columns.count * split.training.count * views * 2
            }
        }
        try DiskSpace.require(
            modelBytes * models + bankBytes, in: settings.stages ?? settings.output,
            for: "models and view banks of this run",
            remedy:
                "Free some space, or choose another `output` or `stages` folder; fewer distillation.views take less.")
    }
}

/// What teachers will learn from which images: grouping, inner split and subset tasks of a run.
struct SubsetPlan {
    let grouping: Grouping
    /// Training patients divided once more, for rules that measure teachers; nil for the others.
    let inner: Split?
    /// One for each teacher, in the order of the grouping's subsets.
    let tasks: [SubsetTask]
    let columns: TeacherColumns
    /// What is subtracted from the logits of each column.
    let priorShifts: [Double]

    /// - Parameter rows: all training rows.
    init(
        _ distillation: DistillationSettings, _ settings: RunSettings, cohort: Cohort, attributes: ClassAttributes?,
        rows: [Int], seed: UInt64
    ) throws {
        let made = try Grouping.make(
            distillation.grouping, classes: cohort.classes, counts: cohort.classCounts(rows: rows),
            attributes: attributes, bounds: settings.evaluation.bounds(),
            seed: distillation.groupingSeed.map(UInt64.init) ?? seed)
        let isSingle = settings.data.labels == .single
        grouping = isSingle ? try made.withoutLoneClasses(of: cohort) : made
        // Rules that measure do so on training patients whom no measured network has seen.
        inner =
            distillation.weights == .teacherQuality || distillation.weights == .selfPaced
            ? try Split.inner(of: cohort, rows: rows, share: distillation.innerShare, seed: seed) : nil
        let teacherRows = inner?.training ?? rows
        // Cross-entropy over a subset says nothing about an image of another class.
        let negatives = isSingle ? Negatives.drop : distillation.teachers.rule
        let tasks = try grouping.subsets.map {
            try SubsetTask($0, cohort: cohort, trainingRows: teacherRows, negatives: negatives, seed: seed)
        }
        self.tasks = tasks
        columns = TeacherColumns(grouping.subsets)
        priorShifts = tasks.flatMap { task in
            distillation.teachers.priorCorrection && !isSingle
                ? task.priorShift(cohort: cohort) : [Double](repeating: 0, count: task.subset.classes.count)
        }
    }
}

extension Grouping {
    /// The grouping without subsets of one class: for single-label data the softmax over one class is always 1.
    func withoutLoneClasses(of cohort: Cohort) throws -> Grouping {
        let lone = subsets.filter { $0.classes.count == 1 }
        guard !lone.isEmpty else { return self }
        let more = lone.map { subset in
            "the subset \(subset.name) is left out: it has one class, \(cohort.classes[subset.classes[0]]), and "
                + "single-label data need two to tell apart"
        }
        return try Grouping(name: name, subsets: subsets.filter { $0.classes.count > 1 }, notes: notes + more)
    }
}
