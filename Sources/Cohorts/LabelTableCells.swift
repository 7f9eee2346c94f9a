import Basics
import Foundation

// What every reader of tables with images and labels agrees on.

extension CSVTable {
    /// Names, in lower case, of columns that are never classes unless they are listed as such.
    public static let columnsBesideClasses = LabelColumns.extras

    /// What the column that names the images may be called, in lower case; the first one that is there does.
    package static let imageColumns = ["image", "filename", "file", "path", "id"]

    /// The column that names the images, in upper or lower case.
    ///
    /// - Throws: `FoveaError` of kind `data` when there is none, or several that differ in case only.
    public func imageColumn() throws -> Int {
        for name in Self.imageColumns {
            let matches = header.indices.filter { header[$0].lowercased() == name }
            if matches.count > 1 {
                let names = matches.map { "\"\(header[$0])\"" }.joined(separator: " and ")
                throw FoveaError(
                    .data, at: FilePlace(path), "the columns \(names) both name the images",
                    remedy: "Rename or remove one of them.")
            }
            if let match = matches.first { return match }
        }
        throw FoveaError(
            .data, about: path,
            "has no column \"image\", \"filename\", \"file\", \"path\" or \"ID\" that names the images",
            remedy:
                "Its columns are: \(Pluralization.listing(header)). Rename the one with the files' names to \"image\".")
    }

    /// The name of a row's image, without blanks around it.
    ///
    /// - Throws: `FoveaError` of kind `data` that names the line: it is empty or longer than `PhotographFile.longestName`.
    public func requireImageName(row: Int, column: Int) throws -> String {
        let name = try requireShortText(row: row, column: column)
        guard !name.isEmpty else {
            throw FoveaError(
                .data, at: place(row: row, column: column), "the cell is empty", remedy: "Name the image's file.")
        }
        return name
    }

    /// The text of a cell that says something about an image, without blanks around it.
    ///
    /// - Throws: `FoveaError` of kind `data` that names line and column: it is longer than `PhotographFile.longestName`.
    public func requireShortText(row: Int, column: Int) throws -> String {
        let length = bytes(row: row, column: column).count
        guard length <= PhotographFile.longestName else {
            throw FoveaError(
                .data, at: place(row: row, column: column),
                "found a text of \(length) bytes; allowed are at most "
                    + "\(PhotographFile.longestName)",
                remedy: "Correct the cell; a quote that is missing makes one cell of many.")
        }
        return self[row, column].trimmingCharacters(in: .whitespaces)
    }

    /// The label in a cell: 1 present, 0 absent, -1 unknown (an empty cell); nil for anything else. "1.0" is how pandas writes
    /// a column in which some cells are empty.
    public func label(row: Int, column: Int) -> Int8? {
        let cell = bytes(row: row, column: column)
        if cell.count == 1 {
            if cell.first == UInt8(ascii: "0") { return 0 }
            if cell.first == UInt8(ascii: "1") { return 1 }
        }
        return switch self[row, column].trimmingCharacters(in: .whitespaces).lowercased() {
        case "": -1
        case "0", "0.0", "no", "false": 0
        case "1", "1.0", "yes", "true": 1
        default: nil
        }
    }

    /// The label in a cell that must hold one.
    ///
    /// - Throws: `FoveaError` of kind `data` that names file, line and column.
    public func requireLabel(row: Int, column: Int, remedy: String = "Correct the cell.") throws -> Int8 {
        if let found = label(row: row, column: column) { return found }
        throw FoveaError(
            .data, at: place(row: row, column: column),
            "found \"\(self[row, column])\"; allowed are 0 or 1, no or yes, false "
                + "or true, and an empty cell (unknown)", remedy: remedy)
    }
}
