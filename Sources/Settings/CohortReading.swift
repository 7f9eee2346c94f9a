import Basics
import Cohorts
import FundusImaging
import Models

extension ImageFailure {
    /// What to do about photographs that were meant for evaluation.
    package static let evaluationRemedy =
        "Images for evaluation are never left out: fix the files or remove their rows."
}

/// A cohort whose images exist, its attributes, and which of it trains; no image is opened.
package typealias DividedCohort = (cohort: Cohort, attributes: ClassAttributes?, split: Split)

extension DataSettings {
    /// Reads tables and attributes only; no image is opened.
    package func readCohort() throws -> (cohort: Cohort, attributes: ClassAttributes?) {
        let attributes = try self.attributes.map { try ClassAttributes(path: $0) }
        let reader = CohortReader(
            classes: classes.isEmpty ? nil : classes, attributes: attributes,
            leavesOutMissingImages: missing == .skip)
        let labelTables =
            tables.isEmpty
            ? [LabelTable(path: table, images: images)]
            : tables.map {
                LabelTable(path: $0.path, images: $0.images, split: $0.split, imagePattern: $0.pattern)
            }
        guard labelTables.allSatisfy({ !$0.path.isEmpty }) else {
            throw FoveaError(
                .configuration, "data.table is empty", remedy: "Name the CSV file of the labels in data.table.")
        }
        let cohort = try reader.read(labelTables)
        if let normal, !cohort.classes.contains(normal) {
            throw FoveaError(
                .configuration, "data.normal is \"\(normal)\", which is none of the classes",
                remedy: FoveaError.suggestion(for: normal, among: cohort.classes))
        }
        return (cohort, attributes)
    }

    /// Every file that a cohort of these settings is read from.
    package func inputs(of cohort: Cohort) -> [String] {
        [attributes].compactMap { $0 } + (tables.isEmpty ? [table] : tables.map(\.path))
            + cohort.photographs.map(\.path)
    }
}

extension RunSettings {
    /// Reads, verifies and divides the cohort.
    package func dividedCohort() throws -> DividedCohort {
        let (cohort, attributes) = try data.readCohort()
        try cohort.requireImages()
        if data.labels == .single { try cohort.requireSingleLabels() }
        if needsSides { _ = try cohort.eyeSides() }
        return (cohort, attributes, try divide(cohort))
    }

    /// Which images train and which validate.
    ///
    /// - Parameter trains: whether something is to be trained; an evaluation needs no training images.
    package func divide(_ cohort: Cohort, trains: Bool = true) throws -> Split {
        let split = data.split
        switch split.method {
        case .fold:
            return try Split.byFold(
                cohort, validation: split.validationFolds, excluded: split.excludedFolds, trains: trains)
        case .column:
            return try Split.byColumn(
                cohort, training: split.training, validation: split.validation, trains: trains)
        case .make:
            let folds = try Split.makeFolds(of: cohort, count: split.folds, seed: UInt64(split.seed ?? seed))
            return try Split.from(
                folds: folds, of: cohort, validation: split.validationFolds, excluded: split.excludedFolds,
                trains: trains)
        }
    }
}
