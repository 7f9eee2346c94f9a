import Foundation

/// Tells images by the first bytes of their files, whatever they are called.
public enum ImageSignature {
    private static let beginnings: [[UInt8]] = [
        [0xFF, 0xD8, 0xFF],  // JPEG
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A],  // PNG
        [0x49, 0x49, 42, 0], [0x4D, 0x4D, 0, 42], [0x49, 0x49, 43, 0], [0x4D, 0x4D, 0, 43],  // TIFF, BigTIFF
        Array("GIF8".utf8),
    ]

    /// Whether a file begins as an image that can be decoded; nil where it cannot be opened. Never waits for a pipe.
    public static func isImage(_ path: String) -> Bool? {
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var first = [UInt8](repeating: 0, count: 12)
        let count = first.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        guard count > 0 else { return false }
        let isWebP = first.starts(with: Array("RIFF".utf8)) && first.dropFirst(8).elementsEqual("WEBP".utf8)
        return isWebP || beginnings.contains { first.starts(with: $0) }
    }
}
