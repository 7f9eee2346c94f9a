import Basics
import Foundation

/// A file of prepared images of one size, open for reading. Its table is held in memory; pixels are read when they are
/// requested. They are not mapped: a file that another program shortens would end the process.
///
/// Layout, integers of 64 bits little-endian: a head of 4096 bytes (six integers: mark, images, resolution, offset of
/// the table, size of the file, checksum of the head and the table), then the images, then the table of 88 bytes per
/// image (content hash as 64 characters, checksum of the pixels, offset and length of the reason if it is
/// unreadable), then the reasons in UTF-8.
package final class ImagePack: Sendable {
    static let mark: UInt64 = 0x314B_4341_5056_4F46  // "FOVPACK1"
    package static let headSize = 4096
    package static let entrySize = 88

    let path: String
    let count: Int
    let resolution: Int
    private let descriptor: Int32
    private let tableOffset: Int
    /// The table and the reasons, as in the file.
    private let table: [UInt8]

    /// Bytes of one image.
    var recordSize: Int { resolution * resolution * 3 }

    /// Opens a pack; nil when there is none, or it is cut, damaged or of another kind.
    ///
    /// - Parameter isUnfinished: takes a pack whose writing was broken off too. Each of its images has to be checked
    ///   (`read`); one that was not written has no hash.
    init?(path: String, isUnfinished: Bool = false) {
        let opened = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard opened >= 0 else { return nil }
        descriptor = opened
        self.path = path
        var status = stat()
        var bytes = [UInt8](repeating: 0, count: 48)
        let isRead =
            fstat(opened, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            && bytes.withUnsafeMutableBytes { Self.fill($0, from: opened, offset: 0) }
        let head = bytes.withUnsafeBytes { bytes in (0..<6).map { Self.integer(bytes, 8 * $0) } }
        let size = Int(status.st_size)
        count = Int(clamping: head[1])
        resolution = Int(clamping: head[2])
        tableOffset = Int(clamping: head[3])
        // The first three bound the products of the fourth.
        guard isRead, head[0] == Self.mark, (1...4096).contains(resolution), count <= size / Self.entrySize,
            tableOffset == Self.headSize + count * resolution * resolution * 3,
            tableOffset + count * Self.entrySize <= size
        else {
            table = []
            return nil
        }
        var rest = [UInt8](repeating: 0, count: isUnfinished ? count * Self.entrySize : size - tableOffset)
        let offset = tableOffset
        let isWhole = rest.withUnsafeMutableBytes { Self.fill($0, from: opened, offset: offset) }
        table = rest
        guard isWhole else { return nil }
        if isUnfinished { return }
        guard head[4] == UInt64(size), head[5] == rest.withUnsafeBytes({ Self.checksum(fields: head, table: $0) })
        else {
            return nil
        }
    }

    deinit {
        close(descriptor)
    }

    /// Reads the pixels of image `i` in 0 ..< count.
    ///
    /// - Parameter buffer: as long as `recordSize`.
    /// - Returns: whether they are those that were written; otherwise the buffer holds anything.
    func read(_ i: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        Self.fill(buffer, from: descriptor, offset: Self.headSize + i * recordSize)
            && Self.checksum(UnsafeRawBufferPointer(buffer)) == checksum(i)
    }

    /// Writes the pixels of image `i` again where they are missing or changed in the file.
    ///
    /// Failing costs only time, so it is not an error. Nothing is written but what was there before.
    func restore(_ i: Int, _ pixels: UnsafeRawBufferPointer) {
        guard pixels.count == recordSize, Self.checksum(pixels) == checksum(i) else { return }
        // By the descriptor, not by the path, which may name another pack by now.
        let writable = open("/proc/self/fd/\(descriptor)", O_WRONLY | O_CLOEXEC)
        guard writable >= 0 else { return }
        defer { close(writable) }
        var done = 0
        while done < pixels.count {
            let offset = off_t(Self.headSize + i * recordSize + done)
            let written = pwrite(writable, pixels.baseAddress?.advanced(by: done), pixels.count - done, offset)
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return }
            done += written
        }
    }

    /// The content hash of image `i`, 64 characters.
    func hash(_ i: Int) -> String {
        String(decoding: table[entry(i)..<entry(i) + 64], as: UTF8.self)
    }

    /// The first 64 bits of the content hash of image `i`; 0 for a file that could not be read.
    func contentKey(_ i: Int) -> UInt64 {
        UInt64(String(decoding: table[entry(i)..<entry(i) + 16], as: UTF8.self), radix: 16) ?? 0
    }

    /// Whether image `i` could be prepared.
    func isReadable(_ i: Int) -> Bool { integer(entry(i) + 80) == 0 }

    /// Why image `i` could not be prepared.
    func reason(_ i: Int) -> String {
        let start = Int(clamping: integer(entry(i) + 72)) - tableOffset
        let count = Int(clamping: integer(entry(i) + 80))
        guard start >= 0, start <= table.count, count <= table.count - start else { return "" }
        return String(decoding: table[start..<start + count], as: UTF8.self)
    }

    private func checksum(_ i: Int) -> UInt64 { integer(entry(i) + 64) }

    private func entry(_ i: Int) -> Int { i * Self.entrySize }

    private func integer(_ offset: Int) -> UInt64 { table.withUnsafeBytes { Self.integer($0, offset) } }

    private static func integer(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Reads from `offset` on until the buffer is full; false when the file ends before or the disk fails.
    private static func fill(_ buffer: UnsafeMutableRawBufferPointer, from descriptor: Int32, offset: Int) -> Bool {
        var done = 0
        while done < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done, off_t(offset + done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    /// The entry of one image in the table.
    static func entry(hash: String, checksum: UInt64, reasonOffset: Int, reasonLength: Int) -> [UInt8] {
        var bytes = Array(hash.utf8)
        for value in [checksum, UInt64(reasonOffset), UInt64(reasonLength)] {
            withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
        }
        return bytes
    }

    /// The head's five fields and all that follows the images.
    package static func checksum(fields: [UInt64], table: UnsafeRawBufferPointer) -> UInt64 {
        fields.prefix(5).reduce(checksum(table)) { SeededRandom.mix($0 ^ $1) }
    }

    /// A checksum against damage, not against malice: every step is a bijection, so no single changed word escapes.
    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var sum = UInt64(bytes.count)
        let words = bytes.count / 8
        for word in 0..<words {
            sum = (sum ^ bytes.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self)) &* 0x9E37_79B9_7F4A_7C15
            sum ^= sum >> 29
        }
        for at in 8 * words..<bytes.count { sum = (sum ^ UInt64(bytes[at])) &* 0x9E37_79B9_7F4A_7C15 }
        return SeededRandom.mix(sum)
    }
}
