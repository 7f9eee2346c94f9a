import Foundation

/// Opens files that people name: never a folder, a pipe or a device, and never waiting for one.
public enum RegularFile {
    /// Opens a file for reading; nil when there is none of that name, or it may not be read.
    ///
    /// - Throws: `FoveaError` of the given kind when `path` is a folder, a pipe, a socket or a device.
    public static func open(_ path: String, kind: FoveaError.Kind = .data) throws -> FileHandle? {
        // Without O_NONBLOCK, opening a pipe would wait for a writer for ever.
        let descriptor = Foundation.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw FoveaError(
                kind, "cannot read \(path): it is \(noun(for: status.st_mode))", remedy: "Name a regular file.",
                place: FilePlace(path))
        }
        return file
    }

    /// The contents of a file; nil when there is none of that name, or it may not be read.
    ///
    /// - Throws: `FoveaError` of the given kind when it is not a regular file, is longer than `limit` bytes, or the disk
    ///   fails. Of a longer file no more than `limit` bytes are read, whatever length it claims.
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
            throw FoveaError(
                kind, "cannot read \(path): the disk failed", remedy: "Copy the file again.", place: FilePlace(path))
        }
        return data
    }

    /// Why a file that people name cannot be opened, in words that stand behind its path and a colon. Of a relative path
    /// it says where that counts from.
    public static func reasonNotOpened(_ path: String) -> String {
        let reason = access(path, F_OK) == 0 ? "not permitted" : "no such file"
        guard !path.hasPrefix("/") else { return reason }
        return reason + " (relative paths count from \(FileManager.default.currentDirectoryPath))"
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
