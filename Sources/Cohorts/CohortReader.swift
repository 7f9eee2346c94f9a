import Basics
import Foundation

/// One label table and where its photographs are.
public struct LabelTable: Sendable, Hashable, Codable {
    /// The path of the CSV file.
    public var path: String
    /// The folder of the photographs.
    public var images: String
    /// The split that the whole table stands for, such as "train", when there is one table per split. It is put in
    /// front of the images' names ("train/12"), since such tables often number their images from 1 each.
    public var split: String?
    /// How a file is called, with `{ID}` for the cell of the image column: "train_{ID}.png". Nil when the cell itself
    /// is the file's name; in both cases the ending may be missing and is then found by looking.
    public var imagePattern: String?

    /// Describes a table.
    public init(path: String, images: String, split: String? = nil, imagePattern: String? = nil) {
        self.path = path
        self.images = images
        self.split = split
        self.imagePattern = imagePattern
    }
}

/// Reads label tables: an image column, one column per class in any order with 0, 1 or nothing (unknown) in each cell (or
/// one column with the names of classes, `CSVTable.expandingClassNames`), and the known extra columns patient, eye, age, sex, fold and split in upper or lower case. `Disease_Risk`, and `ID`
/// beside `image`, are skipped.
///
/// RFMiD's original tables are read as they are: one `LabelTable` with a split for each file.
public struct CohortReader: Sendable {
    /// The classes, in this order. Nil: those of `attributes`; without these, every column that is not a known one must
    /// be a class.
    public var classes: [String]?
    /// Attributes of the classes; every class they name must be a column of the tables.
    public var attributes: ClassAttributes?
    /// Leave out, and count, rows whose image does not exist; otherwise they stay and are listed in
    /// `Cohort.missingImages`.
    public var leavesOutMissingImages: Bool

    /// Makes a reader.
    public init(
        classes: [String]? = nil, attributes: ClassAttributes? = nil, leavesOutMissingImages: Bool = false
    ) {
        self.classes = classes
        self.attributes = attributes
        self.leavesOutMissingImages = leavesOutMissingImages
    }

    /// Reads one table without a split of its own.
    public func read(table: String, images: String) throws -> Cohort {
        try read([LabelTable(path: table, images: images)])
    }

    /// Reads one cohort from one or more tables with the same classes.
    ///
    /// - Throws: `FoveaError` naming file, line and column for a cell that is not allowed, an image named twice or
    ///   outside its folder, a missing class, differing classes, or a table that is not CSV.
    public func read(_ tables: [LabelTable]) throws -> Cohort {
        var contents = Contents()
        let read = try tables.map { try CSVTable(path: $0.path) }
        // A class that no image of one part has is a class of that part too.
        let named = try read.reduce(into: Set<String>()) { try $0.formUnion($1.namedClasses()) }
        for (source, table) in zip(tables, read) { try self.read(table, of: source, named, into: &contents) }
        let source = tables.map(\.path).joined(separator: " + ")
        if contents.photographs.isEmpty, !contents.leftOut.isEmpty {
            throw FoveaError(
                .data, at: FilePlace(source),
                "none of its images exists (\(Pluralization.count(contents.leftOut.count, "row")))",
                remedy: "Check the image folder and the image pattern.")
        }
        guard !contents.photographs.isEmpty else {
            throw FoveaError(.data, about: source, "has no rows below its header")
        }
        return try Cohort(
            classes: contents.classes ?? [], photographs: contents.photographs, labels: contents.labels,
            source: source, tables: contents.tables, ignoredColumns: contents.ignored, leftOutImages: contents.leftOut)
    }

    private static let labelRemedy =
        "Correct the cell; if the column is not a class, remove it, or list the classes in data.classes."

    /// What was read so far.
    private struct Contents {
        var classes: [String]?
        var tables: [SourceFile] = []
        var photographs: [Photograph] = []
        var labels: [Int8] = []
        var ignored: [String] = []
        var leftOut: [String] = []
        /// Where each image name, and each file, was met first.
        var places: [String: FilePlace] = [:]
        var files: [String: FilePlace] = [:]
    }

    private func read(
        _ table: CSVTable, of source: LabelTable, _ names: Set<String>, into contents: inout Contents
    ) throws {
        let named = try table.expandingClassNames(including: names)
        let table = named?.table ?? table
        contents.tables.append(SourceFile(path: source.path, sha256: table.sha256))
        try attributes?.requireColumns(table.header, of: source.path)
        // The first table's order holds for all.
        let requested = contents.classes ?? classes ?? attributes?.classes ?? named?.classes
        let columns = try LabelColumns(of: table, requested: requested)
        if classes == nil, attributes == nil, named == nil, contents.classes != nil, let column = columns.ignored.first
        {
            throw FoveaError(
                .data, about: source.path, "has a column \"\(column)\" that the tables before it lack",
                remedy: "Give all tables the same classes, or list the classes in data.classes.")
        }
        if source.split != nil, let column = columns.extra["split"] {
            throw FoveaError(
                .data, about: source.path,
                "has a column \"\(table.header[column])\", and a split is given for the table",
                remedy: "Give one or the other.")
        }
        contents.classes = columns.classes
        for column in columns.ignored where !contents.ignored.contains(column) { contents.ignored.append(column) }
        let locator = try ImageLocator(folder: source.images, pattern: source.imagePattern)
        for row in 0..<table.rowCount {
            try read(row, of: table, columns, source, locator, into: &contents)
        }
    }

    private func read(
        _ row: Int, of table: CSVTable, _ columns: LabelColumns, _ source: LabelTable, _ locator: ImageLocator,
        into contents: inout Contents
    ) throws {
        let name = try table.requireImageName(row: row, column: columns.image)
        let image = source.split.map { $0 + "/" + name } ?? name
        let place = table.place(row: row)
        if let earlier = contents.places.updateValue(place, forKey: image) {
            throw FoveaError(
                .data, at: place, "the image \"\(image)\" appears twice, first at \(earlier)",
                remedy: "Keep one row for each photograph.")
        }
        let (path, exists) = try locator.locate(name) { place }
        if !exists, leavesOutMissingImages {
            contents.leftOut.append(image)
            return
        }
        let file = (path as NSString).standardizingPath
        if let earlier = contents.files.updateValue(place, forKey: file) {
            throw FoveaError(
                .data, at: place, "the file \(path) is named twice, first at \(earlier)",
                remedy: "Keep one row for each photograph.")
        }
        var photograph = Photograph(image: image, path: path)
        try fill(&photograph, from: row, of: table, columns)
        if let split = source.split { photograph.split = split }
        contents.photographs.append(photograph)
        for column in columns.classColumns {
            contents.labels.append(try table.requireLabel(row: row, column: column, remedy: Self.labelRemedy))
        }
    }

    private func fill(
        _ photograph: inout Photograph, from row: Int, of table: CSVTable, _ columns: LabelColumns
    ) throws {
        func text(_ name: String) throws -> String? {
            guard let column = columns.extra[name] else { return nil }
            let cell = try table.requireShortText(row: row, column: column)
            return cell.isEmpty ? nil : cell
        }
        func refusal(_ name: String, _ found: String, _ allowed: String) -> FoveaError {
            let place = table.place(row: row, column: columns.extra[name])
            return FoveaError(.data, at: place, "found \"\(found)\"; allowed is \(allowed) or an empty cell")
        }
        photograph.patient = try text("patient")
        photograph.eye = try text("eye")
        photograph.sex = try text("sex")
        photograph.split = try text("split")
        if let found = try text("age") {
            guard let age = Double(decimal: found), 0...130 ~= age else {
                throw refusal("age", found, "a number of years")
            }
            photograph.age = age
        }
        if let found = try text("fold") {
            guard let fold = Photograph.fold(found) else { throw refusal("fold", found, "a whole number from 0 on") }
            photograph.fold = fold
        }
    }
}

extension Cohort {
    /// The rows whose image file does not exist now.
    public var missingImages: [Int] {
        photographs.indices.filter { !ImageLocator.isFile(photographs[$0].path) }
    }

    /// Verifies that every image file exists.
    ///
    /// - Throws: `FoveaError` of kind `data` with the number of missing files and the first ten.
    public func requireImages() throws {
        let missing = missingImages
        guard !missing.isEmpty else { return }
        let paths = Pluralization.listing(missing.map { photographs[$0].path })
        let near = Self.nearest(to: missing.prefix(200).map { photographs[$0].path })
        throw FoveaError(
            .data, at: FilePlace(source),
            "\(missing.count) of \(Pluralization.count(count, "image")) \(missing.count == 1 ? "does" : "do") not "
                + "exist: \(paths)",
            remedy: (near.map { $0 + " " } ?? "")
                + "Check the image folder and the image column; data.missing: skip leaves these rows out.")
    }

    /// The first of some missing files of which another one has nearly the name, and how the names differ.
    private static func nearest(to paths: [String]) -> String? {
        let index = NameIndex()
        for path in paths {
            // The part of the path that is there, and the first name that is not.
            var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            var requested = parts.removeLast()
            while !parts.isEmpty, !Folder.exists(parts.joined(separator: "/") + "/") { requested = parts.removeLast() }
            let folder = parts.isEmpty ? "." : parts.joined(separator: "/") + "/"
            if let near = index.nearest(to: requested, in: folder) {
                return "In \(folder) is \"\(near.name)\", not \"\(requested)\": the names differ in \(near.difference)."
            }
        }
        return nil
    }
}
