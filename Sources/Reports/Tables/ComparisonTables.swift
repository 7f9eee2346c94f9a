import Basics
import Evaluation

/// Many techniques and arms as tables: means of each arm, differences, costs.
public struct ComparisonTables: Sendable {
    /// An arm of a technique on a data set.
    public struct Arm: Sendable {
        /// The data set.
        public var dataset: String
        /// The technique.
        public var technique: String
        /// The arm, such as "plain" or "RSKD(region)".
        public var name: String
        /// Its metrics of ranking, over all seeds and folds.
        public var result: EvaluationResult
        /// Means over its runs of what depends on thresholds and probabilities; nil where a run has none.
        public var macroF1: Double?
        /// F1 of all cells counted together.
        public var microF1: Double?
        /// Expected calibration error.
        public var calibrationError: Double?
        /// Mean cost of a run.
        public var cost: Cost

        /// Describes an arm.
        public init(
            dataset: String, technique: String, name: String, result: EvaluationResult, macroF1: Double?,
            microF1: Double?, calibrationError: Double?, cost: Cost
        ) {
            self.dataset = dataset
            self.technique = technique
            self.name = name
            self.result = result
            self.macroF1 = macroF1
            self.microF1 = microF1
            self.calibrationError = calibrationError
            self.cost = cost
        }
    }

    /// What a run cost, all of its stages together.
    public struct Cost: Sendable {
        /// Seconds of training and of evaluating teachers.
        public var seconds: Double
        /// Images that passed forward and backward.
        public var images: Double
        /// Images that passed forward only.
        public var views: Double
        /// Multiply-adds of all of it, where a backward pass takes twice those of a forward one; nil where a run does not know.
        public var multiplyAdds: Double?
        /// Those of one prediction of its model.
        public var predictionMultiplyAdds: Double?

        /// A cost.
        public init(
            seconds: Double, images: Double, views: Double, multiplyAdds: Double? = nil,
            predictionMultiplyAdds: Double? = nil
        ) {
            self.seconds = seconds
            self.images = images
            self.views = views
            self.multiplyAdds = multiplyAdds
            self.predictionMultiplyAdds = predictionMultiplyAdds
        }

        /// In images trained on.
        public var work: Double { CostTable.work(images: images, views: views) }
    }

    /// A difference between two arms.
    public struct Contrast: Sendable {
        /// The data set.
        public var dataset: String
        /// The technique.
        public var technique: String
        /// The arm in question.
        public var candidate: String
        /// What it is compared with.
        public var reference: String
        /// Candidate minus reference.
        public var result: PairedResult
        /// The p-value of mAP over all classes, corrected for the number of techniques.
        public var holmPValue: Double?
        /// Whether it is compared with a plain model that was trained for as long as all stages of the candidate.
        public var isOfEqualCompute: Bool

        /// Describes a difference.
        public init(
            dataset: String, technique: String, candidate: String, reference: String, result: PairedResult,
            holmPValue: Double?, isOfEqualCompute: Bool = false
        ) {
            self.dataset = dataset
            self.technique = technique
            self.candidate = candidate
            self.reference = reference
            self.result = result
            self.holmPValue = holmPValue
            self.isOfEqualCompute = isOfEqualCompute
        }

        /// Whose difference, in words.
        public var name: String { "\(candidate) minus \(reference)" }
    }

    /// The arms, plain first within each technique.
    public var arms: [Arm]
    /// The differences.
    public var contrasts: [Contrast]

    /// Prepares the tables.
    public init(arms: [Arm], contrasts: [Contrast]) {
        self.arms = arms
        self.contrasts = contrasts
    }

    /// What is of one data set.
    func only(_ dataset: String) -> ComparisonTables {
        ComparisonTables(
            arms: arms.filter { $0.dataset == dataset }, contrasts: contrasts.filter { $0.dataset == dataset })
    }

    /// Means over the fixed set, with intervals, over all classes (nil) or a part of the long tail.
    func intervals(over group: ShotGroup?) -> TextTable {
        let level = Self.level(arms.compactMap(\.result.bootstrap))
        var table = TextTable(["Data", "Technique", "Arm", "Models", "Classes", "mAP" + level, "mAUC" + level])
        for arm in arms {
            let found = arm.result.groups[group]
            mark(&table, arm.dataset, arm.technique)
            table.append(
                .text(arm.dataset), .text(arm.technique), .text(arm.name), .count(arm.result.seeds),
                .count(found?.averagePrecision.fixedSet?.classes ?? 0),
                .estimate(ReportedValue(found?.averagePrecision.fixedSet)),
                .estimate(ReportedValue(found?.rocAUC.fixedSet)))
        }
        return table
    }

    /// Means over all classes that define a measure, and over many, medium and few.
    public func means() -> TextTable {
        let parts = EvaluationTables.parts.map { $0.1 == nil ? "" : ", " + $0.0 }
        let hasFolds = arms.contains { $0.result.groups.all.withinFoldAveragePrecision != nil }
        var table = TextTable(
            ["Data", "Technique", "Arm", "Models"] + parts.map { "mAP" + $0 } + parts.map { "mAUC" + $0 }
                + (hasFolds ? ["mAP within folds"] : []))
        for arm in arms {
            let groups = EvaluationTables.parts.map { arm.result.groups[$0.1] }
            mark(&table, arm.dataset, arm.technique)
            table.rows.append(
                [.text(arm.dataset), .text(arm.technique), .text(arm.name), .count(arm.result.seeds)]
                    + groups.map { .number($0?.averagePrecision.mean) } + groups.map { .number($0?.rocAUC.mean) }
                    + (hasFolds ? [.number(arm.result.groups.all.withinFoldAveragePrecision?.mean)] : []))
        }
        return table
    }

    /// Differences over the fixed set, each with interval, p-value and the p-value corrected for the techniques.
    public func differences() -> TextTable {
        let level = Self.level(contrasts.compactMap(\.result.bootstrap))
        let hasFolds = contrasts.contains { $0.result.groups.all.withinFoldAveragePrecision != nil }
        var table = TextTable(
            ["Data", "Technique", "Difference", "Models", "Classes", "mAP" + level, "p", "p (Holm)", "mAUC" + level]
                + (hasFolds ? ["mAP within folds" + level] : []))
        for contrast in contrasts {
            let all = contrast.result.groups.all
            mark(&table, contrast.dataset, contrast.technique)
            table.rows.append(
                [
                    .text(contrast.dataset), .text(contrast.technique), .text(contrast.name),
                    .text("\(contrast.result.candidateSeeds) / \(contrast.result.referenceSeeds)"),
                    .count(all.averagePrecision.fixedSet?.classes), Self.difference(all.averagePrecision),
                    .number(all.averagePrecision.fixedSet?.pValue), .number(contrast.holmPValue),
                    Self.difference(all.rocAUC),
                ] + (hasFolds ? [all.withinFoldAveragePrecision.map(Self.difference) ?? .text("")] : []))
        }
        return table
    }

    /// The same over each part of the long tail, for those parts that have classes with enough patients.
    public func differencesByGroup() -> TextTable {
        let parts = EvaluationTables.parts.filter { $0.1 != nil }
        var table = TextTable(
            ["Data", "Technique", "Difference"]
                + parts.flatMap { ["Classes, \($0.0)", "mAP, \($0.0)", "mAUC, \($0.0)"] })
        for contrast in contrasts {
            mark(&table, contrast.dataset, contrast.technique)
            var row: [TextTable.Cell] = [
                .text(contrast.dataset), .text(contrast.technique), .text(contrast.name),
            ]
            for (_, group) in parts {
                let found = contrast.result.groups[group]
                row += [
                    .count(found?.averagePrecision.fixedSet?.classes ?? 0),
                    found.map { Self.difference($0.averagePrecision) } ?? .text(""),
                    found.map { Self.difference($0.rocAUC) } ?? .text(""),
                ]
            }
            table.rows.append(row)
        }
        return table
    }

    /// What depends on thresholds and probabilities; means over runs, each with its own thresholds.
    public func decisions() -> TextTable {
        var table = TextTable(["Data", "Technique", "Arm", "Macro F1", "Micro F1", "Pooled ECE"])
        for arm in arms {
            mark(&table, arm.dataset, arm.technique)
            table.append(
                .text(arm.dataset), .text(arm.technique), .text(arm.name), .number(arm.macroF1), .number(arm.microF1),
                .number(arm.calibrationError))
        }
        return table
    }

    /// The mean cost of a run of each arm, and how many times that of the technique's plain run it is.
    public func costs() -> TextTable {
        var table = TextTable([
            "Data", "Technique", "Arm", "Seconds", "Images trained on", "Forward only", "Work, times plain",
            "Tera multiply-adds", "Giga multiply-adds per prediction",
        ])
        for arm in arms {
            let plain = arms.first {
                $0.dataset == arm.dataset && $0.technique == arm.technique && $0.name == "plain"
            }
            mark(&table, arm.dataset, arm.technique)
            table.append(
                .text(arm.dataset), .text(arm.technique), .text(arm.name), .number(arm.cost.seconds, decimals: 0),
                .count(Int(arm.cost.images.rounded())), .count(Int(arm.cost.views.rounded())),
                .number(plain.map { arm.cost.work / max(1, $0.cost.work) }, decimals: 2),
                .number(arm.cost.multiplyAdds.map { $0 / 1e12 }, decimals: 1),
                .number(arm.cost.predictionMultiplyAdds.map { $0 / 1e9 }, decimals: 4))
        }
        return table
    }

    /// How to read the tables, a sentence a line.
    public func notes() -> [String] {
        var notes = [
            "Means are over all classes that define the measure, averaged over the models of an arm, one for each seed (and "
                + "each shuffle of a random grouping)."
        ]
        if arms.contains(where: { $0.result.pooling == .foldRanks }) { notes.append(EvaluationTables.foldNote) }
        for dataset in Set(contrasts.map(\.dataset)).sorted() {
            guard let bootstrap = contrasts.first(where: { $0.dataset == dataset })?.result.bootstrap else { continue }
            notes.append(
                "\(dataset): differences are over \(bootstrap.fixedSetWords) (paired bootstrap, "
                    + "\(NumberFormat.count(bootstrap.rounds)) rounds over \(bootstrap.drawnFrom); where arms have several "
                    + "seeds or shuffles, each round draws among them too, the same seeds for both). A difference whose interval "
                    + "holds zero is none.")
        }
        notes.append(
            "p (Holm) corrects a difference for the number of techniques that are compared. The work of a run counts all "
                + "its stages, the plain model among them; an image that passes forward only counts a third.")
        return notes
    }

    /// A rule before each technique.
    private func mark(_ table: inout TextTable, _ dataset: String, _ technique: String) {
        guard let last = table.rows.last else { return }
        if last[0] != .text(dataset) || last[1] != .text(technique) { table.rules.insert(table.rows.count) }
    }

    private static func level(_ bootstraps: [BootstrapSummary]) -> String {
        bootstraps.first.map { " [\(NumberFormat.shortest(100 * $0.level)) %]" } ?? ""
    }

    private static func difference(_ mean: MeanDifference) -> TextTable.Cell {
        mean.fixedSet.map { .difference(ReportedValue($0)) } ?? .text("")
    }
}
