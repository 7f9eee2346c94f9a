import Foundation

/// The tags of a TIFF file's first page that decide how its samples become colours.
///
/// libvips takes some pages for RGB, grey or CMYK that are not, without a word; these are known by their tags.
struct TIFFPage {
    private enum Tag: Int, CaseIterable {
        case newSubfileType = 254
        case subfileType = 255
        case compression = 259
        case photometric = 262
        case samplesPerPixel = 277
        case inkSet = 332
        case extraSamples = 338
    }

    private var values: [Tag: [Int]] = [:]

    /// Reads the tags; nil where the bytes are not a TIFF file or its first page lies outside them.
    init?(_ bytes: Data) {
        guard let reader = TIFFReader(bytes) else { return nil }
        for tag in Tag.allCases { values[tag] = reader.values(of: tag.rawValue) }
    }

    private func value(_ tag: Tag) -> Int? { values[tag]?.first }

    /// Why the page is not decoded; nil where its colours are read as they are meant.
    var refusal: String? { kindRefusal ?? colourRefusal ?? extraRefusal }

    private var kindRefusal: String? {
        let kind = value(.newSubfileType) ?? 0
        if kind & 1 != 0 || value(.subfileType) == 2 {
            return "its first page is a reduced copy of another one, and only the first page is read"
        }
        return kind & 4 != 0 ? "its first page is a mask" : nil
    }

    private var colourRefusal: String? {
        let samples = value(.samplesPerPixel) ?? 1
        switch value(.photometric) {
        case nil, 0, 1, 2, 3: return nil
        case 5:
            if let set = value(.inkSet), set != 1 { return "its colours are inks other than CMYK (InkSet \(set))" }
            return samples < 4 ? "its colours are \(samples) inks, and not CMYK" : nil
        case 6:
            // JPEG (old and new) and JPEG 2000, whose decoders give RGB.
            return [6, 7, 33003].contains(value(.compression) ?? 1)
                ? nil : "its colours are YCbCr without JPEG compression"
        case .some(let number):
            let names = [4: "a mask", 8: "CIELab", 9: "ICCLab", 10: "ITULab", 32803: "of a colour filter array (CFA)"]
            return
                "its colours are \(names[number] ?? "of a kind that is not read") (PhotometricInterpretation \(number))"
        }
    }

    /// Only transparency is known what to do with.
    private var extraRefusal: String? {
        let samples = value(.samplesPerPixel) ?? 1
        let colours = [2: 3, 5: 4, 6: 3][value(.photometric) ?? 1] ?? 1
        guard samples > colours else { return nil }
        let kinds = values[.extraSamples] ?? []
        guard samples == colours + 1, kinds.count == 1, [1, 2].contains(kinds[0]) else {
            return
                "it has \(samples - colours) more channel\(samples == colours + 1 ? "" : "s") than colours, and does not "
                + "say that this is transparency (ExtraSamples)"
        }
        return nil
    }
}

/// Reads the first directory of a TIFF file, classic or BigTIFF, of either byte order. Nothing outside the bytes is touched.
private struct TIFFReader {
    private let bytes: Data
    private let isLittleEndian: Bool
    private var isBig = false
    private var directory = 0

    init?(_ bytes: Data) {
        // Places count from 0 whatever part of other data these are.
        self.bytes = bytes.startIndex == 0 ? bytes : Data(bytes)
        switch Array(self.bytes.prefix(2)) {
        case [0x49, 0x49]: isLittleEndian = true
        case [0x4D, 0x4D]: isLittleEndian = false
        default: return nil
        }
        guard let magic = integer(at: 2, size: 2), magic == 42 || magic == 43 else { return nil }
        isBig = magic == 43
        guard let directory = integer(at: isBig ? 8 : 4, size: isBig ? 8 : 4) else { return nil }
        self.directory = directory
    }

    /// The first sixteen values of a tag; nil where the directory does not have it.
    func values(of tag: Int) -> [Int]? {
        let (head, entry, word) = isBig ? (8, 20, 8) : (2, 12, 4)
        // A directory has no more than 65,535 entries in either form.
        guard let count = integer(at: directory, size: head), count < 65_536 else { return nil }
        for index in 0..<count {
            let place = directory + head + index * entry
            guard let found = integer(at: place, size: 2) else { return nil }
            guard found == tag else { continue }
            guard let type = integer(at: place + 2, size: 2), let size = [1: 1, 3: 2, 4: 4, 16: 8][type],
                let number = integer(at: place + 4, size: word)
            else { return nil }
            let inPlace = place + 4 + word
            guard let start = number <= word / size ? inPlace : integer(at: inPlace, size: word) else { return nil }
            return (0..<min(number, 16)).compactMap { integer(at: start + $0 * size, size: size) }
        }
        return nil
    }

    /// An unsigned number; nil outside the bytes, and above what an `Int` holds with space to add to it.
    private func integer(at place: Int, size: Int) -> Int? {
        guard place >= 0, place <= bytes.count - size else { return nil }
        let part = bytes[place..<place + size]
        let value = (isLittleEndian ? Array(part.reversed()) : Array(part)).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return value < 1 << 48 ? Int(value) : nil
    }
}
