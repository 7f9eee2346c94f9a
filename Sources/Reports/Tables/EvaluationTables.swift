import Basics
import Evaluation

extension ReportedValue {
    /// The metric of one class.
    public init(_ estimate: Estimate) {
        self.init(estimate.value, low: estimate.interval?.low, high: estimate.interval?.high)
    }

    /// A mean over the fixed set of classes; undefined for nil.
    public init(_ mean: FixedSetMean?) {
        self.init(mean?.mean, low: mean?.interval.low, high: mean?.interval.high)
    }

    /// A difference of means over the fixed set of classes.
    public init(_ difference: FixedSetDifference) {
        self.init(difference.difference, low: difference.interval.low, high: difference.interval.high)
    }
}

extension MeanEstimate {
    /// The mean over all classes that define it, with an interval where that is over the same classes.
    var overAll: ReportedValue {
        fixedSet?.classes == classes ? ReportedValue(fixedSet) : ReportedValue(mean)
    }

    /// What the mean is over, of so many classes, and what its interval is over.
    func words(of total: Int) -> String {
        let all =
            classes == total
            ? (total == 1 ? "the one class" : "all \(total) classes")
            : "the \(classes) of \(Pluralization.count(total, "class", "classes")) that can be measured"
        guard let fixedSet else { return "mean over \(all), without an interval" }
        let value = ReportedValue(fixedSet)
        return fixedSet.classes == classes
            ? "\(value.range()), mean over \(all)"
            : "mean over \(all). Only \(fixedSet.classes) of them "
                + (fixedSet.classes == 1 ? "has" : "have")
                + " enough positive patients for an interval: over these alone \(NumberFormat.interval(value))"
    }
}

extension ReportedValue {
    /// The brackets of the interval.
    func range(isSigned: Bool = false) -> String {
        let whole = NumberFormat.interval(self, isSigned: isSigned)
        return String(whole[(whole.firstIndex(of: "[") ?? whole.startIndex)...])
    }
}

extension BootstrapSummary {
    /// What the means with interval are over, in words.
    var fixedSetWords: String {
        "the fixed set of \(Pluralization.count(fixedSet.count, "class", "classes")) with at least "
            + Pluralization.count(minimumPositivePatients, "positive patient")
            + (lost.map { " (but not \(Pluralization.listing($0)): too few patients for every draw)" } ?? "")
    }

    /// What was drawn from, in words: images of unknown patients are drawn singly and are not patients.
    var drawnFrom: String {
        let known = NumberFormat.count(patients, "patient")
        let single = NumberFormat.count(units - patients, "image")
        if units == patients { return known }
        return patients == 0 ? "\(single) whose patients are unknown" : "\(known) and \(single) of unknown patients"
    }
}

/// An evaluation as tables.
public struct EvaluationTables: Sendable {
    /// What was measured.
    public var result: EvaluationResult
    /// Names for people, by the class's name in the table; classes without one keep theirs.
    public var names: [String: String]

    /// Prepares the tables of an evaluation.
    public init(_ result: EvaluationResult, names: [String: String] = [:]) {
        self.result = result
        self.names = names
    }

    /// mAP and mAUC, and over which classes, in a sentence: what cards, terminal and model card have in front.
    public var headline: String {
        let all = result.groups.all
        return [("mAP", all.averagePrecision), ("mAUC", all.rocAUC)].map { name, mean in
            let words = mean.words(of: all.classes)
            return "\(name) \(NumberFormat.fixed(mean.mean))" + (words.hasPrefix("[") ? " " : ", ") + words + "."
        }.joined(separator: " ")
    }

    /// Means over all classes and over many, medium and few, each with the number of classes averaged; beside them, where a
    /// bootstrap was made, the number of classes with interval (the fixed set) and the mean over these.
    public func summary() -> TextTable {
        var columns = ["Measure", "Over", "Mean", "Classes"]
        if let bootstrap = result.bootstrap {
            columns += ["With interval", "Their mean [\(NumberFormat.shortest(100 * bootstrap.level)) %]"]
        }
        var table = TextTable(columns)
        add("mAP", \.averagePrecision, to: &table)
        add("mAUC", \.rocAUC, to: &table)
        if result.groups.all.withinFoldAveragePrecision != nil {
            add("mAP within folds", \.withinFoldAveragePrecision, to: &table)
            add("mAUC within folds", \.withinFoldROCAUC, to: &table)
        }
        if result.macroF1.classes > 0 || result.microF1 != nil {
            table.rules.insert(table.rows.count)
            for (label, group) in Self.parts {
                guard let part = result.groups[group] else { continue }
                table.append(
                    .text(group == nil ? "macro F1" : ""), .text(label), .number(part.f1.mean),
                    .text("\(part.f1.classes) of \(part.classes)"), .text(""), .text(""))
            }
            table.append(.text("micro F1"), .text("all"), .number(result.microF1), .text(""), .text(""), .text(""))
            table.append(
                .text("micro kappa"), .text("all"), .number(result.microKappa), .text(""), .text(""), .text(""))
        }
        table.rules.insert(table.rows.count)
        table.append(
            .text("pooled ECE"), .text("all"), .number(result.calibrationError), .text(""), .text(""), .text(""))
        return table
    }

    /// What out-of-fold predictions are measured by.
    static let foldNote =
        "Out of fold: mAP and mAUC are of ranks within folds, since scores of different models cannot be compared; "
        + "\"within folds\" are means over the folds. F1 and ECE use the scores as they are."

    /// One row per class, from frequent to rare where training counts are known.
    ///
    /// - Parameter isFull: with thresholds, sensitivity, F1 and calibration; otherwise what fits a terminal.
    public func classes(isFull: Bool = false) -> TextTable {
        var columns = ["Class", "Train", "Positive", "AP", "AUC"]
        let sensitivity = "Sensitivity at \(NumberFormat.shortest(result.specificity))"
        if isFull {
            columns += [
                "Patients", sensitivity, "Threshold", "Precision", "Recall", "F1", "Kappa", "ECE",
            ]
        }
        var table = TextTable(columns)
        var previous: ShotGroup??
        for entry in sorted {
            if let previous, previous != entry.group { table.rules.insert(table.rows.count) }
            previous = .some(entry.group)
            var row: [TextTable.Cell] = [
                .text(names[entry.name] ?? entry.name), .count(entry.trainingImages), .count(entry.positives),
                .estimate(ReportedValue(entry.averagePrecision)), .estimate(ReportedValue(entry.rocAUC)),
            ]
            if isFull {
                row += [
                    .count(entry.positivePatients), .number(entry.sensitivityAtSpecificity), .number(entry.threshold),
                    .number(entry.precision), .number(entry.recall), .number(entry.f1), .number(entry.kappa),
                    .number(entry.calibrationError),
                ]
            }
            table.rows.append(row)
        }
        return table
    }

    /// How to read the tables: what intervals are about and how they were made, a sentence a line.
    public func notes() -> [String] {
        var notes = [
            "\(NumberFormat.count(result.images, "image")) "
                + (result.patients == 0
                    ? "whose patients are unknown" : "of \(NumberFormat.count(result.patients, "known patient"))")
                + "; a class without positive images is undefined (\(NumberFormat.undefined)) and left out of every mean."
        ]
        if let bootstrap = result.bootstrap {
            notes.append(
                "Means are over all classes that can be measured. Intervals (\(NumberFormat.count(bootstrap.rounds)) bootstrap "
                    + "rounds over \(bootstrap.drawnFrom)) are over \(bootstrap.fixedSetWords), and \"their mean\" is of "
                    + "these alone; \(Pluralization.count(bootstrap.redraws, "round")) redrawn.")
        }
        if result.seeds > 1 {
            notes.append(
                "Every value is the mean over \(result.seeds) models, one per seed"
                    + (result.bootstrap == nil ? "." : "; each round draws among them too."))
        }
        if result.pooling == .foldRanks { notes.append(Self.foldNote) }
        return notes
    }

    private var sorted: [ClassResult] {
        result.classes.enumerated().sorted { one, other in
            (other.element.trainingImages ?? 0, one.offset) < (one.element.trainingImages ?? 0, other.offset)
        }.map(\.element)
    }

    static let parts: [(label: String, group: ShotGroup?)] = [
        ("all", nil), ("many", .many), ("medium", .medium), ("few", .few),
    ]

    private func add(_ measure: String, _ path: (GroupResult) -> MeanEstimate?, to table: inout TextTable) {
        if !table.rows.isEmpty { table.rules.insert(table.rows.count) }
        for (label, group) in Self.parts {
            guard let part = result.groups[group], let mean = path(part) else { continue }
            table.append(
                .text(group == nil ? measure : ""), .text(label), .number(mean.mean),
                .text("\(mean.classes) of \(part.classes)"),
                result.bootstrap == nil ? .text("") : .text("\(mean.fixedSet?.classes ?? 0) of \(part.classes)"),
                .estimate(ReportedValue(mean.fixedSet)))
        }
    }
}
