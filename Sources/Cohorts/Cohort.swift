import Basics

/// A set of photographs with their labels: what a label table and an image folder say, verified.
///
/// Rows are photographs in the order of the table; everything else names them by their index.
public struct Cohort: Sendable {
    /// The classes, unique, in the order of the labels' columns.
    public let classes: [String]
    /// The photographs; their `image` names are unique.
    public let photographs: [Photograph]
    /// The labels, row-major [photographs.count x classes.count]: 1 present, 0 absent, -1 unknown.
    public let labels: [Int8]
    /// The path of the table, or of the tables, it was read from; for messages.
    public let source: String
    /// The table, or the tables, in the order in which they were given, with the hash of the bytes that were parsed.
    public let tables: [SourceFile]
    /// Columns of the table that are neither classes nor known extra columns.
    public let ignoredColumns: [String]
    /// Images of rows that were left out because the file does not exist (`CohortReader.leavesOutMissingImages`).
    public let leftOutImages: [String]

    /// Makes a cohort from its parts.
    ///
    /// - Throws: `FoveaError` of kind `data` when there is no photograph or class, names repeat, a label is not 0, 1 or
    ///   -1, or the labels' number is not photographs x classes.
    public init(
        classes: [String], photographs: [Photograph], labels: [Int8], source: String = "cohort",
        tables: [SourceFile] = [], ignoredColumns: [String] = [], leftOutImages: [String] = []
    ) throws {
        guard !classes.isEmpty, !photographs.isEmpty else {
            let found = "\(photographs.count) photographs and \(classes.count) classes"
            throw FoveaError(.data, at: FilePlace(source), "\(found); at least one of each is needed")
        }
        guard labels.count == photographs.count * classes.count, labels.allSatisfy({ -1...1 ~= $0 }) else {
            let expected = "\(photographs.count) x \(classes.count) labels of 0, 1 or -1"
            throw FoveaError(.data, at: FilePlace(source), "expected \(expected), found \(labels.count) labels")
        }
        for (name, repeated) in [
            ("class", Self.firstRepeated(classes)), ("image", Self.firstRepeated(photographs.map(\.image))),
        ] {
            guard let repeated else { continue }
            throw FoveaError(.data, at: FilePlace(source), "the \(name) \"\(repeated)\" appears twice")
        }
        self.classes = classes
        self.photographs = photographs
        self.labels = labels
        self.source = source
        self.tables = tables
        self.ignoredColumns = ignoredColumns
        self.leftOutImages = leftOutImages
    }

    /// What was left out, in words; nil where nothing was.
    public var leftOutNote: String? {
        guard !leftOutImages.isEmpty else { return nil }
        return Pluralization.count(leftOutImages.count, "row is", "rows are")
            + " left out because the image does not exist: " + Pluralization.listing(leftOutImages)
    }

    /// The number of photographs.
    public var count: Int { photographs.count }

    /// The label of a photograph for a class: 1 present, 0 absent, -1 unknown.
    public func label(_ row: Int, _ column: Int) -> Int8 { labels[row * classes.count + column] }

    /// The classes that a photograph shows, ascending.
    public func positives(of row: Int) -> [Int] {
        classes.indices.filter { label(row, $0) == 1 }
    }

    /// A number for each photograph's patient, 0 upwards in order of appearance; a photograph without a patient has one
    /// of its own. The unit of splits and of the bootstrap.
    public var patientNumbers: [Int] {
        var numbers: [String: Int] = [:]
        var next = 0
        return photographs.map { photograph in
            if let patient = photograph.patient, let number = numbers[patient] { return number }
            if let patient = photograph.patient { numbers[patient] = next }
            next += 1
            return next - 1
        }
    }

    /// Whether any photograph names its patient.
    public var knowsPatients: Bool { photographs.contains { $0.patient != nil } }

    /// Verifies `labels: single`: every one of `rows` (all by default) has exactly one positive and nothing unknown.
    ///
    /// - Throws: `FoveaError` of kind `data` naming the first ten photographs that differ.
    public func requireSingleLabels(rows: [Int]? = nil) throws {
        let wrong = (rows ?? Array(photographs.indices)).filter { row in
            positives(of: row).count != 1 || classes.indices.contains { label(row, $0) == -1 }
        }
        guard let first = wrong.first else { return }
        let differing = Pluralization.count(wrong.count, "row differs", "rows differ")
        let names = Pluralization.listing(wrong.map { photographs[$0].image })
        throw FoveaError(
            .data, at: FilePlace(source),
            "single labels need exactly one positive a row and no unknown label, but \(differing): \(names); "
                + "the first has \(Pluralization.count(positives(of: first).count, "positive"))",
            remedy: "Set data.labels to multi, or correct these rows.")
    }

    private static func firstRepeated(_ names: [String]) -> String? {
        var seen = Set<String>()
        return names.first { !seen.insert($0).inserted }
    }
}
