import Crypto
import Foundation

/// SHA-256 of data, text and files, as lower-case hexadecimal.
public enum Digest {
    /// The hash of some bytes.
    public static func sha256(_ data: Data) -> String { hexadecimal(SHA256.hash(data: data)) }

    /// The hash of a text's UTF-8.
    public static func sha256(_ text: String) -> String { sha256(Data(text.utf8)) }

    /// The hash of a file, read in blocks of 1 MiB.
    ///
    /// - Throws: `FoveaError` of kind `data` when the file cannot be read or is no regular file.
    public static func sha256(fileAt path: String) throws -> String {
        guard let file = try RegularFile.open(path) else {
            throw FoveaError(.data, "cannot open \(path)")
        }
        defer { try? file.close() }
        var hasher = SHA256()
        do {
            while let block = try file.read(upToCount: 1 << 20), !block.isEmpty { hasher.update(data: block) }
        } catch {
            throw FoveaError(.data, "cannot read \(path): \(error.localizedDescription)")
        }
        return hexadecimal(hasher.finalize())
    }

    private static func hexadecimal(_ digest: SHA256.Digest) -> String {
        digest.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }
}
