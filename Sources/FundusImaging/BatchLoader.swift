import Basics
import Foundation

/// One photograph of a batch, and which of its views.
public struct BatchItem: Sendable, Hashable {
    /// Index of the photograph in the cache.
    public var row: Int
    /// Number of the view: the same number is the same view, in every run.
    public var view: Int

    /// Makes an item.
    public init(row: Int, view: Int) {
        self.row = row
        self.view = view
    }
}

/// Images ready for a network.
public struct Batch: Sendable, Equatable {
    /// The photographs and views, in order.
    public let items: [BatchItem]
    /// `items.count * resolution * resolution * 3` bytes: image, row, column, channel (NHWC), RGB. Where several networks
    /// see a photograph, each has an image of its own, and those of a photograph follow each other.
    public let pixels: [UInt8]
    /// Side of an image in pixels; of a photograph's first one.
    public let resolution: Int
}

/// Makes batches on other threads ahead of their use, in order. What it makes does not depend on the threads.
///
/// The threads end when the loader is no longer held.
public final class BatchLoader: Sendable {
    private let work: Work

    /// Number of batches that `next` will give.
    public var batchCount: Int { work.batchCount }

    /// Begins making batches of a size.
    ///
    /// - Parameters:
    ///   - items: what to deliver, in order, across all batches.
    ///   - batchSize: images per batch, at least 1.
    ///   - dropLast: whether a last batch that is not full is left out, unless it is all there is.
    ///   - others: as those of the other `init`.
    /// - Throws: `FoveaError` of kind `configuration` for impossible settings, `data` for a row that is not in the cache.
    public convenience init(
        cache: ImageCache, items: [BatchItem], batchSize: Int, dropLast: Bool = false,
        augmentation: AugmentationSettings = .none, seed: UInt64 = 0, threads: Int = 2, ahead: Int = 3
    ) throws {
        guard batchSize >= 1 else {
            throw FoveaError(.configuration, "batchSize is \(batchSize); allowed are 1 and more")
        }
        try self.init(
            cache: cache, batches: Batching(size: batchSize, dropsLast: dropLast).slices(of: items),
            augmentation: augmentation, seed: seed, threads: threads, ahead: ahead)
    }

    /// Begins making batches.
    ///
    /// - Parameters:
    ///   - cache: the photographs; with what further networks see of them (`ImageCache.others`), in the same views.
    ///   - batches: what to deliver, in order; a batch may be empty.
    ///   - augmentation: how views differ; `.none` gives exact copies.
    ///   - seed: the seed of all views.
    ///   - threads: how many batches are made at a time.
    ///   - ahead: how many batches may be in work or waiting, at least one per thread.
    /// - Throws: `FoveaError` of kind `configuration` for impossible settings, `data` for a row that is not in the cache.
    public init(
        cache: ImageCache, batches: [ArraySlice<BatchItem>], augmentation: AugmentationSettings = .none,
        seed: UInt64 = 0, threads: Int = 2, ahead: Int = 3
    ) throws {
        try augmentation.validate()
        if let item = batches.joined().first(where: { $0.row < 0 || $0.row >= cache.count }) {
            throw FoveaError(.data, "there is no photograph \(item.row) in a cache of \(cache.count)")
        }
        let count = batches.count
        work = Work(
            caches: [cache] + cache.others, batches: batches, augmentation: augmentation, seed: seed,
            ahead: max(1, ahead, threads))
        if count > 0 { try WorkerThreads.start(min(threads, count)) { [work] in work.run() } }
    }

    deinit {
        work.stop()
    }

    /// The next batch, waiting for it if need be; nil after the last one.
    ///
    /// - Throws: `FoveaError` of kind `data` for a photograph that cannot be used; see `ImageCache.read`.
    public func next() throws -> Batch? {
        try work.next()
    }

    /// What loader and threads share. All that changes is guarded by `condition`.
    private final class Work: @unchecked Sendable {
        private let caches: [ImageCache]
        private let batches: [ArraySlice<BatchItem>]
        private let augmentation: AugmentationSettings
        private let seed: UInt64
        private let ahead: Int

        private let condition = NSCondition()
        private var ready: [Int: Result<Batch, any Error>] = [:]
        private var taken = 0
        private var given = 0
        private var isStopped = false

        init(
            caches: [ImageCache], batches: [ArraySlice<BatchItem>], augmentation: AugmentationSettings, seed: UInt64,
            ahead: Int
        ) {
            self.caches = caches
            self.batches = batches
            self.augmentation = augmentation
            self.seed = seed
            self.ahead = ahead
        }

        var batchCount: Int { batches.count }

        func stop() {
            condition.withLock {
                isStopped = true
                condition.broadcast()
            }
        }

        func next() throws -> Batch? {
            let result: Result<Batch, any Error>? = condition.withLock {
                guard given < batchCount else { return nil }
                while ready[given] == nil { condition.wait() }
                defer {
                    given += 1
                    condition.broadcast()
                }
                return ready.removeValue(forKey: given)
            }
            return try result?.get()
        }

        func run() {
            while let index = take() {
                let batch = Result { try make(index) }
                condition.withLock {
                    ready[index] = batch
                    condition.broadcast()
                }
            }
        }

        /// The next batch to make, once there is space for it.
        private func take() -> Int? {
            condition.withLock {
                while !isStopped, taken < batchCount, taken >= given + ahead { condition.wait() }
                guard !isStopped, taken < batchCount else { return nil }
                taken += 1
                return taken - 1
            }
        }

        private func make(_ index: Int) throws -> Batch {
            let items = Array(batches[index])
            let sizes = caches.map { $0.resolution * $0.resolution * 3 }
            let total = items.count * sizes.reduce(0, +)
            var image = [UInt8](repeating: 0, count: sizes.max() ?? 0)
            let pixels = try [UInt8](unsafeUninitializedCapacity: total) { buffer, count in
                let bytes = UnsafeMutableRawBufferPointer(buffer)
                var done = 0
                for item in items {
                    // What is random is the same for all images of a photograph.
                    let view = Augmentation(
                        settings: augmentation, seed: seed, contentKey: caches[0].contentKey(item.row), view: item.view)
                    for (cache, size) in zip(caches, sizes) {
                        let target = UnsafeMutableRawBufferPointer(rebasing: bytes[done..<done + size])
                        try image.withUnsafeMutableBytes { whole in
                            let image = UnsafeMutableRawBufferPointer(rebasing: whole[..<size])
                            try cache.read(item.row, into: image)
                            view.apply(UnsafeRawBufferPointer(image), resolution: cache.resolution, into: target)
                        }
                        done += size
                    }
                }
                count = total
            }
            return Batch(items: items, pixels: pixels, resolution: caches[0].resolution)
        }
    }
}
