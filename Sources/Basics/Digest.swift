import CHash
import Foundation

/// SHA-256 of data, text and files, as lower-case hexadecimal.
public enum Digest {
    /// The hash of some bytes.
    public static func sha256(_ data: Data) -> String { data.withUnsafeBytes { sha256($0) } }

    /// The hash of some bytes in memory.
    public static func sha256(_ bytes: UnsafeRawBufferPointer) -> String {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }

    /// The hash of a text's UTF-8.
    public static func sha256(_ text: String) -> String { sha256(Data(text.utf8)) }

    /// The hash of `count` bytes that `read` gives in blocks: it fills a buffer with those from an offset on.
    public static func sha256(
        count: Int, block: Int, _ read: (_ offset: Int, UnsafeMutableRawBufferPointer) throws -> Void
    ) throws -> String {
        var hash = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: block, alignment: 64)
        defer { buffer.deallocate() }
        for offset in stride(from: 0, to: count, by: block) {
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(block, count - offset)])
            try read(offset, part)
            hash.update(UnsafeRawBufferPointer(part))
        }
        return hash.finish()
    }

    /// The hash of a file, read in blocks of 1 MiB.
    ///
    /// - Throws: `FoveaError` of kind `data` when the file cannot be opened or is not a regular file, `storage` when the disk
    ///   fails.
    public static func sha256(fileAt path: String) throws -> String {
        guard let file = try RegularFile.open(path) else {
            throw FoveaError(
                .data, "cannot open \(path): \(RegularFile.noSuchFile(path))", remedy: "Restore the file.",
                place: FilePlace(path))
        }
        defer { try? file.close() }
        var hash = SHA256()
        do {
            while let block = try file.read(upToCount: 1 << 20), !block.isEmpty {
                block.withUnsafeBytes { hash.update($0) }
            }
        } catch {
            throw RegularFile.diskFailed(path)
        }
        return hash.finish()
    }
}

/// One computation of SHA-256.
private struct SHA256 {
    private var state = fovea_sha256()

    init() { fovea_sha256_begin(&state) }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        fovea_sha256_update(&state, bytes.baseAddress, bytes.count)
    }

    mutating func finish() -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        fovea_sha256_finish(&state, &digest)
        return hexadecimal(digest)
    }
}

/// Bytes as lower-case hexadecimal, two digits each.
private func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
