import Backbones
import Basics
import Cohorts
import Execution
import Foundation
import FundusImaging
import Losses
import Sampling
import Settings
import Torch
import Training

/// Times training from image files against the same training on one ready batch, epoch by epoch, and watches the memory.
public struct LoaderBenchmark: Sendable, Codable {
    /// One epoch from the cache, then as many steps on one ready batch.
    public struct Epoch: Sendable, Codable {
        /// Images per second from the cache, augmentation included.
        public let loaded: Double
        /// Images per second of the same training on one ready batch.
        public let ready: Double
        /// Memory of the process that is not a mapped file, in MiB, at the end.
        public let memory: Double
    }

    /// The network.
    public let model: String
    /// Side of an image.
    public let size: Int
    /// Images per step.
    public let batch: Int
    /// Images per epoch.
    public let images: Int
    /// Threads of the engine.
    public let threads: Int
    /// Seconds of the first epoch with its decoding, the cache being empty.
    public let coldSeconds: Double
    /// The seconds of those that went into building the cache.
    public let cacheSeconds: Double
    /// The epochs after the first.
    public let epochs: [Epoch]

    /// The median over epochs of loaded / ready.
    public var share: Double {
        let shares = epochs.map { $0.loaded / $0.ready }.sorted()
        return shares.isEmpty ? .nan : shares[shares.count / 2]
    }

    /// Runs the benchmark: a training whose epochs are by turns loaded and ready, as `TrainingSession` makes them.
    ///
    /// - Parameters:
    ///   - paths: image files.
    ///   - epochs: how many are timed after the cold one, at least 1.
    ///   - cacheFolder: where the cache is built; empty at first.
    ///   - shouldStop: called before each step; true ends the work with `CancellationError`.
    /// - Throws: `FoveaError` for an unknown model, fewer images than a batch, or an image that cannot be decoded.
    public static func run(
        model name: String, paths: [String], epochs: Int, precision: Precision, device: Device, cacheFolder: String,
        shouldStop: @escaping @Sendable () -> Bool = { false }
    ) throws -> LoaderBenchmark {
        let entry = try StepBenchmark.entry(name)
        guard paths.count >= entry.batch else {
            throw FoveaError(.data, "\(paths.count) images are less than a batch of \(entry.batch)")
        }
        let started = ContinuousClock.now
        let cache = try ImageCache.open(
            paths: paths, settings: ImageSettings(resolution: entry.size), folder: cacheFolder, threads: Engine.threads,
            shouldStop: shouldStop)
        if let failure = cache.failures.first { throw FoveaError(.data, failure.message) }
        let cacheSeconds = seconds(since: started)
        let data = TrainingData(try cohort(paths), cache)
        var plan = TrainingPlan()
        plan.epochs = 1 + 2 * max(1, epochs)
        plan.batchSize = entry.batch
        plan.precision = precision
        plan.loaderThreads = ExecutionContext(device: device, threads: Engine.threads).loaderThreads
        let session = try session(entry.architecture, plan, data, device)
        // The first epoch is the cold one; then each loaded epoch is followed by a ready one.
        session.isReady = { $0 > 0 && $0.isMultiple(of: 2) }
        var coldSeconds = 0.0
        var loaded = 0.0
        var timed: [Epoch] = []
        _ = try session.run(shouldStop: shouldStop) { record, _ in
            let rate = Double(record.images) / record.seconds
            switch record.epoch {
            case 1: coldSeconds = seconds(since: started)
            case let number where number.isMultiple(of: 2): loaded = rate
            default: timed.append(Epoch(loaded: loaded, ready: rate, memory: anonymousMemory()))
            }
        }
        return LoaderBenchmark(
            model: name, size: entry.size, batch: entry.batch,
            images: Batching(size: entry.batch, dropsLast: true).used(of: paths.count),
            threads: Engine.threads, coldSeconds: coldSeconds, cacheSeconds: cacheSeconds, epochs: timed)
    }

    /// The photographs with artificial labels, a tenth of them positive.
    private static func cohort(_ paths: [String]) throws -> Cohort {
        let classes = 33
        var random = SeededRandom(seed: 0)
        return try Cohort(
            classes: (0..<classes).map { "class \($0)" },
            photographs: paths.enumerated().map { Photograph(image: "\($0)", path: $1) },
            labels: (0..<paths.count * classes).map { _ in random.index(below: 10) == 0 ? 1 : 0 })
    }

    private static func session(
        _ architecture: Architecture, _ plan: TrainingPlan, _ data: TrainingData, _ device: Device
    ) throws -> TrainingSession {
        let columns = Array(data.cohort.classes.indices)
        let trainer = Trainer(
            title: "benchmark", plan: plan, data: data, columns: columns, trained: columns.map { _ in true },
            device: device)
        try Engine.seed(0)
        let network = try Classifier(
            architecture.makeBackbone(resolution: data.cache.resolution), classes: columns.count)
        return try TrainingSession(
            trainer, network, architecture.normalization, objective: LabelObjective(BinaryCrossEntropy()),
            stream: EpochStream(InstanceSampler(rows: Array(0..<data.cohort.count), seed: 0), views: nil))
    }

    /// Resident memory that is backed by no file, in MiB; 0 where the system does not say.
    static func anonymousMemory() -> Double {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") } ?? ""
        return line.split(separator: " ").compactMap { Double($0) }.first.map { $0 / 1024 } ?? 0
    }

    private static func seconds(since start: ContinuousClock.Instant) -> Double {
        (ContinuousClock.now - start) / .seconds(1)
    }
}
