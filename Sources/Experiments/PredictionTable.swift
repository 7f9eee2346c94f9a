import Basics
import Foundation

/// The probabilities that some program gave: an image column and one column for each class.
public struct PredictionTable: Sendable {
    /// The path, for messages.
    public let path: String
    /// The classes: all columns but the image column.
    public let classes: [String]
    /// The images, each once, in the order of the rows.
    public let images: [String]
    /// Images x classes, row by row; finite.
    public let scores: [Double]

    private let lines: [Int]

    /// Reads a table.
    ///
    /// - Throws: `FoveaError` of kind `data` that names file, line and column: no image column, no class, an image twice,
    ///   a cell that is no finite number.
    public init(path: String) throws {
        let table = try CSVTable(path: path)
        let image = try ImageColumn.find(in: table)
        let columns = table.header.indices.filter { $0 != image }
        guard !columns.isEmpty else {
            throw FoveaError(
                .data, "\(path) has no column besides \"\(table.header[image])\"",
                remedy: "A prediction table has one column of probabilities for each class.")
        }
        self.path = path
        classes = columns.map { table.header[$0] }
        images = try ImageColumn.names(in: table, column: image)
        lines = table.lines
        scores = try (0..<table.rowCount).flatMap { row in
            try columns.map { column in
                let cell = table[row, column].trimmingCharacters(in: .whitespaces)
                guard let score = Double(cell), score.isFinite else {
                    throw FoveaError(
                        .data,
                        "\(table.place(row: row, column: column)): found \"\(table[row, column])\"; allowed is a finite "
                            + "number", remedy: "If this column is not a class, leave it out of the table.")
                }
                return score
            }
        }
    }

    /// The scores of the given images and classes, row by row.
    ///
    /// - Throws: `FoveaError` of kind `data` when the table has other images or classes; the first ten are named.
    func scores(of wanted: [String], labelledIn source: String, classes names: [String]) throws -> [Double] {
        let columns = try columns(of: names)
        let rows = Dictionary(uniqueKeysWithValues: images.enumerated().map { ($1, $0) })
        let known = Set(wanted)
        let unlabelled = images.indices.filter { !known.contains(images[$0]) }
        guard unlabelled.isEmpty else {
            let shown = Self.listing(unlabelled.map { "\(images[$0]) (line \(lines[$0]))" })
            throw FoveaError(
                .data, "\(path): \(unlabelled.count) of \(images.count) images are not labelled in \(source): \(shown)",
                remedy: "Images are called the same in both tables, endings included.")
        }
        let missing = wanted.filter { rows[$0] == nil }
        guard missing.isEmpty else {
            throw FoveaError(
                .data,
                "\(path): \(missing.count) of the \(wanted.count) images labelled in \(source) are not predicted: "
                    + Self.listing(missing),
                remedy: "Predict them, or judge a part of the labels only, such as --where fold=0.")
        }
        return wanted.flatMap { image in
            let row = rows[image] ?? 0
            return columns.map { scores[row * classes.count + $0] }
        }
    }

    /// The columns of the given classes, which must be all there are.
    private func columns(of names: [String]) throws -> [Int] {
        let columns = try names.map { name in
            guard let column = classes.firstIndex(of: name) else {
                throw FoveaError(
                    .data, "\(path) has no column for the class \"\(name)\"",
                    remedy: FoveaError.suggestion(for: name, among: classes))
            }
            return column
        }
        let surplus = classes.filter { !names.contains($0) }
        guard surplus.isEmpty else {
            throw FoveaError(
                .data, "\(path) has classes that the table it is compared with lacks: \(Self.listing(surplus))",
                remedy: "Leave these columns out: only the same classes can be compared.")
        }
        return columns
    }

    static func listing(_ names: [String]) -> String {
        let shown = names.prefix(10).joined(separator: ", ")
        return names.count > 10 ? shown + " and \(names.count - 10) more" : shown
    }
}

/// The column that names images.
enum ImageColumn {
    /// "image", else "ID", in upper or lower case.
    static func find(in table: CSVTable) throws -> Int {
        let names = table.header.map { $0.lowercased() }
        guard let column = names.firstIndex(of: "image") ?? names.firstIndex(of: "id") else {
            throw FoveaError(
                .data, "\(table.path) has no column \"image\" or \"ID\" that names the images",
                remedy: "Its columns are: \(PredictionTable.listing(table.header)).")
        }
        return column
    }

    /// The names of all rows.
    ///
    /// - Throws: `FoveaError` of kind `data` for an empty table, an empty name or a name that occurs twice.
    static func names(in table: CSVTable, column: Int) throws -> [String] {
        guard table.rowCount > 0 else { throw FoveaError(.data, "\(table.path) has no rows below its header") }
        var first: [String: Int] = [:]
        var repeated: [String] = []
        let names = try (0..<table.rowCount).map { row in
            let name = table[row, column].trimmingCharacters(in: .whitespaces)
            guard !name.isEmpty else {
                throw FoveaError(.data, "\(table.place(row: row, column: column)) is empty", remedy: "Name the image.")
            }
            if let other = first[name] {
                repeated.append("\(name) (lines \(table.lines[other]) and \(table.lines[row]))")
            } else {
                first[name] = row
            }
            return name
        }
        guard repeated.isEmpty else {
            throw FoveaError(
                .data,
                "\(table.path): \(repeated.count) rows name an image again: \(PredictionTable.listing(repeated))",
                remedy: "Keep one row for each image.")
        }
        return names
    }
}
