import Basics
import Foundation

/// One checkpoint: a folder of files and, written last, a manifest with their sizes and hashes.
///
/// It is written under another name, flushed, and renamed when whole. So a folder with its final name holds everything,
/// whenever the machine stopped; the hashes show damage that came later.
struct CheckpointFolder {
    let path: String

    /// The file written last.
    static let manifestName = "manifest.json"
    /// What the name of a folder ends with that is being written.
    static let unfinished = ".partial"

    /// Whether a name is that of a checkpoint that is being written.
    static func isUnfinished(_ name: String) -> Bool {
        name.hasSuffix(unfinished) && TrainingState.place(of: String(name.dropLast(unfinished.count))) != nil
    }

    /// What a manifest says.
    struct Manifest: Codable, Equatable {
        /// One file.
        struct File: Codable, Equatable {
            var bytes: Int
            var sha256: String
        }
        /// The version of this format.
        var format = 1
        /// By name.
        var files: [String: File]
        /// Mean average precision on the validation images, where it was measured.
        var score: Double?
    }

    /// Writes a checkpoint; one of the same name that is there is replaced when the new one is whole.
    ///
    /// - Parameter files: what writes each file, given its path.
    /// - Throws: `FoveaError` of kind `storage`; nothing of the new checkpoint is then left.
    func write(_ files: [(name: String, write: (String) throws -> Void)], score: Double?) throws {
        let place = path + Self.unfinished
        try? FileManager.default.removeItem(atPath: place)
        try Folder.make(place)
        do {
            var manifest = Manifest(files: [:], score: score)
            for file in files {
                try file.write(PathName.joined(place, file.name))
                manifest.files[file.name] = Manifest.File(
                    bytes: Self.size(of: PathName.joined(place, file.name)) ?? 0,
                    sha256: try Digest.sha256(fileAt: PathName.joined(place, file.name)))
            }
            try AtomicFile.write(JSONFormat.encoded(manifest), to: PathName.joined(place, Self.manifestName))
            if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
            guard rename(place, path) == 0 else { throw AtomicFile.failure("rename to its final name", place) }
            AtomicFile.flushFolder(of: path)
        } catch {
            try? FileManager.default.removeItem(atPath: place)
            throw error
        }
    }

    /// The manifest, if it can be read and every file is there with the size that it says.
    ///
    /// - Throws: `FoveaError` of kind `data` that says what is wrong.
    func manifest() throws -> Manifest {
        guard let data = try RegularFile.contents(of: PathName.joined(path, Self.manifestName), atMost: 1 << 20) else {
            throw FoveaError(.data, about: path, "has no \(Self.manifestName)")
        }
        guard let manifest = try? JSONFormat.decoded(Manifest.self, from: data) else {
            throw FoveaError(.data, about: PathName.joined(path, Self.manifestName), "is damaged")
        }
        guard manifest.format == 1 else {
            throw FoveaError(
                .data, about: path, "has format \(manifest.format); this version of Fovea reads 1",
                remedy: "Update Fovea.")
        }
        for (name, file) in manifest.files.sorted(by: { $0.key < $1.key }) {
            guard let size = Self.size(of: PathName.joined(path, name)) else {
                throw FoveaError(.data, about: PathName.joined(path, name), "is missing")
            }
            guard size == file.bytes else {
                throw FoveaError(
                    .data, about: PathName.joined(path, name), "has \(size) bytes instead of \(file.bytes)")
            }
        }
        return manifest
    }

    /// Checks every byte.
    ///
    /// - Throws: `FoveaError` of kind `data` that says what is wrong.
    func verify() throws {
        for (name, file) in try manifest().files.sorted(by: { $0.key < $1.key }) {
            guard try Digest.sha256(fileAt: PathName.joined(path, name)) == file.sha256 else {
                throw FoveaError(.data, about: PathName.joined(path, name), "is not the file that was written")
            }
        }
    }

    private static func size(of path: String) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }
}
