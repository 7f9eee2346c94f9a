import Basics
import Foundation
import Synchronization

/// Writes the images of a pack from several threads into a file that `AtomicFile` renames when all is well.
///
/// Each image's entry follows it at once, so that what is written of a build that is broken off can be used.
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

    /// Takes an empty file and reserves the space that it will need, so that a full disk shows before the work.
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
        // No size and no checksum yet: an unfinished pack is never taken for a whole one.
        try write(head + [0, 0], offset: 0)
    }

    private var head: [UInt64] {
        [ImagePack.mark, UInt64(identities.count), UInt64(resolution), UInt64(tableOffset)]
    }

    /// Lets an unfinished pack outlive the file that `AtomicFile` is about to remove.
    func keep(as path: String) {
        unlink(path)
        linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, path, AT_SYMLINK_FOLLOW)
    }

    /// Stores the pixels of image `i`.
    func write(_ pixels: UnsafeRawBufferPointer, at i: Int) throws {
        try write(pixels, offset: ImagePack.headSize + i * recordSize)
        let checksum = ImagePack.checksum(pixels)
        entries.withLock { $0[i].checksum = checksum }
        let entry = ImagePack.entry(hash: identities[i].text, checksum: checksum, reasonOffset: 0, reasonLength: 0)
        try entry.withUnsafeBytes { try write($0, offset: tableOffset + i * ImagePack.entrySize) }
    }

    /// Stores that image `i` cannot be prepared; its pixels are black.
    func write(reason: String, at i: Int) throws {
        let black = Array(repeating: UInt8(0), count: recordSize)
        try black.withUnsafeBytes { try write($0, offset: ImagePack.headSize + i * recordSize) }
        let checksum = black.withUnsafeBytes { ImagePack.checksum($0) }
        entries.withLock { $0[i] = Entry(checksum: checksum, reason: Array(reason.utf8)) }
    }

    /// Writes the table and the head.
    func finish() throws {
        let entries = entries.withLock { $0 }
        var table: [UInt8] = []
        var reasons: [UInt8] = []
        let reasonsOffset = tableOffset + entries.count * ImagePack.entrySize
        for (identity, entry) in zip(identities, entries) {
            table += ImagePack.entry(
                hash: identity.text, checksum: entry.checksum, reasonOffset: reasonsOffset + reasons.count,
                reasonLength: entry.reason.count)
            reasons += entry.reason
        }
        table += reasons
        var fields = head + [UInt64(tableOffset + table.count)]
        try table.withUnsafeBytes { bytes in
            try write(bytes, offset: tableOffset)
            fields.append(ImagePack.checksum(fields: fields, table: bytes))
        }
        try write(fields, offset: 0)
    }

    private func write(_ fields: [UInt64], offset: Int) throws {
        try fields.map(\.littleEndian).withUnsafeBytes { try write($0, offset: offset) }
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
