import Foundation

/// Opens files that people name: never a folder, a pipe or a device, and never waiting for one.
public enum RegularFile {
    /// Opens a file for reading; nil when there is none of that name.
    ///
    /// - Throws: `FoveaError` of the given kind when `path` is a folder, a pipe, a socket or a device, or cannot be opened
    ///   for another reason than that nothing is there, such as its permissions.
    public static func open(_ path: String, kind: FoveaError.Kind = .data) throws -> FileHandle? {
        // Without O_NONBLOCK, opening a pipe would wait for a writer for ever.
        let descriptor = Foundation.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            try requireAbsence(path, kind)
            return nil
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw FoveaError(
                kind, "cannot read \(path): it is \(noun(for: status.st_mode))", remedy: "Name a regular file.",
                place: FilePlace(path))
        }
        return file
    }

    /// The contents of a file; nil when there is none of that name.
    ///
    /// - Throws: as `open`; of the given kind too when it is longer than `limit` bytes; of kind `storage` when the disk fails.
    ///   Of a longer file no more than `limit` bytes are read, whatever length it claims.
    public static func contents(
        of path: String, atMost limit: Int, kind: FoveaError.Kind = .data
    ) throws -> Data? {
        guard let file = try open(path, kind: kind) else { return nil }
        var data = Data()
        do {
            while let block = try file.read(upToCount: 1 << 22), !block.isEmpty {
                guard data.count + block.count <= limit else {
                    throw FoveaError(kind, about: path, "is longer than the \(limit) bytes allowed")
                }
                data.append(block)
            }
        } catch let error as FoveaError {
            throw error
        } catch {
            throw diskFailed(path)
        }
        return data
    }

    static func diskFailed(_ path: String) -> FoveaError {
        FoveaError(
            .storage, "cannot read \(path): the disk failed", remedy: SystemFault.remedy(EIO), place: FilePlace(path))
    }

    /// Whether there is a file or folder of that name (links are followed).
    ///
    /// - Throws: `FoveaError` of the given kind when that cannot be seen: what may be there counts neither as there nor as
    ///   absent.
    public static func exists(_ path: String, kind: FoveaError.Kind = .data) throws -> Bool {
        if access(path, F_OK) == 0 { return true }
        try requireAbsence(path, kind)
        return false
    }

    /// Of what could not be opened only what is not there counts as absent. A file that is there and cannot be read must
    /// not switch off what it decides.
    private static func requireAbsence(_ path: String, _ kind: FoveaError.Kind) throws {
        let code = errno
        guard code != ENOENT, code != ENOTDIR else { return }
        throw unreadable(path, kind, code)
    }

    /// The error for a file or folder that cannot be read, by the reason of the system.
    static func unreadable(_ path: String, _ kind: FoveaError.Kind, _ code: Int32) -> FoveaError {
        FoveaError(
            SystemFault.kind(code, orElse: kind), "cannot read \(path): \(String(cString: strerror(code)))",
            remedy: SystemFault.remedy(code)
                ?? ([EACCES, EPERM].contains(code)
                    ? "Check the permissions of the file and of the folders above it."
                    : "Check the path and what lies there."),
            place: FilePlace(path))
    }

    /// That there is no file of a name, in words that stand behind its path and a colon. Of a relative path they say where
    /// that counts from.
    public static func noSuchFile(_ path: String) -> String {
        guard !path.hasPrefix("/") else { return "no such file" }
        return "no such file (relative paths count from \(FileManager.default.currentDirectoryPath))"
    }

    /// What stands where a regular file should, from its `st_mode`: "a folder", "a pipe", "a socket", "a device".
    public static func noun(for mode: mode_t) -> String {
        switch mode & S_IFMT {
        case S_IFDIR: "a folder"
        case S_IFIFO: "a pipe"
        case S_IFSOCK: "a socket"
        default: "a device"
        }
    }
}
