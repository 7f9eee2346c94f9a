import Basics
import CVips
import Foundation

/// What the header of an image file says.
public struct ImageHeader: Sendable, Hashable {
    /// Width as stored, before any turn by the EXIF tag, in pixels.
    public let width: Int
    /// Height as stored, in pixels.
    public let height: Int
    /// Whether the EXIF tag turns it on its side: upright, its height is then `width`.
    public let isTurned: Bool
    /// Pages or frames; only the first is used.
    public let pages: Int
    /// "jpeg", "png", "tiff", "webp" or "gif", by content, whatever the file is called.
    public let format: String
    /// Channels: grey, grey with transparency, RGB, RGB with transparency or CMYK are 1 to 4.
    public let channels: Int
    /// What a sample is: "8 bit" and "16 bit" are whole numbers from 0 on, others are named, such as "float".
    public let samples: String
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
    ///   image of `pixelLimit` pixels can be, or unreadable; of kind `environment` when the machine lacks something, `storage`
    ///   when a disk fails.
    public init(path: String, pixelLimit: Int = 100_000_000) throws {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(path, calling: "cannot be opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure(path, calling: "cannot be read") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw Self.failure(path, "is \(RegularFile.noun(for: status.st_mode)), not an image file")
        }
        let size = Int(status.st_size)
        guard size > 0 else { throw Self.failure(path, "is empty (0 bytes)") }
        // Eight bytes per pixel is 16-bit RGBA without compression; the rest is space for metadata.
        guard size <= min(pixelLimit, 1 << 40) * 8 + 1 << 26 else {
            throw Self.failure(path, "has \(size) bytes, more than an image of \(pixelLimit) pixels can have")
        }
        var bytes = Data(count: size)
        let count = bytes.withUnsafeMutableBytes { Self.fill($0, from: descriptor) }
        guard count >= 0 else { throw Self.failure(path, calling: "cannot be read") }
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
        if let said = DecoderMessage(taking: text) {
            // Its tags name better what the library does not read.
            if [.kind, .damage].contains(said.cause), let reason = TIFFPage(bytes)?.refusal { throw unread(reason) }
            // Of such a size the library says nothing.
            if let header = impossiblePNG { return header }
            throw failure(said, pixels: 0)
        }
        let format = withUnsafeBytes(of: header.format) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return ImageHeader(
            width: Int(header.width), height: Int(header.height), isTurned: header.turned != 0,
            pages: Int(header.pages), format: format,
            channels: Int(header.bands),
            samples: withUnsafeBytes(of: header.samples) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }

    /// What the header of a PNG file says that has no pixels, or more in a row than the library counts.
    private var impossiblePNG: ImageHeader? {
        let start = [UInt8](bytes.prefix(24))
        guard start.count == 24, Array(start[..<8]) == [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10],
            Array(start[12..<16]) == Array("IHDR".utf8)
        else { return nil }
        func number(at place: Int) -> Int { start[place..<place + 4].reduce(0) { $0 << 8 | Int($1) } }
        let (width, height) = (number(at: 16), number(at: 20))
        guard min(width, height) == 0 || max(width, height) > 10_000_000 else { return nil }
        return ImageHeader(
            width: width, height: height, isTurned: false, pages: 1, format: "png", channels: 3, samples: "8 bit")
    }

    /// Decodes the first page to upright 8-bit sRGB that fits into a square of `side` pixels, proportions kept.
    ///
    /// - Parameters:
    ///   - side: the longer side of the result; the whole image at its own size if nil.
    ///   - enlarge: whether a smaller image is enlarged to `side`.
    ///   - pixelLimit: more pixels than this in the file are refused before decoding.
    /// - Throws: `FoveaError` of kind `data` that names the path: not an image, cut, damaged, too many pixels, samples or
    ///   channels that are not read; of kind `environment` when the machine lacks something.
    public func decode(side: Int? = nil, enlarge: Bool = false, pixelLimit: Int = 100_000_000) throws -> PixelImage {
        try decode(header(), side: side, enlarge: enlarge, pixelLimit: pixelLimit)
    }

    /// The same, with the header that was read before.
    func decode(_ header: ImageHeader, side: Int?, enlarge: Bool = false, pixelLimit: Int) throws -> PixelImage {
        guard header.width > 0, header.height > 0 else {
            throw FoveaError(
                .data, about: path, "has \(header.width) x \(header.height) pixels by its header",
                remedy: Self.copyAgain)
        }
        guard header.width <= pixelLimit / max(1, header.height) else {
            throw FoveaError(
                .data, about: path,
                "has \(header.width) x \(header.height) pixels, more than the limit of \(pixelLimit)",
                remedy: "Make the image smaller, or raise image.pixel_limit.")
        }
        try checkSamples(header)
        if header.format == "jpeg" { try checkScans() }
        if header.format == "tiff", let reason = TIFFPage(bytes)?.refusal { throw unread(reason) }
        var pixels = cvips_pixels()
        var decoding = cvips_decoding()
        let longest = Int32(clamping: side ?? max(header.width, header.height))
        let text = bytes.withUnsafeBytes { buffer in
            buffer.baseAddress.map { cvips_decode($0, buffer.count, longest, enlarge ? 1 : 0, &pixels, &decoding) }
                ?? nil
        }
        if let said = DecoderMessage(taking: text) {
            throw failure(said, pixels: header.width * header.height)
        }
        let complaint = DecoderMessage(taking: decoding.warnings)
        let image = try PixelImage(taking: pixels)
        if let complaint, complaint.saysPixelsAreWrong {
            throw FoveaError(
                .data, about: path, "is damaged, and a part of its pixels is made up (\(complaint.text))",
                remedy: Self.copyAgain)
        }
        try checkRange(largest: Int(decoding.largest), brighter: Int(decoding.brighter))
        return image
    }

    private func checkSamples(_ header: ImageHeader) throws {
        guard ["8 bit", "16 bit"].contains(header.samples) else {
            throw FoveaError(
                .data, about: path,
                "has samples of type \(header.samples); allowed are unsigned samples of 8 and 16 bits",
                remedy:
                    "What is black and what is white in it is not known: save it with 8 or 16 bits a sample, unsigned.")
        }
        guard (1...4).contains(header.channels) else {
            throw FoveaError(
                .data, about: path,
                "has \(header.channels) channels; allowed are 1 to 4 (grey, RGB, CMYK, transparency)",
                remedy: "Save it as grey or RGB.")
        }
    }

    /// A progressive JPEG is decoded once for each of its scans, which may be a few bytes long: cameras make about ten.
    private func checkScans() throws {
        let scans = bytes.withUnsafeBytes { bytes in
            var (count, at) = (0, 0)
            while at + 1 < bytes.count, let start = bytes.baseAddress,
                let marker = memchr(start + at, 0xFF, bytes.count - 1 - at)
            {
                at = start.distance(to: UnsafeRawPointer(marker)) + 1
                if bytes[at] == 0xDA { count += 1 }
            }
            return count
        }
        guard scans > Self.scanLimit else { return }
        throw FoveaError(
            .data, about: path,
            "has \(scans) scans; a JPEG file of a camera has about ten, and \(Self.scanLimit) are allowed",
            remedy: Self.conversion)
    }

    private static let scanLimit = 200

    /// 8, 10 or 12 bits in samples of 16 would be seen as black.
    ///
    /// - Parameters:
    ///   - largest: the largest sample but for `brighter` ones, which may be hot pixels.
    private func checkRange(largest: Int, brighter: Int) throws {
        guard (1..<4096).contains(largest) else { return }
        throw FoveaError(
            .data, about: path,
            "has 16 bits a sample, but \(brighter == 0 ? "none is" : "only \(brighter) \(brighter == 1 ? "is" : "are")") above \(largest) of "
                + "65535: it would be seen as black",
            remedy:
                "It seems to hold values of \(largest < 256 ? 8 : 12) bits: save it with 8 bits a sample, or multiply "
                + "them so that white is 65535.")
    }

    /// The error for what the image library said. Only what lies in the bytes is an error of the file.
    private func failure(_ said: DecoderMessage, pixels: Int) -> FoveaError {
        let remedy: String
        switch said.cause {
        case .machine:
            return MachineProbe.error(path, said.text)
        case .format:
            return FoveaError(.data, about: path, "\(said.problem)\(Self.advice)", remedy: PhotographFile.sentence)
        case .kind:
            return FoveaError(.data, about: path, "\(said.problem)\(Self.advice)", remedy: Self.conversion)
        case .operation:
            remedy = "Crop it, or save it in another size or as PNG."
        case .damage, .memory:
            // Decoded and prepared, with space for what the library keeps.
            if let lacking = MachineProbe.lacking(bytes: pixels * 4 + 1 << (said.cause == .memory ? 28 : 26)) {
                return MachineProbe.error(path, "\(said.text); the machine lacks \(lacking)")
            }
            remedy =
                said.cause == .memory
                ? "It requests more memory than such an image needs: save it again."
                : Self.copyAgain
        }
        return FoveaError(.data, about: path, "\(said.problem)", remedy: remedy)
    }

    /// The error for a whole file of a kind that is not read.
    private func unread(_ reason: String) -> FoveaError {
        FoveaError(.data, about: path, "cannot be decoded: \(reason)\(Self.advice)", remedy: Self.conversion)
    }

    private static let conversion =
        "The file may be whole, but this kind of image is not read: convert it to PNG or 8-bit JPEG."
    private static let copyAgain = "The file is cut or damaged: copy it again."

    /// A part of the message, since lists of images have no remedy for each.
    private static let advice = " (convert it to PNG or 8-bit JPEG)"

    private static func failure(_ path: String, _ what: String) -> FoveaError {
        FoveaError(.data, about: path, "\(what)")
    }

    /// The error of a system call that failed, from `errno`.
    private static func failure(_ path: String, calling what: String) -> FoveaError {
        let code = errno
        // Bytes of an argument that are not UTF-8 have become this character.
        let isForeign = path.contains("\u{FFFD}")
        let reason =
            code == ENOENT
            ? isForeign ? "its name is not UTF-8 (rename it), or there is no such file" : "there is no such file"
            : String(cString: strerror(code))
        return MachineProbe.isOfMachine(code)
            ? MachineProbe.error(path, reason, code: code) : failure(path, "\(what): \(reason)")
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
