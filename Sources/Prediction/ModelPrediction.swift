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
    public struct Row: Sendable {
        /// What it is called.
        public let image: String
        /// The probability of each class of the model.
        public let probabilities: [Float]
    }

    /// A photograph that cannot be used.
    public struct Failure: Sendable, Codable {
        /// What it is called.
        public let image: String
        /// What is wrong with it, its path included.
        public let reason: String
    }

    /// The model.
    public let model: ModelDescription
    /// The arithmetic: that of the model's run, else the best one of the device.
    public let precision: Precision
    /// The photographs, in the requested order.
    public let rows: [Row]
    /// Those that cannot be used.
    public let failures: [Failure]
    /// The names of those for which the model's outputs are NaN or infinite; they have no row.
    public let nonFinite: [String]

    /// The folder of a model: a run folder, a bundle, or a file in one of them.
    public static func folder(_ argument: String) -> String {
        ["/" + ModelBundle.weightsName, "/" + ModelBundle.configurationName].first(where: argument.hasSuffix)
            .map { String(argument.dropLast($0.count)) } ?? argument
    }

    /// The files that a model is read from, and those that its run was made of.
    public static func files(of model: String) -> [String] {
        let folder = folder(model)
        let sources = (try? RunSources.read(folder))?.files.filter { $0.sha256 != nil }.map(\.absolute) ?? []
        return [ModelBundle.weightsName, ModelBundle.configurationName].map { PathName.joined(folder, $0) } + sources
    }

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
    /// - Parameter report: called for each photograph that cannot be used, as soon as that is known.
    /// - Throws: `FoveaError` when the model cannot be read or the machine lacks something; `CancellationError` when
    ///   stopped.
    public init(
        model folder: String, images: [NamedImage], batchSize: Int = 32, _ context: ExecutionContext,
        report: (Failure) -> Void = { _ in }
    ) throws {
        Engine.threads = context.threads
        let bundle = try ModelBundle.loadUnchanged(from: Self.folder(folder))
        let model = bundle.description
        precision =
            RunRecord.precision(of: Self.folder(folder)) ?? Engine.bestPrecision(on: context.device)
        context.logger.info("the model is computed in \(precision.rawValue)")
        let predictor = try Predictor(
            bundle.classifier, model.normalization, device: context.device, precision: precision)
        let progress = ProgressReporter("Predicting", total: images.count, unit: "images")
        var rows: [Row] = []
        var failures: [Failure] = []
        var nonFinite: [String] = []
        for start in stride(from: 0, to: images.count, by: batchSize) {
            let batch = images[start..<min(start + batchSize, images.count)]
            let read = try mapInParallel(
                batch.count, threads: context.threads, shouldStop: context.shouldStop
            ) { index -> Result<[UInt8], any Error> in
                Result { try FundusReader.read(path: batch[start + index].path, settings: model.image).image.bytes }
            }
            var pixels: [UInt8] = []
            var names: [String] = []
            for (image, result) in zip(batch, read) {
                switch result {
                case .success(let bytes):
                    pixels += bytes
                    names.append(image.name)
                case .failure(let error as FoveaError) where error.kind != .data:
                    throw error
                case .failure(let error):
                    let failure = Failure(image: image.name, reason: (error as? FoveaError)?.message ?? "\(error)")
                    failures.append(failure)
                    report(failure)
                }
            }
            if !names.isEmpty {
                let logits = try predictor.logits(pixels, count: names.count, resolution: model.image.resolution)
                let count = model.classes.count
                let odd = Set(model.nonFiniteRows(logits))
                nonFinite += odd.sorted().map { names[$0] }
                let probabilities = try model.probabilities(logits)
                for (k, name) in names.enumerated() where !odd.contains(k) {
                    rows.append(Row(image: name, probabilities: Array(probabilities[k * count..<(k + 1) * count])))
                }
            }
            progress.update(min(start + batchSize, images.count))
        }
        if images.count > batchSize { progress.finish() }
        self.model = model
        self.rows = rows
        self.failures = failures
        self.nonFinite = nonFinite
    }
}
