import Backbones
import Basics
import Foundation
import FundusImaging
import Models
import NN
import Torch
import Weights

/// One teacher's logits on fixed views of the training images, computed once and kept in a file.
///
/// A view is a pure function of (seed, image content, view number), so every student of a comparison, and a resumed
/// one, can reuse them. Stored as float16 [views, rows, classes of the subset].
public struct TeacherLogits {
    /// The stored numbers.
    let tensor: Tensor
    /// Seconds that it took to compute them.
    public let seconds: Double
    /// Whether they were read from a file.
    public let isStored: Bool

    /// Reads a stored bank; nil when there is none with this key at `path`, or it is damaged: it is then made again.
    public static func stored(at path: String, key: String) throws -> TeacherLogits? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let file = try? WeightFile.open(path), file.metadata["key"] == key,
            let entry = file.tensor(named: "logits"), let words = file.metadata["seconds"], let seconds = Double(words)
        else { return nil }
        let tensor = try file.readTensor(entry)
        guard try file.metadata["sha256"] == contentHash(tensor, key: key, seconds: words) else { return nil }
        return TeacherLogits(tensor: tensor, seconds: seconds, isStored: true)
    }

    /// The hash of the numbers and of what is recorded with them.
    private static func contentHash(_ tensor: Tensor, key: String, seconds: String) throws -> String {
        let numbers = try tensor.withBytes { Digest.sha256($0) }
        return Digest.sha256([key, seconds, numbers].joined(separator: "\n"))
    }

    /// Stores a bank, to be read by `stored`.
    package static func write(_ tensor: Tensor, key: String, seconds: Double, to path: String) throws {
        let hash = try contentHash(tensor, key: key, seconds: "\(seconds)")
        try SafetensorsWriter.write(
            [tensor.source(named: "logits")], metadata: ["key": key, "seconds": "\(seconds)", "sha256": hash], to: path)
    }

    /// Runs a teacher over all views of the rows and stores the result.
    ///
    /// The teacher is frozen: evaluation mode, batch norms folded, inference mode, the given precision.
    /// - Parameters:
    ///   - featuresPath: where its pooled features are stored too (`TeacherFeatures`); nil: not at all.
    ///   - communicator: processes that compute it together, of which the first one stores it.
    /// - Throws: `FoveaError` of kind `numerical` where an output is not finite.
    public static func compute(
        _ teacher: ModelBundle, cache: ImageCache, rows: [Int], views: Int, augmentation: AugmentationSettings,
        seed: UInt64, device: Device, precision: Precision, threads: Int = 1, title: String, path: String,
        featuresPath: String? = nil, key: String, communicator: any Communicator = SingleProcess(),
        shouldStop: @escaping () -> Bool
    ) throws -> TeacherLogits {
        let predictor = try Predictor(
            teacher.classifier, teacher.description.normalization, device: device, precision: precision, folding: true)
        let items = (0..<views).flatMap { view in rows.map { BatchItem(row: $0, view: view) } }
        let started = Date()
        let bar = ProgressReporter(title, total: items.count, unit: "views")
        var logits: [Float] = []
        let length = teacher.classifier.featureCount
        func pass(withFeatures: Bool, _ consume: (Tensor) throws -> Void) throws {
            try predictor.forEachBatch(
                cache: cache, items: items, augmentation: augmentation, seed: seed, withFeatures: withFeatures,
                batchSize: 128, threads: threads, communicator: communicator, shouldStop: shouldStop
            ) { outputs, done in
                logits += outputs.logits
                if withFeatures {
                    let count = outputs.features.count / length
                    try consume(Tensor(outputs.features, shape: [count, length]).to(dtype: .float16))
                }
                bar.update(done)
            }
            bar.finish()
        }
        func requireFinite(_ tensor: Tensor) throws {
            guard try tensor.isAllFinite() else {
                throw FoveaError(
                    .numerical, "\(title): outputs of the teacher are not finite: its training has diverged",
                    remedy: "Lower distillation.teachers.rate, or set training.gradient_limit.")
            }
        }
        let isWriter = communicator.rank == 0
        if let featuresPath, isWriter {
            // Features are some hundred times as large as logits, so they go into the file batch by batch.
            let all = try TensorSource(
                StoredTensor(name: TeacherFeatures.name, type: .float16, shape: [views, rows.count, length])
            ) { write in
                try pass(withFeatures: true) { features in
                    try requireFinite(features)
                    try features.withBytes(write)
                }
            }
            try SafetensorsWriter.write([all], metadata: ["key": key], to: featuresPath)
        } else {
            try pass(withFeatures: featuresPath != nil) { try requireFinite($0) }
        }
        let shape = [views, rows.count, teacher.description.classes.count]
        let tensor = try Tensor(logits, shape: shape).to(dtype: .float16)
        try requireFinite(tensor)
        let seconds = Date().timeIntervalSince(started)
        if isWriter { try write(tensor, key: key, seconds: seconds, to: path) }
        try communicator.barrier()
        return TeacherLogits(tensor: tensor, seconds: seconds, isStored: false)
    }
}

/// The logits of all teachers on all views, ready to be looked up batch by batch.
public struct ViewBank {
    /// Which teacher and class each column stands for.
    public let columns: TeacherOutputs
    /// The number of views.
    public let views: Int
    /// The training rows, in the bank's order.
    public let rows: [Int]
    private let positions: [Int: Int]
    /// [views * rows, columns], float16, on the device.
    private let logits: Tensor
    private let shift: Tensor
    let device: Device

    /// Puts the teachers side by side.
    ///
    /// - Parameter priorShifts: what is subtracted from each column (`SubsetTask.priorShift`).
    public init(
        _ columns: TeacherOutputs, teachers: [TeacherLogits], rows: [Int], views: Int, priorShifts: [Double],
        device: Device
    ) throws {
        self.columns = columns
        self.views = views
        self.rows = rows
        self.device = device
        positions = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($0.element, $0.offset) })
        let joined = try Tensor.concatenated(teachers.map(\.tensor), in: 2)
        guard joined.shape == [views, rows.count, columns.count], priorShifts.count == columns.count else {
            throw FoveaError(
                .engine,
                "a bank of shape \(joined.shape) for \(views) views, \(rows.count) rows, \(columns.count) columns")
        }
        logits = try joined.reshaped([views * rows.count, columns.count]).to(device: device)
        shift = try Tensor(priorShifts.map(Float.init)).to(device: device)
    }

    /// The corrected logits of all teachers on the given views, float32 [B, columns].
    ///
    /// - Throws: `FoveaError` when an item is none of the bank's.
    public func logits(of items: [BatchItem]) throws -> Tensor {
        try logits.selecting(Tensor(places(of: items)).to(device: device), in: 0).to(dtype: .float32) - shift
    }

    /// Where the given views stand among all of the bank's, view by view and row by row.
    ///
    /// - Throws: `FoveaError` when an item is none of the bank's.
    func places(of items: [BatchItem]) throws -> [Int] {
        try items.map { item in
            guard let position = positions[item.row], 0..<views ~= item.view else {
                throw FoveaError(.engine, "view \(item.view) of row \(item.row) is not in the view bank")
            }
            return item.view * rows.count + position
        }
    }

    /// The mean over the training set of a weight that varies over images, for each column.
    ///
    /// - Parameter weight: from corrected logits [n, columns] to weights of the same shape.
    public func meanWeights(_ weight: (Tensor) throws -> Tensor) throws -> Tensor {
        var sum = try Tensor.zeros([columns.count], device: device)
        let block = 8192
        let total = views * rows.count
        for start in stride(from: 0, to: total, by: block) {
            let part =
                try logits.narrowed(0, from: start, length: min(block, total - start)).to(dtype: .float32) - shift
            sum = try sum + weight(part).sum([0])
        }
        return try sum / Double(max(1, total))
    }
}
