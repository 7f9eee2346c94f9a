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
/// The folder holds `predictions-00001.csv` and so on, and for a calibrated model `calibrated-00001.csv`, in the form that
/// `fovea evaluate --predictions` reads; `findings-00001.csv` with what is at or above its threshold; `images-00001.csv`
/// with what is known of each image; `failures.csv`; and `predictions.json`, which says of which model and images they
/// are. A table holds the rows of the same images whatever interruptions there were.
public struct PredictionFolder {
    /// What the folder was begun with.
    private struct Manifest: Codable, Equatable {
        var format = 1
        var weightsSHA256: String
        /// The hash of the model's calibration; nil without one.
        var calibrationSHA256: String?
        /// The hash of what decides familiarity; nil without it.
        var familiaritySHA256: String?
        /// What decides findings; nil for the thresholds of the model.
        var operatingPoint: String?
        var precision: Precision
        var classes: [String]
        var takesAnyImage: Bool
        /// How many images.
        var images: Int
        /// The hash of their names, their paths, their sizes and when they were last changed.
        var imagesSHA256: String
        /// Images per table.
        var shard: Int

        enum CodingKeys: String, CodingKey {
            case format, operatingPoint, precision, classes, takesAnyImage, images, shard
            case weightsSHA256 = "weightsSha256"
            case calibrationSHA256 = "calibrationSha256"
            case familiaritySHA256 = "familiaritySha256"
            case imagesSHA256 = "imagesSha256"
        }
    }

    /// A kind of table: one row for each image that is predicted.
    private struct Table {
        let prefix: String
        /// The columns after `image`.
        let columns: [String]
        let cells: (ModelPrediction.Row) -> [String]

        func name(_ number: Int) -> String {
            let digits = String(number + 1)
            return prefix + "-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".csv"
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
    private let tables: [Table]
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
        tables = Self.tables(of: inference)
        func hash(_ name: String) throws -> String? {
            let path = PathName.joined(inference.folder, name)
            return try RegularFile.exists(path) ? Digest.sha256(fileAt: path) : nil
        }
        let own = Manifest(
            weightsSHA256: try ModelBundle.weightsHash(in: inference.folder),
            calibrationSHA256: try hash(ModelCalibration.name),
            familiaritySHA256: try inference.familiarity.flatMap { _ in
                try inference.calibration?.familiaritySHA256 ?? hash(Familiarity.fileName())
            },
            operatingPoint: inference.rule.name,
            precision: inference.precision, classes: inference.description.classes,
            takesAnyImage: inference.imagePolicy.takesAnyImage, images: images.count,
            imagesSHA256: Self.hash(of: images),
            shard: shard)
        if let found {
            guard isResuming else {
                throw FoveaError(
                    .configuration, "\(path) already holds predictions",
                    remedy: "Continue them with --resume, or name another folder.")
            }
            guard try Self.read(found, manifest) == own else {
                throw FoveaError(
                    .configuration,
                    "the predictions in \(path) are of another model, calibration or familiarity, other images, or another "
                        + "--at, --precision, --shard or --any-image than those given now",
                    remedy: "Give what they were begun with, or name another folder.")
            }
        } else {
            try AtomicFile.write(JSONFormat.encoded(own), to: manifest)
        }
    }

    private static func read(_ data: Data, _ path: String) throws -> Manifest {
        do {
            return try JSONFormat.decoded(Manifest.self, from: data)
        } catch {
            throw FoveaError(
                .data, about: path,
                "is damaged, so it is not known what was predicted: "
                    + JSONFault.words(error, in: data, decoding: Manifest.self),
                remedy: "Restore the file; or delete the folder, or name another one, and predict again.")
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
        if start > 0 {
            context.logger.info("\(start) of \(Pluralization.count(images.count, "image")) predicted before")
        }
        let failures = try AppendedFile(
            PathName.joined(path, Self.failuresName), header: CSVText(header: ["image", "reason"]).text)
        var open: (shard: Int, files: [AppendedFile])?
        let progress = ProgressReporter("Predicting", total: images.count - start, unit: "images")
        let stream = PredictionStream(inference: inference, images: images, context: context)
        try stream.forEachBatch(from: start) { first, answers in
            var failed = ""
            var rows: [Int: [ModelPrediction.Row]] = [:]
            for (offset, answer) in answers.enumerated() {
                switch answer {
                case .row(let row):
                    summary.predicted += 1
                    rows[(first + offset) / shard, default: []].append(row)
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
            for (number, rows) in rows.sorted(by: { $0.key < $1.key }) {
                if open?.shard != number { open = (number, try files(number)) }
                for (table, file) in zip(tables, open?.files ?? []) {
                    try file.append(rows.map { CSVText.line([$0.image] + table.cells($0)) }.joined())
                }
            }
            progress.update(first + answers.count - start)
        }
        progress.finish()
        return summary
    }

    /// The tables that a model's answers fill.
    private static func tables(of inference: InferenceModel) -> [Table] {
        let classes = inference.description.classes
        var tables = [
            Table(prefix: "predictions", columns: classes) { row in row.probabilities.map { "\(Double($0))" } },
            Table(prefix: "findings", columns: classes) { row in
                classes.indices.map { inference.rule.isAbove(row, $0).map { $0 ? "1" : "0" } ?? "" }
            },
        ]
        if inference.calibration != nil {
            tables.append(
                Table(prefix: "calibrated", columns: classes) { row in
                    (row.calibrated ?? []).map { "\(Double($0))" }
                })
        }
        tables.append(
            Table(prefix: "images", columns: ["familiarity", "quality"]) { row in
                [row.familiarity.map { "\($0)" } ?? "", row.shownWarnings.joined(separator: ", ")]
            })
        return tables
    }

    /// The tables of a shard, begun where they are not there.
    private func files(_ number: Int) throws -> [AppendedFile] {
        try tables.map { table in
            try AppendedFile(
                PathName.joined(path, table.name(number)), header: CSVText(header: ["image"] + table.columns).text)
        }
    }

    /// What an earlier call made of an image.
    private enum Finished { case predicted, unreadable, nonFinite }

    /// How many images, from the first on, are finished; what was written of later ones is removed.
    ///
    /// Only whole batches are kept: the last bits of a probability depend on the other images of its batch, and the tables
    /// are to be those of an undisturbed call.
    private func recover(_ summary: inout Summary) throws -> Int {
        let failures = try WrittenTable(PathName.joined(path, Self.failuresName))
        let finished = try finished(failures)
        let batch = PredictionStream.batchSize
        let start = finished.count == images.count ? finished.count : finished.count / batch * batch
        for (image, what) in zip(images, finished.prefix(start)) {
            switch what {
            case .predicted: summary.predicted += 1
            case .unreadable: summary.unreadable += 1
            case .nonFinite: summary.nonFinite.append(image.name)
            }
        }
        try failures.cut(after: finished.prefix(start).count { $0 != .predicted })
        for number in 0..<shards {
            let own = finished.prefix(start).dropFirst(number * shard).prefix(shard)
            for name in tables.map({ PathName.joined(path, $0.name(number)) }) {
                if own.isEmpty {
                    unlink(name)
                } else {
                    try WrittenTable(name).cut(after: own.count { $0 == .predicted })
                }
            }
        }
        return start
    }

    private var shards: Int { (images.count + shard - 1) / shard }

    /// What is complete in the tables, from the first image on: an image is finished when all tables have its row, or
    /// `failures.csv` has it.
    private func finished(_ failures: WrittenTable) throws -> [Finished] {
        var finished: [Finished] = []
        var failed = 0
        for number in 0..<shards {
            let written = try tables.map { try WrittenTable(PathName.joined(path, $0.name(number))) }
            var row = 0
            for image in images.dropFirst(number * shard).prefix(shard) {
                if failed < failures.records.count, failures.records[failed].first == image.name {
                    let isNonFinite = failures.records[failed].last == Self.nonFiniteReason
                    finished.append(isNonFinite ? .nonFinite : .unreadable)
                    failed += 1
                } else if written.allSatisfy({
                    row < $0.records.count && $0.records[row].first == image.name
                }) {
                    finished.append(.predicted)
                    row += 1
                } else {
                    return finished
                }
            }
        }
        return finished
    }

    /// What tells images from others: names and paths, and, as reading all of them would take too long, sizes and times of
    /// the last change.
    private static func hash(of images: [NamedImage]) -> String {
        let lines = images.map { image in
            var status = stat()
            _ = stat(image.path, &status)
            let time = status.st_mtim
            return [image.name, image.path, "\(status.st_size)", "\(time.tv_sec)", "\(time.tv_nsec)"]
                .joined(separator: "\0")
        }
        return Digest.sha256(lines.joined(separator: "\0"))
    }
}
