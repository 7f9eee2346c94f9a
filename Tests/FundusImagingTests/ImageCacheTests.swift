import Basics
import Foundation
import FundusImaging
import Logging
import Synchronization
import TestSupport
import Testing

@Suite("Image cache") struct ImageCacheTests {
    private let settings = ImageSettings(resolution: 32)

    private func photographs(_ folder: TemporaryFolder, _ count: Int) throws -> [String] {
        try (0..<count).map { i in
            let image = drawnFundus(
                width: 90, height: 60, centre: (45, 30), radius: 20 + Double(i % 8), seed: UInt64(i) + 1)
            return try folder.write("\(i).jpg", image.jpeg())
        }
    }

    private func open(
        _ paths: [String], _ folder: TemporaryFolder, threads: Int = 2,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) throws -> ImageCache {
        try ImageCache.open(
            paths: paths, settings: settings, folder: folder.path + "/cache", threads: threads,
            logger: Logger(label: "test") { _ in LineLogHandler(write: report) })
    }

    /// Keeps what a cache reports.
    private final class Reports: Sendable {
        private let kept = Mutex<[String]>([])
        var all: [String] { kept.withLock { $0 } }
        func add(_ text: String) { kept.withLock { $0.append(text) } }
    }

    private func packs(_ folder: TemporaryFolder) throws -> [String] {
        try folder.names(in: "cache").filter { $0.hasSuffix(".pack") }.map { folder.path + "/cache/" + $0 }
    }

    @Test("the cache holds exactly what the reader gives, and is found again")
    func contents() throws {
        let folder = try TemporaryFolder()
        let paths = try photographs(folder, 9)
        let cache = try open(paths, folder, threads: 3)
        #expect(cache.count == 9 && cache.resolution == 32 && cache.failures.isEmpty)
        for (i, path) in paths.enumerated() {
            #expect(try cache.image(i) == FundusReader.read(path: path, settings: settings).image)
            #expect(try cache.contentHash(i) == Digest.sha256(fileAt: path))
            #expect(
                String(cache.contentKey(i), radix: 16) == String(cache.contentHash(i).prefix(16).drop { $0 == "0" }))
        }
        let pack = try #require(try packs(folder).first)
        let written = try FileManager.default.attributesOfItem(atPath: pack)[.modificationDate] as? Date
        let again = try open(paths, folder)
        #expect(try packs(folder).count == 1)
        #expect(try FileManager.default.attributesOfItem(atPath: pack)[.modificationDate] as? Date == written)
        #expect(try again.image(4) == cache.image(4))
        #expect(try cache.pixels(9).isEmpty && cache.pixels(-1).isEmpty)
    }

    @Test("a changed, added or removed file is noticed, even with the same size and modification time")
    func changes() throws {
        let folder = try TemporaryFolder()
        var paths = try photographs(folder, 4)
        let before = try open(paths, folder)
        let date = try FileManager.default.attributesOfItem(atPath: paths[1])[.modificationDate] as? Date
        var bytes = try Data(contentsOf: URL(fileURLWithPath: paths[1]))
        bytes[bytes.count - 40] ^= 0x11
        let handle = try #require(FileHandle(forWritingAtPath: paths[1]))
        try handle.write(contentsOf: bytes)
        try handle.close()
        try FileManager.default.setAttributes([.modificationDate: try #require(date)], ofItemAtPath: paths[1])
        let changed = try open(paths, folder)
        #expect(changed.contentHash(1) != before.contentHash(1))
        #expect(changed.contentHash(0) == before.contentHash(0))
        paths.append(try folder.write("more.png", PixelImage(width: 20, height: 20, red: 90).png()))
        #expect(try open(paths, folder).count == 5)
        paths.remove(at: 0)
        let fewer = try open(paths, folder)
        #expect(fewer.count == 4)
        #expect(try fewer.image(0) == changed.image(1))
        #expect(try packs(folder).count == 4)
    }

    @Test(
        "what a further network sees is of the contents that were hashed first, or it is refused",
        arguments: [true, false])
    func furtherNetworks(isGone: Bool) throws {
        let folder = try TemporaryFolder()
        let paths = try photographs(folder, 3)
        let large = ImageSettings(resolution: 48)
        let window = ImageSettings(resolution: 32, window: ImageWindow(x: 0.3, y: 0.5, halfSide: 0.25))
        let first = try open(paths, folder)
        let second = try first.seen(as: large)
        #expect(second.contentHash(1) == first.contentHash(1) && second.resolution == 48)
        try FileManager.default.removeItem(atPath: paths[1])
        if !isGone { try FileManager.default.copyItem(atPath: paths[0], toPath: paths[1]) }
        // What was decoded before is found again.
        #expect(try first.seen(as: large).image(1) == second.image(1))
        let error = try dataError { _ = try first.seen(as: window) }
        #expect(error.message.contains(paths[1]))
        #expect(isGone || error.message.hasSuffix("changed while the image cache was in use"))
    }

    @Test("settings, order and content make the key; the name of a file does not")
    func keys() throws {
        let folder = try TemporaryFolder()
        let paths = try photographs(folder, 3)
        _ = try open(paths, folder)
        _ = try open(paths.reversed(), folder)
        #expect(try packs(folder).count == 2)
        let moved = folder.path + "/moved.jpg"
        try FileManager.default.moveItem(atPath: paths[0], toPath: moved)
        _ = try open([moved] + paths.dropFirst(), folder)
        #expect(try packs(folder).count == 2)
        for other in [
            ImageSettings(resolution: 48), ImageSettings(resolution: 32, crop: .none),
            ImageSettings(resolution: 32, localContrast: true),
        ] {
            _ = try ImageCache.open(paths: [moved], settings: other, folder: folder.path + "/cache")
        }
        #expect(try packs(folder).count == 5)
    }

    @Test("a cut, damaged or foreign pack is built again")
    func damagedPack() throws {
        let folder = try TemporaryFolder()
        let paths = try photographs(folder, 5)
        let good = try open(paths, folder).image(3)
        let pack = try #require(try packs(folder).first)
        let whole = try Data(contentsOf: URL(fileURLWithPath: pack))
        var head = whole
        head[8] ^= 1
        var table = whole
        table[whole.count - 88 * 2 + 5] ^= 1
        let broken = [
            Data(), whole.prefix(100), whole.prefix(4096), whole.dropLast(1), whole + Data([0]), head, table,
            Data(repeating: 0, count: whole.count), Data(repeating: 255, count: whole.count),
        ]
        for bytes in broken {
            try bytes.write(to: URL(fileURLWithPath: pack))
            let reports = Reports()
            #expect(try open(paths, folder, report: reports.add).image(3) == good)
            #expect(
                reports.all == ["warning: the image cache \(pack) is damaged: it is made again from the photographs"])
            #expect(try Data(contentsOf: URL(fileURLWithPath: pack)) == whole)
        }
    }

    @Test("a damaged image in a pack is decoded anew, with a warning, and restored")
    func damagedImage() throws {
        let folder = try TemporaryFolder()
        let paths = try photographs(folder, 3)
        let good = try open(paths, folder).image(1)
        let pack = try #require(try packs(folder).first)
        let whole = try Data(contentsOf: URL(fileURLWithPath: pack))
        var bytes = whole
        bytes[4096 + 32 * 32 * 3 + 1000] ^= 4
        bytes[4096 + 2 * 32 * 32 * 3] ^= 1
        try bytes.write(to: URL(fileURLWithPath: pack))
        let reports = Reports()
        let cache = try open(paths, folder, report: reports.add)
        _ = try cache.image(0)
        #expect(reports.all.isEmpty)
        #expect(try cache.image(1) == good)
        let loader = try BatchLoader(cache: cache, items: [BatchItem(row: 2, view: 0)], batchSize: 1)
        #expect(try loader.next()?.pixels == FundusReader.read(path: paths[2], settings: settings).image.bytes)
        #expect(reports.all.count == 1 && reports.all[0].contains(pack) && reports.all[0].contains(paths[1]))
        #expect(try Data(contentsOf: URL(fileURLWithPath: pack)) == whole)
        // Only the photograph shows what was there.
        try bytes.write(to: URL(fileURLWithPath: pack))
        let orphan = try open(paths, folder)
        try FileManager.default.removeItem(atPath: paths[1])
        #expect(try dataError { _ = try orphan.image(1) }.message.contains(paths[1]))
    }

    @Test(
        "a pack that is shortened while it is used loses nothing", arguments: [0, 5000, 4096 + 32 * 32 * 3 * 2, 10_000])
    func shortenedPack(length: Int) throws {
        let folder = try TemporaryFolder()
        let paths = try photographs(folder, 4)
        let reports = Reports()
        let cache = try open(paths, folder, report: reports.add)
        let good = try (0..<4).map { try cache.image($0) }
        let pack = try #require(try packs(folder).first)
        #expect(truncate(pack, off_t(length)) == 0)
        for _ in 0..<2 { for i in 0..<4 { #expect(try cache.image(i) == good[i]) } }
        #expect(reports.all.count == 1)
        #expect(try open(paths, folder).image(3) == good[3])
    }

    @Test("what is kept as unreadable is tried again, so no lack of memory is taken for damage for ever")
    func unreadableIsTriedAgain() throws {
        let folder = try TemporaryFolder()
        let paths = try photographs(folder, 3)
        let good = try open(paths, folder).image(1)
        let pack = try #require(try packs(folder).first)
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: pack)))
        // The second image's entry, as a build would have written it that took a lack of memory for damage.
        let table = 4096 + 3 * 32 * 32 * 3
        let entry = table + ImagePack.entrySize
        let reason = Array("cannot be decoded: VipsJpeg: out of memory".utf8)
        func set(_ value: Int, at offset: Int) {
            withUnsafeBytes(of: UInt64(value).littleEndian) { bytes.replaceSubrange(offset..<offset + 8, with: $0) }
        }
        set(bytes.count, at: entry + 72)
        set(reason.count, at: entry + 80)
        bytes += reason
        set(bytes.count, at: 32)
        let fields = bytes.withUnsafeBytes { bytes in
            (0..<5).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self) }
        }
        let sum = bytes[table...].withUnsafeBytes { ImagePack.checksum(fields: fields, table: $0) }
        set(Int(bitPattern: UInt(sum)), at: 40)
        try Data(bytes).write(to: URL(fileURLWithPath: pack))
        let cache = try open(paths, folder)
        #expect(cache.failures.isEmpty)
        #expect(try cache.image(1) == good)
        // Damage stays damage.
        try Data(contentsOf: URL(fileURLWithPath: paths[1])).prefix(900).write(to: URL(fileURLWithPath: paths[1]))
        for _ in 0..<2 { #expect(try open(paths, folder).failures.map(\.index) == [1]) }
    }

    @Test("unreadable photographs are listed by path, black, and found again when fixed")
    func failures() throws {
        let folder = try TemporaryFolder()
        var paths = try photographs(folder, 3)
        let whole = try Data(contentsOf: URL(fileURLWithPath: paths[1]))
        try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: paths[1]))
        paths.append(folder.path + "/none.jpg")
        paths.append(folder.path)
        for _ in 0..<2 {
            let cache = try open(paths, folder)
            #expect(cache.failures.map(\.index) == [1, 3, 4])
            #expect(cache.failures.allSatisfy { $0.message.hasPrefix($0.path) })
            #expect(cache.failures.first?.message.contains("cannot be decoded") == true)
            #expect(cache.failures.last?.message.contains("a folder") == true)
            #expect(try cache.pixels(1).allSatisfy { $0 == 0 })
            let error = try dataError { _ = try cache.image(3) }
            #expect(error.message.contains("none.jpg") && error.message.contains("no such file"))
        }
        try whole.write(to: URL(fileURLWithPath: paths[1]))
        #expect(try open(paths, folder).failures.map(\.index) == [3, 4])
    }

    @Test("an empty list is an empty cache")
    func empty() throws {
        let folder = try TemporaryFolder()
        let cache = try open([], folder)
        #expect(cache.count == 0 && cache.failures.isEmpty)
        let loader = try BatchLoader(cache: cache, items: [], batchSize: 4)
        #expect(try loader.next() == nil)
    }

    @Test("several builds at once agree and leave one pack and nothing else")
    func concurrentBuilds() throws {
        let folder = try TemporaryFolder()
        let paths = try photographs(folder, 12)
        let settings = settings
        let path = folder.path + "/cache"
        let images = Mutex<[PixelImage]>([])
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            do {
                let cache = try ImageCache.open(paths: paths, settings: settings, folder: path, threads: 2)
                let image = try cache.image(7)
                images.withLock { $0.append(image) }
            } catch {
                Issue.record(error)
            }
        }
        let all = images.withLock { $0 }
        #expect(all.count == 4 && Set(all.map(\.bytes)).count == 1)
        #expect(try packs(folder).count == 1)
        #expect(try folder.names(in: "cache").filter { $0.contains("partial") }.isEmpty)
    }

    @Test("leftovers of a killed build are removed")
    func leftovers() throws {
        let folder = try TemporaryFolder()
        let paths = try photographs(folder, 2)
        _ = try open(paths, folder)
        let pack = try #require(try packs(folder).first)
        try Data(count: 99).write(to: URL(fileURLWithPath: pack + ".1.2.partial"))
        let others = (pack as NSString).deletingLastPathComponent + "/notes.partial"
        try Data(count: 9).write(to: URL(fileURLWithPath: others))
        try FileManager.default.removeItem(atPath: pack)
        _ = try open(paths, folder)
        let left = try folder.names(in: "cache").filter { $0.contains("partial") }
        #expect(left.map { ($0 as NSString).lastPathComponent } == ["notes.partial"])
    }

    @Test("leftovers with other settings are removed too, by the next build of any")
    func leftoversOfOtherSettings() throws {
        let folder = try TemporaryFolder()
        let paths = try photographs(folder, 2)
        var other = settings
        other.resolution = 48
        _ = try ImageCache.open(paths: paths, settings: other, folder: folder.path + "/cache")
        let pack = try #require(try packs(folder).first)
        for left in [".1.2.partial", ".stopped.partial", "x.partial"] {
            try Data(count: 99).write(to: URL(fileURLWithPath: pack + left))
        }
        let mine = folder.path + "/cache/mine"
        try FileManager.default.createDirectory(atPath: mine, withIntermediateDirectories: true)
        try Data(count: 9).write(to: URL(fileURLWithPath: mine + "/a.pack.1.2.partial"))
        func left() throws -> Set<String> {
            Set(
                try folder.names(in: "cache").filter { $0.hasSuffix(".partial") }
                    .map {
                        ($0 as NSString).lastPathComponent.replacing((pack as NSString).lastPathComponent, with: "")
                    })
        }
        _ = try open(paths, folder)
        // A build that was stopped may be repeated.
        #expect(try left() == [".stopped.partial", "x.partial", "a.pack.1.2.partial"])
        let week = Date(timeIntervalSinceNow: -8 * 86_400)
        try FileManager.default.setAttributes([.modificationDate: week], ofItemAtPath: pack + ".stopped.partial")
        _ = try open(try photographs(folder, 3), folder)
        #expect(try left() == ["x.partial", "a.pack.1.2.partial"])
    }

    @Test("a file named as the index that is none stays as it is")
    func othersIndex() throws {
        let folder = try TemporaryFolder()
        let paths = try photographs(folder, 2)
        for path in paths { utimes(path, [timeval(tv_sec: 1000, tv_usec: 0), timeval(tv_sec: 1000, tv_usec: 0)]) }
        try FileManager.default.createDirectory(
            atPath: folder.path + "/cache", withIntermediateDirectories: true)
        let index = try folder.write("cache/contents.index", Data("mine\n".utf8))
        _ = try open(paths, folder)
        #expect(try Data(contentsOf: URL(fileURLWithPath: index)) == Data("mine\n".utf8))
    }

    @Test("a build that was killed continues: what it wrote is used, unless it is damaged")
    func goesOnAfterKill() throws {
        let folder = try TemporaryFolder()
        let paths = try photographs(folder, 12)
        let whole = try open(paths, folder)
        let pack = try #require(try packs(folder).first)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: pack))
        let (size, head, entry) = (32 * 32 * 3, 4096, 88)
        let table = head + 12 * size
        // As a kill leaves it: no size and checksum in the head, and entries for what was written only.
        bytes.replaceSubrange(32..<48, with: Data(count: 16))
        bytes.replaceSubrange((table + 8 * entry)..<(table + 12 * entry), with: Data(count: 4 * entry))
        // Another image with its own checksum shows that this place is used; one changed byte, that it is not.
        let other = bytes[(head + 5 * size)..<(head + 6 * size)]
        bytes.replaceSubrange((head + 3 * size)..<(head + 4 * size), with: other)
        let sum = bytes[(table + 5 * entry + 64)..<(table + 5 * entry + 72)]
        bytes.replaceSubrange((table + 3 * entry + 64)..<(table + 3 * entry + 72), with: sum)
        bytes[head + 7 * size + 100] ^= 1
        try FileManager.default.removeItem(atPath: pack)
        try bytes.write(to: URL(fileURLWithPath: pack + ".1.2.partial"))
        let cache = try open(paths, folder)
        #expect(try cache.image(3) == whole.image(5))
        for i in 0..<12 where i != 3 { #expect(try cache.image(i) == whole.image(i)) }
        #expect(try packs(folder) == [pack] && folder.names(in: "cache").allSatisfy { !$0.hasSuffix(".partial") })
        // Cut or foreign leftovers do no harm.
        for left in [Data(), bytes.prefix(100), bytes.prefix(5000), Data(repeating: 255, count: 9000)] {
            try FileManager.default.removeItem(atPath: pack)
            try left.write(to: URL(fileURLWithPath: pack + ".1.2.partial"))
            #expect(try open(paths, folder).image(3) == whole.image(3))
        }
    }

    @Test("a build that was stopped continues")
    func goesOnAfterStop() throws {
        let folder = try TemporaryFolder()
        let picture = drawnFundus(width: 1500, height: 1000, centre: (750, 500), radius: 400)
        let paths = try (0..<24).map { i in
            var image = picture
            image.bytes[0] = UInt8(i)
            return try folder.write("\(i).png", image.png())
        }
        let place = folder.path + "/cache"
        func unfinished() -> [String] {
            ((try? folder.names(in: "cache")) ?? []).filter { $0.hasSuffix(".partial") }
        }
        #expect(throws: CancellationError.self) {
            try ImageCache.open(
                paths: paths, settings: settings, folder: place, threads: 1,
                shouldStop: {
                    ((try? FileManager.default.subpathsOfDirectory(atPath: place)) ?? []).contains {
                        $0.hasSuffix(".partial")
                    }
                })
        }
        #expect(unfinished().count == 1 && unfinished()[0].hasSuffix(".pack.stopped.partial"))
        let left = try Data(contentsOf: URL(fileURLWithPath: place + "/" + unfinished()[0]))
        #expect(left.dropFirst(4096).contains { $0 != 0 })
        let cache = try open(paths, folder)
        #expect(unfinished().isEmpty)
        #expect(try cache.image(9) == FundusReader.read(path: paths[9], settings: settings).image)
    }

    @Test("a stopped build leaves no pack")
    func stopped() throws {
        let folder = try TemporaryFolder()
        let paths = try photographs(folder, 30)
        #expect(throws: CancellationError.self) {
            try ImageCache.open(
                paths: paths, settings: settings, folder: folder.path + "/cache", threads: 1, shouldStop: { true })
        }
        #expect(try folder.names(in: "cache").filter { $0.hasSuffix(".pack") }.isEmpty)
    }

    /// How many images are more than /dev/shm holds; nil where there is none, or it holds very many.
    private static let overfilling: Int? = {
        var free = statvfs()
        guard statvfs("/dev/shm", &free) == 0 else { return nil }
        let needed = Int(free.f_blocks) * Int(free.f_frsize) / (4096 * 4096 * 3) + 2
        return needed < 20_000 ? needed : nil
    }()

    @Test(
        "a full disk is a clear error", .enabled(if: overfilling != nil, "skipped: /dev/shm cannot be overfilled here"))
    func fullDisk() throws {
        let folder = try TemporaryFolder()
        let paths = try photographs(folder, 2)
        let needed = try #require(Self.overfilling)
        let many = (0..<needed).map { paths[$0 % 2] }
        let place = "/dev/shm/fundus-imaging-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: place) }
        let error = try #require(throws: FoveaError.self) {
            try ImageCache.open(paths: many, settings: ImageSettings(resolution: 4096), folder: place)
        }
        #expect(error.kind == .storage && error.message.contains("No space left"), "\(error)")
        #expect(error.remedy?.contains("space") == true)
    }

    @Test("a folder that cannot be made is a clear error")
    func badFolder() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("file", Data([1]))
        let error = try #require(throws: FoveaError.self) {
            try ImageCache.open(paths: [], settings: settings, folder: file + "/cache")
        }
        #expect(error.kind == .storage && error.message.contains(file))
    }
}
