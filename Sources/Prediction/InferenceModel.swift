import Backbones
import Basics
import Execution
import FundusImaging
import Logging
import Models
import RunFiles
import Torch

/// A trained model that is ready to answer; `predict`, `evaluate` and `calibrate` all compute through it.
public struct InferenceModel {
    /// The folder it was read from.
    public let folder: String
    /// What its outputs mean and what its inputs must be.
    public let description: ModelDescription
    /// The arithmetic.
    public let precision: Precision
    /// How logits become calibrated probabilities; nil without a `calibration.json`.
    public let calibration: ModelCalibration?
    /// How like the training images an image is; nil where `fovea calibrate` had none to learn it from.
    package let familiarity: Familiarity?
    /// Which probabilities are positive.
    package let rule: DecisionRule
    /// Numbers per feature.
    package let featureCount: Int
    /// Which images are refused or warned about.
    package let imagePolicy: ImagePolicy
    private let predictor: Predictor
    private let context: ExecutionContext

    /// Reads a model and prepares it once.
    ///
    /// - Parameters:
    ///   - argument: a run folder, a bundle, or a file in one of them.
    ///   - precision: float32 gives every image the same answer (to 1e-5) in a batch of any size; bfloat16 may be faster and
    ///     moves probabilities in the second decimal place.
    ///   - operatingPoint: one of the calibration, such as "sensitivity=0.9"; nil for the thresholds of the model.
    ///   - takesAnyImage: whether images that are not fundus photographs are predicted too, with a warning. They are in any
    ///     case, and without one, where more than 1 % of the training images were not by the same rules.
    ///   - readsCalibration: whether a calibration beside it is read.
    /// - Throws: `FoveaError` when the model cannot be read, is not what its run wrote, or its calibration is that of others.
    public init(
        _ argument: String, precision: Precision = .float32, operatingPoint: String? = nil,
        takesAnyImage: Bool = false, readsCalibration: Bool = true, _ context: ExecutionContext
    ) throws {
        Engine.threads = context.threads
        folder = Self.folder(argument)
        let bundle = try ModelBundle.loadUnchanged(from: folder)
        description = bundle.description
        self.precision = precision
        self.context = context
        calibration = readsCalibration ? try ModelCalibration.read(for: folder, description) : nil
        featureCount = bundle.classifier.featureCount
        imagePolicy = ImagePolicy(limits: calibration?.quality ?? .standard, takesAnyImage: takesAnyImage)
        if let calibration {
            familiarity = try Familiarity.read(
                from: folder, weights: calibration.weightsSHA256, sha256: calibration.familiaritySHA256,
                length: featureCount)
        } else {
            familiarity = nil
        }
        rule =
            if let operatingPoint {
                try DecisionRule(operatingPoint, of: description, calibration, folder: folder)
            } else {
                DecisionRule(of: description, calibration)
            }
        predictor = try bundle.predictor(device: context.device, precision: precision)
        if precision != .float32 { context.logger.info("the model is computed in \(precision.rawValue)") }
        calibration?.warn(usedIn: precision, context.logger)
    }

    /// Says for which classes the operating point has no threshold; nil where it has all, or none was asked for.
    public var undecided: String? {
        guard let point = rule.name else { return nil }
        let names = description.classes.indices.filter { rule.thresholds[$0] == nil && $0 != rule.normal }
            .map { description.titles[$0] }
        guard !names.isEmpty else { return nil }
        return
            "at \(point) some classes have no threshold, as the calibration had too few images for one, and are never "
            + "findings: \(Pluralization.listing(names))"
    }

    /// The folder of a model: a run folder, a bundle, or a file in one of them.
    public static func folder(_ argument: String) -> String {
        ["/" + ModelBundle.weightsName, "/" + ModelBundle.configurationName].first(where: argument.hasSuffix)
            .map { String(argument.dropLast($0.count)) } ?? argument
    }

    /// The files that a model is read from, and those that its run was made of.
    public static func files(of argument: String) -> [String] {
        let folder = folder(argument)
        let sources = (try? RunSources.read(folder))?.files.filter { $0.sha256 != nil }.map(\.absolute) ?? []
        return [ModelBundle.weightsName, ModelBundle.configurationName].map { PathName.joined(folder, $0) } + sources
    }

    /// The raw logits of images in memory, [count, classes] row by row, their pooled features if requested or needed by
    /// `familiarity`, and their exact maps if requested.
    ///
    /// - Parameter pixels: square RGB images of the model's resolution (image, row, column, channel).
    func outputs(
        _ pixels: [UInt8], count: Int, withFeatures: Bool, withMaps: Bool
    ) throws -> PredictedOutputs {
        try predictor.outputs(
            pixels, count: count, resolution: description.image.resolution,
            withFeatures: withFeatures || familiarity != nil, withMaps: withMaps)
    }

    /// The raw logits of an image in memory, in float32 by the network as its file has it now: nothing folded or fused.
    package func plainLogits(_ pixels: [UInt8]) throws -> [Float] {
        let plain = try ModelBundle.loadUnchanged(from: folder).predictor(device: context.device, isPlain: true)
        return try plain.logits(pixels, count: 1, resolution: description.image.resolution)
    }

    /// The pooled features of all images of a cache, [images, features] row by row.
    func features(_ cache: ImageCache) throws -> [Float] {
        var features: [Float] = []
        let progress = ProgressReporter("Features of training images", total: cache.count, unit: "images")
        try predictor.forEachBatch(
            cache: cache, items: (0..<cache.count).map { BatchItem(row: $0, view: 0) }, withFeatures: true,
            batchSize: 128, threads: context.threads, shouldStop: context.shouldStop
        ) { outputs, done in
            features += outputs.features
            progress.update(done)
        }
        progress.finish()
        return features
    }

    /// What each place of an image adds to the logits of some classes.
    ///
    /// - Parameters:
    ///   - pixels: a square RGB image of the model's resolution.
    ///   - answer: what is known of it; exact maps in it are not computed again.
    ///   - shouldStop: consulted between classes where maps are gradients.
    /// - Throws: `FoveaError` of kind `configuration` for a network without maps; `CancellationError` when stopped.
    package func maps(
        _ pixels: [UInt8], classes: [Int], of answer: ImageAnswer? = nil, shouldStop: () -> Bool = { false }
    ) throws -> ClassMaps {
        if let maps = answer?.maps { return maps.selecting(classes) }
        guard
            let maps = try predictor.maps(
                pixels, resolution: description.image.resolution, classes: classes, shouldStop: shouldStop)
        else {
            throw FoveaError(
                .configuration, "a network of architecture \(description.architecture.rawValue) has no maps",
                remedy: "Predict without --maps.")
        }
        return maps
    }

    /// Predicts, as any but the first of several processes, a part of some photographs for that one.
    ///
    /// - Throws: as what that one calls.
    public func assist(images: [NamedImage]) throws {
        try PredictionStream(inference: self, images: images, context: context).forEachBatch { _, _ in }
    }

    /// Verifies that all processes that predict together have the same model and images.
    ///
    /// - Parameter images: what tells them from others.
    func agree(on images: @autoclosure () -> [String]) throws {
        try context.communicator.requireEqual(
            Digest.sha256(([ModelBundle.weightsHash(in: folder)] + images()).joined(separator: "\n")),
            "the hash of model and images is")
    }

    /// The raw logits of all images of a cache, [images, classes] row by row.
    ///
    /// - Parameter names: what the images are called in messages.
    /// - Throws: `FoveaError` of kind `numerical` that names the images with an output that is not finite;
    ///   `CancellationError`.
    func logits(_ cache: ImageCache, names: [String]) throws -> [Float] {
        try agree(on: names.indices.map(cache.contentHash))
        let progress = ProgressReporter("Predicting", total: cache.count, unit: "images")
        let logits = try predictor.logits(
            cache: cache, items: (0..<cache.count).map { BatchItem(row: $0, view: 0) }, batchSize: 128,
            threads: context.threads, communicator: context.communicator, shouldStop: context.shouldStop,
            progress: { progress.update($0) })
        progress.finish()
        let odd = description.nonFiniteRows(logits)
        guard odd.isEmpty else { throw FoveaError.nonFiniteOutputs(for: odd.map { names[$0] }, of: cache.count) }
        return logits
    }
}

/// Which images a model does not answer, and which it warns about.
package struct ImagePolicy: Sendable {
    /// Between which measures an image is not warned about.
    package let limits: QualityLimits
    /// Whether images that are not fundus photographs are predicted too, with a warning.
    package let takesAnyImage: Bool
}
