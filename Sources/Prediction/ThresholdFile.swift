import Basics
import Foundation
import Yams

/// Decision thresholds of classes, from a file.
///
/// Read are: a model's `config.json`; JSON or YAML that maps classes to numbers or null; a CSV file with the columns
/// `class` and `threshold`.
enum ThresholdFile {
    /// The threshold of each class; nil for a class that the file gives none.
    ///
    /// - Parameter takesScores: whether what is evaluated is not probabilities, so that thresholds may be any finite
    ///   numbers; otherwise 0 to 1.
    /// - Throws: `FoveaError` of kind `data` that names file, class and what was found: not a number, an unknown class.
    static func read(_ path: String, classes: [String], takesScores: Bool) throws -> [Double?] {
        let isTable = path.lowercased().hasSuffix(".csv")
        let entries = isTable ? try table(path) : try mapping(path)
        var thresholds = [Double?](repeating: nil, count: classes.count)
        var seen = Set<String>()
        for (name, text) in entries {
            guard let column = classes.firstIndex(of: name) else {
                throw FoveaError(
                    .data, at: FilePlace(path, key: name), "\"\(name)\" is not a class of the predictions",
                    remedy: FoveaError.suggestion(for: name, among: classes))
            }
            guard seen.insert(name).inserted else {
                throw FoveaError(.data, about: path, "gives the class \"\(name)\" two thresholds")
            }
            if ["", "null", "~"].contains(text) { continue }
            guard let value = Double(decimal: text), takesScores || 0...1 ~= value else {
                throw FoveaError(
                    .data, at: FilePlace(path, key: name),
                    "the threshold of \"\(name)\" is \"\(text)\"; allowed are null and decimal numbers"
                        + (takesScores ? "" : " from 0 to 1, as all scores are probabilities"))
            }
            thresholds[column] = value
        }
        return thresholds
    }

    private static func table(_ path: String) throws -> [(String, String)] {
        let table = try CSVTable(path: path)
        guard let name = table.column("class"), let threshold = table.column("threshold") else {
            throw FoveaError(
                .data, about: path, "lacks the columns \"class\" and \"threshold\"",
                remedy: "Its columns are: \(Pluralization.listing(table.header)).")
        }
        return (0..<table.rowCount).map { row in
            (table[row, name], table[row, threshold].trimmingCharacters(in: .whitespaces))
        }
    }

    /// YAML, of which JSON is a part. Scalars are taken as they are written, so that a class may be called NO.
    private static func mapping(_ path: String) throws -> [(String, String)] {
        let form = "A mapping of classes to numbers is expected, such as {\"DR\": 0.4, \"AMD\": null}."
        guard let mapping = try YAMLDocument.read(path, "the thresholds", form: form)?.mapping else {
            throw FoveaError(.data, about: path, "holds no thresholds", remedy: form)
        }
        if let classes = mapping["classes"]?.sequence, let values = mapping["thresholds"]?.sequence {
            guard classes.count == values.count else {
                throw FoveaError(
                    .data, at: FilePlace(path), "\(values.count) thresholds do not fit \(classes.count) classes")
            }
            return zip(classes, values).map { ($0.scalar?.string ?? "", $1.scalar?.string ?? "?") }
        }
        return try mapping.map { key, value in
            guard let name = key.scalar?.string, let threshold = value.scalar?.string else {
                throw FoveaError(
                    .data, at: FilePlace(path, line: key.mark?.line, key: key.scalar?.string),
                    "\"\(key.scalar?.string ?? "?")\" must be a class with a number",
                    remedy: form)
            }
            return (name, threshold)
        }
    }
}
