import Basics
import Cohorts
import Evaluation
import Foundation

/// Judges the probabilities of any program by a label table.
public struct PredictionEvaluation: Sendable {
    /// The prediction table.
    public var predictions: String
    /// Another one on the same images, which the first is compared with; nil for none.
    public var versus: String?
    /// The label table.
    public var labels: String
    /// The rows of it to judge by; nil for all.
    public var filter: RowFilter?
    /// The label table of the training images, which divides the classes into many, medium and few; nil when unknown.
    public var trainingLabels: String?
    /// The rows of it that trained; nil for all.
    public var trainingFilter: RowFilter?
    /// A file of decision thresholds; nil for none.
    public var thresholds: String?
    /// Whether the predictions are out-of-fold ones of several models, by the fold column of the labels.
    public var isOutOfFold = false
    /// Bootstrap and long tail.
    public var settings = EvaluationSettings()

    /// Prepares an evaluation.
    public init(predictions: String, labels: String) {
        self.predictions = predictions
        self.labels = labels
    }

    /// Reads everything and judges.
    ///
    /// - Throws: `FoveaError` that names file, row and column when tables do not fit each other; `CancellationError`
    ///   when told to stop.
    public func run(threads: Int, shouldStop: @escaping @Sendable () -> Bool = { false }) throws -> EvaluationOutcome {
        let table = try PredictionTable(path: predictions)
        let truth = try LabelList.read(labels, classes: table.classes, filter: filter)
        var options = try settings.options(threads: threads, shouldStop: shouldStop)
        var notes: [String] = []
        if let trainingLabels {
            let training = try LabelList.read(trainingLabels, classes: table.classes, filter: trainingFilter)
            options.trainingImages = training.classCounts()
            let trained = Set(training.photographs.map(\.image))
            let both = truth.photographs.count { trained.contains($0.image) }
            if both > 0, !isOutOfFold {
                notes.append(
                    "\(both) of the \(truth.count) images judged are also among the training labels; if the model was "
                        + "trained on them, the result says little (--train-where chooses the rows that trained)")
            }
        }
        options.thresholds = try thresholds.map { try ThresholdFile.read($0, classes: table.classes) }
        let outcomes = try outcomes(table, truth)
        var outcome = EvaluationOutcome(
            subject: PathName.last(of: predictions), evaluation: try Evaluator.evaluate(outcomes, options))
        outcome.notes = notes
        if let versus {
            let other = try self.outcomes(try PredictionTable(path: versus), truth)
            outcome.referenceSubject = PathName.last(of: versus)
            outcome.reference = try Evaluator.evaluate(other, options)
            outcome.difference = try Evaluator.compare(candidate: [outcomes], reference: [other], options)
        }
        return outcome
    }

    private func outcomes(_ table: PredictionTable, _ truth: Cohort) throws -> Outcomes {
        let images = truth.photographs.map(\.image)
        return try Outcomes(
            classes: truth.classes, images: images, labels: truth.labels,
            scores: table.scores(of: images, labelledIn: truth.source, classes: truth.classes),
            patients: truth.knowsPatients ? truth.photographs.map(\.patient) : [],
            folds: isOutOfFold ? try folds(of: truth) : [])
    }

    private func folds(of truth: Cohort) throws -> [Int] {
        let conflicts = truth.patients(inSeveralOf: truth.photographs.map { $0.fold.map { "fold \($0)" } })
        if let first = conflicts.first {
            throw FoveaError(
                .data,
                "\(truth.source): \(conflicts.count) patients are in several folds, such as \(first.patient) "
                    + "(\(first.parts.joined(separator: ", ")))",
                remedy: "Out-of-fold predictions of a patient in two folds come from a model that knew the patient.")
        }
        return try truth.photographs.map { photograph in
            guard let fold = photograph.fold else {
                throw FoveaError(
                    .data,
                    "\(truth.source): the image \"\(photograph.image)\" has no whole number in a column \"fold\"",
                    remedy: "Out-of-fold predictions need the fold of every image.")
            }
            return fold
        }
    }
}

extension EvaluationSettings {
    /// The same for the evaluator.
    func options(threads: Int, shouldStop: @escaping @Sendable () -> Bool) throws -> EvaluationOptions {
        var options = EvaluationOptions()
        options.bounds = try LongTailBounds(many: many, medium: medium)
        options.threads = threads
        options.bootstrap = nil
        if bootstrap > 0 {
            var rounds = BootstrapOptions()
            rounds.rounds = bootstrap
            rounds.minimumPositivePatients = minimumPositivePatients
            rounds.shouldStop = shouldStop
            options.bootstrap = rounds
        }
        return options
    }
}
