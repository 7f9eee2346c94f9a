import Basics
import Foundation

/// Tables that name the class of each image in one column, as most programs for one label per image write them: they are
/// read as if they had a column of 0 and 1 for each of these classes.
extension CSVTable {
    /// What such a column may be called, in lower case.
    public static let classNameColumns = ["label", "labels", "class", "diagnosis"]

    /// How many classes it may name: more are free text.
    private static let mostNames = 500

    /// The number of the column that names the classes of each image; nil where there is none, or classes have columns of
    /// their own.
    package var classNameColumn: Int? {
        let named = header.indices.filter {
            Self.classNameColumns.contains(header[$0].lowercased()) && labels(in: $0) == nil
        }
        guard named.count == 1, let column = named.first else { return nil }
        let isOneHot = header.indices.contains {
            $0 != column && !Self.columnsBesideClasses.contains(header[$0].lowercased())
                && labels(in: $0)?.contains { $0 >= 0 } ?? false
        }
        return isOneHot ? nil : column
    }

    /// The classes that the column of class names holds; none where there is no such column.
    package func namedClasses() throws -> Set<String> {
        guard let column = classNameColumn else { return [] }
        return try Set((0..<rowCount).flatMap { try classNames(row: $0, column: column) })
    }

    /// The table with a column of 0 and 1 for each class instead of the column of class names, and these classes; nil where
    /// it has no such column. An empty cell means unknown for all of them.
    ///
    /// - Parameter more: classes that get a column too, though no cell names them.
    /// - Throws: `FoveaError` of kind `data` for too many different names, or one that another column has.
    package func expandingClassNames(including more: Set<String> = []) throws -> (table: CSVTable, classes: [String])? {
        guard let column = classNameColumn else { return nil }
        let rows = try (0..<rowCount).map { try classNames(row: $0, column: column) }
        let names = Set(rows.joined()).union(more)
        guard names.count <= Self.mostNames, names.count * rowCount < 1 << 30 else {
            throw FoveaError(
                .data, at: FilePlace(path),
                "the column \"\(header[column])\" holds \(names.count) different texts; allowed are at most "
                    + "\(Self.mostNames) names of classes", remedy: "Rename it if it does not hold names of classes.")
        }
        let others = Set(header.enumerated().filter { $0.offset != column }.map { $1.lowercased() })
        if let clash = names.first(where: { others.union(Self.columnsBesideClasses).contains($0.lowercased()) }) {
            throw FoveaError(
                .data, at: FilePlace(path),
                "the class \"\(clash)\" in the column \"\(header[column])\" is called as a "
                    + "column is", remedy: "Give the class another name.")
        }
        // Grades in the order of their numbers.
        let classes = names.sorted { (Int($0) ?? .max, $0) < (Int($1) ?? .max, $1) }
        let table = CSVTable(self, replacing: column, with: classes) { row in
            let own = rows[row]
            return classes.map { own.isEmpty ? nil : UInt8(ascii: own.contains($0) ? "1" : "0") }
        }
        return (table, classes)
    }

    /// The names in a cell: one, or several with | or ; between them.
    private func classNames(row: Int, column: Int) throws -> [String] {
        try requireShortText(row: row, column: column).split { $0 == "|" || $0 == ";" }
            .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }

    /// The labels in a column; nil where a cell holds something else.
    private func labels(in column: Int) -> [Int8]? {
        var labels: [Int8] = []
        for row in 0..<rowCount {
            guard let label = label(row: row, column: column) else { return nil }
            labels.append(label)
        }
        return labels
    }
}
