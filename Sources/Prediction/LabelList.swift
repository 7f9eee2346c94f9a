import Basics
import Cohorts
import Foundation

/// Rows of a label table, by the values of a column: "fold=0", "fold=1,2", "split!=train".
public struct RowFilter: Sendable, Equatable {
    /// The column, in upper or lower case.
    public let column: String
    /// The values, as written.
    public let value: String
    /// Whether rows with one of the values are left out rather than kept.
    public let isNegated: Bool

    /// As it is written: "fold!=0".
    var words: String { column + (isNegated ? "!=" : "=") + value }

    /// Reads "COLUMN=VALUE" or "COLUMN!=VALUE", or either with several values, "VALUE,VALUE"; nil for anything else.
    public init?(_ text: String) {
        let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2, var column = sides.first else { return nil }
        isNegated = column.hasSuffix("!")
        if isNegated { column = column.dropLast() }
        guard !column.isEmpty else { return nil }
        self.column = String(column)
        value = String(sides[1])
    }

    /// The values: a single one that has commas itself where the column holds it, otherwise those between the commas.
    func values(among found: Set<String>) -> [String] {
        if found.contains(value) { return [value] }
        return value.split(separator: ",", omittingEmptySubsequences: false).map {
            $0.trimmingCharacters(in: .whitespaces)
        }
    }
}

/// Labels without photographs: what is needed to evaluate the predictions of any program.
enum LabelList {
    /// Reads a label table.
    ///
    /// - Parameters:
    ///   - classes: the columns to read; the table may have more.
    ///   - filter: the rows to read; nil for all.
    /// - Throws: `FoveaError` of kind `data` that names file, line and column.
    static func read(_ path: String, classes: [String], filter: RowFilter? = nil) throws -> Cohort {
        let read = try CSVTable(path: path)
        // A class that no image of the table has is a class nevertheless.
        let isNamed = try !read.namedClasses().isDisjoint(with: classes)
        let table = try read.expandingClassNames(including: isNamed ? Set(classes) : [])?.table ?? read
        let names = try ImageNames.read(table, column: table.imageColumn())
        let columns = try classes.map { name in
            guard let column = table.column(name) else {
                throw FoveaError(
                    .data, about: path, "has no column for the class \"\(name)\" of the predictions",
                    remedy: FoveaError.suggestion(for: name, among: table.header))
            }
            return column
        }
        func known(_ name: String) -> Int? {
            guard !classes.contains(where: { $0.lowercased() == name }) else { return nil }
            return table.header.firstIndex { $0.lowercased() == name }
        }
        func text(_ row: Int, _ column: Int?) throws -> String? {
            guard let column else { return nil }
            let cell = try table.requireShortText(row: row, column: column)
            return cell.isEmpty ? nil : cell
        }
        let rows = try kept(table, filter)
        let (patient, fold) = (known("patient"), known("fold"))
        return try Cohort(
            classes: classes,
            photographs: try rows.map { row in
                Photograph(
                    image: names[row], path: "", patient: try text(row, patient),
                    fold: try text(row, fold).flatMap(Photograph.fold))
            },
            labels: rows.flatMap { row in try columns.map { try table.requireLabel(row: row, column: $0) } },
            source: path, tables: [SourceFile(path: path, sha256: table.sha256)])
    }

    private static func kept(_ table: CSVTable, _ filter: RowFilter?) throws -> [Int] {
        let rows = Array(0..<table.rowCount)
        guard let filter else { return rows }
        guard let column = table.header.firstIndex(where: { $0.lowercased() == filter.column.lowercased() }) else {
            throw FoveaError(
                .configuration, about: table.path, "has no column \"\(filter.column)\" to choose rows by",
                remedy: FoveaError.suggestion(for: filter.column, among: table.header))
        }
        let cells = rows.map { table[$0, column].trimmingCharacters(in: .whitespaces) }
        let found = Set(cells)
        let values = filter.values(among: found)
        let kept = rows.filter { values.contains(cells[$0]) != filter.isNegated }
        // Other columns may have values that differ in case only.
        if filter.column.lowercased() == "split",
            let near = NearWord.first(of: found, near: values.filter(found.contains))
        {
            throw FoveaError(
                .data, at: FilePlace(table.path),
                "some rows have \(filter.column) \"\(near.word)\", which is nearly \"\(near.named)\"",
                remedy: "Correct the cells, or name both, with a comma between them.")
        }
        // One value of several that no row has is a slip of the pen too.
        let missing = filter.isNegated ? nil : values.first { !found.contains($0) }
        guard !kept.isEmpty, missing == nil else {
            throw FoveaError(
                .configuration, at: FilePlace(table.path),
                "no row has \(filter.column) \(filter.isNegated ? "other than" : "equal to") "
                    + "\"\(missing ?? filter.value)\"",
                remedy: "The column holds: \(Pluralization.listing(found.sorted())).")
        }
        return kept
    }
}
