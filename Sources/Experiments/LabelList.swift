import Basics
import Cohorts
import Foundation

/// Rows of a label table, by the value of a column: "fold=0", "split!=train".
public struct RowFilter: Sendable, Equatable {
    /// The column, in upper or lower case.
    public let column: String
    /// The value.
    public let value: String
    /// Whether rows with this value are left out rather than kept.
    public let isNegated: Bool

    /// Reads "COLUMN=VALUE" or "COLUMN!=VALUE"; nil for anything else.
    public init?(_ text: String) {
        let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2, var column = sides.first else { return nil }
        isNegated = column.hasSuffix("!")
        if isNegated { column = column.dropLast() }
        guard !column.isEmpty else { return nil }
        self.column = String(column)
        value = String(sides[1])
    }
}

/// Labels without photographs: what is needed to judge the predictions of any program.
enum LabelList {
    /// Reads a label table.
    ///
    /// - Parameters:
    ///   - classes: the columns to read; the table may have more.
    ///   - filter: the rows to read; nil for all.
    /// - Throws: `FoveaError` of kind `data` that names file, line and column.
    static func read(_ path: String, classes: [String], filter: RowFilter? = nil) throws -> Cohort {
        let table = try CSVTable(path: path)
        let image = try ImageColumn.find(in: table)
        let names = try ImageColumn.names(in: table, column: image)
        let columns = try classes.map { name in
            guard let column = table.column(name) else {
                throw FoveaError(
                    .data, "\(path) has no column for the class \"\(name)\" of the predictions",
                    remedy: FoveaError.suggestion(for: name, among: table.header))
            }
            return column
        }
        func known(_ name: String) -> Int? {
            guard !classes.contains(where: { $0.lowercased() == name }) else { return nil }
            return table.header.firstIndex { $0.lowercased() == name }
        }
        func text(_ row: Int, _ column: Int?) -> String? {
            guard let column else { return nil }
            let cell = table[row, column].trimmingCharacters(in: .whitespaces)
            return cell.isEmpty ? nil : cell
        }
        let rows = try kept(table, filter)
        let (patient, fold) = (known("patient"), known("fold"))
        return try Cohort(
            classes: classes,
            photographs: rows.map { row in
                Photograph(
                    image: names[row], path: "", patient: text(row, patient), fold: text(row, fold).flatMap { Int($0) })
            },
            labels: rows.flatMap { row in try columns.map { try label(row, $0, of: table) } }, source: path)
    }

    private static func kept(_ table: CSVTable, _ filter: RowFilter?) throws -> [Int] {
        let rows = Array(0..<table.rowCount)
        guard let filter else { return rows }
        guard let column = table.header.firstIndex(where: { $0.lowercased() == filter.column.lowercased() }) else {
            throw FoveaError(
                .configuration, "\(table.path) has no column \"\(filter.column)\" to choose rows by",
                remedy: FoveaError.suggestion(for: filter.column, among: table.header))
        }
        let kept = rows.filter { row in
            (table[row, column].trimmingCharacters(in: .whitespaces) == filter.value) != filter.isNegated
        }
        guard !kept.isEmpty else {
            let values = Set(rows.map { table[$0, column] }).sorted()
            throw FoveaError(
                .configuration,
                "\(table.path): no row has \(filter.column) \(filter.isNegated ? "other than" : "equal to") "
                    + "\"\(filter.value)\"", remedy: "The column holds: \(PredictionTable.listing(values)).")
        }
        return kept
    }

    private static func label(_ row: Int, _ column: Int, of table: CSVTable) throws -> Int8 {
        switch table[row, column].trimmingCharacters(in: .whitespaces) {
        case "": return -1
        case "0": return 0
        case "1": return 1
        default:
            throw FoveaError(
                .data,
                "\(table.place(row: row, column: column)): found \"\(table[row, column])\"; allowed are 0, 1 and an "
                    + "empty cell (unknown)", remedy: "Correct the cell.")
        }
    }
}
