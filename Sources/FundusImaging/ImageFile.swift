import Basics
import CVips
import Foundation

/// What the header of an image file says.
public struct ImageHeader: Sendable, Hashable {
    /// Width as stored, before any turn by the EXIF tag, in pixels.
    public let width: Int
    /// Height as stored, in pixels.
    public let height: Int
    /// Pages or frames; only the first is used.
    public let pages: Int
    /// "jpeg", "png", "tiff", "webp" or "gif", by content, whatever the file is called.
    public let format: String
}

/// The bytes of an image file, read once: what is hashed is what is decoded.
public struct ImageFile: Sendable {
    /// Where the bytes came from; errors name it.
    public let path: String
    /// The whole file.
    public let bytes: Data

    /// Takes bytes that are already in memory, such as an upload, under a name for errors.
    public init(name: String, bytes: Data) {
        path = name
        self.bytes = bytes
    }

    /// Reads a file. A folder, a pipe or a device is refused, and opening one never waits.
    ///
    /// - Throws: `FoveaError` of kind `data` that names the path: missing, not a regular file, empty, larger than any
    ///   image of `pixelLimit` pixels can be, or unreadable.
    public init(path: String, pixelLimit: Int = 100_000_000) throws {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(path, "cannot be opened: " + Self.reason()) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure(path, Self.reason()) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw Self.failure(path, "is \(RegularFile.noun(for: status.st_mode)), not an image file")
        }
        let size = Int(status.st_size)
        guard size > 0 else { throw Self.failure(path, "is empty (0 bytes)") }
        // Eight bytes a pixel is 16-bit RGBA without compression; the rest is room for metadata.
        guard size <= min(pixelLimit, 1 << 40) * 8 + 1 << 26 else {
            throw Self.failure(path, "has \(size) bytes, more than an image of \(pixelLimit) pixels can have")
        }
        var bytes = Data(count: size)
        let count = bytes.withUnsafeMutableBytes { Self.fill($0, from: descriptor) }
        guard count >= 0 else { throw Self.failure(path, "cannot be read: " + Self.reason()) }
        guard count == size else { throw Self.failure(path, "became shorter while it was read") }
        self.bytes = bytes
    }

    /// Reads the header only.
    ///
    /// - Throws: `FoveaError` of kind `data` that names the path.
    public func header() throws -> ImageHeader {
        guard !bytes.isEmpty else { throw Self.failure(path, "is empty (0 bytes)") }
        var header = cvips_header()
        let text = bytes.withUnsafeBytes { buffer in
            buffer.baseAddress.map { cvips_read_header($0, buffer.count, &header) } ?? nil
        }
        try throwing(text, "\(path) is not a readable image", remedy: PhotographFile.sentence)
        let format = withUnsafeBytes(of: header.format) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return ImageHeader(
            width: Int(header.width), height: Int(header.height), pages: Int(header.pages), format: format)
    }

    /// Decodes the first page to upright 8-bit sRGB that fits into a square of `side` pixels, proportions kept.
    ///
    /// - Parameters:
    ///   - side: the longer side of the result; the whole picture at its own size if nil.
    ///   - enlarge: whether a smaller picture is enlarged to `side`.
    ///   - pixelLimit: more pixels than this in the file are refused before decoding.
    /// - Throws: `FoveaError` of kind `data` that names the path: not an image, cut, damaged, too many pixels.
    public func decode(side: Int? = nil, enlarge: Bool = false, pixelLimit: Int = 100_000_000) throws -> PixelImage {
        let header = try header()
        guard header.width <= pixelLimit / max(1, header.height) else {
            throw FoveaError(
                .data, "\(path) has \(header.width) x \(header.height) pixels, more than the limit of \(pixelLimit)",
                remedy: "Make the picture smaller, or raise image.pixel_limit.")
        }
        var pixels = cvips_pixels()
        let longest = Int32(clamping: side ?? max(header.width, header.height))
        let text = bytes.withUnsafeBytes { buffer in
            buffer.baseAddress.map { cvips_decode($0, buffer.count, longest, enlarge ? 1 : 0, &pixels) } ?? nil
        }
        try throwing(text, "\(path) cannot be decoded", remedy: "The file is cut or damaged: copy it again.")
        return try PixelImage(taking: pixels)
    }

    private static func failure(_ path: String, _ what: String) -> FoveaError {
        FoveaError(.data, "\(path) \(what)")
    }

    private static func reason() -> String {
        errno == ENOENT ? "there is no such file" : String(cString: strerror(errno))
    }

    /// Reads until the buffer is full or the file ends; the number of bytes, or -1 with `errno` set.
    private static func fill(_ buffer: UnsafeMutableRawBufferPointer, from descriptor: Int32) -> Int {
        var done = 0
        while done < buffer.count {
            let count = read(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                return -1
            }
            done += count
        }
        return done
    }
}
