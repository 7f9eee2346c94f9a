import Basics

/// What one should know about a cohort before training on it; `fovea inspect` prints it.
public struct Inspection: Sendable, Codable {
    /// One class of the long tail.
    public struct ClassCount: Sendable, Equatable, Codable {
        /// The class as the table calls it.
        public let id: String
        /// Its name for people.
        public let name: String
        /// Photographs that show it.
        public let positives: Int
        /// Patients that show it; equal to the photographs where patients are unknown.
        public let patients: Int
        /// Photographs of which the label is unknown.
        public let unknown: Int
        /// Photographs that show it and train, n_c; nil where no split is known.
        public let training: Int?
        /// Many, medium or few by the training photographs (by all of them where no split is known); nil without any.
        public let shot: ShotGroup?
    }

    /// Two classes that appear together.
    public struct Pair: Sendable, Equatable, Codable {
        /// The classes, the more frequent one first.
        public let first, second: String
        /// Photographs that show both.
        public let count: Int
        /// Share of the photographs with either class that show both, in 0 ... 1 (Jaccard index).
        public let overlap: Double
    }

    /// One subset of a grouping.
    public struct Subset: Sendable, Equatable, Codable {
        /// Its name.
        public let name: String
        /// Its classes.
        public let classes: [String]
        /// Training photographs (all where no split is known) with at least one of them.
        public let positives: Int
    }

    /// The parts of a split.
    public struct SplitSize: Sendable, Equatable, Codable {
        /// Photographs to train on.
        public let training: Int
        /// Photographs to validate on.
        public let validation: Int
    }

    /// One grouping.
    public struct GroupingSummary: Sendable, Equatable, Codable {
        /// Its text.
        public let name: String
        /// Its subsets.
        public let subsets: [Subset]
        /// Classes that no subset holds.
        public let outside: [String]
        /// What was left out, and why.
        public let notes: [String]
    }

    /// A photograph that could not be decoded, or shows nothing.
    public struct Unreadable: Sendable, Equatable, Codable {
        /// Its name in the table.
        public let image: String
        /// What is wrong with it, to be put after its name.
        public let reason: String

        /// Makes an entry.
        public init(image: String, reason: String) {
            self.image = image
            self.reason = reason
        }
    }

    /// How many pairs are listed at most.
    public static let pairLimit = 1000

    /// The tables it was read from.
    public let source: String
    /// The number of photographs.
    public let images: Int
    /// How many photographs train and validate; nil where no split is known.
    public let split: SplitSize?
    /// The number of patients; nil when the table names none.
    public let patients: Int?
    /// The classes, most frequent first: the long tail.
    public let classes: [ClassCount]
    /// Count of the most frequent class over that of the rarest one with positives.
    public let imbalance: Double?
    /// Photographs with 0, 1, 2, ... positives.
    public let labelsPerImage: [Int]
    /// Pairs that appear together, most frequent first: at most `pairLimit` of them.
    public let pairs: [Pair]
    /// The number of all pairs that appear together; where `warnings` say so, of the most frequent classes only.
    public let pairCount: Int
    /// Photographs of each fold, by its number.
    public let folds: [Int: Int]
    /// Photographs of each split, by its name.
    public let splits: [String: Int]
    /// The groupings requested.
    public let groupings: [GroupingSummary]
    /// Paths of images that do not exist.
    public let missing: [String]
    /// Images that could not be decoded, as far as the caller looked.
    public let unreadable: [Unreadable]
    /// Images in which nothing can be seen, with what they are: black, white or of one colour, as far as the caller looked.
    public let featureless: [Unreadable]
    /// Images with the same bytes, group by group.
    public let duplicates: [[String]]
    /// Patients with photographs in several folds or splits.
    public let patientConflicts: [PatientConflict]
    /// Images of rows that were left out because the file does not exist.
    public let leftOut: [String]
    /// What it all means for a training, the worst first.
    public let findings: [Finding]
    /// The texts of the findings that list nothing.
    public let warnings: [String]

    /// Inspects a cohort.
    ///
    /// - Parameters:
    ///   - split: which photographs train; counts, parts of the long tail and groupings are then theirs.
    ///   - groupings: texts of `Grouping.make`; nil for `shot` and every attribute.
    ///   - unreadable: images that the caller could not decode.
    ///   - featureless: images in which the caller saw nothing.
    ///   - skipsUnreadable: whether unreadable training images are left out, and do not stop the training.
    ///   - problems: what else would stop a training, in words.
    ///   - notes: what else should be known.
    ///   - comparesContent: whether files are read to find duplicates.
    /// - Throws: `FoveaError` for a grouping that does not exist.
    public init(
        _ cohort: Cohort, attributes: ClassAttributes? = nil, split: Split? = nil, groupings: [String]? = nil,
        bounds: ShotBounds = .standard, seed: UInt64 = 0, unreadable: [Unreadable] = [],
        featureless: [Unreadable] = [], comparesContent: Bool = true, skipsUnreadable: Bool = false,
        problems: [String] = [], notes: [String] = []
    ) throws {
        let counts = cohort.classCounts()
        let training = split.map { cohort.classCounts(rows: $0.training) }
        self.split = split.map { SplitSize(training: $0.training.count, validation: $0.validation.count) }
        source = cohort.source
        images = cohort.count
        patients = cohort.knowsPatients ? Set(cohort.patientNumbers).count : nil
        classes = Self.longTail(cohort, counts, training, attributes, bounds)
        let present = counts.filter { $0 > 0 }
        imbalance = present.min().map { Double(present.max() ?? $0) / Double($0) }
        labelsPerImage = cohort.labelsPerImage()
        let together = CoOccurrence(of: cohort, limit: Self.pairLimit)
        pairCount = together.total
        pairs = together.pairs.map {
            Pair(
                first: cohort.classes[$0.first], second: cohort.classes[$0.second], count: $0.count,
                overlap: $0.overlap)
        }
        folds = Self.tally(cohort.photographs.compactMap(\.fold))
        splits = Self.tally(cohort.photographs.compactMap(\.split))
        self.groupings = try (groupings ?? ["shot"] + (attributes?.axes ?? [])).compactMap { text in
            // Nothing is positive in a cohort without labels: it has no groupings, which is not an error here.
            guard groupings != nil || !present.isEmpty else { return nil }
            let grouping = try Grouping.make(
                text, classes: cohort.classes, counts: training ?? counts, attributes: attributes, bounds: bounds,
                seed: seed)
            return Self.summary(grouping, cohort, rows: split?.training)
        }
        missing = cohort.missingImages.map { cohort.photographs[$0].path }
        self.unreadable = unreadable
        self.featureless = featureless
        let groups = comparesContent ? cohort.duplicateFiles() : []
        duplicates = groups.map { $0.map { cohort.photographs[$0].image } }
        patientConflicts =
            cohort.patients(inSeveralOf: cohort.photographs.map { $0.fold.map { "fold \($0)" } })
            + cohort.patients(inSeveralOf: cohort.photographs.map { $0.split.map { "split \($0)" } })
        let uncompared =
            together.compared < together.shown
            ? [
                "pairs of classes are counted among the \(together.compared) most frequent of "
                    + "\(together.shown) classes only: the photographs show too many to compare each two"
            ] : []
        leftOut = cohort.leftOutImages
        var verdict = Verdict(cohort, split, skipsUnreadable: skipsUnreadable)
        verdict.add(.stopsTraining, problems)
        verdict.judge(missing: missing, unreadable: unreadable, featureless: featureless)
        verdict.judge(duplicates: groups, conflicts: patientConflicts)
        verdict.judge(counts: counts, training: training)
        let ignored = cohort.ignoredColumns.isEmpty ? [] : [Pluralization.listing(cohort.ignoredColumns)]
        verdict.add(
            .note,
            notes + (attributes?.warnings(for: cohort.classes) ?? [])
                + ignored.map { "columns that are not among the classes, left out: " + $0 } + uncompared)
        findings = verdict.ranked
        warnings = findings.filter(\.items.isEmpty).map(\.text)
    }

    private static func longTail(
        _ cohort: Cohort, _ counts: [Int], _ training: [Int]?, _ attributes: ClassAttributes?, _ bounds: ShotBounds
    ) -> [ClassCount] {
        let names = attributes?.names(of: cohort.classes) ?? cohort.classes
        let unknown = cohort.unknownCounts()
        let numbers = cohort.patientNumbers
        var patients = [Set<Int>](repeating: [], count: counts.count)
        for row in cohort.photographs.indices {
            for column in cohort.positives(of: row) { patients[column].insert(numbers[row]) }
        }
        return counts.indices.sorted { (counts[$1], $0) < (counts[$0], $1) }.map { column in
            ClassCount(
                id: cohort.classes[column], name: names[column], positives: counts[column],
                patients: patients[column].count, unknown: unknown[column],
                training: training?[column],
                shot: bounds.group(trainingImages: (training ?? counts)[column]))
        }
    }

    private static func summary(_ grouping: Grouping, _ cohort: Cohort, rows: [Int]?) -> GroupingSummary {
        let teachers = grouping.teachersPerClass(classCount: cohort.classes.count)
        return GroupingSummary(
            name: grouping.name,
            subsets: grouping.subsets.map { subset in
                Subset(
                    name: subset.name, classes: subset.classes.map { cohort.classes[$0] },
                    positives: cohort.rows(showing: subset.classes, among: rows).count)
            },
            outside: teachers.indices.filter { teachers[$0] == 0 }.map { cohort.classes[$0] }, notes: grouping.notes)
    }

    private static func tally<Key: Hashable>(_ values: [Key]) -> [Key: Int] {
        values.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }
}
