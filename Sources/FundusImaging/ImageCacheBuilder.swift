import Basics
import Foundation

/// Makes the pack of a list of photographs.
struct ImageCacheBuilder: Sendable {
    let paths: [String]
    let identities: [ContentIdentity]
    let settings: ImageSettings
    let folder: String
    let packPath: String

    /// The pack, if it is there and sound.
    func existing() -> ImagePack? {
        guard let pack = ImagePack(path: packPath), pack.count == paths.count,
            pack.resolution == settings.resolution,
            paths.indices.allSatisfy({ pack.hash($0) == identities[$0].text })
        else { return nil }
        return pack
    }

    /// Builds the pack, unless another process does so first.
    func build(threads: Int, shouldStop: @Sendable () -> Bool) throws -> ImagePack {
        try withFolderLock(folder, shouldStop: shouldStop) {
            try existing() ?? buildAlone(threads: threads, shouldStop: shouldStop)
        }
    }

    private func buildAlone(threads: Int, shouldStop: @Sendable () -> Bool) throws -> ImagePack {
        let progress = Basics.Progress("Image cache", total: paths.count, unit: "images")
        let reusable = reusablePictures()
        // What is mapped stays readable.
        removeLeftovers()
        try AtomicFile.write(to: packPath) { descriptor in
            let writer = try ImagePackWriter(
                descriptor: descriptor, path: packPath, identities: identities, resolution: settings.resolution)
            let isDone = try Parallel.forEach(
                count: paths.count, threads: threads, progress: progress, shouldStop: shouldStop
            ) { i in
                try write(i, into: writer, reusable: reusable)
            }
            guard isDone else {
                writer.keep(as: packPath + ".stopped.partial")
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
            if let stored = reusable[hash], stored.pack.isIntact(stored.index) {
                return try writer.write(stored.pack.pixels(stored.index), at: i)
            }
            let file = try ImageFile(path: paths[i], pixelLimit: settings.pixelLimit)
            guard Digest.sha256(file.bytes) == hash else {
                throw FoveaError(
                    .data, "\(paths[i]) changed while the image cache was built", remedy: "Run the command again.")
            }
            do {
                let prepared = try FundusReader.prepare(file, settings: settings)
                try prepared.image.bytes.withUnsafeBytes { try writer.write($0, at: i) }
            } catch let error as FoveaError where error.kind == .data {
                try writer.write(reason: ContentIndex.reason(of: error, path: paths[i]), at: i)
            }
        }
    }

    private struct Stored: Sendable {
        var pack: ImagePack
        var index: Int
    }

    /// Pictures of older packs, and of builds that were broken off, with the same settings, by content.
    private func reusablePictures() -> [String: Stored] {
        let wanted = Set(identities.map(\.text))
        var found: [String: Stored] = [:]
        for name in files() where name.hasSuffix(".pack") || name.hasSuffix(".partial") {
            guard let pack = ImagePack(path: folder + "/" + name, isUnfinished: name.hasSuffix(".partial")),
                pack.resolution == settings.resolution
            else { continue }
            for i in 0..<pack.count where pack.isReadable(i) {
                let hash = pack.hash(i)
                if wanted.contains(hash) { found[hash] = Stored(pack: pack, index: i) }
            }
        }
        return found
    }

    /// Removes what builds that were broken off left behind; the lock says that none is at work.
    private func removeLeftovers() {
        for name in files() where name.hasSuffix(".partial") { unlink(folder + "/" + name) }
    }

    private func files() -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }
}
