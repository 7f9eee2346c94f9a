import Basics
import Foundation

/// A folder of its own for each test, removed afterwards.
public final class TemporaryFolder {
    /// Where it is.
    public let path: String
    private let isBorrowed: Bool

    /// Makes a new one; progress is silent from then on.
    public init() throws {
        path = NSTemporaryDirectory() + "fovea-test-\(UUID().uuidString)"
        isBorrowed = false
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        ProgressReporter.isSilent = true
    }

    /// A folder that is there and that another object removes.
    public init(at path: String) {
        self.path = path
        isBorrowed = true
        ProgressReporter.isSilent = true
    }

    deinit { if !isBorrowed { try? FileManager.default.removeItem(atPath: path) } }

    /// Writes a text file, with the folders above it, and gives its path.
    @discardableResult
    public func write(_ text: String, to name: String) throws -> String { try write(Data(text.utf8), to: name) }

    /// Writes a file, with the folders above it, and gives its path.
    @discardableResult
    public func write(_ data: Data, to name: String) throws -> String {
        let file = URL(fileURLWithPath: path + "/" + name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: file)
        return file.path
    }

    /// All files and folders below a folder in it.
    public func names(in folder: String = "") throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: path + "/" + folder).sorted()
    }
}
