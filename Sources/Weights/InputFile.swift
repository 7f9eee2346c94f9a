import Basics
import Foundation

/// A file that is open for reading at any place. What is read is copied, so a file that is changed or shortened
/// meanwhile gives other bytes or an error, never a fault of the process as a mapping would.
final class InputFile: Sendable {
    let path: String
    /// The size in bytes when the file was opened.
    let count: Int
    private let descriptor: Int32

    /// - Throws: `FoveaError` of kind `data` when `path` is missing, unreadable, empty or not a regular file.
    init(_ path: String) throws {
        // Without O_NONBLOCK, opening a named pipe would wait for a writer without end.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.failure("open", path) }
        do {
            count = try Self.size(of: descriptor, path)
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    private static func size(of descriptor: Int32, _ path: String) throws -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("read", path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FoveaError(
                .data, about: path, "is not a regular file", remedy: "Name a weight file, not a folder or pipe.")
        }
        guard status.st_size > 0 else {
            throw FoveaError(.data, about: path, "is empty", remedy: "Download or write it again.")
        }
        return Int(status.st_size)
    }

    /// Fills a buffer with the bytes from `offset` on.
    ///
    /// - Throws: `FoveaError` of kind `data` when the file ends before that, `storage` when the disk fails.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        var done = 0
        while done < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done, off_t(offset + done))
            if count < 0 {
                if errno == EINTR { continue }
                throw Self.failure("read", path)
            }
            guard count > 0 else {
                throw FoveaError(
                    .data, about: path,
                    "was \(self.count) bytes long when it was opened and ends at byte \(offset + done) now",
                    remedy: "Something else writes to this file: wait until it has ended, then try again.")
            }
            done += count
        }
    }

    /// A copy of the bytes at `range`.
    func bytes(_ range: Range<Int>) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            try read(
                at: range.lowerBound,
                into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<range.count]))
            count = range.count
        }
    }

    /// The SHA-256 of all bytes, read in blocks of 1 MiB.
    func sha256() throws -> String {
        try Digest.sha256(count: count, block: 1 << 20) { try read(at: $0, into: $1) }
    }

    /// Calls `body` with memory of a size that a file has decided.
    ///
    /// - Throws: `FoveaError` of kind `environment` where the machine has not that much.
    func withMemory<Result>(
        _ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) throws -> Result {
        // Swift's own allocation ends the program where there is none.
        guard let memory = malloc(max(1, count)) else {
            throw FoveaError(
                .environment, at: FilePlace(path),
                "a tensor takes \(count) bytes of memory, which this machine does not give",
                remedy: "Use smaller weights, or a machine with more memory.")
        }
        defer { free(memory) }
        return try body(UnsafeMutableRawBufferPointer(start: memory, count: count))
    }

    /// A copy of the bytes from `start` on; nil where they would reach outside the file.
    func block(at start: Int, count length: Int) throws -> FileBlock? {
        guard start >= 0, length >= 0, start <= count, length <= count - start else { return nil }
        return FileBlock(start: start, bytes: try bytes(start..<(start + length)))
    }

    static let writeAgain = "The file is damaged or not what its name says; download or write it again."

    /// An error that names this file.
    func malformed(_ text: String, remedy: String = InputFile.writeAgain) -> FoveaError {
        FoveaError(.data, at: FilePlace(path), text, remedy: remedy)
    }

    private static func failure(_ verb: String, _ path: String) -> FoveaError {
        let code = errno
        return FoveaError(
            SystemFault.kind(code, orElse: .data),
            "cannot \(verb) \(path): "
                + (code == ENOENT ? RegularFile.noSuchFile(path) : String(cString: strerror(code))),
            remedy: SystemFault.remedy(code) ?? "Check the path and its permissions.", place: FilePlace(path))
    }
}

/// A part of a file, addressed by places in the file.
struct FileBlock {
    /// Where it begins in the file.
    let start: Int
    let bytes: [UInt8]

    /// The little-endian number at a place in the file, or nil where it would reach outside the block.
    func number<T: FixedWidthInteger>(_ type: T.Type, at place: Int) -> T? {
        bytes.withUnsafeBytes { $0.number(type, at: place - start) }
    }

    /// `length` bytes from a place in the file on, or nil where they would reach outside the block.
    func slice(at place: Int, count length: Int) -> ArraySlice<UInt8>? {
        let offset = place - start
        guard offset >= 0, length >= 0, offset <= bytes.count, length <= bytes.count - offset else { return nil }
        return bytes[offset..<(offset + length)]
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
