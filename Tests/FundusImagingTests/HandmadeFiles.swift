import Foundation

/// Image files written byte by byte, for what no encoder here writes.
enum HandmadeFile {
    /// A TIFF file with one strip, or one tile as large as the image.
    ///
    /// - Parameters:
    ///   - strip: the samples, or what the compression made of them.
    ///   - kind: 1 unsigned, 2 signed, 3 floating point, 6 complex.
    ///   - photometric: 1 grey, 2 RGB, 6 YCbCr.
    ///   - tags: further tags, each of one short number.
    ///   - start: where the file says that the strip begins; nil for where it does.
    ///   - length: how many bytes the file says that it has; nil for as many as it has.
    static func tiff(
        width: Int, height: Int, channels: Int, bits: Int, kind: Int = 1, photometric: Int? = nil, compression: Int = 1,
        tags: [Int: Int] = [:], isBigEndian: Bool = false, isTiled: Bool = false, start: Int? = nil, length: Int? = nil,
        strip: Data
    ) -> Data {
        let photometric = photometric ?? (channels < 3 ? 1 : 2)
        let count = (isTiled ? 12 : 11) + tags.count
        let extra = 8 + 2 + 12 * count + 4
        let data = extra + 4 * channels
        func number(_ value: Int, _ size: Int) -> [UInt8] {
            let bytes = (0..<size).map { UInt8(value >> (8 * $0) & 255) }
            return isBigEndian ? bytes.reversed() : bytes
        }
        var entries: [Int: [UInt8]] = [:]
        func long(_ tag: Int, _ value: Int) { entries[tag] = number(4, 2) + number(1, 4) + number(value, 4) }
        func short(_ tag: Int, _ value: Int) {
            entries[tag] = number(3, 2) + number(1, 4) + number(value, 2) + number(0, 2)
        }
        func each(_ tag: Int, _ value: Int, at offset: Int) {
            let inPlace = (0..<channels).flatMap { _ in number(value, 2) } + number(0, 2)
            entries[tag] =
                number(3, 2) + number(channels, 4) + (channels < 3 ? inPlace.prefix(4) : number(offset, 4)[...])
        }
        long(256, width)
        long(257, height)
        each(258, bits, at: extra)
        short(259, compression)
        short(262, photometric)
        long(isTiled ? 324 : 273, start ?? data)
        short(277, channels)
        long(isTiled ? 325 : 279, length ?? strip.count)
        if isTiled {
            short(322, width)
            short(323, height)
        } else {
            long(278, height)
        }
        short(284, 1)
        each(339, kind, at: extra + 2 * channels)
        for (tag, value) in tags { short(tag, value) }
        var file =
            Data(isBigEndian ? [0x4D, 0x4D] : [0x49, 0x49]) + Data(number(42, 2) + number(8, 4) + number(count, 2))
        for (tag, entry) in entries.sorted(by: { $0.key < $1.key }) { file += number(tag, 2) + entry }
        file += number(0, 4)
        for value in [bits, kind] { for _ in 0..<channels { file += number(value, 2) } }
        return file + strip
    }

    /// A PNG file of chunks, each with its right sum.
    static func png(_ chunks: [(name: String, data: Data)]) -> Data {
        var file = Data([0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10])
        for (name, data) in chunks {
            let content = Data(name.utf8) + data
            file += bigEndian(data.count) + content + bigEndian(Int(sum(content)))
        }
        return file
    }

    /// The chunks of a PNG file.
    static func chunks(_ file: Data) -> [(name: String, data: Data)] {
        var chunks: [(name: String, data: Data)] = []
        var at = 8
        while at + 12 <= file.count {
            let length = file[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
            let name = String(decoding: file[at + 4..<at + 8], as: UTF8.self)
            chunks.append((name, Data(file[at + 8..<at + 8 + length])))
            at += 12 + length
        }
        return chunks
    }

    private static func bigEndian(_ value: Int) -> Data {
        Data([24, 16, 8, 0].map { UInt8(value >> $0 & 255) })
    }

    private static func sum(_ data: Data) -> UInt32 {
        ~data.reduce(UInt32.max) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
    }
}
