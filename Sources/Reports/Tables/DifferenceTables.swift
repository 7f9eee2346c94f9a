import Basics
import Evaluation

/// A paired comparison as tables: candidate minus reference on the same images.
///
/// A difference carries a sign and an interval only where the method allows it (METHOD.md, section 7): for means over
/// the fixed set and for its classes. Elsewhere both values are shown and the difference is left open.
public struct DifferenceTables: Sendable {
    /// What was compared.
    public var result: PairedResult
    /// The candidate's name, such as "BCE + RSKD(region)".
    public var candidate: String
    /// The reference's name, such as "plain".
    public var reference: String
    /// Names for people, by the class's name in the table.
    public var names: [String: String]

    /// Prepares the tables of a comparison.
    public init(_ result: PairedResult, candidate: String, reference: String, names: [String: String] = [:]) {
        self.result = result
        self.candidate = candidate
        self.reference = reference
        self.names = names
    }

    /// Means over all classes and over many, medium and few: first those over the classes with interval (the fixed set)
    /// with their differences, then, apart, those over all classes that define the measure. The numbers of a row are all
    /// over the classes that the row counts.
    public func summary() -> TextTable {
        var measures: [(name: String, mean: (GroupDifference) -> MeanDifference?)] = [
            ("mAP", { $0.averagePrecision }), ("mAUC", { $0.rocAUC }),
        ]
        if result.groups.all.withinFoldAveragePrecision != nil {
            measures.append(("mAP within folds", { $0.withinFoldAveragePrecision }))
            measures.append(("mAUC within folds", { $0.withinFoldROCAUC }))
        }
        var table = TextTable(["Measure", "Over", "Classes", reference, candidate, "Difference" + level, "p"])
        if result.bootstrap != nil {
            for measure in measures {
                add(measure.name + " with interval", measure.mean, to: &table) { mean, count in
                    guard let fixed = mean.fixedSet else {
                        return [.text("0 of \(count)"), .number(nil), .number(nil), .text(""), .text("")]
                    }
                    return [
                        .text("\(fixed.classes) of \(count)"), .number(fixed.reference), .number(fixed.candidate),
                        .difference(ReportedValue(fixed)), .number(fixed.pValue),
                    ]
                }
            }
        }
        for measure in measures {
            add(measure.name + ", all classes", measure.mean, to: &table) { mean, count in
                [
                    .text("\(mean.classes) of \(count)"), .number(mean.reference), .number(mean.candidate), .text(""),
                    .text(""),
                ]
            }
        }
        return table
    }

    /// One row per class: average precision under both and, for the classes of the fixed set, the difference with its
    /// interval and its p-value after Holm's correction.
    public func classes() -> TextTable {
        var table = TextTable([
            "Class", "Group", "Patients", reference, candidate, "Difference in AP" + level, "p (Holm)",
        ])
        for entry in result.classes {
            let value = entry.averagePrecision
            let shown = ReportedValue(value.difference, low: value.interval?.low, high: value.interval?.high)
            let mayClaim = shown.interval != nil
            table.append(
                .text(names[entry.name] ?? entry.name), .text(entry.group?.rawValue ?? ""),
                .count(entry.positivePatients), .number(value.reference), .number(value.candidate),
                mayClaim ? .difference(shown) : .text(""), mayClaim ? .number(value.holmPValue) : .text(""))
        }
        return table
    }

    /// How to read the tables, a sentence a line.
    public func notes() -> [String] {
        var notes: [String] = []
        if let bootstrap = result.bootstrap {
            notes.append(
                "Differences are \(candidate) minus \(reference); they, and the means with interval, are over "
                    + "\(bootstrap.fixedSetWords) (paired bootstrap, "
                    + "\(NumberFormat.count(bootstrap.rounds)) rounds over \(bootstrap.drawnFrom)). For other classes one "
                    + "photograph decides too much: none is given. p is that of no difference, two-sided; p (Holm) is corrected "
                    + "for the number of classes that are compared, by Holm's method, and is the one to judge a class by."
            )
        } else {
            notes.append("No bootstrap was made, so no difference is given.")
        }
        if result.candidateSeeds > 1 || result.referenceSeeds > 1 {
            notes.append(
                "Values are means over several models, one per seed: \(result.candidateSeeds) of \(candidate), "
                    + "\(result.referenceSeeds) of \(reference)"
                    + (result.bootstrap == nil ? "." : "; each round draws among them too."))
        }
        if result.pooling == .foldRanks { notes.append(EvaluationTables.foldNote) }
        return notes
    }

    private var level: String {
        result.bootstrap.map { " [\(NumberFormat.shortest(100 * $0.level)) %]" } ?? ""
    }

    private func add(
        _ title: String, _ path: (GroupDifference) -> MeanDifference?, to table: inout TextTable,
        cells: (_ mean: MeanDifference, _ classes: Int) -> [TextTable.Cell]
    ) {
        if !table.rows.isEmpty { table.rules.insert(table.rows.count) }
        for (label, group) in EvaluationTables.parts {
            guard let part = result.groups[group], let mean = path(part) else { continue }
            table.rows.append([.text(group == nil ? title : ""), .text(label)] + cells(mean, part.classes))
        }
    }
}
