import Basics
import Foundation
import FundusImaging
import Logging
import Testing

/// A folder of its own for each test, removed afterwards.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "fovea-experiments-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a text file, with the folders above it, and gives its path.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String { try write(Data(text.utf8), to: name) }

    @discardableResult
    func write(_ data: Data, to name: String) throws -> String {
        let file = URL(fileURLWithPath: path + "/" + name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: file)
        return file.path
    }

    /// Writes a small picture whose colour is a function of `number`.
    @discardableResult
    func picture(_ number: Int, to name: String, width: Int = 40, height: Int = 40) throws -> String {
        let picture = PixelImage(
            width: width, height: height, red: UInt8(60 + number * 7 % 190), green: UInt8(number * 13 % 200), blue: 30)
        return try write(picture.png(), to: name)
    }
}

/// The error that a body throws.
func foveaError(_ body: () throws -> Void) -> FoveaError? {
    do {
        try body()
        Issue.record("nothing was thrown")
    } catch let error as FoveaError {
        return error
    } catch {
        Issue.record("\(error) was thrown")
    }
    return nil
}

extension Logger {
    /// Tells a test each line, as the terminal would show it.
    static func telling(_ tell: @escaping (String) -> Void) -> Logger {
        nonisolated(unsafe) let tell = tell
        return Logger(label: "test") { _ in LineLogHandler { tell($0) } }
    }
}
