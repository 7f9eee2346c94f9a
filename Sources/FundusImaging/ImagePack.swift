import Basics
import Foundation

/// A file of prepared pictures of one size, mapped into memory.
///
/// Layout, integers of 64 bits little-endian: a head of 4096 bytes (six integers: mark, pictures, resolution, offset of
/// the table, size of the file, checksum of the head and the table), then the pictures, then the table of 88 bytes a
/// picture (content hash as 64 characters, checksum of the pixels, offset and length of the reason if it is
/// unreadable), then the reasons in UTF-8.
final class ImagePack: Sendable {
    static let mark: UInt64 = 0x314B_4341_5056_4F46  // "FOVPACK1"
    static let headSize = 4096
    static let entrySize = 88

    let path: String
    let count: Int
    let resolution: Int
    private let tableOffset: Int
    nonisolated(unsafe) private let bytes: UnsafeRawBufferPointer

    /// Bytes of one picture.
    var recordSize: Int { resolution * resolution * 3 }

    /// Maps a pack; nil when there is none, or it is cut, damaged or of another kind.
    ///
    /// - Parameter isUnfinished: takes a pack whose writing was broken off too. Each of its pictures has to be checked
    ///   (`isIntact`); one that was not written has no hash.
    init?(path: String, isUnfinished: Bool = false) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size >= Self.headSize,
            let start = mmap(nil, Int(status.st_size), PROT_READ, MAP_SHARED, descriptor, 0), start != MAP_FAILED
        else { return nil }
        bytes = UnsafeRawBufferPointer(start: start, count: Int(status.st_size))
        self.path = path
        count = Int(clamping: Self.integer(bytes, 8))
        resolution = Int(clamping: Self.integer(bytes, 16))
        tableOffset = Int(clamping: Self.integer(bytes, 24))
        let head = Self.headFields(of: bytes)
        guard head[0] == Self.mark, (1...4096).contains(resolution), count <= bytes.count / Self.entrySize,
            tableOffset == Self.headSize + count * resolution * resolution * 3,
            tableOffset + count * Self.entrySize <= bytes.count
        else { return nil }
        if isUnfinished { return }
        guard head[4] == UInt64(bytes.count),
            head[5] == Self.checksum(fields: head, table: UnsafeRawBufferPointer(rebasing: bytes[tableOffset...]))
        else { return nil }
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    }

    /// The pixels of picture `i` in 0 ..< count.
    func pixels(_ i: Int) -> UnsafeRawBufferPointer {
        let start = Self.headSize + i * recordSize
        return UnsafeRawBufferPointer(rebasing: bytes[start..<start + recordSize])
    }

    /// Whether the pixels of picture `i` are those that were written.
    func isIntact(_ i: Int) -> Bool {
        Self.checksum(pixels(i)) == Self.integer(bytes, entry(i) + 64)
    }

    /// The content hash of picture `i`, 64 characters.
    func hash(_ i: Int) -> String {
        String(decoding: bytes[entry(i)..<entry(i) + 64], as: UTF8.self)
    }

    /// The first 64 bits of the content hash of picture `i`; 0 for a file that could not be read.
    func contentKey(_ i: Int) -> UInt64 {
        UInt64(String(decoding: bytes[entry(i)..<entry(i) + 16], as: UTF8.self), radix: 16) ?? 0
    }

    /// Whether picture `i` could be prepared.
    func isReadable(_ i: Int) -> Bool {
        Self.integer(bytes, entry(i) + 80) == 0
    }

    /// Why picture `i` could not be prepared.
    func reason(_ i: Int) -> String {
        let start = Int(clamping: Self.integer(bytes, entry(i) + 72))
        let count = Int(clamping: Self.integer(bytes, entry(i) + 80))
        guard start >= tableOffset, start <= bytes.count, count <= bytes.count - start else { return "" }
        return String(decoding: bytes[start..<start + count], as: UTF8.self)
    }

    private func entry(_ i: Int) -> Int { tableOffset + i * Self.entrySize }

    private static func integer(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    private static func headFields(of bytes: UnsafeRawBufferPointer) -> [UInt64] {
        (0..<6).map { integer(bytes, 8 * $0) }
    }

    /// The entry of one picture in the table.
    static func entry(hash: String, checksum: UInt64, reasonOffset: Int, reasonLength: Int) -> [UInt8] {
        var bytes = Array(hash.utf8)
        for value in [checksum, UInt64(reasonOffset), UInt64(reasonLength)] {
            withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
        }
        return bytes
    }

    /// The head's five fields and all that follows the pictures.
    static func checksum(fields: [UInt64], table: UnsafeRawBufferPointer) -> UInt64 {
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
