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

    /// Means over all classes and over many, medium and few, and the difference over the fixed set.
    public func summary() -> TextTable {
        var table = TextTable(
            ["Measure", "Over", reference, candidate, "Classes", "Difference" + level, "Classes of it", "p"])
        add("mAP", \.averagePrecision, to: &table)
        add("mAUC", \.rocAUC, to: &table)
        if result.groups.all.withinFoldAveragePrecision != nil {
            add("mAP within folds", \.withinFoldAveragePrecision, to: &table)
            add("mAUC within folds", \.withinFoldROCAUC, to: &table)
        }
        return table
    }

    /// One row a class: average precision under both and, for the classes of the fixed set, the difference with its
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
        guard let bootstrap = result.bootstrap else {
            return ["No bootstrap was made, so no difference is given."]
        }
        return [
            "Differences are \(candidate) minus \(reference), over the fixed set of \(bootstrap.fixedSet.count) classes with "
                + "at least \(bootstrap.minimumPositivePatients) positive patients (paired bootstrap, "
                + "\(Figures.count(bootstrap.rounds)) rounds over \(Figures.count(bootstrap.units)) patients). For other "
                + "classes one photograph decides too much: none is given."
        ]
    }

    private var level: String {
        result.bootstrap.map { " [\(Figures.shortest(100 * $0.level)) %]" } ?? ""
    }

    private func add(_ measure: String, _ path: (GroupDifference) -> MeanDifference?, to table: inout TextTable) {
        if !table.rows.isEmpty { table.rules.insert(table.rows.count) }
        for (label, group) in EvaluationTables.parts {
            guard let part = result.groups[group], let mean = path(part) else { continue }
            let fixed = mean.fixedSet
            let shown = ReportedValue(fixed?.difference, low: fixed?.interval.low, high: fixed?.interval.high)
            table.append(
                .text(group == nil ? measure : ""), .text(label), .number(mean.reference), .number(mean.candidate),
                .text("\(mean.classes) of \(part.classes)"), fixed == nil ? .text("") : .difference(shown),
                fixed.map { .count($0.classes) } ?? .text(""), fixed.map { .number($0.pValue) } ?? .text(""))
        }
    }
}
