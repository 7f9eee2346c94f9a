import Basics
import Cohorts
import Foundation
import FundusImaging
import Logging
import Models
import Training

extension ImageFailure {
    /// What to do about photographs that were to judge a model.
    static let evaluationRemedy = "Images for evaluation are never left out: mend the files or remove their rows."
}

/// A run's data, verified and decoded: photographs, labels, split, counts.
public struct Preparation: Sendable {
    /// Photographs and pictures.
    public let data: TrainingData
    /// The rows that train and validate.
    public let split: Split
    /// Attributes of the classes, where given.
    public let attributes: ClassAttributes?
    /// n_c over the training rows.
    public let counts: [Int]
    /// What the user should know.
    public let warnings: [String]

    /// Reads tables and attributes only; no image is opened.
    public static func readCohort(_ settings: DataSettings) throws -> (cohort: Cohort, attributes: ClassAttributes?) {
        let attributes = try settings.attributes.map { try ClassAttributes(path: $0) }
        let reader = CohortReader(
            classes: settings.classes.isEmpty ? nil : settings.classes, attributes: attributes,
            leavesOutMissingImages: settings.missing == .skip)
        let tables =
            settings.tables.isEmpty
            ? [LabelTable(path: settings.table, images: settings.images)]
            : settings.tables.map {
                LabelTable(path: $0.path, images: $0.images, split: $0.split, imagePattern: $0.pattern)
            }
        guard tables.allSatisfy({ !$0.path.isEmpty }) else {
            throw FoveaError(
                .configuration, "data.table is empty", remedy: "Name the CSV file of the labels in data.table.")
        }
        return (try reader.read(tables), attributes)
    }

    /// A cohort whose images exist, its attributes, and which of it trains; no image is opened.
    typealias Divided = (cohort: Cohort, attributes: ClassAttributes?, split: Split)

    /// Reads, verifies and divides the cohort.
    static func divided(_ settings: RunSettings) throws -> Divided {
        let (cohort, attributes) = try Self.readCohort(settings.data)
        try cohort.requireImages()
        if settings.data.labels == .single { try cohort.requireSingleLabels() }
        return (cohort, attributes, try divide(cohort, settings))
    }

    /// Opens or builds the cache of the cohort's pictures, and verifies what can only be known of decoded images.
    init(
        _ settings: RunSettings, _ divided: Divided, cacheFolder: String, threads: Int,
        shouldStop: @Sendable () -> Bool, logger: Logger
    ) throws {
        let (cohort, attributes) = (divided.cohort, divided.attributes)
        let cache = try ImageCache.open(
            paths: cohort.photographs.map(\.path), settings: settings.image.imageSettings, folder: cacheFolder,
            threads: threads, shouldStop: shouldStop, logger: logger)
        var warnings = attributes?.warnings(for: cohort.classes) ?? []
        if let note = cohort.leftOutNote { warnings.append(note) }
        if settings.data.split.method == .column, let note = divided.split.leftOutNote(of: cohort) {
            warnings.append(note)
        }
        var split = divided.split
        let unreadable = Set(cache.failures.map(\.index))
        if !unreadable.isEmpty {
            try Self.refuse(cache.failures, among: split, policy: settings.data.unreadable)
            split = try Split(
                split.name, training: split.training.filter { !unreadable.contains($0) },
                validation: split.validation, excluded: split.excluded, of: cohort)
            let names = divided.split.training.filter(unreadable.contains).map { cohort.photographs[$0].image }
            if !names.isEmpty {
                warnings.append("left out of training because they cannot be decoded: " + Wording.listing(names))
            }
        }
        let hashes = cohort.photographs.indices.map { unreadable.contains($0) ? nil : cache.contentHash($0) }
        let parts = Self.parts(split, count: cohort.count)
        for group in cohort.duplicates(hashes: hashes) {
            let names = group.map { cohort.photographs[$0].image }.joined(separator: ", ")
            if Set(group.compactMap { parts[$0] }).isSuperset(of: ["training", "validation"]) {
                throw FoveaError(
                    .data, "the same photograph trains and validates under several names: \(names)",
                    remedy: "Keep one row of each photograph, or put them into one part of the split.")
            }
            warnings.append("the same photograph under several names: \(names)")
        }
        let counts = cohort.classCounts(rows: split.training)
        let idle = cohort.classes.indices.filter { counts[$0] == 0 }.map { cohort.classes[$0] }
        if !idle.isEmpty {
            warnings.append(
                "without a positive training image, so in no loss, subset or mean: \(idle.joined(separator: ", "))")
        }
        guard idle.count < cohort.classes.count else {
            throw FoveaError(.data, "\(cohort.source): no class has a positive among the training images")
        }
        data = TrainingData(cohort, cache)
        self.counts = counts
        self.split = split
        self.attributes = attributes
        self.warnings = warnings
    }

    /// - Parameter trains: whether something is to be trained; an evaluation needs no training images.
    static func divide(_ cohort: Cohort, _ settings: RunSettings, trains: Bool = true) throws -> Split {
        let split = settings.data.split
        switch split.method {
        case .fold:
            return try Split.byFold(
                cohort, validation: split.validationFolds, excluded: split.excludedFolds, trains: trains)
        case .column:
            return try Split.byColumn(
                cohort, training: split.training, validation: split.validation, trains: trains)
        case .make:
            let folds = try Split.makeFolds(of: cohort, count: split.folds, seed: UInt64(split.seed ?? settings.seed))
            return try Split.from(
                folds: folds, of: cohort, validation: split.validationFolds, excluded: split.excludedFolds,
                trains: trains)
        }
    }

    private static func refuse(_ failures: [ImageFailure], among split: Split, policy: DataSettings.Refusal) throws {
        let training = Set(split.training)
        let validation = Set(split.validation)
        let fatal = failures.filter {
            validation.contains($0.index) || (policy == .fail && training.contains($0.index))
        }
        guard !fatal.isEmpty else { return }
        throw ImageFailure.refusal(
            of: fatal,
            remedy: policy == .fail
                ? "Mend the files or remove their rows; data.unreadable: skip leaves them out of training."
                : ImageFailure.evaluationRemedy)
    }

    private static func parts(_ split: Split, count: Int) -> [String?] {
        var parts = [String?](repeating: nil, count: count)
        for row in split.training { parts[row] = "training" }
        for row in split.validation { parts[row] = "validation" }
        return parts
    }
}

extension DataSettings {
    /// Every file that a cohort of these settings is read from.
    func inputs(of cohort: Cohort) -> [String] {
        [attributes].compactMap { $0 } + (tables.isEmpty ? [table] : tables.map(\.path))
            + cohort.photographs.map(\.path)
    }
}
