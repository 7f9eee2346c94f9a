import Basics
import Foundation

/// What each column of a label table is.
struct LabelColumns {
    /// Columns that are read without being classes, or skipped: RFMiD's `Disease_Risk`, and `id`, `path` and the like beside
    /// the one that names the images.
    static let extras = Set(["patient", "eye", "age", "sex", "fold", "split", "disease_risk"] + CSVTable.imageColumns)

    let image: Int
    /// Column of each known extra, by its lower-case name.
    let extra: [String: Int]
    /// Column of each class, in the order of `classes`.
    let classColumns: [Int]
    let classes: [String]
    let ignored: [String]

    /// - Parameter requested: the classes; nil for all columns that are not known otherwise.
    init(of table: CSVTable, requested: [String]?) throws {
        let header = table.header
        let image = try table.imageColumn()
        var taken: Set<Int> = [image]
        var classColumns: [Int] = []
        for name in requested ?? [] {
            guard let column = table.column(name) else {
                let others = header.indices.filter { $0 != image }.map { header[$0] }
                throw FoveaError(
                    .data, about: table.path, "has no column for the class \"\(name)\"",
                    remedy: FoveaError.suggestion(for: name, among: others))
            }
            guard taken.insert(column).inserted else {
                let problem = column == image ? "is the image column" : "is listed twice"
                throw FoveaError(
                    .configuration, at: FilePlace(table.path, key: name), "the class \"\(name)\" \(problem)")
            }
            classColumns.append(column)
        }
        var extra: [String: Int] = [:]
        for column in header.indices where !taken.contains(column) {
            let name = header[column].lowercased()
            guard Self.extras.contains(name) else { continue }
            if let other = extra[name] {
                throw FoveaError(
                    .data, at: FilePlace(table.path),
                    "the columns \"\(header[other])\" and \"\(header[column])\" mean the same",
                    remedy: "Rename or remove one of them.")
            }
            extra[name] = column
        }
        taken.formUnion(extra.values)
        let others = header.indices.filter { !taken.contains($0) }
        if requested == nil { classColumns = others }
        guard !classColumns.isEmpty else {
            throw FoveaError(
                .data, about: table.path, "has no class column",
                remedy: "Add one column of 0 and 1 for each class, or one called label with the names of classes.")
        }
        try ClassLimits.check(classColumns.map { header[$0] }, of: table.path)
        self.image = image
        self.extra = extra
        self.classColumns = classColumns
        classes = classColumns.map { header[$0] }
        ignored = requested == nil ? [] : others.map { header[$0] }
    }
}
