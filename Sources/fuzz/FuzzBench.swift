import Basics
import Foundation

/// A folder in memory for one fuzzing process: the file that is read, and images for tables to name.
final class FuzzBench {
    let images: String
    let realImages: String
    private let folder: String

    init() throws {
        let files = FileManager.default
        let memory = files.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        folder = PathName.joined(memory, "fovea-fuzz-\(getpid())")
        images = PathName.joined(folder, "images")
        try files.createDirectory(atPath: PathName.joined(images, "sub"), withIntermediateDirectories: true)
        for name in ["a.png", "b.jpg", "c.tif", "sub/1.png", "sub/2.jpg"] {
            try Data([1]).write(to: URL(fileURLWithPath: PathName.joined(images, name)))
        }
        try Data([1]).write(to: URL(fileURLWithPath: PathName.joined(folder, "secret.png")))
        try files.createSymbolicLink(
            atPath: PathName.joined(images, "link.png"), withDestinationPath: PathName.joined(folder, "secret.png"))
        try files.createSymbolicLink(atPath: PathName.joined(images, "out"), withDestinationPath: folder)
        realImages = URL(fileURLWithPath: images).resolvingSymlinksInPath().path
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Calls `body` with the path of a file of these bytes.
    func with<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws -> Result {
        let path = PathName.joined(folder, "input")
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return try body(path)
    }
}
