import Basics
import Cohorts
import Evaluation
import Execution
import Foundation
import Prediction
import RunFiles
import Settings

/// What a comparison found: every arm of every technique, and the differences that it was made for.
public struct ComparisonOutcome {
    /// An arm over all its seeds, draws and folds.
    struct Arm {
        let dataset: ComparisonPlan.Dataset
        let technique: String
        let arm: ComparisonArm
        let cells: [ComparisonCell]
        /// What each of them left, in the same order.
        let metrics: [RunMetrics]
        /// For each seed a model, or one for each shuffle; out of fold where there are folds.
        let models: [[Outcomes]]
        /// The seeds, in the same order.
        let seeds: [Int]
        let result: EvaluationResult
    }

    /// An arm against another one of the same technique, or against the same arm of the first technique.
    struct Contrast {
        let candidate: Arm
        let reference: Arm
        let result: PairedResult
        /// The p-value of mAP over all classes after Holm's correction for the techniques; nil without an interval.
        var holmPValue: Double?

        /// Whether it distinguishes techniques.
        var isOfTechniques: Bool { candidate.technique != reference.technique }
        /// What is compared with, in words.
        var referenceLabel: String { isOfTechniques ? "that of \(reference.technique)" : reference.arm.label }
        /// Which arms of which data, whatever the technique.
        var question: String { "\(candidate.dataset.name) \(candidate.arm.label) minus \(referenceLabel)" }
    }

    let plan: ComparisonPlan
    private(set) var arms: [Arm] = []
    private(set) var contrasts: [Contrast] = []
    /// Cells that are not finished.
    let missing: [ComparisonCell]
    /// The folds that it is of; all for none.
    let folds: [Int]
    /// A file of near-synonyms that are treated as one class; nil for none.
    let merge: String?
    /// Where it is written.
    public let folder: String

    /// - Parameters:
    ///   - folds: only these; all for none.
    ///   - merge: a file of near-synonyms to be treated as one class; nil for none.
    ///   - folder: where it will be written.
    init(
        _ whole: ComparisonPlan, folds: [Int], merge: String?, in folder: String, _ context: ExecutionContext
    ) throws {
        self.folder = folder
        let plan = try whole.only(folds)
        self.plan = plan
        self.folds = folds
        self.merge = merge
        let merging = try merge.map(MergeFile.read) ?? ClassMerging([])
        let (states, _) = try plan.states()
        let finished = zip(plan.cells, states).filter { $1 == .finished }.map(\.0)
        let names = Set(finished.map(\.name))
        missing = plan.cells.filter { !names.contains($0.name) }
        for dataset in plan.datasets {
            let trainingImages = try dataset.trainingImages(merging)
            for technique in plan.settings.techniques {
                let cells = finished.filter { $0.unit.dataset == dataset.name && $0.technique == technique.name }
                guard let first = cells.first else { continue }
                var options = try Self.options(plan.settings, first.settings, context)
                options.trainingImages = trainingImages
                var found: [Arm] = []
                for family in Self.families(cells) {
                    let reading = ArmReading(
                        dataset: dataset, cells: cells.filter { $0.arm.family == family }, merging: merging,
                        modelsPerSeed: family.isShuffled ? plan.settings.randomDraws : 1)
                    guard let arm = try reading.arm(technique.name, family, options) else { continue }
                    found.append(arm)
                }
                arms += found
                contrasts += try (pairs(found) + techniquePairs(found)).compactMap { candidate, reference in
                    let (own, others) = (
                        candidate.models(sharedWith: reference), reference.models(sharedWith: candidate)
                    )
                    guard !own.isEmpty else { return nil }
                    let result = try Evaluator.compare(candidate: own, reference: others, sharesSeeds: true, options)
                    return Contrast(candidate: candidate, reference: reference, result: result)
                }
            }
        }
        guard !arms.isEmpty else {
            throw FoveaError(
                .configuration, "no arm of the comparison in \(plan.settings.output) is finished",
                remedy: "`fovea compare` without --report runs it. An arm counts when it has a seed with all folds.")
        }
        correct()
    }

    /// The arms that some cells belong to, each once.
    private static func families(_ cells: [ComparisonCell]) -> [ComparisonArm] {
        var seen = Set<ComparisonArm>()
        return cells.map(\.arm.family).filter { seen.insert($0).inserted }
    }

    /// Every arm against plain, then RSKD against each of its controls; against the long plain model only the grouping
    /// whose work that model has.
    private func pairs(_ arms: [Arm]) -> [(candidate: Arm, reference: Arm)] {
        func find(_ arm: ComparisonArm) -> Arm? { arms.first { $0.arm == arm } }
        var pairs: [(Arm, Arm)] = []
        if let plain = find(.plain) { pairs += arms.filter { $0.arm != .plain }.map { ($0, plain) } }
        for arm in arms {
            for control in controls(of: arm.arm) {
                if let control = find(control) { pairs.append((arm, control)) }
            }
        }
        return pairs
    }

    /// What an arm is compared with in addition to the plain model.
    private func controls(of arm: ComparisonArm) -> [ComparisonArm] {
        let ladder = plan.settings.ladder.map { ComparisonArm.ladder($0) }
        func long(_ grouping: String) -> [ComparisonArm] {
            (grouping == plan.settings.groupings[0] ? [.plainLong] : []) + [.bestLong]
        }
        return switch arm {
        case .rskd(let grouping):
            long(grouping) + [.random(grouping, draw: nil), .ensemble(grouping), .untaught(grouping)] + ladder
        case .committee(let grouping): long(grouping) + [.single(grouping), .wrongWindows(grouping)] + ladder
        default: []
        }
    }

    /// Plain models and RSKD of a technique against those of the first one, with the same seeds.
    private func techniquePairs(_ found: [Arm]) -> [(candidate: Arm, reference: Arm)] {
        let first = plan.settings.techniques[0].name
        return found.filter { $0.technique != first && ($0.arm == .plain || $0.arm.isRSKD) }.compactMap { arm in
            arms.first { $0.dataset.name == arm.dataset.name && $0.technique == first && $0.arm == arm.arm }
                .map { (arm, $0) }
        }
    }

    private static func options(
        _ settings: ComparisonSettings, _ run: RunSettings, _ context: ExecutionContext
    ) throws -> EvaluationOptions {
        var evaluation = run.evaluation
        evaluation.bootstrap = settings.bootstrap
        evaluation.minimumPositivePatients = settings.minimumPositivePatients
        return try evaluation.options(threads: context.threads, shouldStop: context.shouldStop)
    }

    /// Corrects the p-values of one question, such as RSKD against plain on a data set, for the number of techniques.
    private mutating func correct() {
        let questions = contrasts.map(\.question)
        for question in Set(questions) {
            let places = contrasts.indices.filter { questions[$0] == question }
            let values = places.map { contrasts[$0].result.groups.all.averagePrecision.fixedSet?.pValue }
            // Techniques that are not finished yet will be compared too; the first one is not compared with itself.
            let techniques = plan.settings.techniques.count
            let corrected = Significance.holm(
                values, tests: contrasts[places[0]].isOfTechniques ? techniques - 1 : techniques)
            for (place, value) in zip(places, corrected) { contrasts[place].holmPValue = value }
        }
    }
}

extension ComparisonOutcome.Arm {
    /// The models of seeds that another arm has too, so that what a seed brings cancels out.
    fileprivate func models(sharedWith other: Self) -> [[Outcomes]] {
        models.indices.filter { other.seeds.contains(seeds[$0]) }.map { models[$0] }
    }
}

/// Reads what the cells of one arm left.
private struct ArmReading {
    let dataset: ComparisonPlan.Dataset
    let cells: [ComparisonCell]
    /// What is treated as one class.
    let merging: ClassMerging
    /// How many shuffles a seed has.
    let modelsPerSeed: Int

    /// Nil where no seed has all folds of all its models.
    func arm(
        _ technique: String, _ arm: ComparisonArm, _ options: EvaluationOptions
    ) throws -> ComparisonOutcome.Arm? {
        let needed = dataset.splits.count * modelsPerSeed
        let seeds = Dictionary(grouping: cells, by: \.unit.seed).filter { $0.value.count == needed }
            .sorted { $0.key < $1.key }
        guard !seeds.isEmpty else { return nil }
        let counted = seeds.flatMap(\.value)
        let outcomes = try seeds.map { seed in
            try Dictionary(grouping: seed.value, by: \.arm.draw).sorted { $0.key < $1.key }
                .map { try self.outcomes($0.value) }
        }
        return ComparisonOutcome.Arm(
            dataset: dataset, technique: technique, arm: arm, cells: counted,
            metrics: try counted.map { try RunMetrics.read(PathName.joined($0.settings.output, "metrics.json")) },
            models: outcomes,
            seeds: seeds.map(\.key), result: try Evaluator.evaluate(outcomes, options))
    }

    /// The predictions of one model, or of one per fold.
    private func outcomes(_ cells: [ComparisonCell]) throws -> Outcomes {
        let parts = try cells.map { cell -> (fold: Int?, outcomes: Outcomes) in
            guard let split = dataset.splits.first(where: { $0.fold == cell.unit.fold })?.split else {
                throw FoveaError(.data, "\(cell.name) has a fold that the comparison does not have")
            }
            let (cohort, rows) = (dataset.cohort, split.validation)
            let images = rows.map { cohort.photographs[$0].image }
            try RunResults.read(cell.settings.output)?.requireUnchanged("predictions.csv")
            let table = try PredictionTable(path: PathName.joined(cell.settings.output, "predictions.csv"))
            return (
                cell.unit.fold,
                try Outcomes(
                    classes: cohort.classes, images: images,
                    labels: rows.flatMap { row in cohort.classes.indices.map { cohort.label(row, $0) } },
                    scores: table.scores(of: images, labelledIn: cohort.source, classes: cohort.classes),
                    patients: cohort.knowsPatients ? rows.map { cohort.photographs[$0].patient } : []
                ).merging(merging)
            )
        }
        guard parts.count > 1 else { return parts[0].outcomes }
        return try Outcomes.outOfFold(
            Dictionary(uniqueKeysWithValues: parts.map { ($0.fold ?? 0, $0.outcomes) }))
    }
}
