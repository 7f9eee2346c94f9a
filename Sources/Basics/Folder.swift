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

    /// Refuses a path that a user named for a folder, and that cannot be one.
    ///
    /// - Parameters:
    ///   - name: what names it: "output".
    ///   - isWritten: whether a folder that exists must be one in which files can be made.
    ///   - remedy: what to do; nil: to choose another place for it.
    ///   - unwritable: what to do where no files can be made in it; nil: to change its permissions, or `remedy`.
    /// - Throws: `FoveaError` of kind `configuration` when the path is empty, when it or one of its names is too long, or
    ///   when a file or a link to nothing stands there or on the way.
    public static func check(
        _ path: String, named name: String, isWritten: Bool = false, remedy: String? = nil, unwritable: String? = nil
    ) throws {
        let remedy = remedy ?? "Choose another place for \(name)."
        guard !path.isEmpty else { throw FoveaError(.configuration, "\(name) is empty", remedy: remedy) }
        guard path.utf8.count <= longestPath else {
            throw FoveaError(
                .configuration,
                "\(name) is a path of \(path.utf8.count) bytes; at most \(longestPath) are allowed, so that files in it can "
                    + "be named", remedy: remedy)
        }
        let path = withoutEndingSlashes(path[...])
        var place = path
        while !place.isEmpty {
            var status = stat()
            if lstat(String(place), &status) == 0 {
                if exists(String(place)) {
                    guard isWritten, place == path, access(String(path), W_OK | X_OK) != 0 else { return }
                    throw FoveaError(
                        .configuration,
                        "\(name) is \(path), which is not writable: \(String(cString: strerror(errno)))",
                        remedy: unwritable ?? "Change its permissions. " + remedy)
                }
                let isLink = status.st_mode & S_IFMT == S_IFLNK && stat(String(place), &status) != 0
                let found =
                    isLink
                    ? "a link to what does not exist"
                    : status.st_mode & S_IFMT == S_IFREG ? "a file" : RegularFile.noun(for: status.st_mode)
                throw FoveaError(
                    .configuration,
                    place == path
                        ? "\(name) is \(path), which is \(found); a folder is expected"
                        : "\(name) is \(path), but \(place) is \(found) and not a folder", remedy: remedy)
            } else if errno == ENAMETOOLONG {
                throw FoveaError(
                    .configuration, "\(name) is \(path), which has a name that is too long for its file system",
                    remedy: remedy)
            }
            place = place.utf8.lastIndex(of: UInt8(ascii: "/")).map { withoutEndingSlashes(place[...$0]) } ?? ""
        }
    }

    /// Refuses what `check` refuses for a folder to write in, and one that holds files: others would be mixed with them or
    /// replace them.
    ///
    /// - Throws: `FoveaError` of kind `configuration`.
    public static func requireEmpty(_ path: String, named name: String) throws {
        try check(path, named: name, isWritten: true)
        if let content = try? FileManager.default.contentsOfDirectory(atPath: path), !content.isEmpty {
            throw FoveaError(
                .configuration, "\(name) is \(path), which holds files", remedy: "Name a new or an empty folder.")
        }
    }

    /// The system allows 4,095 bytes; the files of a run need up to 600 behind the path of its folder.
    private static let longestPath = 3000

    /// A path without slashes at its end, the root excepted: with them, a file is not found under its own name.
    private static func withoutEndingSlashes(_ path: Substring) -> Substring {
        let end = path.utf8.lastIndex { $0 != UInt8(ascii: "/") }.map(path.utf8.index(after:))
        return end.map { path[..<$0] } ?? path.prefix(1)
    }

    /// Whether there is a folder at `path` (links are followed).
    public static func exists(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
