import Basics
import Foundation
import Synchronization

/// Writes the pictures of a pack from several threads into a file that `AtomicFile` renames when all is well.
final class ImagePackWriter: Sendable {
    private struct Entry {
        var checksum: UInt64 = 0
        var reason: [UInt8] = []
    }

    private let descriptor: Int32
    private let path: String
    private let identities: [ContentIdentity]
    private let resolution: Int
    private let entries: Mutex<[Entry]>

    private var recordSize: Int { resolution * resolution * 3 }
    private var tableOffset: Int { ImagePack.headSize + identities.count * recordSize }

    /// Takes an empty file and reserves the room that it will need, so that a full disk shows before the work.
    init(descriptor: Int32, path: String, identities: [ContentIdentity], resolution: Int) throws {
        self.descriptor = descriptor
        self.path = path
        self.identities = identities
        self.resolution = resolution
        entries = Mutex(Array(repeating: Entry(), count: identities.count))
        let size = tableOffset + identities.count * ImagePack.entrySize
        let code = posix_fallocate(descriptor, 0, size)
        guard code == 0 else {
            errno = code
            throw AtomicFile.failure("reserve \(size >> 20) MiB for the image cache", path)
        }
    }

    /// Stores the pixels of picture `i`.
    func write(_ pixels: UnsafeRawBufferPointer, at i: Int) throws {
        try write(pixels, offset: ImagePack.headSize + i * recordSize)
        let checksum = ImagePack.checksum(pixels)
        entries.withLock { $0[i].checksum = checksum }
    }

    /// Stores that picture `i` cannot be prepared; its pixels are black.
    func write(reason: String, at i: Int) throws {
        try Array(repeating: UInt8(0), count: recordSize).withUnsafeBytes { try write($0, at: i) }
        entries.withLock { $0[i].reason = Array(reason.utf8) }
    }

    /// Writes the table and the head.
    func finish() throws {
        let entries = entries.withLock { $0 }
        var table: [UInt8] = []
        var reasons: [UInt8] = []
        func add(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { table += $0 } }
        let reasonsOffset = tableOffset + entries.count * ImagePack.entrySize
        for (identity, entry) in zip(identities, entries) {
            table += Array(identity.text.utf8)
            add(entry.checksum)
            add(UInt64(reasonsOffset + reasons.count))
            add(UInt64(entry.reason.count))
            reasons += entry.reason
        }
        table += reasons
        var fields = [
            ImagePack.mark, UInt64(entries.count), UInt64(resolution), UInt64(tableOffset),
            UInt64(tableOffset + table.count),
        ]
        try table.withUnsafeBytes { bytes in
            try write(bytes, offset: tableOffset)
            fields.append(ImagePack.checksum(fields: fields, table: bytes))
        }
        try fields.map(\.littleEndian).withUnsafeBytes { try write($0, offset: 0) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, offset: Int) throws {
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset + done))
            if count < 0 {
                if errno == EINTR { continue }
                throw AtomicFile.failure("write", path)
            }
            done += count
        }
    }
}
