import Basics
import Foundation

/// A photograph of a list that cannot be used.
public struct ImageFailure: Sendable, Equatable {
    /// Its place in the list.
    public let index: Int
    /// Its path, as given.
    public let path: String
    /// The path and what is wrong with it.
    public let message: String

    /// The error of a command that cannot go on without these photographs: the first ten are named.
    public static func refusal(of failures: [ImageFailure], remedy: String) -> FoveaError {
        let shown = failures.prefix(10).map(\.message).joined(separator: "\n  ")
        let more = failures.count > 10 ? "\n  and \(failures.count - 10) more" : ""
        return FoveaError(
            .data, "\(Wording.count(failures.count, "image")) cannot be used:\n  \(shown)\(more)", remedy: remedy)
    }
}

/// The photographs of a list, decoded once to the resolution of training, packed in a file and mapped into memory.
///
/// The file is found by a key over the contents of the listed files, in order, and the settings; so a changed, added
/// or removed file leads to a new pack, which takes over from older packs what is the same. The folder may be deleted
/// at any time. A picture that cannot be read is black here and listed in `failures`.
public final class ImageCache: Sendable {
    /// How the pictures were prepared.
    public let settings: ImageSettings
    /// The listed paths, as given.
    public let paths: [String]
    /// Photographs that cannot be used, in order.
    public let failures: [ImageFailure]
    private let pack: ImagePack

    /// Number of photographs, those that cannot be used included.
    public var count: Int { pack.count }
    /// Side of the square pictures in pixels.
    public var resolution: Int { pack.resolution }

    /// Opens the cache of a list of photographs, and builds it first where it is missing or damaged.
    ///
    /// Two processes may do this at once: the second waits for the first and uses its pack.
    /// - Parameters:
    ///   - paths: the photographs, in the order of the rows that will be asked for.
    ///   - settings: how they are prepared.
    ///   - folder: where packs are kept; made if missing.
    ///   - threads: how many photographs are decoded at a time.
    ///   - shouldStop: asked several times a second; true ends the work. What is decoded by then is used by the next build.
    /// - Throws: `FoveaError` of kind `configuration` (settings), `storage` (full disk, permissions), or `data` (a file
    ///   changed during the work); `CancellationError` when told to stop. Unreadable photographs are no error here.
    public static func open(
        paths: [String], settings: ImageSettings, folder: String, threads: Int = 2,
        shouldStop: @Sendable () -> Bool = { false }
    ) throws -> ImageCache {
        try settings.validate()
        let packs = folder + "/\(settings.resolution)-" + Digest.sha256(settings.key).prefix(12)
        try Folder.make(packs)
        let index = ContentIndex(path: folder + "/contents.index")
        let absolute = paths.map { $0.hasPrefix("/") ? $0 : FileManager.default.currentDirectoryPath + "/" + $0 }
        guard
            let identities = try index.identities(
                of: absolute, pixelLimit: settings.pixelLimit, threads: threads, shouldStop: shouldStop)
        else { throw CancellationError() }
        let key = Digest.sha256(settings.key + identities.map { "\n" + $0.text }.joined())
        let builder = ImageCacheBuilder(
            paths: paths, identities: identities, settings: settings, folder: packs,
            packPath: packs + "/" + key.prefix(32) + ".pack")
        let pack = try builder.existing() ?? builder.build(threads: threads, shouldStop: shouldStop)
        return ImageCache(paths: paths, identities: identities, settings: settings, pack: pack)
    }

    private init(paths: [String], identities: [ContentIdentity], settings: ImageSettings, pack: ImagePack) {
        self.paths = paths
        self.settings = settings
        self.pack = pack
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

    /// The pixels of photograph `i`: `resolution * resolution * 3` bytes of RGB, valid as long as the cache lives.
    /// An index outside 0 ..< count gives an empty buffer.
    public func pixels(_ i: Int) -> UnsafeRawBufferPointer {
        contains(i) ? pack.pixels(i) : UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// The prepared photograph `i` as a picture of its own.
    ///
    /// - Throws: `FoveaError` of kind `data` as `verify`.
    public func image(_ i: Int) throws -> PixelImage {
        try verify(i)
        return try PixelImage(width: resolution, height: resolution, bytes: Array(pixels(i)))
    }

    /// The first 64 bits of the content's SHA-256: what the views of photograph `i` are drawn from. 0 if unreadable.
    public func contentKey(_ i: Int) -> UInt64 { contains(i) ? pack.contentKey(i) : 0 }

    /// The content's SHA-256 in hexadecimal; 64 hyphens for a file that cannot be opened.
    public func contentHash(_ i: Int) -> String {
        contains(i) ? pack.hash(i) : String(repeating: "-", count: 64)
    }

    /// Checks that photograph `i` can be used and that its pixels in the cache are undamaged.
    ///
    /// - Throws: `FoveaError` of kind `data` that names the photograph, or the pack and what to do.
    public func verify(_ i: Int) throws {
        guard contains(i) else {
            throw FoveaError(.data, "there is no photograph \(i) in a list of \(count)")
        }
        guard pack.isReadable(i) else {
            throw FoveaError(.data, failures.first { $0.index == i }?.message ?? paths[i] + " cannot be used")
        }
        guard pack.isIntact(i) else {
            throw FoveaError(
                .data, "the image cache \(pack.path) is damaged at \(paths[i])",
                remedy: "Delete that file; it is built again from the photographs.")
        }
    }

    private func contains(_ i: Int) -> Bool { i >= 0 && i < pack.count }
}
