import Basics
import CVips
import Foundation

/// An image in memory: 8-bit sRGB, three bytes per pixel, rows from top to bottom without padding.
public struct PixelImage: Sendable, Equatable, CustomStringConvertible {
    /// Width in pixels, at least 1.
    public let width: Int
    /// Height in pixels, at least 1.
    public let height: Int
    /// `height * width * 3` bytes: R, G, B of the first pixel of the first row, then of the next. Keep their number.
    public var bytes: [UInt8]

    /// An image of one colour, black by default. Sides outside 1 ... 65535 become the nearest of these.
    public init(width: Int, height: Int, red: UInt8 = 0, green: UInt8 = 0, blue: UInt8 = 0) {
        self.width = min(max(1, width), 65535)
        self.height = min(max(1, height), 65535)
        bytes = [UInt8](repeating: red, count: self.width * self.height * 3)
        for at in stride(from: 0, to: bytes.count, by: 3) {
            bytes[at + 1] = green
            bytes[at + 2] = blue
        }
    }

    /// An image from its bytes.
    ///
    /// - Throws: `FoveaError` of kind `data` when there are not `height * width * 3` bytes.
    public init(width: Int, height: Int, bytes: [UInt8]) throws {
        guard (1..<1 << 31).contains(width), (1..<1 << 31).contains(height), bytes.count == width * height * 3 else {
            throw FoveaError(.data, "an image of \(width) x \(height) pixels cannot have \(bytes.count) bytes")
        }
        self.width = width
        self.height = height
        self.bytes = bytes
    }

    /// Takes over pixels of libvips and frees them.
    init(taking pixels: cvips_pixels) throws {
        defer { cvips_free(pixels.pixels) }
        let count = Int(pixels.width) * Int(pixels.height) * 3
        guard pixels.bands == 3, let start = pixels.pixels else {
            throw FoveaError(.data, "the image has \(pixels.bands) bands after decoding, not 3")
        }
        try self.init(
            width: Int(pixels.width), height: Int(pixels.height),
            bytes: Array(UnsafeBufferPointer(start: start, count: count)))
    }

    /// The size in words, so that messages stay short.
    public var description: String { "image of \(width) x \(height) pixels" }

    /// Red, green and blue of one pixel, from the upper left; black outside the image.
    public subscript(x: Int, y: Int) -> (red: UInt8, green: UInt8, blue: UInt8) {
        guard x >= 0, x < width, y >= 0, y < height else { return (0, 0, 0) }
        let at = (y * width + x) * 3
        return (bytes[at], bytes[at + 1], bytes[at + 2])
    }

    /// The image as a JPEG file; `quality` in 1 ... 100.
    public func jpeg(quality: Int = 90) throws -> Data {
        try encoded(".jpg[Q=\(min(100, max(1, quality)))]")
    }

    /// The image as a PNG file.
    public func png() throws -> Data {
        try encoded(".png")
    }

    /// Pixels with transparency, four bytes each, as a PNG file.
    ///
    /// - Throws: `FoveaError` of kind `data` when there are not `height * width * 4` bytes.
    package static func png(redGreenBlueAlpha bytes: [UInt8], width: Int, height: Int) throws -> Data {
        guard width > 0, height > 0, bytes.count == width * height * 4 else {
            throw FoveaError(.data, "an image of \(width) x \(height) pixels cannot have \(bytes.count) bytes")
        }
        return try encoded(bytes, width: width, height: height, bands: 4, ".png[keep=none]")
    }

    /// The image as a file of a format, such as ".webp[lossless]".
    package func encoded(_ suffix: String) throws -> Data {
        try checkBytes()
        return try Self.encoded(bytes, width: width, height: height, bands: 3, suffix)
    }

    private static func encoded(
        _ bytes: [UInt8], width: Int, height: Int, bands: Int32, _ suffix: String
    ) throws -> Data {
        var encoded: UnsafeMutableRawPointer?
        var count = 0
        let text = cvips_encode(bytes, Int32(width), Int32(height), bands, suffix, &encoded, &count)
        try throwing(text, "cannot encode an image of \(width) x \(height) pixels")
        defer { cvips_free(encoded) }
        return encoded.map { Data(bytes: $0, count: count) } ?? Data()
    }

    /// The area from (`left`, `top`) of the given size, resized with antialiasing (Lanczos).
    ///
    /// - Throws: `FoveaError` of kind `data` when the area does not lie inside the image.
    public func cropped(to area: PixelArea, width newWidth: Int, height newHeight: Int) throws -> PixelImage {
        guard area.left >= 0, area.top >= 0, area.width > 0, area.height > 0, newWidth > 0, newHeight > 0,
            area.left + area.width <= width, area.top + area.height <= height
        else { throw FoveaError(.data, "\(area) does not lie inside an image of \(width) x \(height) pixels") }
        try checkBytes()
        var pixels = cvips_pixels()
        let text = cvips_crop_resize(
            bytes, Int32(width), Int32(height), Int32(area.left), Int32(area.top), Int32(area.width),
            Int32(area.height), Int32(newWidth), Int32(newHeight), &pixels)
        try throwing(text, "cannot resize an image")
        return try PixelImage(taking: pixels)
    }

    /// C code reads as many bytes as the size says.
    private func checkBytes() throws {
        guard bytes.count == width * height * 3 else {
            throw FoveaError(.data, "a \(self) cannot have \(bytes.count) bytes")
        }
    }

    /// The image in the middle of a black square of `side` pixels, which must be at least as large as it.
    func padded(toSquare side: Int) -> PixelImage {
        guard side > width || side > height else { return self }
        var square = PixelImage(width: side, height: side)
        let left = (side - width) / 2
        let top = (side - height) / 2
        for y in 0..<height {
            let from = y * width * 3
            let to = ((y + top) * side + left) * 3
            square.bytes.replaceSubrange(to..<to + width * 3, with: bytes[from..<from + width * 3])
        }
        return square
    }
}

/// A rectangle of whole pixels.
public struct PixelArea: Sendable, Hashable, Codable {
    /// Columns to the left of the area.
    public var left: Int
    /// Rows above the area.
    public var top: Int
    /// Columns in the area.
    public var width: Int
    /// Rows in the area.
    public var height: Int

    /// Makes an area from its corner and its size.
    public init(left: Int, top: Int, width: Int, height: Int) {
        self.left = left
        self.top = top
        self.width = width
        self.height = height
    }
}

/// Turns an error text of `CVips` about an image in memory into a thrown error, and frees it.
func throwing(_ text: UnsafeMutablePointer<CChar>?, _ subject: String) throws {
    guard let said = DecoderMessage(taking: text) else { return }
    if [.machine, .memory].contains(said.cause) { throw MachineProbe.error(subject, said.text) }
    throw FoveaError(.data, "\(subject): the image library failed (\(said.text))")
}
