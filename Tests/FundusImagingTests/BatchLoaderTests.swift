import Basics
import Foundation
import FundusImaging
import TestSupport
import Testing

@Suite("Batch loader") struct BatchLoaderTests {
    private func cache(_ folder: TemporaryFolder) throws -> ImageCache {
        let paths = try (0..<10).map { i in
            let image = drawnFundus(width: 70, height: 60, centre: (35, 30), radius: 20 + Double(i), seed: UInt64(i))
            return try folder.write("\(i).png", image.png())
        }
        return try ImageCache.open(
            paths: paths, settings: ImageSettings(resolution: 24), folder: folder.path + "/cache")
    }

    private func all(_ loader: BatchLoader) throws -> [Batch] {
        var batches: [Batch] = []
        while let batch = try loader.next() { batches.append(batch) }
        return batches
    }

    @Test("one thread, three threads and other batch sizes give the same images in the same order")
    func determinism() throws {
        let folder = try TemporaryFolder()
        let cache = try cache(folder)
        let items = (0..<47).map { BatchItem(row: ($0 * 7) % 10, view: $0 / 10) }
        func load(_ threads: Int, _ size: Int, seed: UInt64 = 4) throws -> [Batch] {
            try all(
                BatchLoader(
                    cache: cache, items: items, batchSize: size, augmentation: AugmentationSettings(), seed: seed,
                    threads: threads))
        }
        let one = try load(1, 8)
        #expect(one.map(\.items.count) == [8, 8, 8, 8, 8, 7])
        #expect(one.flatMap(\.items) == items)
        #expect(try load(3, 8) == one)
        #expect(try load(2, 5).flatMap(\.pixels) == one.flatMap(\.pixels))
        #expect(try load(2, 8, seed: 5) != one)
    }

    @Test("an image does not depend on its place in the batch, and without augmentation is a copy")
    func independence() throws {
        let folder = try TemporaryFolder()
        let cache = try cache(folder)
        func load(_ items: [BatchItem], _ settings: AugmentationSettings) throws -> [Batch] {
            try all(BatchLoader(cache: cache, items: items, batchSize: 3, augmentation: settings, seed: 1))
        }
        let size = 24 * 24 * 3
        let first = try load([3, 5, 8].map { BatchItem(row: $0, view: 2) }, AugmentationSettings())[0]
        let last = try load([8, 5, 3].map { BatchItem(row: $0, view: 2) }, AugmentationSettings())[0]
        #expect(first.pixels.prefix(size) == last.pixels.suffix(size))
        #expect(first.pixels.prefix(size) != last.pixels.prefix(size))
        let copies = try load([BatchItem(row: 6, view: 9)], .none)
        #expect(try copies[0].pixels == cache.pixels(6) && copies[0].resolution == 24)
    }

    @Test("the last batch may be dropped, and the loader ends with nil")
    func dropLast() throws {
        let folder = try TemporaryFolder()
        let items = (0..<10).map { BatchItem(row: $0, view: 0) }
        let loader = try BatchLoader(cache: cache(folder), items: items, batchSize: 4, dropLast: true)
        #expect(loader.batchCount == 2)
        #expect(try all(loader).count == 2)
        #expect(try loader.next() == nil)
    }

    @Test("a loader that is let go in the middle stops its threads")
    func letGo() throws {
        let folder = try TemporaryFolder()
        weak var seen: ImageCache?
        do {
            let cache = try cache(folder)
            seen = cache
            let items = (0..<5000).map { BatchItem(row: $0 % 10, view: $0) }
            let loader = try BatchLoader(cache: cache, items: items, batchSize: 4, threads: 3)
            #expect(try loader.next() != nil)
        }
        // A guard against hanging, not a measure: the machine may be slow and shared.
        for _ in 0..<60_000 where seen != nil { usleep(10_000) }
        #expect(seen == nil)
    }

    @Test("bad rows, batch sizes and settings are errors")
    func errors() throws {
        let folder = try TemporaryFolder()
        let cache = try cache(folder)
        #expect(throws: FoveaError.self) {
            try BatchLoader(cache: cache, items: [BatchItem(row: 10, view: 0)], batchSize: 1)
        }
        #expect(throws: FoveaError.self) { try BatchLoader(cache: cache, items: [], batchSize: 0) }
        var extreme = AugmentationSettings()
        extreme.hue = 999
        #expect(throws: FoveaError.self) {
            try BatchLoader(cache: cache, items: [], batchSize: 1, augmentation: extreme)
        }
    }
}
