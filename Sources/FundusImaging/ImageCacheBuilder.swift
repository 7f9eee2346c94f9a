import Basics
import Foundation

/// Makes the pack of a list of photographs.
struct ImageCacheBuilder: Sendable {
    let paths: [String]
    let identities: [ContentIdentity]
    let settings: ImageSettings
    /// The eye of each photograph; nil: to be estimated.
    let sides: [EyeSide?]
    /// The whole cache.
    let cache: String
    /// That of its folders in which packs of these settings lie.
    let folder: String
    let packPath: String

    /// The pack, if it is there and sound.
    private func existing() -> ImagePack? {
        guard let pack = ImagePack(path: packPath), pack.count == paths.count,
            pack.resolution == settings.resolution,
            paths.indices.allSatisfy({ pack.hash($0) == identities[$0].text })
        else { return nil }
        return pack
    }

    /// The pack; built where it is missing, unless another process does so first.
    func pack(threads: Int, shouldStop: @Sendable () -> Bool) throws -> ImagePack {
        if let pack = try current(shouldStop: shouldStop) { return pack }
        let lock = try FileLock.waiting(for: PathName.joined(folder, ImageCacheFiles.lock), shouldStop: shouldStop)
        return try withExtendedLifetime(lock) {
            try current(shouldStop: shouldStop) ?? buildAlone(threads: threads, shouldStop: shouldStop)
        }
    }

    private func buildAlone(threads: Int, shouldStop: @Sendable () -> Bool) throws -> ImagePack {
        let progress = ProgressReporter("Image cache", total: paths.count, unit: "images")
        let reusable = reusableImages()
        // What is open stays readable.
        ImageCacheFiles.removeLeftOver(in: cache, building: folder)
        try AtomicFile.write(to: packPath) { descriptor in
            let writer = try ImagePackWriter(
                descriptor: descriptor, path: packPath, identities: identities, resolution: settings.resolution)
            let isDone = try Parallel.forEach(
                count: paths.count, threads: threads, progress: progress, shouldStop: shouldStop
            ) { i in
                try write(i, into: writer, reusable: reusable)
            }
            guard isDone else {
                writer.keep(as: packPath + ImageCacheFiles.stopped)
                throw CancellationError()
            }
            try writer.finish()
        }
        progress.finish()
        guard let pack = existing() else {
            throw FoveaError(
                .storage, "the image cache \(packPath) cannot be read back after writing",
                remedy: "Check the disk, or choose another folder for the cache.")
        }
        return pack
    }

    private func write(_ i: Int, into writer: ImagePackWriter, reusable: [String: Stored]) throws {
        switch identities[i] {
        case .unreadable(let reason):
            try writer.write(reason: reason, at: i)
        case .hash(let hash):
            if let stored = reusable[hash] {
                var pixels = [UInt8](repeating: 0, count: stored.pack.recordSize)
                if pixels.withUnsafeMutableBytes({ stored.pack.read(stored.index, into: $0) }) {
                    return try pixels.withUnsafeBytes { try writer.write($0, at: i) }
                }
            }
            do {
                try prepare(i, hash: hash).bytes.withUnsafeBytes { try writer.write($0, at: i) }
            } catch let problem as Unprepared {
                try writer.write(reason: ContentIndex.reason(of: problem.error, path: paths[i]), at: i)
            }
        }
    }

    /// A photograph whose bytes are those that were hashed, and cannot be decoded.
    struct Unprepared: Error {
        /// Why.
        let error: FoveaError
    }

    /// Decodes photograph `i`, which must still hold what was hashed.
    ///
    /// - Throws: `Unprepared` where its bytes are to blame; `FoveaError` of kind `data` when they changed, of kind
    ///   `environment` when the machine lacks something.
    func prepare(_ i: Int, hash: String) throws -> PixelImage {
        let file = try ImageFile(path: paths[i], pixelLimit: settings.pixelLimit)
        guard Digest.sha256(file.bytes) == hash else {
            throw FoveaError(
                .data, about: paths[i], "changed while the image cache was in use", remedy: "Run the command again.")
        }
        do {
            return try FundusReader.prepare(file, settings: settings, side: sides[i]).image
        } catch let error as FoveaError where error.kind == .data {
            throw Unprepared(error: error)
        }
    }

    /// The pack, if it is there and sound, and no photograph that it calls unreadable can be read now.
    ///
    /// A decoder cannot always distinguish a damaged file from a machine that lacked memory, and later ones read more:
    /// so what is kept as unreadable is tried again, each time.
    private func current(shouldStop: () -> Bool) throws -> ImagePack? {
        guard let pack = existing() else { return nil }
        for (i, identity) in identities.enumerated() where !pack.isReadable(i) {
            guard case .hash(let hash) = identity else { continue }
            if shouldStop() { throw CancellationError() }
            do {
                _ = try prepare(i, hash: hash)
                return nil
            } catch is Unprepared {
                continue
            }
        }
        return pack
    }

    private struct Stored: Sendable {
        var pack: ImagePack
        var index: Int
    }

    /// Images of older packs, and of builds that were broken off, with the same settings, by content.
    private func reusableImages() -> [String: Stored] {
        // A window of the same photograph may have been cut for the other eye there.
        guard settings.window == nil else { return [:] }
        let requested = Set(identities.map(\.text))
        var found: [String: Stored] = [:]
        // Whole packs first. Each pack that is kept holds a descriptor, so no more are opened than are of use.
        let files = files()
        let names = files.filter { $0.hasSuffix(ImageCacheFiles.pack) } + files.filter(Self.isUnfinished)
        for name in names where found.count < requested.count {
            guard let pack = ImagePack(path: PathName.joined(folder, name), isUnfinished: Self.isUnfinished(name)),
                pack.resolution == settings.resolution
            else { continue }
            for i in 0..<pack.count where pack.isReadable(i) {
                let hash = pack.hash(i)
                if requested.contains(hash), found[hash] == nil { found[hash] = Stored(pack: pack, index: i) }
            }
        }
        return found
    }

    /// Whether a name is one that a build gives to an unfinished pack.
    private static func isUnfinished(_ name: String) -> Bool {
        name.hasSuffix(ImageCacheFiles.pack + ImageCacheFiles.stopped)
            || PartialFile.finalName(of: name)?.hasSuffix(ImageCacheFiles.pack) == true
    }

    private func files() -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }
}
