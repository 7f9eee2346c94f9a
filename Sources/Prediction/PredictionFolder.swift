import Basics
import Execution
import Foundation
import Logging
import Models
import RunFiles
import Torch

/// Predictions of many photographs in a folder: tables of some thousand rows each, and one of what failed. They are appended
/// and flushed batch by batch, so that work that was killed is resumed where it ended.
///
/// The folder holds `predictions-00001.csv` and so on, in the form that `fovea evaluate --predictions` reads, `failures.csv`,
/// and `predictions.json`, which says of which model and images they are. A table holds the rows of the same images
/// whatever interruptions there were.
public struct PredictionFolder {
    /// What the folder was begun with.
    private struct Manifest: Codable, Equatable {
        var format = 1
        var weightsSHA256: String
        var precision: Precision
        var classes: [String]
        var takesAnyImage: Bool
        /// How many images, and the hash of their names and paths.
        var images: Int
        var imagesSHA256: String
        /// Images per table.
        var shard: Int

        enum CodingKeys: String, CodingKey {
            case format, precision, classes, takesAnyImage, images, shard
            case weightsSHA256 = "weightsSha256"
            case imagesSHA256 = "imagesSha256"
        }
    }

    /// What came of the images.
    public struct Summary: Sendable {
        /// Rows in all tables.
        public var predicted = 0
        /// Rows of `failures.csv`: images that cannot be read, or are not fundus photographs.
        public var unreadable = 0
        /// Images for which the outputs are NaN or infinite, which are in `failures.csv` too.
        public var nonFinite: [String] = []
    }

    private static let manifestName = "predictions.json"
    private static let failuresName = "failures.csv"
    private static let nonFiniteReason = "the model's outputs are NaN or infinite"

    /// The folder.
    public let path: String
    private let images: [NamedImage]
    private let inference: InferenceModel
    private let shard: Int
    private let lock: FileLock

    /// Begins a folder, or finds what was begun.
    ///
    /// - Parameters:
    ///   - shard: images per table, at least 1.
    ///   - isResuming: whether a folder with predictions is continued.
    /// - Throws: `FoveaError` of kind `configuration` where the folder holds predictions and is not resumed, those of another
    ///   model or of other images, or other files; of kind `busy` where another process works at it.
    public init(
        _ path: String, _ inference: InferenceModel, images: [NamedImage], shard: Int = 10_000, isResuming: Bool = false
    ) throws {
        try Folder.check(path, named: "--output-folder", isWritten: true)
        let manifest = PathName.joined(path, Self.manifestName)
        let found = try RegularFile.contents(of: manifest, atMost: 1 << 24)
        if found == nil, let content = try? FileManager.default.contentsOfDirectory(atPath: path),
            content.contains(where: { $0 != ".lock" })
        {
            throw FoveaError(
                .configuration, "--output-folder is \(path), which holds other files than predictions",
                remedy: "Name a new or an empty folder.")
        }
        try Folder.make(path)
        guard let lock = try FileLock(PathName.joined(path, ".lock")) else {
            throw FoveaError(.busy, "another process writes predictions into \(path)", remedy: "Wait for it.")
        }
        self.lock = lock
        self.path = path
        self.images = images
        self.inference = inference
        self.shard = shard
        let own = Manifest(
            weightsSHA256: try ModelBundle.weightsHash(in: inference.folder),
            precision: inference.precision, classes: inference.description.classes,
            takesAnyImage: inference.takesAnyImage, images: images.count,
            imagesSHA256: Digest.sha256(images.map { $0.name + "\0" + $0.path + "\0" }.joined()), shard: shard)
        if let found {
            guard isResuming else {
                throw FoveaError(
                    .configuration, "\(path) already holds predictions",
                    remedy: "Continue them with --resume, or name another folder.")
            }
            guard (try? JSONFormat.decoded(Manifest.self, from: found)) == own else {
                throw FoveaError(
                    .configuration,
                    "the predictions in \(path) are of another model, other images, another precision, "
                        + "another --shard or with --any-image otherwise than those given now",
                    remedy: "Give what they were begun with, or name another folder.")
            }
        } else {
            try AtomicFile.write(JSONFormat.encoded(own), to: manifest)
        }
    }

    /// Predicts what is not yet predicted.
    ///
    /// - Parameter report: called for each photograph that cannot be used now, as soon as that is known.
    /// - Throws: `FoveaError` of kind `storage` where a table cannot be written; `CancellationError` when stopped.
    public func predict(
        _ context: ExecutionContext, report: (ModelPrediction.Failure) -> Void = { _ in }
    ) throws -> Summary {
        var summary = Summary()
        let start = try recover(&summary)
        if start > 0 { context.logger.info("\(start) of \(images.count) images were predicted before") }
        let failures = try AppendedFile(
            PathName.joined(path, Self.failuresName), header: CSVText(header: ["image", "reason"]).text)
        var table: (number: Int, file: AppendedFile)?
        let progress = ProgressReporter("Predicting", total: images.count - start, unit: "images")
        let stream = PredictionStream(inference: inference, images: images, context: context)
        try stream.forEachBatch(from: start) { first, answers in
            var failed = ""
            var rows: [Int: String] = [:]
            for (offset, answer) in answers.enumerated() {
                switch answer {
                case .row(let row):
                    summary.predicted += 1
                    rows[(first + offset) / shard, default: ""] += CSVText.line(
                        [row.image] + row.probabilities.map { "\(Double($0))" })
                case .failure(let failure):
                    summary.unreadable += 1
                    failed += CSVText.line([failure.image, failure.reason.replacing("\n", with: " ")])
                    report(failure)
                case .nonFinite(let image):
                    summary.nonFinite.append(image)
                    failed += CSVText.line([image, Self.nonFiniteReason])
                }
            }
            if !failed.isEmpty { try failures.append(failed) }
            for (number, lines) in rows.sorted(by: { $0.key < $1.key }) {
                if table?.number != number { table = (number, try open(number)) }
                try table?.file.append(lines)
            }
            progress.update(first + answers.count - start)
        }
        progress.finish()
        return summary
    }

    private func name(_ number: Int) -> String {
        let digits = String(number + 1)
        return "predictions-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".csv"
    }

    private func open(_ number: Int) throws -> AppendedFile {
        try AppendedFile(
            PathName.joined(path, name(number)),
            header: CSVText(header: ["image"] + inference.description.classes).text)
    }

    /// How many images, from the first on, are finished; what an interrupted process wrote of later ones is removed.
    private func recover(_ summary: inout Summary) throws -> Int {
        let failures = try WrittenTable(PathName.joined(path, Self.failuresName))
        var (failed, start) = (0, 0)
        scan: for number in 0..<(images.count + shard - 1) / shard {
            let table = try WrittenTable(PathName.joined(path, name(number)))
            var row = 0
            while start < min((number + 1) * shard, images.count) {
                if failed < failures.records.count, failures.records[failed].first == images[start].name {
                    if failures.records[failed].last == Self.nonFiniteReason {
                        summary.nonFinite.append(images[start].name)
                    } else {
                        summary.unreadable += 1
                    }
                    failed += 1
                } else if row < table.records.count, table.records[row].first == images[start].name {
                    summary.predicted += 1
                    row += 1
                } else {
                    try table.cut(after: row)
                    for later in number + 1..<max(number + 1, (images.count + shard - 1) / shard) {
                        unlink(PathName.joined(path, name(later)))
                    }
                    break scan
                }
                start += 1
            }
            try table.cut(after: row)
        }
        try failures.cut(after: failed)
        return start
    }
}
