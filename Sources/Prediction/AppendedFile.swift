import Basics
import Foundation

/// A table to which rows are added at its end; what is added has reached the disk when the call returns.
final class AppendedFile {
    private let path: String
    private let descriptor: Int32

    /// Opens a file, or makes it with its header.
    ///
    /// - Throws: `FoveaError` of kind `storage`.
    init(_ path: String, header: String) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw AtomicFile.failure("open", path) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw AtomicFile.failure("read", path) }
        if status.st_size == 0 { try append(header) }
    }

    deinit { close(descriptor) }

    /// Adds text.
    ///
    /// - Throws: `FoveaError` of kind `storage`; a part of the text may then be in the file.
    func append(_ text: String) throws {
        try Data(text.utf8).withUnsafeBytes { try AtomicFile.writeAll($0, to: descriptor, path: path) }
        guard fdatasync(descriptor) == 0 else { throw AtomicFile.failure("flush", path) }
    }
}

/// The complete records of a table that a process may have been writing when it ended.
struct WrittenTable {
    private let path: String
    private let length: Int
    /// Where the header and each record end, in bytes.
    private var ends: [Int] = []
    /// The first and the last cell of each record, without the header.
    private(set) var records: [(first: String, last: String)] = []

    /// Reads a table; a file that is not there has no records.
    init(_ path: String) throws {
        self.path = path
        guard let data = try RegularFile.contents(of: path, atMost: 1 << 34) else {
            length = 0
            return
        }
        length = data.count
        var (isQuoted, cell) = (false, 0)
        var cells: [Range<Int>] = []
        for (at, byte) in data.enumerated() {
            switch byte {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: ",") where !isQuoted:
                cells.append(cell..<at)
                cell = at + 1
            case UInt8(ascii: "\n") where !isQuoted:
                cells.append(cell..<at)
                if !ends.isEmpty {
                    records.append((Self.text(data[cells[0]]), Self.text(data[cells[cells.count - 1]])))
                }
                ends.append(at + 1)
                (cell, cells) = (at + 1, [])
            default: continue
            }
        }
    }

    private static func text(_ cell: Data) -> String {
        let text = String(decoding: cell, as: UTF8.self)
        guard text.hasPrefix("\""), text.hasSuffix("\""), text.count > 1 else { return text }
        return String(text.dropFirst().dropLast()).replacing("\"\"", with: "\"")
    }

    /// Removes everything after the first records.
    ///
    /// - Throws: `FoveaError` of kind `storage`.
    func cut(after count: Int) throws {
        let end = ends.isEmpty ? 0 : ends[count]
        guard length > end else { return }
        guard truncate(path, off_t(end)) == 0 else { throw AtomicFile.failure("shorten", path) }
    }
}
