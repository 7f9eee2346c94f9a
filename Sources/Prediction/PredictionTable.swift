import Basics
import Cohorts
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

    /// Where each row stands, for messages: "line 3", with the file's name where there are several.
    private let places: [String]

    /// Reads a table.
    ///
    /// - Throws: `FoveaError` of kind `data` that names file, line and column: no image column, no class, an image twice,
    ///   a cell that is not a finite number.
    public init(path: String) throws {
        let table = try CSVTable(path: path)
        let image = try table.imageColumn()
        let columns = table.header.indices.filter { $0 != image }
        guard !columns.isEmpty else {
            throw FoveaError(
                .data, about: path, "has no column other than \"\(table.header[image])\"",
                remedy: "A prediction table has one column of probabilities for each class.")
        }
        self.path = path
        classes = columns.map { table.header[$0] }
        try ClassLimits.check(classes, of: path)
        images = try ImageNames.read(table, column: image)
        places = table.lines.map { "line \($0)" }
        scores = try (0..<table.rowCount).flatMap { row in
            try columns.map { column in
                let cell = table[row, column].trimmingCharacters(in: .whitespaces)
                guard let score = Double(decimal: cell) else {
                    throw FoveaError(
                        .data, at: table.place(row: row, column: column),
                        "found \"\(table[row, column])\"; allowed is a finite "
                            + "decimal number", remedy: "If this column is not a class, leave it out of the table.")
                }
                return score
            }
        }
    }

    /// The tables of several files that predict different images, as one; classes are in the first one's order.
    ///
    /// - Throws: `FoveaError` of kind `data` for an image in two tables, or tables with different classes.
    init(joining tables: [PredictionTable], name: String) throws {
        path = name
        classes = tables.first?.classes ?? []
        var images: [String] = []
        var scores: [Double] = []
        var places: [String] = []
        var owner: [String: String] = [:]
        for table in tables {
            let columns = try table.columns(of: classes)
            for (row, image) in table.images.enumerated() {
                let place = "\(table.path), \(table.places[row])"
                if let other = owner.updateValue(place, forKey: image) {
                    throw FoveaError(
                        .data, "the image \"\(image)\" is predicted twice: \(other) and \(place)",
                        remedy: "Out-of-fold predictions of several files are joined: each image is in one of them.")
                }
                images.append(image)
                places.append(place)
                scores += columns.map { table.scores[row * table.classes.count + $0] }
            }
        }
        self.images = images
        self.scores = scores
        self.places = places
    }

    /// The scores of the given images and classes, row by row.
    ///
    /// - Throws: `FoveaError` of kind `data` when the table has other images or classes; the first ten are named.
    package func scores(of requested: [String], labelledIn source: String, classes names: [String]) throws -> [Double] {
        let columns = try columns(of: names)
        let rows = Dictionary(uniqueKeysWithValues: images.enumerated().map { ($1, $0) })
        let known = Set(requested)
        let unlabelled = images.indices.filter { !known.contains(images[$0]) }
        guard unlabelled.isEmpty else {
            let shown = Pluralization.listing(unlabelled.map { "\(images[$0]) (\(places[$0]))" })
            throw FoveaError(
                .data, at: FilePlace(path),
                "\(unlabelled.count) of \(Pluralization.count(images.count, "image")) "
                    + "\(unlabelled.count == 1 ? "is" : "are") not labelled in \(source): \(shown)",
                remedy: "Images are called the same in both tables, endings included.")
        }
        let missing = requested.filter { rows[$0] == nil }
        guard missing.isEmpty else {
            throw FoveaError(
                .data, at: FilePlace(path),
                "\(missing.count) of \(Pluralization.count(requested.count, "image")) labelled in \(source) "
                    + "\(missing.count == 1 ? "is" : "are") not predicted: " + Pluralization.listing(missing),
                remedy: "Predict them, or evaluate a part of the labels only, such as --where fold=0.")
        }
        return requested.flatMap { image in
            let row = rows[image] ?? 0
            return columns.map { scores[row * classes.count + $0] }
        }
    }

    /// The columns of the given classes, which must be all there are.
    private func columns(of names: [String]) throws -> [Int] {
        let columns = try names.map { name in
            guard let column = classes.firstIndex(of: name) else {
                throw FoveaError(
                    .data, about: path, "has no column for the class \"\(name)\"",
                    remedy: FoveaError.suggestion(for: name, among: classes))
            }
            return column
        }
        let surplus = classes.filter { !names.contains($0) }
        guard surplus.isEmpty else {
            throw FoveaError(
                .data, about: path,
                "has classes that the table it is compared with lacks: \(Pluralization.listing(surplus))",
                remedy: "Leave these columns out: only the same classes can be compared.")
        }
        return columns
    }
}

/// The images that a table names, each once.
enum ImageNames {
    /// The names of all rows.
    ///
    /// - Throws: `FoveaError` of kind `data` for an empty table, an empty name or a name that occurs twice.
    static func read(_ table: CSVTable, column: Int) throws -> [String] {
        guard table.rowCount > 0 else { throw FoveaError(.data, about: table.path, "has no rows below its header") }
        var first: [String: Int] = [:]
        var repeated: [String] = []
        let names = try (0..<table.rowCount).map { row in
            let name = try table.requireImageName(row: row, column: column)
            if let other = first[name] {
                repeated.append("\(name) (lines \(table.lines[other]) and \(table.lines[row]))")
            } else {
                first[name] = row
            }
            return name
        }
        guard repeated.isEmpty else {
            throw FoveaError(
                .data, at: FilePlace(table.path),
                "\(Pluralization.count(repeated.count, "row names", "rows name")) an image again: "
                    + Pluralization.listing(repeated),
                remedy: "Keep one row for each image.")
        }
        return names
    }
}
