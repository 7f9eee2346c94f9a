import Basics
import Foundation

/// A whole file mapped read-only: pages come from the disk when they are touched and can be dropped again.
final class MappedFile: Sendable {
    let path: String
    let count: Int
    // The mapping is never written and lives as long as this object, so any thread may read it.
    private nonisolated(unsafe) let base: UnsafeMutableRawPointer

    /// - Throws: `FoveaError` of kind `data` when `path` is missing, unreadable, empty or not a regular file.
    init(_ path: String) throws {
        // Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.failure("open", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure("read", path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FoveaError(
                .data, "\(path) is not a regular file", remedy: "Name a weight file, not a folder or pipe.")
        }
        count = Int(status.st_size)
        guard count > 0 else {
            throw FoveaError(.data, "\(path) is empty", remedy: "Download or write it again.")
        }
        guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
            throw Self.failure("map", path)
        }
        base = address
        self.path = path
    }

    deinit { munmap(base, count) }

    /// Every byte of the file; valid only as long as this object.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// An error that names this file.
    func malformed(_ text: String) -> FoveaError {
        FoveaError(
            .data, "\(path): \(text)",
            remedy: "The file is damaged or not what its name says; download or write it again.")
    }

    private static func failure(_ verb: String, _ path: String) -> FoveaError {
        FoveaError(
            .data,
            "cannot \(verb) \(path): "
                + (errno == ENOENT ? RegularFile.reasonNotOpened(path) : String(cString: strerror(errno))),
            remedy: "Check the path and its permissions.")
    }
}

extension UnsafeRawBufferPointer {
    /// The little-endian number at a byte offset, or nil where it would reach outside the buffer.
    func number<T: FixedWidthInteger>(_ type: T.Type, at offset: Int) -> T? {
        guard offset >= 0, offset <= count - MemoryLayout<T>.size else { return nil }
        return T(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }

    /// `length` bytes from `offset` on, or nil where they would reach outside the buffer.
    func slice(at offset: Int, count length: Int) -> UnsafeRawBufferPointer? {
        guard offset >= 0, length >= 0, offset <= count, length <= count - offset else { return nil }
        return UnsafeRawBufferPointer(rebasing: self[offset..<(offset + length)])
    }
}
