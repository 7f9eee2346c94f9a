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

    /// Means over all classes and over many, medium and few, each with the number of classes averaged; beside them the
    /// mean over the fixed set of classes with its interval.
    public func summary() -> TextTable {
        let interval = result.bootstrap.map { "Fixed set [\(Figures.shortest(100 * $0.level)) %]" } ?? "Fixed set"
        var table = TextTable(["Measure", "Over", "Mean", "Classes", interval, "Classes of it"])
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
        }
        table.rules.insert(table.rows.count)
        table.append(
            .text("calibration error"), .text("all"), .number(result.calibrationError), .text(""), .text(""), .text(""))
        return table
    }

    /// One row a class, from frequent to rare where training counts are known.
    ///
    /// - Parameter isFull: with thresholds, sensitivity, F1 and calibration; otherwise what fits a terminal.
    public func classes(isFull: Bool = false) -> TextTable {
        var columns = ["Class", "Train", "Positive", "AP", "AUC"]
        let sensitivity = "Sensitivity at \(Figures.shortest(result.specificity))"
        if isFull {
            columns += ["Patients", sensitivity, "Threshold", "Precision", "Recall", "F1", "Calibration error"]
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
                    .number(entry.precision), .number(entry.recall), .number(entry.f1), .number(entry.calibrationError),
                ]
            }
            table.rows.append(row)
        }
        return table
    }

    /// How to read the tables: what intervals are about and how they were made, a sentence a line.
    public func notes() -> [String] {
        var notes = [
            "\(Figures.count(result.images)) images of \(Figures.count(result.patients)) known patients; a class without "
                + "positive images is undefined (\(Figures.undefined)) and left out of every mean."
        ]
        if let bootstrap = result.bootstrap {
            notes.append(
                "Intervals: \(Figures.count(bootstrap.rounds)) bootstrap rounds over \(Figures.count(bootstrap.units)) "
                    + "patients; means over the fixed set of \(bootstrap.fixedSet.count) classes with at least "
                    + "\(bootstrap.minimumPositivePatients) positive patients; \(bootstrap.redraws) rounds redrawn.")
        }
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
                .text("\(mean.classes) of \(part.classes)"), .estimate(ReportedValue(mean.fixedSet)),
                mean.fixedSet.map { .count($0.classes) } ?? .text(""))
        }
    }
}
