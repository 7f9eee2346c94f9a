import Basics
import Execution
import Foundation
import FundusImaging
import Models

/// Photographs as a model sees them, for programs that compute it without Fovea.
///
/// The folder gets `images.npy`, bytes [N, side, side, 3] (RGB) or, of a model that sees several images of a photograph,
/// [N, bytes], one image after the other; and `images.csv`, a row for each, in the same order: its name, and which part of the
/// photograph the first image shows.
public struct PreparedImages {
    /// The pixels.
    public static let arrayName = "images.npy"
    /// The photographs' names.
    public static let tableName = "images.csv"

    /// The sides of the array.
    public private(set) var shape: [Int]
    /// Those that cannot be used.
    public private(set) var failures: [ModelPrediction.Failure] = []

    /// Prepares photographs batch by batch: never more than one batch is in memory.
    ///
    /// - Parameters:
    ///   - folder: one that is new or empty.
    ///   - report: called for each photograph that cannot be used, as soon as that is known.
    /// - Throws: `FoveaError` when the machine lacks something; `CancellationError` when stopped.
    public init(
        _ images: [NamedImage], for inference: InferenceModel, in folder: String, _ context: ExecutionContext,
        report: (ModelPrediction.Failure) -> Void
    ) throws {
        try Folder.make(folder)
        let progress = ProgressReporter("Preparing", total: images.count, unit: "images")
        var table = CSVText(header: ["image", "left", "top", "width", "height"])
        var (count, failures) = (0, [ModelPrediction.Failure]())
        func shape(_ count: Int) -> [Int] { [count] + inference.description.pixelShape }
        let path = PathName.joined(folder, Self.arrayName)
        try AtomicFile.write(to: path) { descriptor in
            func write(_ data: Data) throws {
                try data.withUnsafeBytes { try AtomicFile.writeAll($0, to: descriptor, path: path) }
            }
            try write(NumPyFile.header(ofBytes: shape(images.count)))
            for first in stride(from: 0, to: images.count, by: PredictionStream.batchSize) {
                let batch = Array(images[first..<min(first + PredictionStream.batchSize, images.count)])
                let prepared = try inference.imagePolicy.prepared(batch, for: inference.description, context)
                for (image, result) in zip(batch, prepared) {
                    switch result {
                    case .success(let prepared):
                        try write(Data(prepared.bytes))
                        let part = prepared.coverage
                        table.append([image.name] + [part.left, part.top, part.width, part.height].map(CSVText.number))
                        count += 1
                    case .failure(let error):
                        failures.append(try ModelPrediction.Failure(image: image.name, error))
                        report(failures[failures.count - 1])
                    }
                }
                progress.update(first + batch.count)
            }
            // How many there are is known now; the header's length is the same.
            guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw AtomicFile.failure("write", path) }
            try write(NumPyFile.header(ofBytes: shape(count)))
        }
        if images.count > PredictionStream.batchSize { progress.finish() }
        try AtomicFile.write(table.text, to: PathName.joined(folder, Self.tableName))
        self.shape = shape(count)
        self.failures = failures
    }
}

extension ImagePolicy {
    /// Photographs as a model sees them, decoded by all threads; those that it is not to answer are errors.
    func prepared(
        _ images: [NamedImage], for model: ModelDescription, _ context: ExecutionContext
    ) throws -> [Result<PreparedImage, any Error>] {
        try mapInParallel(images.count, threads: context.threads, shouldStop: context.shouldStop) { index in
            Result {
                try judged(
                    FundusReader.read(
                        path: images[index].path, settings: model.image, others: model.otherImages, withQuality: true),
                    name: images[index].path)
            }
        }
    }
}

extension ModelPrediction.Failure {
    /// What an error says of a photograph.
    ///
    /// - Throws: the error, where it is not about the photograph.
    init(image: String, _ error: any Error) throws {
        switch error {
        case let error as NotFundus: self.init(image: image, reason: error.reason, isNotFundus: true)
        case let error as FoveaError where error.kind != .data: throw error
        default: self.init(image: image, reason: error.problem)
        }
    }
}
