import Basics
import Execution
import Foundation
import FundusImaging
import Logging
import Models
import RunFiles
import Torch

/// What a model says about some photographs.
public struct ModelPrediction: Sendable {
    /// One photograph.
    public struct Row: Sendable, Codable {
        /// What it is called.
        public let image: String
        /// The probability of each class of the model.
        public let probabilities: [Float]
        /// The calibrated probability of each class; nil for a model without a calibration.
        public let calibrated: [Float]?
        /// The share of training images that are farther from the middle of all of them than this one; nil where it is not
        /// known.
        public let familiarity: Double?
        /// Its pooled features; empty where they were not requested.
        let features: [Float]
        /// What was measured of the image.
        package let quality: ImageQuality?
        /// What is poor about it, in words.
        let warnings: [String]

        /// Puts what is known of an image together.
        package init(
            image: String, _ answer: ImageAnswer, withFeatures: Bool = false, quality: ImageQuality?,
            limits: QualityLimits
        ) {
            self.image = image
            probabilities = answer.probabilities
            calibrated = answer.calibrated
            familiarity = answer.familiarity
            features = withFeatures ? answer.features : []
            self.quality = quality
            warnings = quality?.warnings(limits) ?? []
        }

        /// What is poor about it, or that it is another kind of image.
        package var shownWarnings: [String] { quality?.fault == nil ? warnings : ["not a fundus photograph"] }

        /// Whether hardly a training image is as far from the others: probabilities then mean little.
        var isUnfamiliar: Bool { familiarity.map { $0 < 0.01 } ?? false }
    }

    /// A photograph that cannot be used.
    public struct Failure: Sendable, Codable {
        /// What it is called.
        public let image: String
        /// What is wrong with it, its path included.
        public let reason: String
        /// Whether it was read, and is not a fundus photograph.
        public var isNotFundus = false
    }

    /// The model.
    public let model: ModelDescription
    /// The arithmetic.
    public let precision: Precision
    /// Which probabilities are positive.
    let rule: DecisionRule
    let calibration: ModelCalibration?
    /// The photographs, in the requested order.
    public let rows: [Row]
    /// Those that cannot be used.
    public let failures: [Failure]
    /// The names of those for which the model's outputs are NaN or infinite; they have no row.
    public let nonFinite: [String]

    /// Says which photographs are unlike those that the model learnt from; nil where none is.
    public var unfamiliar: String? {
        let names = rows.filter(\.isUnfamiliar).map(\.image)
        guard !names.isEmpty else { return nil }
        let are = names.count == 1 ? "image is" : "images are"
        return
            "\(names.count) \(are) unlike the training images (farther from their middle than 99 % of these), so the "
            + "probabilities mean little: \(Pluralization.listing(names))"
    }

    /// Says which photographs are poor, and of what kind; nil where none is.
    public var poorQuality: String? {
        let words = rows.flatMap { row in row.shownWarnings.map { ($0, row.image) } }
        guard !words.isEmpty else { return nil }
        let kinds = Dictionary(grouping: words, by: \.0).sorted { $0.key < $1.key }
            .map { "\($0.value.count) \($0.key) (\(Pluralization.listing($0.value.map(\.1))))" }
        return "image quality is poor, so the probabilities may be wrong: " + kinds.joined(separator: "; ")
    }

    /// How many images were not predicted, and why; nil where all were.
    public var failureCount: String? { failures.words(of: rows.count + failures.count + nonFinite.count) }

    /// Refuses outputs that mean nothing, once everything else has been reported.
    ///
    /// - Throws: `FoveaError` of kind `numerical` that names their images.
    public func requireFinite() throws {
        guard nonFinite.isEmpty else {
            throw FoveaError.nonFiniteOutputs(for: nonFinite, of: rows.count + nonFinite.count)
        }
    }

    /// Predicts photographs in batches: never more than one batch of images is in memory.
    ///
    /// - Parameters:
    ///   - maps: where to write what the model looked at; nil for nowhere.
    ///   - report: called for each photograph that cannot be used, as soon as that is known.
    /// - Throws: `FoveaError` when the model cannot be read or the machine lacks something; `CancellationError` when
    ///   stopped.
    public init(
        _ inference: InferenceModel, images: [NamedImage], batchSize: Int = 32, maps: MapFolder? = nil,
        _ context: ExecutionContext, report: (Failure) -> Void = { _ in }
    ) throws {
        let progress = ProgressReporter("Predicting", total: images.count, unit: "images")
        var rows: [Row] = []
        var failures: [Failure] = []
        var nonFinite: [String] = []
        let stream = PredictionStream(
            inference: inference, images: images, batchSize: batchSize, maps: maps, context: context)
        try stream.forEachBatch { first, answers in
            for answer in answers {
                switch answer {
                case .row(let row): rows.append(row)
                case .nonFinite(let image): nonFinite.append(image)
                case .failure(let failure):
                    failures.append(failure)
                    report(failure)
                }
            }
            progress.update(first + answers.count)
        }
        if images.count > batchSize { progress.finish() }
        try maps?.finish()
        model = inference.description
        precision = inference.precision
        rule = inference.rule
        calibration = inference.calibration
        self.rows = rows
        self.failures = failures
        self.nonFinite = nonFinite
    }
}

extension [ModelPrediction.Failure] {
    /// How many images cannot be used, and why; nil where there are none.
    ///
    /// - Parameter total: how many images there were.
    public func words(of total: Int) -> String? {
        let others = count(where: \.isNotFundus)
        let parts = [
            (count - others, "could not be read"),
            (
                others,
                (others == 1 ? "is not a fundus photograph" : "are not fundus photographs")
                    + " (--any-image takes \(others == 1 ? "it" : "them"))"
            ),
        ].filter { $0.0 > 0 }.map { "\($0) \($1)" }
        return parts.isEmpty ? nil : "of \(Pluralization.count(total, "image")) " + parts.joined(separator: ", and ")
    }
}
