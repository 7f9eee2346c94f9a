import Basics
import Cohorts
import ConfigurationFile
import Distillation
import Foundation
import FundusImaging
import RunFiles
import Runs
import Settings
import Torch

/// Makes the cells of one data set.
struct ComparisonCellBuilder {
    let comparison: ComparisonSettings
    let dataset: ComparedDataset

    /// The settings of the technique alone.
    func settings(technique: ComparedTechnique, fold: Int?, seed: Int) throws -> RunSettings {
        var given = dataset.settings + comparison.settings + technique.settings
        if let fold { given.append("data.split.validation_folds=[\(fold)]") }
        if !dataset.excludedFolds.isEmpty {
            given.append("data.split.excluded_folds=[\(dataset.excludedFolds.map(String.init).joined(separator: ","))]")
        }
        var run: RunSettings
        do {
            run = try RunConfiguration(file: dataset.configuration, settings: given).settings
        } catch var error as FoveaError {
            error.message = "\(dataset.name), \(technique.name): " + error.message
            throw error
        }
        if fold != nil, run.data.split.method == .column {
            throw FoveaError(
                .configuration, "\(dataset.name) has folds, but \(dataset.configuration) splits by a column",
                remedy: "Set data.split.method to fold or make, or leave folds out.")
        }
        run.seed = seed
        // All seeds are evaluated on the same folds.
        run.data.split.seed = run.data.split.seed ?? 0
        // One bootstrap is made over all cells.
        run.evaluation.bootstrap = 0
        run.stages = comparison.stages ?? PathName.joined(comparison.output, "stages")
        return run
    }

    func cells(of known: ComparisonPlan.Dataset) throws -> [ComparisonCell] {
        var cells: [ComparisonCell] = []
        // Networks that techniques share are made once, with their weights.
        var sizes: [String: NetworkSize] = [:]
        var weights: [String: PretrainedWeights] = [:]
        var unreadable: [String: Set<Int>] = [:]
        let contents = ContentHashes(
            known: known.cohort, try settings(technique: comparison.techniques[0], fold: dataset.folds.first, seed: 0))
        for seed in comparison.seeds {
            for (fold, split) in known.splits {
                let unit = ComparisonUnit(dataset: dataset.name, fold: fold, seed: seed)
                let first = try settings(technique: comparison.techniques[0], fold: fold, seed: seed)
                for technique in comparison.techniques {
                    let base = try settings(technique: technique, fold: fold, seed: seed)
                    // All techniques are evaluated on the same images and labels.
                    guard base.data == first.data else {
                        throw FoveaError(
                            .configuration,
                            "\(dataset.name), \(technique.name): its data are others than those of "
                                + comparison.techniques[0].name,
                            remedy: "Put what concerns `data` into the `set` of the data set.")
                    }
                    for arm in arms {
                        do {
                            let network = "\(base.model) \(base.image)"
                            let size = try sizes[network] ?? NetworkSize(base, classes: known.cohort.classes)
                            sizes[network] = size
                            if weights[network] == nil { weights[network] = try PretrainedWeights(base.model) }
                            let rows = unreadable[network] ?? base.knownUnreadable(in: known.cohort)
                            unreadable[network] = rows
                            let source = CellSource(
                                dataset: known, split: split,
                                expectedSplit: try split.training(without: rows, of: known.cohort),
                                contents: contents, weights: weights[network], size: size)
                            cells.append(try cell(unit, technique, arm, base, source))
                        } catch var error as FoveaError {
                            error.message = "\(dataset.name), \(technique.name), \(arm.label): " + error.message
                            throw error
                        }
                    }
                }
            }
        }
        return cells
    }

    /// The shuffle of a grouping. Parts made of counts alone stay: exchanging classes within shot groups changes none.
    private static func shuffled(_ grouping: String) -> String {
        let terms = Grouping.terms(grouping)
        let isFixed = terms.map { $0 == "shot" }
        guard isFixed.contains(false) else { return "random:" + grouping }
        return zip(terms, isFixed).map { $1 ? $0 : "random:" + $0 }.joined(separator: "+")
    }

    /// The arms, shuffles counted out.
    private var arms: [ComparisonArm] {
        // In this order later arms find most of what they need.
        ComparisonSettings.Arm.allCases.filter(comparison.arms.contains).flatMap { arm -> [ComparisonArm] in
            switch arm {
            case .plain: [.plain]
            case .ladder: comparison.ladder.map { .ladder($0) }
            case .plainLong: [.plainLong]
            case .bestLong: [.bestLong]
            case .committee: comparison.groupings.map { .committee($0) }
            case .single: comparison.groupings.map { .single($0) }
            case .wrongWindows: comparison.groupings.map { .wrongWindows($0) }
            case .untaught: comparison.groupings.map { .untaught($0) }
            case .rskd: comparison.groupings.map { .rskd($0) }
            case .random:
                comparison.groupings.flatMap { grouping in
                    (0..<comparison.randomDraws).map { .random(grouping, draw: $0) }
                }
            case .ensemble: comparison.groupings.map { .ensemble($0) }
            }
        }
    }

    private func cell(
        _ unit: ComparisonUnit, _ technique: ComparedTechnique, _ arm: ComparisonArm, _ base: RunSettings,
        _ source: CellSource
    ) throws -> ComparisonCell {
        func distilled(by grouping: String, draw: Int? = nil) -> RunSettings {
            var run = base
            var distillation = base.distillation ?? DistillationSettings()
            distillation.grouping = grouping
            distillation.groupingSeed = draw
            run.distillation = distillation
            return run
        }
        func committee(of grouping: String) -> RunSettings {
            var run = distilled(by: grouping)
            run.distillation?.student = .none
            return run
        }
        /// As many teachers of all classes as a grouping has.
        func single(_ grouping: String) throws -> String {
            let teachers = try SubsetPlan.expected(
                distilled(by: grouping).distillation ?? DistillationSettings(), base, cohort: source.dataset.cohort,
                attributes: source.dataset.attributes, rows: source.split.training
            ).tasks.count
            return "single*\(teachers)"
        }
        var run: RunSettings
        switch arm {
        case .plain, .ladder:
            run = base
            run.distillation = nil
            // As many different views as students of the other arms see.
            run.augmentation.views = distilled(by: comparison.groupings[0]).plainViews ?? run.augmentation.views
            if case .ladder(let side) = arm { run.image.resolution = side }
        case .plainLong:
            let whole = try source.plan(distilled(by: comparison.groupings[0]))
            run = base
            run.distillation = nil
            // A second stage is not made longer.
            let alone = try source.plan(run)
            let first = alone.stages.first?.work.total ?? 1
            let epochs = Double(base.training.epochs) * (whole.work - (alone.work - first)) / max(1, first)
            let allowed = 10_000
            // Compared before the conversion to Int, which traps on numbers that are too large.
            guard epochs < Double(allowed) + 0.5 else {
                throw FoveaError(
                    .configuration,
                    "the work of the RSKD run would be \(String(format: "%.0f", epochs)) epochs of the plain model",
                    remedy: "At most \(allowed) can be run: lower training.epochs, or leave `plain_long` out.")
            }
            run.training.epochs = max(base.training.epochs, Int(epochs.rounded()))
        case .bestLong:
            run = base
            run.distillation = nil
            run.training.candidates = TrainingCandidate.standard(epochs: base.training.epochs)
        case .rskd(let grouping): run = distilled(by: grouping)
        case .random(let grouping, let draw):
            run = distilled(by: Self.shuffled(grouping), draw: draw)
        case .ensemble(let grouping):
            run = distilled(by: try single(grouping))
            run.regions = nil
        case .committee(let grouping): run = committee(of: grouping)
        case .single(let grouping):
            run = committee(of: try single(grouping))
            run.regions = nil
        case .wrongWindows(let grouping):
            run = committee(of: grouping)
            guard let regions = base.regions else {
                throw FoveaError(
                    .configuration, "the arm wrong_windows needs regions with windows, and regions is null",
                    remedy: "Set regions, such as regions={others: skip}, or leave wrong_windows out.")
            }
            run.regions = regions.wrong
        case .untaught(let grouping):
            run = distilled(by: grouping)
            run.distillation?.lambda = 0
            run.distillation?.featureLambda = 0
        }
        run.output =
            PathName.joined(comparison.output, unit.path, technique.name, arm.fileName)
        return try ComparisonCell(unit: unit, technique: technique.name, arm: arm, settings: run, source: source)
    }
}

/// What the plans of the cells of a unit are made of.
struct CellSource {
    let dataset: ComparisonPlan.Dataset
    let split: Split
    /// The same without the training images that the cache knows as unreadable. Settings of a cell never follow from it: they
    /// would change as images are decoded.
    let expectedSplit: Split
    let contents: ContentHashes
    let weights: PretrainedWeights?
    let size: NetworkSize

    func plan(_ run: RunSettings, split: Split? = nil) throws -> RunPlan {
        try RunPlanner(
            run, cohort: dataset.cohort, attributes: dataset.attributes, split: split ?? self.split, contents: contents,
            weights: weights, device: .best
        ).plan()
    }
}
