import Basics
import Cohorts
import Evaluation
import Foundation
import Settings

/// Evaluates the probabilities of any program by a label table.
public struct PredictionEvaluation: Sendable {
    /// The prediction tables: of one model, or of several on the same images, one per seed. Out-of-fold tables are
    /// joined instead: each image is in one of them.
    public var predictions: [String]
    /// Other ones on the same images, which the first are compared with; empty for none.
    public var versus: [String] = []
    /// Whether both sides are of the same seeds, in the same order, so that rounds of the bootstrap draw seeds once for both.
    public var sharesSeeds = false
    /// The label table.
    public var labels: String
    /// The rows of it that count; nil for all.
    public var filter: RowFilter?
    /// The label table of the training images, which divides the classes into many, medium and few; nil when unknown.
    public var trainingLabels: String?
    /// The rows of it that trained; nil for all.
    public var trainingFilter: RowFilter?
    /// A file of decision thresholds; nil for none.
    public var thresholds: String?
    /// A file of near-synonyms that are treated as one class; nil for none.
    public var merge: String?
    /// Whether the predictions are out-of-fold ones of several models, by the fold column of the labels.
    public var isOutOfFold = false
    /// Bootstrap and long tail.
    public var settings = EvaluationSettings()

    /// Prepares an evaluation.
    public init(predictions: [String], labels: String) {
        self.predictions = predictions
        self.labels = labels
    }

    /// Reads everything and evaluates.
    ///
    /// - Throws: `FoveaError` that names file, row and column when tables do not fit each other; `CancellationError`
    ///   when stopped.
    public func run(threads: Int, shouldStop: @escaping @Sendable () -> Bool = { false }) throws -> EvaluationOutcome {
        let names = PathName.shortest(predictions + versus)
        let subject = Self.title(names.prefix(predictions.count))
        let tables = try tables(predictions, named: subject)
        guard let table = tables.first else { throw FoveaError(.configuration, "there are no predictions to evaluate") }
        let merging = try merge.map(MergeFile.read) ?? ClassMerging([])
        let columns = try merging.columns(of: table.classes)
        let truth = try LabelList.read(labels, classes: table.classes, filter: filter)
        var options = try settings.options(threads: threads, shouldStop: shouldStop)
        var notes: [String] = []
        var (trained, mark) = (Int?.none, "")
        if let trainingLabels {
            let training = try LabelList.read(trainingLabels, classes: table.classes, filter: trainingFilter)
            let rows = Array(training.photographs.indices)
            options.trainingImages = columns.map { training.rows(showing: $0.members, among: rows).count }
            let names = Set(training.photographs.map(\.image))
            let both = truth.photographs.count { names.contains($0.image) }
            trained = isOutOfFold ? nil : both
            if both > 0, !isOutOfFold {
                mark = " (\(both) of these \(truth.count) images are among the training labels)"
                notes.append(
                    "\(both) of the \(truth.count) images evaluated are also among the training labels; if the model was "
                        + "trained on them, the result says little (--train-where chooses the rows that trained)")
            }
        }
        let said = try tables.map { try outcomes($0, truth) }
        try Self.refuseEqual(zip(tables, said).map { ($0.path, $1) })
        let isProbability = said.allSatisfy { $0.scores.allSatisfy { 0...1 ~= $0 } }
        options.thresholds = try thresholds.map {
            try Self.thresholds($0, table.classes, columns, takesScores: !isProbability)
        }
        let candidates = try said.map { try $0.merging(merging) }
        var outcome = EvaluationOutcome(
            subject: subject + MergeFile.words(merge) + mark, evaluation: try Evaluator.evaluate(candidates, options))
        notes += zip(tables, said).compactMap { Self.noteOnScores($0.path, $1) }
        if !versus.isEmpty {
            let reference = Self.title(names.suffix(versus.count))
            let others = try self.tables(versus, named: reference)
            let said = try others.map { try outcomes($0, truth) }
            try Self.refuseEqual(zip(others, said).map { ($0.path, $1) })
            let references = try said.map { try $0.merging(merging) }
            notes += zip(others, said).compactMap { Self.noteOnScores($0.path, $1) }
            outcome.referenceSubject = reference
            outcome.reference = try Evaluator.evaluate(references, options)
            outcome.difference = try Evaluator.compare(
                candidate: candidates.map { [$0] }, reference: references.map { [$0] }, sharesSeeds: sharesSeeds,
                options)
        }
        outcome.notes = notes
        outcome.trainedImages = trained
        outcome.tables = truth.tables
        return outcome
    }

    /// The threshold of each class; a merged one has what the file gives for its new name, never that of a member.
    private static func thresholds(
        _ path: String, _ classes: [String], _ columns: [(name: String, members: [Int])], takesScores: Bool
    ) throws -> [Double?] {
        let new = columns.filter { $0.members.count > 1 && !classes.contains($0.name) }.map(\.name)
        let values = try ThresholdFile.read(path, classes: classes + new, takesScores: takesScores)
        return columns.map { column in
            if column.members.count == 1 { return values[column.members[0]] }
            return new.firstIndex(of: column.name).flatMap { values[classes.count + $0] }
        }
    }

    /// Refuses two tables of one side that say the same of every image: they are not two seeds. The numbers count, not the
    /// bytes, so that a copy with other rows first is one too.
    private static func refuseEqual(_ tables: [(path: String, outcomes: Outcomes)]) throws {
        var first: [[Double]: String] = [:]
        for (path, outcomes) in tables {
            guard let other = first.updateValue(path, forKey: outcomes.scores) else { continue }
            throw FoveaError(
                .data,
                other == path
                    ? "\(path) is given twice, and would count as two seeds"
                    : "\(path) has the same probabilities as \(other), and would count as another seed",
                remedy: "Give the table of each seed once.")
        }
    }

    /// What some tables are called together.
    private static func title(_ names: ArraySlice<String>) -> String {
        (names.first ?? "") + (names.count > 1 ? " and \(names.count - 1) more" : "")
    }

    private func tables(_ paths: [String], named name: String) throws -> [PredictionTable] {
        let tables = try paths.map { try PredictionTable(path: $0) }
        guard isOutOfFold, tables.count > 1 else { return tables }
        return [try PredictionTable(joining: tables, name: name)]
    }

    /// Why there is no calibration error, where scores are not probabilities.
    private static func noteOnScores(_ path: String, _ outcomes: Outcomes) -> String? {
        let wrong = outcomes.scores.indices.first { outcomes.labels[$0] >= 0 && !(0...1 ~= outcomes.scores[$0]) }
        guard let wrong else { return nil }
        let (row, column) = wrong.quotientAndRemainder(dividingBy: outcomes.classes.count)
        return "\(path): the score of image \"\(outcomes.images[row])\" for class \"\(outcomes.classes[column])\" is "
            + "\(outcomes.scores[wrong]), which is not a probability from 0 to 1: there is no calibration error"
    }

    private func outcomes(_ table: PredictionTable, _ truth: Cohort) throws -> Outcomes {
        let images = truth.photographs.map(\.image)
        let source = filter.map { "\(truth.source), in the rows with \($0.words)" } ?? truth.source
        return try Outcomes(
            classes: truth.classes, images: images, labels: truth.labels,
            scores: table.scores(of: images, labelledIn: source, classes: truth.classes),
            patients: truth.knowsPatients ? truth.photographs.map(\.patient) : [],
            folds: isOutOfFold ? try folds(of: truth) : [])
    }

    private func folds(of truth: Cohort) throws -> [Int] {
        let conflicts = truth.patients(inSeveralOf: truth.photographs.map { $0.fold.map { "fold \($0)" } })
        if let first = conflicts.first {
            throw FoveaError(
                .data, at: FilePlace(truth.source),
                "\(conflicts.count) patients are in several folds, such as \(first.patient) "
                    + "(\(first.parts.joined(separator: ", ")))",
                remedy: "Out-of-fold predictions of a patient in two folds come from a model that knew the patient.")
        }
        return try truth.photographs.map { photograph in
            guard let fold = photograph.fold else {
                throw FoveaError(
                    .data, at: FilePlace(truth.source),
                    "the image \"\(photograph.image)\" has no whole number in a column \"fold\"",
                    remedy: "Out-of-fold predictions need the fold of every image.")
            }
            return fold
        }
    }
}
