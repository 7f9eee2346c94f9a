import Basics
import Cohorts
import Evaluation
import Execution
import Foundation
import FundusImaging
import Models
import Reports
import RunFiles

/// Fits a model's calibration on labelled photographs and writes it beside the model.
public struct CalibrationFit {
    /// The sensitivities and specificities for which thresholds are chosen.
    static let shares = [0.8, 0.9, 0.95]
    /// With fewer images the penalty keeps all lines where they are.
    private static let fewImages = 20

    /// What was fitted.
    public let calibration: ModelCalibration
    /// The file that was written.
    public let path: String
    private let predictions: LabelledPredictions
    private let overlap: TrainingOverlap
    /// Why familiarity was not learnt; nil where it was.
    private let unlearnt: String?

    /// Computes the model's logits, fits a line to each class and chooses operating points.
    ///
    /// - Parameters:
    ///   - data: which model on which photographs; its precision is that of the calibration.
    ///   - allowsTrainingImages: whether photographs that trained the model are taken too.
    /// - Throws: `FoveaError` of kind `data` where photographs trained the model: it is surer of them than of new ones; of
    ///   kind `configuration` where something stands in the file's place that no calibration is written over.
    public init(_ data: ModelEvaluation, allowsTrainingImages: Bool = false, _ context: ExecutionContext) throws {
        let inference = try InferenceModel(
            data.model, precision: data.precision, readsCalibration: false, context)
        path = PathName.joined(data.model, ModelCalibration.name)
        let file = try OutputFile(
            path, named: "the calibration", inputs: InferenceModel.files(of: data.model),
            isEarlier: ModelCalibration.isOne)
        PartialFile.removeLeftOver(in: data.model) { $0 == ModelCalibration.name || Familiarity.isName($0) }
        var data = data
        data.outputs.append(file)
        (predictions, overlap) = try data.predictions(of: inference, context: context)
        if let trained = overlap.trained, trained > 0, !allowsTrainingImages {
            throw FoveaError(
                .data,
                "\(trained) of the \(Pluralization.count(predictions.data.rows.count, "image")) of \(predictions.data.cohort.source) trained "
                    + "the model, which is surer of them than of new ones: a calibration would not hold",
                remedy:
                    "Calibrate on other photographs (without a table, those of the run's validation), or take them too with "
                    + "--allow-training-images.")
        }
        let (lines, points) = try Self.fit(predictions)
        let source = ModelCalibration.Source(
            path: predictions.data.cohort.source,
            hash: Digest.sha256(predictions.data.cohort.tables.map(\.sha256).joined()),
            images: predictions.data.rows.count, split: data.part.rawValue, contents: predictions.contents.sorted())
        let predictions = predictions
        let weights = try ModelBundle.weightsHash(in: data.model)
        // First, and the earlier one stays until then: after a kill at any moment a whole calibration is there.
        let learnt = try Self.learn(inference, weights: weights, context)
        unlearnt = learnt.missing
        calibration = ModelCalibration(
            weights: weights,
            precision: data.precision, data: source, classes: predictions.data.classes, lines: lines, points: points,
            positives: predictions.data.classes.indices.map { predictions.data.labels(class: $0).count { $0 == 1 } },
            learnt: learnt)
        try file.write(String(decoding: JSONFormat.encoded(calibration), as: UTF8.self), shouldStop: context.shouldStop)
        Familiarity.removeOthers(than: learnt.familiarity, in: data.model)
    }

    /// Learns limits of quality from the training images, and what they look like to the model, where its run says which they
    /// are.
    private static func learn(
        _ inference: InferenceModel, weights: String, _ context: ExecutionContext
    ) throws -> ModelCalibration.Learnt {
        var learnt = ModelCalibration.Learnt()
        do {
            let cache = try ModelEvaluation.trainingImages(of: inference, context)
            learnt.quality = try quality(of: cache, context)
            learnt.familiarity = try Familiarity(fitting: inference.features(cache), count: cache.count)
                .save(to: inference.folder, weights: weights)
        } catch let error as FoveaError where [.data, .configuration].contains(error.kind) {
            learnt.missing = "familiarity was not learnt, which needs the training images: \(error.message)"
        }
        return learnt
    }

    /// The limits of quality of training images: of a thousand of them, as originals are large.
    private static func quality(of training: ImageCache, _ context: ExecutionContext) throws -> QualityLimits? {
        let step = max(1, (training.count + 999) / 1000)
        let paths = stride(from: 0, to: training.count, by: step).map { training.paths[$0] }
        let settings = training.settings
        let qualities = try mapInParallel(
            paths.count, threads: context.threads, shouldStop: context.shouldStop
        ) { index in
            Result { try FundusReader.read(path: paths[index], settings: settings, withQuality: true).quality }
        }
        return try QualityLimits(training: qualities.compactMap { try $0.get() })
    }

    private static func fit(
        _ predictions: LabelledPredictions
    ) throws -> (lines: [PlattScaling], points: ModelCalibration.Points) {
        let scores = try ModelCalibration.scores(predictions.logits, of: predictions.data.description)
        let count = predictions.data.classes.count
        var lines: [PlattScaling] = []
        var points = ModelCalibration.Points(sensitivity: [:], specificity: [:])
        for column in 0..<count {
            let own = predictions.data.rows.indices.map { scores[$0 * count + column] }
            let labels = predictions.data.labels(class: column)
            let line = PlattScaling(fitting: own, labels: labels)
            lines.append(line)
            // As predictions have them: float32.
            let probabilities = own.map { Double(Float(line.probability($0))) }
            func those(_ label: Int8) -> [Double] { zip(probabilities, labels).filter { $1 == label }.map(\.0) }
            for share in shares {
                points.sensitivity["\(share)", default: []]
                    .append(OperatingPoints.threshold(sensitivity: share, positives: those(1), others: those(0)))
                points.specificity["\(share)", default: []]
                    .append(OperatingPoints.threshold(specificity: share, negatives: those(0), others: those(1)))
            }
        }
        return (lines, points)
    }

    /// The lines and what they do, for a terminal.
    public func text(for terminal: Terminal) throws -> String {
        var table = TextTable(["Class", "Positives", "Slope", "Offset", "Threshold for sensitivity 0.9"])
        let names = predictions.data.names
        for (column, name) in calibration.classes.enumerated() {
            table.append(
                .text(names[name] ?? name), .count(calibration.positives[column]),
                .number(calibration.slope[column], decimals: 3), .number(calibration.offset[column], decimals: 3),
                .number(calibration.points.sensitivity["0.9"]?[column], decimals: 4))
        }
        let check = try CalibrationCheck(calibration, predictions)
        func classes(without label: Int8) -> [String] {
            calibration.classes.indices.filter { !predictions.data.labels(class: $0).contains(label) }
                .map { calibration.classes[$0] }
        }
        let absent = classes(without: 1)
        let constant = classes(without: 0).filter { !absent.contains($0) }
        var text = table.text(for: terminal) + "\n" + check.summary().text(for: terminal)
        text += "On the images that it was fitted on, so on others the figures will be somewhat worse.\n"
        for (names, reason) in [(absent, "no image shows them"), (constant, "there is no image without them")]
        where !names.isEmpty {
            text += "Not calibrated, as \(reason): \(Pluralization.listing(names)).\n"
        }
        return text
    }

    /// What the reader should know of the data.
    public var notes: [String] {
        let count = predictions.data.rows.count
        let few =
            "\(Pluralization.count(count, "image")) calibrate hardly anything: \(Self.fewImages) or more are needed"
        return predictions.data.notes + predictions.contradictions + overlap.notes
            + (count < Self.fewImages ? [few] : [])
            + [unlearnt].compactMap { $0 }
    }
}
