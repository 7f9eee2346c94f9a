import Basics
import Cohorts
import Execution
import Foundation
import FundusImaging
import Logging
import Models
import Settings
import Training

/// A run's data, verified and decoded: photographs, labels, split, counts.
public struct PreparedData: Sendable {
    /// Photographs and images.
    public let data: TrainingData
    /// The rows that train and validate.
    public let split: Split
    /// Attributes of the classes, where given.
    public let attributes: ClassAttributes?
    /// n_c over the training rows.
    public let counts: [Int]
    /// What the user should know.
    public let warnings: [String]

    /// Opens or builds the cache of the cohort's images, and verifies what can only be known of decoded images.
    init(
        _ settings: RunSettings, _ divided: DividedCohort, cacheFolder: String, threads: Int,
        shouldStop: @Sendable () -> Bool, logger: Logger
    ) throws {
        let (cohort, attributes) = (divided.cohort, divided.attributes)
        let cache = try ImageCache.open(
            paths: cohort.photographs.map(\.path), settings: settings.image, others: settings.sharedWindows,
            sides: settings.sharedWindows.isEmpty ? [] : cohort.eyeSides(), folder: cacheFolder,
            threads: threads, shouldStop: shouldStop, logger: logger)
        let unreadable = Set(cache.failures.map(\.index))
        var warnings = attributes?.warnings(for: cohort.classes) ?? []
        if let note = cohort.leftOutNote { warnings.append(note) }
        if settings.data.split.method == .column, let note = divided.split.leftOutNote(of: cohort) {
            warnings.append(note)
        }
        if settings.needsSides {
            // Enough to notice that a column is wrong.
            let eyes = try EyeAgreement(
                of: cohort.eyeSides(), atMost: 1000, threads: threads, shouldStop: shouldStop
            ) { unreadable.contains($0) ? nil : try cache.image($0) }
            if let warning = eyes.warning { warnings.append(warning) }
        }
        var split = divided.split
        if !unreadable.isEmpty {
            try Self.refuse(cache.failures, among: split, policy: settings.data.unreadable)
            split = try split.training(without: unreadable, of: cohort)
            let names = divided.split.training.filter(unreadable.contains).map { cohort.photographs[$0].image }
            if !names.isEmpty {
                warnings.append("left out of training because they cannot be decoded: " + Pluralization.listing(names))
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
            throw FoveaError(.data, at: FilePlace(cohort.source), "no class has a positive among the training images")
        }
        data = TrainingData(cohort, cache)
        self.counts = counts
        self.split = split
        self.attributes = attributes
        self.warnings = warnings
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
                ? "Fix the files or remove their rows; data.unreadable: skip leaves them out of training."
                : ImageFailure.evaluationRemedy)
    }

    private static func parts(_ split: Split, count: Int) -> [String?] {
        var parts = [String?](repeating: nil, count: count)
        for row in split.training { parts[row] = "training" }
        for row in split.validation { parts[row] = "validation" }
        return parts
    }
}

extension Split {
    /// The same without some of the training images.
    package func training(without rows: Set<Int>, of cohort: Cohort) throws -> Split {
        guard training.contains(where: rows.contains) else { return self }
        return try Split(
            name, training: training.filter { !rows.contains($0) }, validation: validation, excluded: excluded,
            of: cohort)
    }
}

extension RunSettings {
    /// The rows that a run leaves out of training, as far as that is known before images are decoded: where unreadable
    /// training images are left out, those that the cache knows as unreadable.
    package func knownUnreadable(in cohort: Cohort) -> Set<Int> {
        guard data.unreadable == .skip else { return [] }
        return ImageCache.knownFailures(
            of: cohort.photographs.map(\.path), settings: image, folder: imageCacheFolder)
    }

    /// The split as a run will have it, as far as that is known before images are decoded.
    func expectedSplit(_ divided: DividedCohort) throws -> Split {
        try divided.split.training(without: knownUnreadable(in: divided.cohort), of: divided.cohort)
    }
}
