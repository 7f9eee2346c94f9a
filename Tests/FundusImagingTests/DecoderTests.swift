import Basics
import Foundation
import FundusImaging
import Testing

/// Files that a decoder accepts although pixels are missing or wrong; and what the errors say.
@Suite("Decoder") struct DecoderTests {
    private let picture = drawnFundus(width: 160, height: 120, centre: (80, 60), radius: 55)

    private func decode(_ bytes: Data) throws -> PixelImage { try ImageFile(name: "photograph", bytes: bytes).decode() }

    private func refusal(_ bytes: Data, _ note: Comment? = nil) throws -> FoveaError {
        try #require(throws: FoveaError.self, note) { _ = try decode(bytes) }
    }

    private func golden(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: Files.golden + "/odd/" + name))
    }

    @Test("a JPEG file with very many scans is refused: each is decoded over the whole image")
    func manyScansAreRefused() throws {
        let whole = try PixelImage(width: 32, height: 32, red: 200).jpeg()
        // A comment with as many markers as such a file has.
        func file(_ count: Int) -> Data {
            let comment = Data([0xFF, 0xFE, UInt8((2 * count + 2) >> 8), UInt8((2 * count + 2) & 255)])
            return whole.prefix(2) + comment + Data([[UInt8]](repeating: [0xFF, 0xDA], count: count).flatMap(\.self))
                + whole.dropFirst(2)
        }
        #expect(throws: Never.self) { try ImageFile(name: "x.jpg", bytes: file(199)).decode() }
        #expect(try refusal(file(200)).message.contains("has 201 scans"))
    }

    @Test("a JPEG file that is cut and closed with an end marker is refused, wherever it is cut")
    func closedJPEG() throws {
        for whole in [try picture.jpeg(), try golden("rgb.jpg")] {
            let start = try #require(whole.range(of: Data([0xFF, 0xDA]))).upperBound + 20
            for share in [0.1, 0.3, 0.5, 0.7, 0.9] {
                let end = start + Int(Double(whole.count - start) * share)
                let error = try refusal(whole.prefix(end) + Data([0xFF, 0xD9]), "cut at \(share)")
                #expect(error.kind == .data && error.message.contains("damaged"))
                #expect(error.remedy?.contains("copy it again") == true)
            }
        }
    }

    @Test("so is one of which another thread clears the complaint")
    func complaintsBesideOtherThreads() throws {
        let whole = try picture.jpeg()
        let start = try #require(whole.range(of: Data([0xFF, 0xDA]))).upperBound + 20
        let cut = whole.prefix((start + whole.count) / 2) + Data([0xFF, 0xD9])
        let accepted = try mapInParallel(400, threads: 4, shouldStop: { false }) { number in
            let isCut = number % 2 == 0
            let pixels = try? ImageFile(name: "photograph", bytes: isCut ? cut : whole).decode()
            return (pixels != nil) == isCut
        }
        #expect(!accepted.contains(true))
    }

    @Test("so is a TIFF file with such a JPEG strip")
    func closedStrip() throws {
        let jpeg = try picture.jpeg()
        func tiff(_ strip: Data) -> Data {
            HandmadeFile.tiff(
                width: 160, height: 120, channels: 3, bits: 8, photometric: 6, compression: 7, strip: strip)
        }
        let whole = try decode(tiff(jpeg))
        #expect(whole.width == 160 && whole.height == 120)
        let cut = jpeg.prefix(jpeg.count / 2) + Data([0xFF, 0xD9])
        #expect(try refusal(tiff(cut)).kind == .data)
    }

    @Test("so is a TIFF file whose tile or strip is not whole", arguments: [false, true])
    func unreadTile(isTiled: Bool) throws {
        let samples = Data((0..<256).map { UInt8($0) })
        func tiff(compression: Int = 1, start: Int? = nil, length: Int? = nil, _ strip: Data) -> Data {
            HandmadeFile.tiff(
                width: 16, height: 16, channels: 1, bits: 8, compression: compression, isTiled: isTiled, start: start,
                length: length, strip: strip)
        }
        let whole = tiff(samples)
        #expect(try Data(decode(whole).bytes.enumerated().filter { $0.offset % 3 == 0 }.map(\.element)) == samples)
        for left in [0, 1, 100, 255] {
            #expect(try refusal(whole.prefix(whole.count - 256 + left), "\(left) bytes").kind == .data)
        }
        for (start, length) in [(0, 0), (1_000_000, 256), (whole.count - 10, 256)] {
            let error = try refusal(tiff(start: start, length: length, samples), "\(length) bytes at \(start)")
            #expect(error.message.contains("damaged") && error.remedy?.contains("copy it again") == true, "\(error)")
        }
        if isTiled { _ = try refusal(tiff(length: 100, samples)) }
        // What LZW and deflate make nothing of.
        for compression in [5, 8] {
            for strip in [samples, Data(count: 256)] {
                #expect(try refusal(tiff(compression: compression, strip), "\(compression)").kind == .data)
            }
        }
    }

    /// What libvips says of one file is not lost while other threads decode theirs.
    @Test func damagedTilesAreNoticedBesideOtherThreads() throws {
        let whole = HandmadeFile.tiff(
            width: 16, height: 16, channels: 1, bits: 8, compression: 1, isTiled: true,
            strip: Data((0..<256).map { UInt8($0) }))
        let others = [try picture.png(), whole, Data("not an image".utf8)]
        let missed = try mapInParallel(600, threads: 4) { number in
            guard number % 2 == 0 else {
                _ = try? decode(others[number / 2 % 3])
                return false
            }
            return (try? decode(Data(whole.prefix(whole.count - 156)))) != nil
        }
        #expect(missed.count { $0 } == 0)
    }

    @Test("so are PNG and WebP files whose sums and sizes fit what is left")
    func closedOthers() throws {
        let chunks = HandmadeFile.chunks(try picture.png())
        let data = chunks.filter { $0.name == "IDAT" }.reduce(Data()) { $0 + $1.data }
        let head = chunks.prefix { $0.name != "IDAT" }
        func png(_ data: Data) -> Data { HandmadeFile.png(head + [("IDAT", data), ("IEND", Data())]) }
        #expect(try decode(png(data)) == picture)
        for share in [0.2, 0.5, 0.9] {
            #expect(try refusal(png(data.prefix(Int(Double(data.count) * share)))).kind == .data)
        }
        let webp = try golden("lossless.webp")
        for share in [0.3, 0.5, 0.8] {
            var cut = webp.prefix(Int(Double(webp.count) * share) & ~1)
            for (offset, size) in [(4, cut.count - 8), (16, cut.count - 20)] {
                for byte in 0..<4 { cut[offset + byte] = UInt8(size >> (8 * byte) & 255) }
            }
            #expect(try refusal(cut).kind == .data, "webp cut at \(share)")
        }
    }

    @Test("a complaint of a decoder without harm to the pixels is not a reason to refuse a file")
    func harmless() throws {
        let jpeg = try picture.jpeg()
        let expected = try decode(jpeg)
        let tables = try #require(jpeg.range(of: Data([0xFF, 0xDB]))).lowerBound
        let marker = Data([0xFF, 0xE0, 0, 16] + Array("JFIF".utf8) + [0, 2, 1, 0, 0, 1, 0, 1, 0, 0])
        let revision = jpeg.prefix(2) + marker + jpeg.dropFirst(2)
        let padded = jpeg.dropLast(2) + Data(repeating: 0, count: 100) + Data([0xFF, 0xD9])
        let files = [
            "bytes between markers": jpeg.prefix(tables) + Data([0, 0, 0]) + jpeg.suffix(from: tables),
            "unknown revision": revision, "bytes before the end": padded, "bytes after the end": jpeg + Data("x".utf8),
        ]
        for (name, bytes) in files { #expect(try decode(bytes) == expected, "\(name)") }
    }

    @Test("samples of which black and white are not known are refused, by name")
    func sampleTypes() throws {
        for (kind, bits, name) in [
            (3, 32, "float"), (3, 16, "float"), (2, 8, "signed 8 bit"), (2, 16, "signed 16 bit"),
            (1, 32, "32 bit"), (2, 32, "signed 32 bit"),
        ] {
            for channels in [1, 3] {
                let strip = Data(repeating: 0x3C, count: 8 * 8 * channels * bits / 8)
                let file = HandmadeFile.tiff(
                    width: 8, height: 8, channels: channels, bits: bits, kind: kind, strip: strip)
                let error = try refusal(file, "\(name)")
                #expect(error.message.contains("samples of type \(name);"), "\(error)")
                #expect(error.remedy?.contains("copy it again") == false)
            }
        }
        for (kind, bits) in [(3, 64), (6, 64), (6, 128), (1, 64)] {
            let strip = Data(repeating: 0, count: 8 * 8 * bits / 8)
            let file = HandmadeFile.tiff(width: 8, height: 8, channels: 1, bits: bits, kind: kind, strip: strip)
            #expect(try refusal(file, "\(kind) \(bits)").remedy?.contains("copy it again") == false)
        }
        var nan = Data()
        for i in 0..<64 { withUnsafeBytes(of: (i == 9 ? Float.nan : 0.5).bitPattern.littleEndian) { nan += $0 } }
        let error = try refusal(HandmadeFile.tiff(width: 8, height: 8, channels: 1, bits: 32, kind: 3, strip: nan))
        #expect(error.message.contains("float"))
    }

    @Test("five channels are refused")
    func channels() throws {
        let strip = Data(repeating: 200, count: 8 * 8 * 5)
        let error = try refusal(HandmadeFile.tiff(width: 8, height: 8, channels: 5, bits: 8, strip: strip))
        #expect(error.message.contains("5 channels"))
    }

    @Test("8, 10 or 12 bits in samples of 16 would be black, and are refused", arguments: [1, 255, 1023, 4095])
    func narrowRange(largest: Int) throws {
        func file(_ largest: Int) -> Data {
            var strip = Data()
            for i in 0..<64 { withUnsafeBytes(of: UInt16(largest * i / 63).littleEndian) { strip += $0 } }
            return HandmadeFile.tiff(width: 8, height: 8, channels: 1, bits: 16, strip: strip)
        }
        let error = try refusal(file(largest))
        #expect(error.message.contains("none is above \(largest) of 65535"))
        #expect(try decode(file(4096)).bytes.max() == 16)
        // An opaque alpha channel says nothing about the range of the colours.
        var strip = Data()
        for i in 0..<64 {
            for value in [UInt16(largest * i / 63), .max] { withUnsafeBytes(of: value.littleEndian) { strip += $0 } }
        }
        let withAlpha = HandmadeFile.tiff(
            width: 8, height: 8, channels: 2, bits: 16, tags: [338: 2], strip: strip)
        #expect(try refusal(withAlpha).message.contains("none is above \(largest) of 65535"))
        // A black image is black in any depth; `fovea inspect` marks it.
        #expect(try decode(file(0)).bytes.max() == 0)
    }

    @Test("a few hot pixels do not hide that all others would be black")
    func hotPixels() throws {
        func file(hot: Int, of value: UInt16 = 4000) -> Data {
            var strip = Data()
            for i in 0..<64 * 64 {
                withUnsafeBytes(of: (i < hot ? UInt16.max : value).littleEndian) { strip += $0 }
            }
            return HandmadeFile.tiff(width: 64, height: 64, channels: 1, bits: 16, strip: strip)
        }
        #expect(try refusal(file(hot: 1)).message.contains("only 1 is above 4000 of 65535"))
        #expect(try refusal(file(hot: 4)).message.contains("only 4 are above 4000 of 65535"))
        // More than one in a thousand may be what the image shows.
        _ = try decode(file(hot: 5))
        _ = try decode(file(hot: 1, of: 4096))
    }

    @Test("grey TIFF files in which 0 is white are turned round", arguments: [8, 16])
    func minimumIsWhite(bits: Int) throws {
        var strip = Data()
        for i in 0..<64 { strip += Data(repeating: UInt8(i * 4), count: bits / 8) }
        let black = try decode(HandmadeFile.tiff(width: 8, height: 8, channels: 1, bits: bits, strip: strip)).bytes
        let white = try decode(
            HandmadeFile.tiff(width: 8, height: 8, channels: 1, bits: bits, photometric: 0, strip: strip)
        ).bytes
        #expect(
            zip(black, white).allSatisfy { abs(Int($0) + Int($1) - 255) <= 1 }, "\(black.prefix(9)) \(white.prefix(9))")
    }

    /// A TIFF file whose colours are meant otherwise than its channels suggest.
    struct Colours: Sendable {
        var channels: Int
        var photometric: Int
        var tags: [Int: Int] = [:]
        /// What is said of it; nil where it is read.
        var words: String?
    }

    @Test(
        "TIFF files whose colours would be misread are refused by name",
        arguments: [
            Colours(channels: 3, photometric: 6, words: "YCbCr without JPEG"),
            Colours(channels: 3, photometric: 8, words: "CIELab"),
            Colours(channels: 3, photometric: 9, words: "ICCLab"),
            Colours(channels: 3, photometric: 10, words: "ITULab"),
            Colours(channels: 1, photometric: 32803, tags: [:], words: "CFA"),
            Colours(channels: 3, photometric: 34892, words: "PhotometricInterpretation 34892"),
            Colours(channels: 4, photometric: 5, tags: [332: 2], words: "InkSet 2"),
            Colours(channels: 3, photometric: 5, words: "3 inks"),
            Colours(channels: 4, photometric: 2, words: "ExtraSamples"),
            Colours(channels: 4, photometric: 2, tags: [338: 0], words: "ExtraSamples"),
            Colours(channels: 2, photometric: 1, tags: [338: 0], words: "ExtraSamples"),
            Colours(channels: 3, photometric: 1, words: "2 more channels"),
            Colours(channels: 3, photometric: 2, tags: [254: 1], words: "reduced copy"),
            Colours(channels: 3, photometric: 2, tags: [255: 2], words: "reduced copy"),
            Colours(channels: 1, photometric: 1, tags: [254: 4], words: "mask"),
            Colours(channels: 4, photometric: 2, tags: [338: 1]), Colours(channels: 4, photometric: 2, tags: [338: 2]),
            Colours(channels: 2, photometric: 1, tags: [338: 2]), Colours(channels: 4, photometric: 5, tags: [332: 1]),
            Colours(channels: 4, photometric: 5), Colours(channels: 3, photometric: 2, tags: [254: 2]),
        ], [false, true])
    func coloursOfTIFF(colours: Colours, isBigEndian: Bool) throws {
        let strip = Data((0..<64 * colours.channels).map { UInt8($0 % colours.channels * 60 + 40) })
        let file = HandmadeFile.tiff(
            width: 8, height: 8, channels: colours.channels, bits: 8, photometric: colours.photometric,
            tags: colours.tags, isBigEndian: isBigEndian, strip: strip)
        guard let words = colours.words else {
            _ = try decode(file)
            return
        }
        let error = try refusal(file, "\(words)")
        #expect(error.kind == .data && error.message.contains(words), "\(error)")
        #expect(error.message.contains("convert it to PNG or 8-bit JPEG"), "\(error)")
    }

    @Test("a name that is not UTF-8 is not only said to be missing")
    func foreignName() throws {
        let error = try #require(throws: FoveaError.self) { _ = try ImageFile(path: "bad\u{FFFD}.jpg") }
        #expect(error.message.contains("its name is not UTF-8"), "\(error)")
    }

    @Test("the remedy fits the reason")
    func remedies() throws {
        let jpeg = try picture.jpeg()
        let frame = try #require(jpeg.range(of: Data([0xFF, 0xC0]))).lowerBound
        var twelve = jpeg
        twelve[frame + 1] = 0xC1
        twelve[frame + 4] = 12
        #expect(try refusal(twelve).message.contains("12"))
        var hierarchical = jpeg
        hierarchical[frame + 1] = 0xC5
        for file in [twelve, hierarchical] {
            let error = try refusal(file)
            #expect(error.remedy?.contains("this kind of image is not read") == true, "\(error)")
            #expect(error.message.hasSuffix("(convert it to PNG or 8-bit JPEG)"), "\(error)")
        }
        #expect(try refusal(Data("BM no photograph".utf8)).remedy == PhotographFile.sentence)
        // HEIC, and JPEG-LS, which begins as JPEG does.
        var lossless = jpeg
        lossless[frame + 1] = 0xF7
        for file in [Data([0, 0, 0, 24]) + Data("ftypheic".utf8) + Data(count: 80), lossless] {
            let error = try refusal(file)
            #expect(error.message.contains("convert it to PNG or 8-bit JPEG"), "\(error)")
        }
        #expect(try refusal(jpeg.prefix(jpeg.count / 2)).remedy?.contains("copy it again") == true)
    }

    @Test("an impossible size of a PNG file is named, and LogLuv")
    func impossibleSizes() throws {
        func png(_ width: UInt32, _ height: UInt32) -> Data {
            let size = [width, height].flatMap { value in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
            }
            return HandmadeFile.png([("IHDR", Data(size + [8, 0, 0, 0, 0])), ("IDAT", Data()), ("IEND", Data())])
        }
        let huge = try refusal(png(.max >> 1, .max >> 1))
        #expect(huge.message.contains("2147483647 x 2147483647 pixels, more than the limit"), "\(huge)")
        #expect(try refusal(png(0, 5)).message.contains("0 x 5 pixels"))
        let luv = HandmadeFile.tiff(
            width: 8, height: 8, channels: 3, bits: 8, photometric: 32845, strip: Data(count: 192))
        #expect(try refusal(luv).message.contains("PhotometricInterpretation 32845"))
    }

    @Test("the library's own words come in brackets, behind a sentence")
    func plainWords() throws {
        let text = try refusal(Data("no image".utf8)).message
        #expect(
            text == "photograph is not a JPEG, PNG, TIFF, WebP or GIF file (convert it to PNG or 8-bit JPEG)")
        // More than a million times as high as it may be.
        let line = HandmadeFile.tiff(
            width: 1, height: 3_000_000, channels: 1, bits: 8, strip: Data(repeating: 9, count: 3_000_000))
        let error = try #require(throws: FoveaError.self) { try ImageFile(name: "line", bytes: line).decode(side: 2) }
        #expect(error.message.hasPrefix("line cannot be scaled to the size that is needed"), "\(error)")
        #expect(error.remedy?.contains("Crop it") == true)
        for (words, sentence) in [
            ("reducev: parameter vshrink not set", "cannot be scaled to the size that is needed"),
            ("bad labq format", "is of a kind of image that is not read"),
            ("VipsJpeg: premature end", "cannot be decoded: it is cut or damaged"),
        ] {
            let problem = DecoderMessage(words).problem
            #expect(problem.hasPrefix(sentence) && problem.hasSuffix("(\(words))"), "\(problem)")
        }
    }

    @Test("a machine that lacks something is not taken for a damaged file")
    func machine() {
        for words in [
            "glib: Error creating thread: Resource temporarily unavailable", "unable to create thread",
            "Too many open files", "libvips cannot be started",
        ] { #expect(DecoderMessage(words).cause == .machine, "\(words)") }
        for words in [
            "vips_tracked: out of memory -- size == 36MB", "VipsJpeg: Insufficient memory (case 4)",
            "Cannot allocate memory",
        ] { #expect(DecoderMessage(words).cause == .memory, "\(words)") }
        // Of some formats the words are those for a damaged file; then what the machine gives decides.
        #expect(DecoderMessage("webp2vips: unable to read pixels").cause == .damage)
        #expect(MachineProbe.lacking(bytes: 1 << 20) == nil)
        #expect(MachineProbe.lacking(bytes: 1 << 60)?.contains("memory") == true)
    }
}
