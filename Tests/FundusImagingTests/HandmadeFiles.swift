import Foundation

/// Image files written byte by byte, for what no encoder here writes.
enum HandmadeFile {
    /// A TIFF file with one strip.
    ///
    /// - Parameters:
    ///   - strip: the samples, or what the compression made of them.
    ///   - kind: 1 unsigned, 2 signed, 3 floating point, 6 complex.
    ///   - photometric: 1 grey, 2 RGB, 6 YCbCr.
    static func tiff(
        width: Int, height: Int, channels: Int, bits: Int, kind: Int = 1, photometric: Int? = nil, compression: Int = 1,
        strip: Data
    ) -> Data {
        var file = Data([0x49, 0x49, 42, 0, 8, 0, 0, 0])
        let photometric = photometric ?? (channels < 3 ? 1 : 2)
        let count = 11
        let extra = 8 + 2 + 12 * count + 4
        let data = extra + 4 * channels
        func short(_ value: Int) -> [UInt8] { [UInt8(value & 255), UInt8(value >> 8 & 255)] }
        func long(_ value: Int) -> [UInt8] { short(value) + short(value >> 16) }
        func entry(_ tag: Int, _ type: Int, _ number: Int, _ value: Int) {
            file += short(tag) + short(type) + long(number) + long(value)
        }
        func each(_ tag: Int, _ value: Int, at offset: Int) {
            entry(tag, 3, channels, channels == 1 ? value : channels == 2 ? value | value << 16 : offset)
        }
        file += short(count)
        entry(256, 4, 1, width)
        entry(257, 4, 1, height)
        each(258, bits, at: extra)
        entry(259, 3, 1, compression)
        entry(262, 3, 1, photometric)
        entry(273, 4, 1, data)
        entry(277, 3, 1, channels)
        entry(278, 4, 1, height)
        entry(279, 4, 1, strip.count)
        entry(284, 3, 1, 1)
        each(339, kind, at: extra + 2 * channels)
        file += long(0)
        for value in [bits, kind] { for _ in 0..<channels { file += short(value) } }
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
