import Basics
import Cohorts
import ConfigurationFile
import Evaluation
import Execution
import Foundation
import FundusImaging
import Logging
import Models
import RunFiles
import Settings
import Torch

/// Evaluates a model on a data set, with the model's own way of reading photographs.
public struct ModelEvaluation: Sendable {
    /// Which photographs of the data set.
    public enum Part: String, Sendable, CaseIterable {
        /// Those that validate.
        case validation
        /// Those that train.
        case training
        /// All.
        case all
    }

    /// The run folder or bundle.
    public let model: String
    /// Which photographs.
    public var part: Part
    /// The data set and how it is divided.
    public let settings: RunSettings
    /// A file of near-synonyms that are treated as one class; nil for none.
    public var merge: String?
    /// Files that will be written, and so must be none of those that are read.
    public var outputs: [OutputFile] = []
    /// Bootstrap and long tail.
    public var evaluation: EvaluationSettings
    /// The arithmetic of the model.
    public var precision = Precision.float32
    /// Whether the images are divided as the model's own run did.
    private var isOfRun = false
    /// Whether the settings began as those of the model's own run.
    private var beganAsRun = false

    /// Evaluates a model on the data of a configuration.
    public init(model: String, settings: RunSettings) {
        self.model = InferenceModel.folder(model)
        self.settings = settings
        part = .validation
        evaluation = settings.evaluation
    }

    /// Evaluates the model of a run on the run's own data, divided as the run did.
    ///
    /// - Parameter given: the arguments of `--set`. Where they change the data or the seed, the data are divided again.
    /// - Throws: `FoveaError` of kind `configuration` when the folder holds no run, of kind `data` when its files are gone.
    public init(run model: String, settings given: [String] = []) throws {
        let path = try Self.configuration(ofRun: model)
        let configuration = try RunConfiguration(file: path, settings: given)
        try configuration.requireFiles()
        let own = given.isEmpty ? configuration.settings : try RunConfiguration(file: path).settings
        self.init(model: model, settings: configuration.settings)
        isOfRun = own.data == settings.data && own.seed == settings.seed
        beganAsRun = true
    }

    /// Evaluates a model on all photographs of a label table.
    public init(model: String, table: String, images: String?) throws {
        var settings = RunSettings()
        settings.data = try DataSettings(table: table, images: images)
        self.init(model: model, settings: settings)
        part = .all
    }

    /// The configuration that a run folder was trained with.
    ///
    /// - Throws: `FoveaError` of kind `configuration` when the folder holds none.
    public static func configuration(ofRun model: String) throws -> String {
        let paths = RunRecord.folders(of: InferenceModel.folder(model)).map {
            PathName.joined($0, RunConfiguration.name)
        }
        guard let path = try paths.first(where: { try RegularFile.exists($0, kind: .configuration) }) else {
            try ModelBundle.requireFolder(InferenceModel.folder(model))
            throw FoveaError(
                .configuration, about: model,
                "is not a run folder, so it does not say which photographs to evaluate on",
                remedy: "Name a configuration, or a table with --labels TABLE --images FOLDER.")
        }
        return path
    }

    /// Whether a configuration file is that of a model's own run.
    public static func isConfiguration(_ path: String, ofRun model: String) -> Bool {
        guard let own = try? configuration(ofRun: model) else { return false }
        func place(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
        return place(own) == place(path)
    }

    /// Reads, predicts and evaluates.
    ///
    /// - Throws: `FoveaError` naming every image that cannot be read: none is left out; `CancellationError`.
    public func run(_ context: ExecutionContext) throws -> EvaluationOutcome {
        let inference = try InferenceModel(model, precision: precision, context)
        let description = inference.description
        // A mistake in it is found before anything is decoded.
        let merging = try merge.map(MergeFile.read) ?? ClassMerging([])
        let merged = try merging.columns(of: description.classes)
        let (predictions, overlap) = try predictions(of: inference, merged: merged, context: context)
        let data = predictions.data
        let outcomes = try predictions.outcomes(predictions.probabilities)
        var options = try evaluation.options(threads: context.threads, shouldStop: context.shouldStop)
        // The model knows how many images showed each class, not how many showed several of them.
        options.trainingImages = description.trainingImages.map { counts in
            merged.map { $0.members.reduce(0) { $0 + counts[$1] } }
        }
        options.thresholds = description.thresholds.map { thresholds in
            merged.map { $0.members.count == 1 ? thresholds[$0.members[0]] : nil }
        }
        var outcome = EvaluationOutcome(
            subject: data.subject + MergeFile.words(merge) + overlap.mark,
            evaluation: try Evaluator.evaluate(outcomes.merging(merging), options))
        outcome.outcomes = outcomes
        outcome.precision = precision
        outcome.trainedImages = overlap.trained
        outcome.eyes = data.eyes
        outcome.tables = data.cohort.tables
        outcome.names = data.names
        outcome.notes = data.notes + predictions.contradictions + overlap.notes
        outcome.calibration = try inference.calibration.map { try CalibrationCheck($0, predictions) }
        return outcome
    }

    /// Predicts, as any but the first of several processes, a part of the images for that one.
    ///
    /// - Throws: as `run`.
    public func assist(_ context: ExecutionContext) throws {
        _ = try predictions(of: InferenceModel(model, precision: precision, context), context: context)
    }

    /// The images that trained a model, as its run says.
    ///
    /// - Throws: `FoveaError` where the model has no run, or its images are gone.
    static func trainingImages(of inference: InferenceModel, _ context: ExecutionContext) throws -> ImageCache {
        var evaluation = try ModelEvaluation(run: inference.folder)
        evaluation.part = .training
        return try evaluation.cache(evaluation.photographs(of: inference.description), context)
    }

    /// The decoded images.
    ///
    /// - Throws: `FoveaError` naming every image that cannot be read.
    private func cache(_ data: LabelledPhotographs, _ context: ExecutionContext) throws -> ImageCache {
        let photographs = data.rows.map { data.cohort.photographs[$0] }
        let model = data.description
        let cache = try ImageCache.open(
            paths: photographs.map(\.path), settings: model.image, others: model.otherImages,
            sides: model.needsSides ? data.cohort.eyeSides(rows: data.rows) : [],
            folder: settings.imageCacheFolder, threads: context.threads, shouldStop: context.shouldStop,
            logger: context.logger)
        guard cache.failures.isEmpty else {
            throw ImageFailure.refusal(of: cache.failures, remedy: ImageFailure.evaluationRemedy)
        }
        return cache
    }

    /// Reads the photographs and their labels, and computes the model's logits.
    func predictions(
        of inference: InferenceModel, merged: [(name: String, members: [Int])] = [], context: ExecutionContext
    ) throws -> (predictions: LabelledPredictions, overlap: TrainingOverlap) {
        var data = try photographs(of: inference.description, merged: merged)
        let cache = try cache(data, context)
        try data.compareEyes(cache, context)
        let images = data.images
        let predictions = LabelledPredictions(
            data: data, contents: images.indices.map(cache.contentHash),
            logits: try inference.logits(cache, names: images))
        return (
            predictions,
            TrainingOverlap(data.record, images, cache, isOfRun: isOfRun, missing: data.missingSplit)
        )
    }

    /// Reads the tables; no image is opened.
    func photographs(
        of description: ModelDescription, merged: [(name: String, members: [Int])] = []
    ) throws -> LabelledPhotographs {
        let (cohort, attributes) = try settings.data.readCohort()
        for output in outputs { try output.refuse(settings.data.inputs(of: cohort)) }
        let columns = try columns(of: description, in: cohort)
        for group in merged where group.members.count > 1 {
            guard let member = group.members.first(where: { columns[$0] == nil }) else { continue }
            throw Self.unlabelled(description.classes[member], mergedInto: group.name, in: cohort)
        }
        let record = try RunRecord.find(for: model)
        let missing = record == nil ? try RunRecord.missingSplit(of: model) : nil
        if let missing, isOfRun, part != .all {
            throw FoveaError(
                .data, about: missing, "is missing, though the run wrote it: which images it validated is not known",
                remedy:
                    "Restore it, or write it again with `fovea train --resume \(ShellWord.quoted(PathName.folder(of: missing)))`; "
                    + "--split all evaluates all images.")
        }
        var (rows, notes) = try rows(of: cohort, attributes, record)
        if description.labels == .single { try cohort.requireSingleLabels(rows: rows) }
        let unlabelled = zip(description.classes, columns).filter { $1 == nil }.map(\.0)
        if !unlabelled.isEmpty {
            notes.append("\(cohort.source) has no labels for \(Pluralization.listing(unlabelled)): they stay undefined")
        }
        return LabelledPhotographs(
            subject: "\(model) on \(cohort.source)" + (part == .all ? "" : ", \(part.rawValue) images"),
            description: description, cohort: cohort, attributes: attributes, rows: rows,
            labels: rows.flatMap { row in columns.map { $0.map { cohort.label(row, $0) } ?? -1 } },
            notes: notes, record: record, missingSplit: missing)
    }

    private static func unlabelled(_ member: String, mergedInto group: String, in cohort: Cohort) -> FoveaError {
        FoveaError(
            .data, about: cohort.source,
            "has no labels for \(member), so no image could be negative for \"\(group)\", which it is merged "
                + "into", remedy: "Leave it out of that list.")
    }

    /// The column of each of the model's classes; nil where the data set does not have it.
    private func columns(of description: ModelDescription, in cohort: Cohort) throws -> [Int?] {
        let columns = description.classes.map { cohort.classes.firstIndex(of: $0) }
        guard columns.contains(where: { $0 != nil }) else {
            throw FoveaError(
                .data, about: cohort.source, "has none of the classes of \(model)",
                remedy: "The model knows: \(Pluralization.listing(description.classes)); the table has: "
                    + Pluralization.listing(cohort.classes) + ".")
        }
        return columns
    }

    /// The rows to evaluate, and what the reader should know of them.
    private func rows(
        of cohort: Cohort, _ attributes: ClassAttributes?, _ record: RunRecord?
    ) throws -> (rows: [Int], notes: [String]) {
        var notes: [String] = []
        if beganAsRun { notes = try changes(cohort, attributes) }
        guard part != .all else { return (Array(cohort.photographs.indices), notes) }
        guard isOfRun, let record else {
            // Where nothing is trained, all folds may validate.
            let split = try settings.divide(cohort, trains: part == .training)
            return (part == .training ? split.training : split.validation, notes)
        }
        let own = try record.split.rows(part == .training ? .training : .validation, of: cohort)
        return (own.rows, notes + own.notes)
    }

    /// What differs between the files that the model's run was made with and those that were read now, in words.
    private func changes(_ cohort: Cohort, _ attributes: ClassAttributes?) throws -> [String] {
        let folders = RunRecord.folders(of: model)
        guard let sources = try folders.compactMap({ try RunSources.read($0) }).first else {
            return try folders.filter { try RunRecord.splitHash(in: $0) != nil }.map(RunSources.missing)
        }
        let hashes = DataSettings.hashes(cohort, attributes, severalTables: !settings.data.tables.isEmpty)
        return sources.changes(since: hashes, at: settings.paths)
    }
}

extension LabelledPhotographs {
    /// Compares the eyes that the table names with those that `predict` estimates. Nothing where no eye decides what the
    /// model sees, or only parts of the photographs are at hand.
    fileprivate mutating func compareEyes(_ cache: ImageCache, _ context: ExecutionContext) throws {
        guard description.needsSides, cache.settings.window == nil else { return }
        let found = try EyeAgreement(
            of: cohort.eyeSides(rows: rows), threads: context.threads, shouldStop: context.shouldStop
        ) { try cache.image($0) }
        guard found.compared > 0 else { return }
        eyes = found
        guard found.agreeing < found.compared else { return }
        notes.append(
            "windows lie as the table says which eye it is; `fovea predict` and `serve` estimate it, which gives the other eye, "
                + "and so other probabilities, for about \(found.compared - found.agreeing) of "
                + Pluralization.count(found.compared, "image"))
    }
}

extension EvaluationOutcome {
    /// The probabilities as a table that `--predictions` reads; nil where no model was evaluated.
    public var csv: String? { outcomes?.csv }
}
