import Backbones
import Basics
import Cohorts
import Evaluation
import Execution
import Foundation
import FundusImaging
import Logging
import Models
import Plots
import Reports
import RunFiles
import Settings
import Torch

/// Gathers what the page about a finished run shows, from its folder and its data, and writes it there: `report.html`,
/// `report.json` with the same numbers, and `model-card.md`.
///
/// Probabilities are those of `predictions.csv`; the network is computed for the maps of the worst mistakes only.
public struct ModelReporting {
    /// How many classes have curves, and for how many there is a net benefit: those with the most positive images.
    static let (curveClasses, decisionClasses) = (12, 6)

    /// The run folder.
    public let folder: String
    private let metrics: RunMetrics
    private let evaluation: ModelEvaluation
    private let data: LabelledPhotographs
    private let options: EvaluationOptions
    private let best: Outcomes
    private let plain: Outcomes
    private let calibration: ModelCalibration?
    /// What the reader should know of the data and of the calibration.
    public let notes: [String]
    private let context: ExecutionContext

    /// Reads a run.
    ///
    /// - Throws: `FoveaError` when the folder holds no finished run, one of its files was changed, or its label table is
    ///   gone or says something else than when the run was made.
    public init(run: String, _ context: ExecutionContext) throws {
        folder = InferenceModel.folder(run)
        self.context = context
        try Self.requireFinished(folder)
        metrics = try RunMetrics.read(PathName.joined(folder, "metrics.json"))
        let results = try RunResults.read(folder)
        for name in [RunConfiguration.name, ModelBundle.configurationName, HistoryFile.name] {
            try results?.requireUnchanged(name)
        }
        evaluation = try ModelEvaluation(run: folder)
        let description = try ModelBundle.description(in: folder)
        data = try evaluation.photographs(of: description)
        var options = try evaluation.evaluation.options(threads: context.threads, shouldStop: context.shouldStop)
        options.trainingImages = description.trainingImages
        self.options = options
        best = try Self.outcomes("predictions.csv", in: folder, results, data)
        plain = metrics.student == nil ? best : try Self.outcomes("plain/predictions.csv", in: folder, results, data)
        let weights = try metrics.files?[ModelBundle.weightsName] ?? ModelBundle.weightsHash(in: folder)
        let foreign = try RunFolder.foreignCalibration(in: folder, weights: weights)
        calibration = foreign == nil ? try ModelCalibration.read(for: folder, description, weights: weights) : nil
        notes = data.notes + [foreign].compactMap(\.self)
        try requireSameLabels()
    }

    private static func requireFinished(_ folder: String) throws {
        if let command = try ComparisonFolder.reportCommand(ofPart: folder) {
            throw FoveaError(
                .configuration, "\(folder) holds results of a comparison over some folds or with merged classes",
                remedy: "Their page is written with them: `\(command)`.")
        }
        guard try RegularFile.exists(PathName.joined(folder, RunConfiguration.name)) else {
            try ModelBundle.requireFolder(folder)
            let inside = ModelBundle.models(in: folder)
            throw FoveaError(
                .data, "\(folder) is not a run folder: it has no \(RunConfiguration.name)",
                remedy: "Name the folder of a finished run or of a comparison"
                    + (inside.isEmpty ? "." : "; in it are: \(Pluralization.listing(inside))."))
        }
        guard try RegularFile.exists(PathName.joined(folder, "metrics.json")) else {
            throw FoveaError(
                .data, "the run in \(folder) is not finished: it has no metrics.json",
                remedy: "Finish it with `fovea train --resume \(ShellWord.quoted(folder))`.")
        }
    }

    private static func outcomes(
        _ name: String, in folder: String, _ results: RunResults?, _ data: LabelledPhotographs
    ) throws -> Outcomes {
        try results?.requireUnchanged(name)
        let table = try PredictionTable(path: PathName.joined(folder, name))
        return try data.outcomes(
            table.scores(of: data.images, labelledIn: data.cohort.source, classes: data.classes))
    }

    /// All numbers of a page must be of the same labels: those of `metrics.json`, and those that are computed now.
    private func requireSameLabels() throws {
        let now = ClassSummary(best, threads: options.threads)
        for (column, then) in metrics.best.classes.enumerated() {
            let value = then.averagePrecision.value
            guard
                now.positives[column] != then.positives || now.negatives[column] != then.negatives
                    || value.map({ abs($0 - (now.averagePrecision[column] ?? .nan)) > 1e-9 }) == true
            else { continue }
            throw FoveaError(
                .data,
                "\(data.cohort.source) has other labels than those that the run in \(folder) was evaluated with: "
                    + "\(then.name) had \(then.positives) positive and \(then.negatives) negative images and has "
                    + "\(now.positives[column]) and \(now.negatives[column])",
                remedy: "Restore the table, or evaluate on it: `fovea evaluate \(folder)`.")
        }
    }

    /// Computes what the run folder does not hold, and writes the three files. A model card that was changed is left as it
    /// is, with a warning.
    ///
    /// - Returns: the paths of those that were written.
    /// - Throws: `FoveaError` of kind `configuration` where a file of such a name was not written by this command;
    ///   `CancellationError`.
    public func write() throws -> [String] {
        var paths = RunFolder.pageNames.map { PathName.joined(folder, $0) }
        try ReportFiles.requireOwn(Array(paths.prefix(2)))
        if try !ReportFiles.isOwn(paths[2]) {
            context.logger.warning(
                """
                \(paths[2]) is not as `fovea report` wrote it and is left as it is: its figures may be older than those of \
                the report; delete it to get a new one
                """)
            paths.removeLast()
        }
        let (report, document) = try report()
        let texts = [
            report.page.text, try document(), report.modelCard(dataset: tableNames.joined(separator: ", ")),
        ]
        for (path, text) in zip(paths, texts) { try AtomicFile.write(text, to: path) }
        return paths
    }
}

extension ModelReporting {
    /// The page's values, and what makes JSON of them.
    func report() throws -> (ModelReport, json: () throws -> String) {
        var report = ModelReport(
            name: PathName.name(ofFolder: folder), facts: facts, notes: notes,
            names: data.names, plain: metrics.plain,
            student: metrics.student, difference: metrics.difference)
        let logits = best.scores.map { score in
            let p = min(max(score, 1e-12), 1 - 1e-7)
            return Float(data.description.labels == .single ? log(p) : log(p / (1 - p)))
        }
        let hashes = Dictionary(
            (data.record?.split.entries ?? []).map { ($0.image, $0.sha256 ?? "") }
        ) { first, _ in first }
        let predictions = LabelledPredictions(
            data: data, contents: data.images.map { hashes[$0] ?? "" }, logits: logits)
        let check = try calibration.map { try CalibrationCheck($0, predictions) }
        let calibrated = try calibration.map {
            try predictions.outcomes($0.probabilities(logits, of: data.description))
        }
        fillCurves(&report, calibrated)
        if let check {
            report.calibrated = ModelReport.Calibrated(
                summary: check.summary(), points: check.pointTable(names: report.names), notes: check.notes)
        }
        report.subgroups = try subgroups()
        let views = MistakeViews(model: folder, context)
        let mistakes = WorstMistakes(data, best, thresholds: metrics.best.classes.map(\.threshold)) {
            image, path, column in
            views.view(path, hash: hashes[image], class: column)
        }
        (report.missed, report.falseAlarms) = (mistakes.missed, mistakes.falseAlarms)
        report.mapsMissing = views.mapsMissing
        report.teachers = metrics.student.map {
            TeacherTable(metrics.teachers, plain: metrics.plain, student: $0, names: report.names)
        }
        report.history = try HistoryFile(path: PathName.joined(folder, HistoryFile.name)).rows
        report.cost = CostTable(
            metrics.cost, plainStages: evaluation.settings.technique.second.name == .none ? 1 : 2)
        report.hashes = try fileHashes()
        report.commands = [
            "fovea train \(ShellWord.quoted(PathName.joined(folder, RunConfiguration.name))) --set output=ANOTHER_FOLDER",
            "fovea report \(ShellWord.quoted(folder))",
        ]
        let document = Document(report, metrics, check)
        return (report, { String(decoding: try JSONFormat.encoded(document), as: UTF8.self) })
    }

    private func fillCurves(_ report: inout ModelReport, _ calibrated: Outcomes?) {
        let order = metrics.best.classes.indices.filter { metrics.best.classes[$0].averagePrecision.value != nil }
            .sorted { (metrics.best.classes[$1].positives, $0) < (metrics.best.classes[$0].positives, $1) }
        let bestName = report.bestName
        report.curves = order.prefix(Self.curveClasses).map { column in
            var models = [bestName: RankingCurves(best, class: column)]
            if metrics.student != nil { models["plain"] = RankingCurves(plain, class: column) }
            return ModelReport.ClassCurves(
                name: data.classes[column], models: models.compactMapValues { $0?.thinned() })
        }
        report.decisions = order.prefix(Self.decisionClasses).compactMap { column in
            NetBenefit(calibrated ?? best, class: column).map {
                ModelReport.Decision(name: data.classes[column], netBenefit: $0)
            }
        }
        let bins = metrics.best.calibrationBins
        report.reliability = [ReliabilityPlot.Model("plain", outcomes: plain, bins: bins)]
        if metrics.student != nil { report.reliability.append(.init("student", outcomes: best, bins: bins)) }
        if let calibrated {
            report.reliability.append(.init("\(bestName), calibrated", outcomes: calibrated, bins: bins))
        }
    }

    private func subgroups() throws -> [ModelReport.Subgroup] {
        try TableSubgroups(data).groups.map { group in
            let places = Dictionary(uniqueKeysWithValues: group.known.enumerated().map { ($1, $0) })
            return ModelReport.Subgroup(
                column: group.column, value: group.value,
                comparison: try SubgroupDifference(
                    best.selecting(images: group.known), rows: Set(group.places.compactMap { places[$0] }), options))
        }
    }

    private var facts: [(name: String, value: String)] {
        let settings = evaluation.settings
        let numbers = data.cohort.patientNumbers
        let parts = (data.record?.split.entries).map { entries in
            Dictionary(entries.map { ($0.image, $0.part) }) { first, _ in first }
        }
        func count(_ rows: [Int]) -> String {
            let patients = NumberFormat.count(Set(rows.map { numbers[$0] }).count, "patient")
            return NumberFormat.count(rows.count, "image") + (data.cohort.knowsPatients ? " of " + patients : "")
        }
        let photographs = data.cohort.photographs
        let training = parts.map { parts in photographs.indices.filter { parts[photographs[$0].image] == .training } }
        return [
            ("Data", tableNames.joined(separator: ", ")), ("Classes", "\(data.classes.count)"),
            ("Trained on", training.map(count) ?? "not known"),
            ("Measured on", count(data.rows)),
            ("Network", "\(data.description.architecture.rawValue) at \(data.description.image.resolution) px"),
            ("Technique", settings.technique.summary(settings.data.labels)),
            ("Distillation", settings.distillation?.summary ?? "none"),
            (
                "Engine",
                "Fovea \(metrics.fovea), libtorch \(metrics.engine)"
                    + (metrics.precision.map { ", \($0.rawValue)" } ?? "")
            ),
            ("Time", ProgressReporter.clock(metrics.seconds)),
        ]
    }

    /// Who reads the page need not know this machine's folders.
    private var tableNames: [String] { PathName.shortest(data.cohort.tables.map(\.path)) }

    private func fileHashes() throws -> [(name: String, sha256: String)] {
        let data = zip(tableNames, self.data.cohort.tables).map { (name: $0, sha256: $1.sha256) }
        let attributes = metrics.attributes.map { [(name: "attributes", sha256: $0)] } ?? []
        let own = (metrics.files ?? [:]).sorted { $0.key < $1.key }.map { (name: $0.key, sha256: $0.value) }
        let split = metrics.split.map { [(name: RunSplit.name, sha256: $0)] } ?? []
        return data + attributes + [(name: RunConfiguration.name, sha256: metrics.configuration)] + split + own
    }
}
