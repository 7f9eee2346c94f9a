import Foundation

/// Folders.
public enum Folder {
    /// Makes a folder and those above it; a folder that is there already is left as it is.
    ///
    /// - Throws: `FoveaError` of kind `storage` with the system's reason, such as a full disk or missing permission.
    public static func make(_ path: String) throws {
        if exists(path) { return }
        // Bytes, not characters: a slash stays one whatever follows it.
        if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash > path.startIndex {
            try make(String(path[..<slash]))
        }
        if mkdir(path, 0o777) == 0 { return }
        let code = errno
        // Another process was quicker, or the path ends in a slash.
        if code == EEXIST, exists(path) { return }
        errno = code
        throw AtomicFile.failure("make the folder", path)
    }

    /// Whether there is a folder at `path` (links are followed).
    public static func exists(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
