import Backbones
import Basics
import Execution
import Foundation
import FundusImaging
import Models
import Torch

/// Times training from image files against the same loop on one ready batch, epoch by epoch, and watches the memory.
public struct LoaderBenchmark: Sendable, Codable {
    /// One epoch from the cache, then as many steps on one ready batch.
    public struct Epoch: Sendable, Codable {
        /// Images a second from the cache, augmentation included.
        public let loaded: Double
        /// Images a second of the same loop on one ready batch.
        public let ready: Double
        /// Memory of the process that is no mapped file, in MiB, at the end.
        public let memory: Double
    }

    /// The network.
    public let model: String
    /// Side of a picture.
    public let size: Int
    /// Images a step.
    public let batch: Int
    /// Images an epoch.
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

    /// Runs the benchmark.
    ///
    /// - Parameters:
    ///   - paths: image files.
    ///   - epochs: how many are timed after the cold one, at least 1.
    ///   - cacheFolder: where the cache is built; empty at first.
    ///   - shouldStop: asked before each step; true ends the work with `CancellationError`.
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
        let loop = try TrainingLoop(
            entry.architecture, cache, batch: entry.batch, precision: precision, device: device, shouldStop: shouldStop)
        let images = Batching(size: entry.batch, dropsLast: true).used(of: paths.count)
        _ = try loop.loadedEpoch(0)
        let coldSeconds = seconds(since: started)
        let timed = try (1...max(1, epochs)).map { epoch in
            let begin = ContinuousClock.now
            try loop.loadedEpoch(epoch)
            let loaded = seconds(since: begin)
            let again = ContinuousClock.now
            try loop.readyEpoch()
            return Epoch(
                loaded: Double(images) / loaded, ready: Double(images) / seconds(since: again),
                memory: anonymousMemory())
        }
        return LoaderBenchmark(
            model: name, size: entry.size, batch: entry.batch, images: images, threads: Engine.threads,
            coldSeconds: coldSeconds, cacheSeconds: cacheSeconds, epochs: timed)
    }

    /// Resident memory that is backed by no file, in MiB; 0 where the system does not tell.
    static func anonymousMemory() -> Double {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") } ?? ""
        return line.split(separator: " ").compactMap { Double($0) }.first.map { $0 / 1024 } ?? 0
    }

    private static func seconds(since start: ContinuousClock.Instant) -> Double {
        (ContinuousClock.now - start) / .seconds(1)
    }
}

/// The steps of `Trainer`, fed by a loader or by one ready batch.
private struct TrainingLoop {
    private let cache: ImageCache
    private let batch: Int
    private let device: Device
    private let training: BenchmarkedTraining
    private let input: PixelInput
    private let shouldStop: () -> Bool

    init(
        _ architecture: Architecture, _ cache: ImageCache, batch: Int, precision: Precision, device: Device,
        shouldStop: @escaping () -> Bool
    ) throws {
        self.shouldStop = shouldStop
        self.cache = cache
        self.batch = batch
        self.device = device
        training = try BenchmarkedTraining(
            architecture, size: cache.resolution, batch: batch, precision: precision, device: device)
        input = try PixelInput(architecture.normalization, device: device)
    }

    /// An epoch of new views of all images.
    func loadedEpoch(_ epoch: Int) throws {
        let loader = try BatchLoader(
            cache: cache, items: (0..<cache.count).map { BatchItem(row: $0, view: epoch) }, batchSize: batch,
            dropLast: true, augmentation: AugmentationSettings(), threads: 1)
        try steps { try loader.next().map { try input($0.pixels, count: batch, resolution: $0.resolution) } }
    }

    /// As many steps on one batch.
    func readyEpoch() throws {
        var left = Batching(size: batch, dropsLast: true).count(of: cache.count)
        try steps {
            left -= 1
            return left >= 0 ? training.readyImages : nil
        }
    }

    private func steps(_ batches: () throws -> Tensor?) throws {
        var next = try batches()
        while let images = next {
            if shouldStop() { throw CancellationError() }
            let value = try training.gradients(images)
            next = try batches()
            _ = try value.item()
            try training.update(measuresNorm: true)
        }
        try device.synchronize()
    }
}
