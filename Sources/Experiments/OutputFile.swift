import Basics
import Foundation

/// Files that a command is to write at its end.
public enum OutputFile {
    /// Verifies that a file can be written at `path`, before work begins whose result would be lost.
    ///
    /// - Throws: `FoveaError` of kind `configuration` when its folder does not exist or cannot be written to, or when
    ///   `path` is a folder itself.
    public static func check(_ path: String?) throws {
        guard let path else { return }
        if Folder.exists(path) {
            throw FoveaError(.configuration, "\(path) is a folder", remedy: "Name a file to write.")
        }
        let folder = PathName.folder(of: path)
        guard access(folder.isEmpty ? "." : folder, W_OK | X_OK) == 0 else {
            let reason = errno == ENOENT ? "does not exist" : "cannot be written to"
            throw FoveaError(
                .configuration, "\(path) cannot be written: the folder \(folder.isEmpty ? "." : folder) \(reason)",
                remedy: "Make the folder first, or choose another one.")
        }
    }
}
