import Basics
import Cohorts
import Distillation
import Models
import Settings

/// What teachers will learn from which images: grouping, inner split and subset tasks of a run.
package struct SubsetPlan {
    let grouping: Grouping
    /// Training patients divided again, for rules that measure teachers; nil for the others.
    let inner: Split?
    /// One for each teacher, in the order of the grouping's subsets.
    package let tasks: [SubsetTask]
    let columns: TeacherOutputs
    /// What is subtracted from the logits of each column.
    let priorShifts: [Double]

    /// - Parameters:
    ///   - rows: all training rows.
    ///   - clusters: those of the grouping term `learned`, where the grouping has it.
    init(
        _ distillation: DistillationSettings, _ settings: RunSettings, cohort: Cohort, attributes: ClassAttributes?,
        rows: [Int], clusters: ClassClusters?, seed: UInt64
    ) throws {
        // Rules that measure do so on training patients whom no measured network has seen.
        inner =
            distillation.measuresTeachers
            ? try Split.inner(of: cohort, rows: rows, share: distillation.innerShare, seed: seed) : nil
        let teacherRows = inner?.training ?? rows
        let isSingle = settings.data.labels == .single
        // Cross-entropy over a subset says nothing about an image of another class.
        let negatives = isSingle ? Negatives(.drop) : distillation.teachers.negatives
        func task(_ subset: ClassSubset) throws -> SubsetTask {
            try SubsetTask(subset, cohort: cohort, trainingRows: teacherRows, negatives: negatives, seed: seed)
        }
        // Clusters are known only when the plain model is trained, too late to stop for one of them.
        func unlearnable(_ classes: [Int]) -> String? {
            do {
                _ = try task(ClassSubset(name: "learned", classes: classes))
                return nil
            } catch {
                return error.problem
            }
        }
        let made = try Grouping.make(
            distillation.grouping, classes: cohort.classes, counts: cohort.classCounts(rows: rows),
            attributes: attributes, bounds: settings.evaluation.bounds(),
            clusters: clusters?.leavingOut(names: cohort.classes, unlearnable),
            seed: distillation.groupingSeed.map(UInt64.init) ?? seed, unlearnable: unlearnable)
        let served = try settings.regions?.served(made, by: attributes) ?? made
        grouping = isSingle ? try served.withoutLoneClasses(of: cohort) : served
        let tasks = try grouping.subsets.map(task)
        self.tasks = tasks
        columns = TeacherOutputs(grouping.subsets)
        priorShifts = tasks.flatMap { task in
            distillation.teachers.priorCorrection && !isSingle
                ? task.priorShift(cohort: cohort) : [Double](repeating: 0, count: task.subset.classes.count)
        }
    }
}

extension SubsetPlan {
    /// The plan as far as it is known before anything is trained: equal parts of the classes stand for the clusters of
    /// the grouping term `learned`.
    package static func expected(
        _ distillation: DistillationSettings, _ settings: RunSettings, cohort: Cohort, attributes: ClassAttributes?,
        rows: [Int]
    ) throws -> SubsetPlan {
        var clusters: ClassClusters?
        if try Grouping.learnedTerms(distillation.grouping, attributes: attributes) > 0 {
            guard cohort.classes.count <= ClassLimits.comparedCount else {
                throw FoveaError(
                    .configuration,
                    "distillation.grouping: \"learned\" compares each two of \(cohort.classes.count) classes; allowed are "
                        + "at most \(ClassLimits.comparedCount)", remedy: "Choose another grouping, or fewer classes.")
            }
            let counts = cohort.classCounts(rows: rows)
            let trained = counts.indices.filter { counts[$0] > 0 }
            let number = min(distillation.learnedSubsets, trained.count)
            clusters = ClassClusters(
                (0..<number).map { k in Array(trained[k * trained.count / number..<(k + 1) * trained.count / number]) })
        }
        return try SubsetPlan(
            distillation, settings, cohort: cohort, attributes: attributes, rows: rows, clusters: clusters,
            seed: UInt64(settings.seed))
    }
}

extension Grouping {
    /// The grouping without subsets of one class: for single-label data the softmax over one class is always 1.
    func withoutLoneClasses(of cohort: Cohort) throws -> Grouping {
        let lone = subsets.filter { $0.classes.count == 1 }
        guard !lone.isEmpty else { return self }
        let more = lone.map { subset in
            "the subset \(subset.name) is left out: it has one class, \(cohort.classes[subset.classes[0]]), and "
                + "single-label data need at least two classes"
        }
        return try Grouping(name: name, subsets: subsets.filter { $0.classes.count > 1 }, notes: notes + more)
    }
}
