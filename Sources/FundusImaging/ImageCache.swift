import Basics
import Foundation
import Logging
import Synchronization

/// A photograph of a list that cannot be used.
public struct ImageFailure: Sendable, Equatable {
    /// Its place in the list.
    public let index: Int
    /// Its path, as given.
    public let path: String
    /// The path and what is wrong with it.
    public let message: String

    /// The error of a command that cannot continue without these photographs: the first ten are named.
    public static func refusal(of failures: [ImageFailure], remedy: String) -> FoveaError {
        let more = failures.count > 10 ? ["and \(failures.count - 10) more"] : []
        return FoveaError(
            .data, "\(Pluralization.count(failures.count, "image")) cannot be used:",
            listing: failures.prefix(10).map(\.message) + more, remedy: remedy)
    }
}

/// The photographs of a list, decoded once to the resolution of training and packed in a file.
///
/// The file is found by a key over the contents of the listed files, in order, and the settings; so a changed, added
/// or removed file leads to a new pack, which reuses the unchanged images of older packs. The folder may be deleted
/// at any time. An image that cannot be read is black here and listed in `failures`. One whose pixels in the file are
/// damaged or missing is decoded again, with a warning, and restored there.
public final class ImageCache: Sendable {
    /// How the images were prepared.
    public let settings: ImageSettings
    /// The listed paths, as given.
    public let paths: [String]
    /// Photographs that cannot be used, in order.
    public let failures: [ImageFailure]
    /// The images that further networks see of the same photographs.
    public let others: [ImageCache]
    private let pack: ImagePack
    private let builder: ImageCacheBuilder
    private let logger: Logger
    private let hasReported = Atomic(false)

    /// Number of photographs, those that cannot be used included.
    public var count: Int { pack.count }
    /// Side of the square images in pixels.
    public var resolution: Int { pack.resolution }

    /// Opens the cache of a list of photographs, and builds it first where it is missing or damaged.
    ///
    /// Two processes may do this at once: the second waits for the first and uses its pack.
    /// - Parameters:
    ///   - paths: the photographs, in the order of the rows that will be requested.
    ///   - settings: how they are prepared.
    ///   - others: how further networks see them (`ImageCache.others`).
    ///   - sides: the eye of each, which decides where a window lies; nil: estimated from the photograph. Empty: all are.
    ///   - folder: where packs are kept; made if missing.
    ///   - threads: how many photographs are decoded at a time.
    ///   - shouldStop: called several times per second; true ends the work. What is decoded by then is used by the next
    ///     build.
    ///   - logger: warned once when damage to the pack is found.
    /// - Throws: `FoveaError` of kind `configuration` (settings), `storage` (full disk, permissions), `data` (a file
    ///   changed during the work), or `environment` (no memory, threads or descriptors to be had); `CancellationError`
    ///   when stopped. Unreadable photographs are not an error here.
    public static func open(
        paths: [String], settings: ImageSettings, others: [ImageSettings] = [], sides: [EyeSide?] = [],
        folder: String, threads: Int = 2, shouldStop: @Sendable () -> Bool = { false }, logger: Logger = .silent
    ) throws -> ImageCache {
        for image in [settings] + others { try image.validate() }
        try Folder.make(folder)
        let index = ContentIndex(path: PathName.joined(folder, ImageCacheFiles.index))
        guard
            let identities = try index.identities(
                of: paths.map(absolute), pixelLimit: settings.pixelLimit, threads: threads, shouldStop: shouldStop)
        else { throw CancellationError() }
        let first = try open(
            paths, identities, settings: settings, sides: sides, folder: folder, threads: threads,
            shouldStop: shouldStop, logger: logger)
        return try first.joined(
            with: others.map { try first.seen(as: $0, sides: sides, threads: threads, shouldStop: shouldStop) })
    }

    /// The same photographs as a further network sees them, with the contents that they have here: the files are not hashed
    /// again, and what is decoded must be what was hashed.
    ///
    /// - Throws: as `open`.
    public func seen(
        as settings: ImageSettings, sides: [EyeSide?] = [], threads: Int = 2,
        shouldStop: @Sendable () -> Bool = { false }
    ) throws -> ImageCache {
        try Self.open(
            paths, builder.identities, settings: settings, sides: sides, folder: builder.cache, threads: threads,
            shouldStop: shouldStop, logger: logger)
    }

    private static func open(
        _ paths: [String], _ identities: [ContentIdentity], settings: ImageSettings, sides: [EyeSide?], folder: String,
        threads: Int, shouldStop: @Sendable () -> Bool, logger: Logger
    ) throws -> ImageCache {
        let packs = PathName.joined(folder, ImageCacheFiles.packFolder(settings))
        try Folder.make(packs)
        let sides = settings.window == nil || sides.isEmpty ? paths.map { _ in nil } : sides
        let key = Digest.sha256(
            settings.key + zip(identities, sides).map { "\n" + $0.text + ($1?.rawValue ?? "") }.joined())
        let builder = ImageCacheBuilder(
            paths: paths, identities: identities, settings: settings, sides: sides, cache: folder, folder: packs,
            packPath: PathName.joined(packs, key.prefix(32) + ImageCacheFiles.pack))
        if access(builder.packPath, F_OK) == 0, ImagePack(path: builder.packPath) == nil {
            logger.warning("the image cache \(builder.packPath) is damaged: it is made again from the photographs")
        }
        return ImageCache(builder, try builder.pack(threads: threads, shouldStop: shouldStop), [], logger)
    }

    /// The same images, with those that further networks see of the same photographs.
    public func joined(with others: [ImageCache]) -> ImageCache { ImageCache(builder, pack, others, logger) }

    private init(_ builder: ImageCacheBuilder, _ pack: ImagePack, _ others: [ImageCache], _ logger: Logger) {
        let (paths, identities) = (builder.paths, builder.identities)
        self.paths = paths
        self.settings = builder.settings
        self.pack = pack
        self.others = others
        self.builder = builder
        self.logger = logger
        failures = paths.indices.compactMap { i in
            switch identities[i] {
            case .unreadable(let reason):
                ImageFailure(index: i, path: paths[i], message: paths[i] + " " + reason)
            case .hash:
                pack.isReadable(i)
                    ? nil : ImageFailure(index: i, path: paths[i], message: paths[i] + " " + pack.reason(i))
            }
        }
    }

    /// The pixels of photograph `i`: `resolution * resolution * 3` bytes of RGB; black if it is unreadable. An index
    /// outside 0 ..< count gives an empty array.
    ///
    /// - Throws: `FoveaError` as `read`.
    public func pixels(_ i: Int) throws -> [UInt8] {
        guard contains(i) else { return [] }
        var bytes = [UInt8](repeating: 0, count: pack.recordSize)
        if pack.isReadable(i) { try bytes.withUnsafeMutableBytes { try read(i, into: $0) } }
        return bytes
    }

    /// The prepared photograph `i` as an image of its own.
    ///
    /// - Throws: `FoveaError` as `read`.
    public func image(_ i: Int) throws -> PixelImage {
        var bytes = [UInt8](repeating: 0, count: pack.recordSize)
        try bytes.withUnsafeMutableBytes { try read(i, into: $0) }
        return try PixelImage(width: resolution, height: resolution, bytes: bytes)
    }

    /// Reads the pixels of photograph `i`, each time checked against a sum. What does not fit it is decoded again.
    ///
    /// - Parameter buffer: `resolution * resolution * 3` bytes.
    /// - Throws: `FoveaError` of kind `data` that names the photograph: unreadable, or damaged in the cache and changed
    ///   or gone in its file; of kind `environment` when the machine lacks something.
    public func read(_ i: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        guard contains(i), buffer.count == pack.recordSize else {
            throw FoveaError(.data, "there is no photograph \(i) in a list of \(count)")
        }
        guard pack.isReadable(i) else {
            throw FoveaError(.data, failures.first { $0.index == i }?.message ?? paths[i] + " cannot be used")
        }
        if pack.read(i, into: buffer) { return }
        if !hasReported.exchange(true, ordering: .relaxed) {
            logger.warning(
                "the image cache \(pack.path) is damaged, first at \(paths[i]): what is damaged is decoded again")
        }
        let image: PixelImage
        do {
            image = try builder.prepare(i, hash: pack.hash(i))
        } catch let problem as ImageCacheBuilder.Unprepared {
            throw problem.error
        }
        image.bytes.withUnsafeBytes { pixels in
            buffer.copyMemory(from: pixels)
            pack.restore(i, pixels)
        }
    }

    /// The first 64 bits of the content's SHA-256: what the views of photograph `i` are drawn from. 0 if unreadable.
    public func contentKey(_ i: Int) -> UInt64 { contains(i) ? pack.contentKey(i) : 0 }

    /// The content's SHA-256 in hexadecimal; 64 hyphens for a file that cannot be opened.
    public func contentHash(_ i: Int) -> String {
        contains(i) ? pack.hash(i) : String(repeating: "-", count: 64)
    }

    private func contains(_ i: Int) -> Bool { i >= 0 && i < pack.count }
}

extension ImageCache {
    /// The SHA-256 of each listed image, as far as a cache in `folder` knows it and the file is unchanged since; for any
    /// other a text that no known content has. No image is read.
    public static func knownContents(of paths: [String], folder: String) -> [String] {
        let known = ContentIndex(path: PathName.joined(folder, ImageCacheFiles.index)).known(paths.map(absolute))
        return zip(paths, known).map { path, hash in hash ?? "unread \(path)" }
    }

    /// The SHA-256 of each listed image as it is now; nil for a file that cannot be used. Those that a cache in `folder` does
    /// not know are read, and remembered there.
    ///
    /// - Throws: `FoveaError` of kind `environment`; `CancellationError` when told to stop.
    public static func contents(
        of paths: [String], pixelLimit: Int, folder: String, threads: Int, shouldStop: @Sendable () -> Bool
    ) throws -> [String?] {
        let index = ContentIndex(path: PathName.joined(folder, ImageCacheFiles.index))
        guard
            let identities = try index.identities(
                of: paths.map(absolute), pixelLimit: pixelLimit, threads: threads, shouldStop: shouldStop)
        else { throw CancellationError() }
        return identities.map { identity in
            if case .hash(let hash) = identity { hash } else { nil }
        }
    }

    /// The places of the listed images that cannot be used, as far as that is known without reading one: those that a cache in
    /// `folder` holds as unreadable and whose files are unchanged since, and empty files.
    public static func knownFailures(of paths: [String], settings: ImageSettings, folder: String) -> Set<Int> {
        let packs = PathName.joined(folder, ImageCacheFiles.packFolder(settings))
        var (readable, unreadable) = (Set<String>(), Set<String>())
        for name in (try? FileManager.default.contentsOfDirectory(atPath: packs)) ?? []
        where name.hasSuffix(ImageCacheFiles.pack) {
            guard let pack = ImagePack(path: PathName.joined(packs, name)) else { continue }
            for i in 0..<pack.count {
                if pack.isReadable(i) { readable.insert(pack.hash(i)) } else { unreadable.insert(pack.hash(i)) }
            }
        }
        // What a later build could decode is readable.
        unreadable.subtract(readable)
        let absolute = paths.map(absolute)
        let known = ContentIndex(path: PathName.joined(folder, ImageCacheFiles.index)).known(absolute)
        return Set(
            paths.indices.filter { i in
                if let hash = known[i] { return unreadable.contains(hash) }
                var status = stat()
                return stat(absolute[i], &status) == 0 && status.st_size == 0
            })
    }

    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : PathName.joined(FileManager.default.currentDirectoryPath, path)
    }
}
