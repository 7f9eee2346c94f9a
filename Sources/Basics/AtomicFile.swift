import Foundation

/// Writing files so that a reader, or a crash at any moment, finds the old content or the new, never a part.
public enum AtomicFile {
    /// Replaces the file at `path` by `data`: written beside it, flushed to the disk, renamed.
    ///
    /// - Parameter isFlushed: false for one of many files that are quickly made again: the system then decides when it
    ///   reaches the disk.
    /// - Throws: `FoveaError` of kind `storage` when any step fails; the old file is then as it was.
    public static func write(_ data: Data, to path: String, isFlushed: Bool = true) throws {
        try write(to: path, isFlushed: isFlushed) { descriptor in
            try data.withUnsafeBytes { try writeAll($0, to: descriptor, path: path) }
        }
    }

    /// Replaces the file at `path` by `text` in UTF-8.
    public static func write(_ text: String, to path: String) throws {
        try write(Data(text.utf8), to: path)
    }

    /// Replaces the file at `path` by whatever `body` writes to the file descriptor it is given.
    public static func write(to path: String, isFlushed: Bool = true, _ body: (Int32) throws -> Void) throws {
        let (temporary, descriptor) = try PartialFile.create(for: path)
        defer { close(descriptor) }
        // A file keeps its permissions when it is replaced.
        var present = stat()
        if stat(path, &present) == 0 { fchmod(descriptor, present.st_mode & 0o777) }
        do {
            try body(descriptor)
            guard !isFlushed || fsync(descriptor) == 0 else { throw failure("flush", temporary) }
            // Closed only afterwards: closing releases the lock that keeps others from removing the temporary file.
            guard rename(temporary, path) == 0 else { throw failure("rename to its final name", temporary) }
            if isFlushed { flushFolder(of: path) }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Writes all bytes to a descriptor, continuing after partial writes and interruptions.
    public static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws {
        var offset = 0
        while offset < bytes.count {
            let written = Foundation.write(descriptor, bytes.baseAddress?.advanced(by: offset), bytes.count - offset)
            if written < 0 {
                if errno == EINTR { continue }
                throw failure("write", path)
            }
            offset += written
        }
    }

    /// The error for a failed system call, from `errno`, with a remedy where there is an obvious one.
    public static func failure(_ verb: String, _ path: String) -> FoveaError {
        let code = errno
        let remedy: String? =
            switch code {
            case ENOSPC, EDQUOT: "Free some space on that file system and run the command again."
            case EFBIG: "Raise the limit on the size of files (ulimit -f), or choose another file system."
            case EACCES, EPERM, EROFS: "Check the permissions of the folder, or choose another one."
            case ENAMETOOLONG: "Choose a shorter name, or a folder whose path is shorter."
            case EEXIST, ENOTDIR: "There is a file where a folder must be: choose another place."
            default: SystemFault.remedy(code)
            }
        return FoveaError(
            SystemFault.kind(code, orElse: .storage), "cannot \(verb) \(path): \(String(cString: strerror(code)))",
            remedy: remedy,
            place: FilePlace(path))
    }

    /// Makes a new, renamed or removed name last: flushes the folder that `path` lies in.
    public static func flushFolder(of path: String) {
        // By hand: Foundation's deletingLastPathComponent traps on a name of one character.
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
        if descriptor >= 0 {
            fsync(descriptor)
            close(descriptor)
        }
    }
}
