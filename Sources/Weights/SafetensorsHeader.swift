import Basics

/// The table of contents of a safetensors file, with every check of the format
/// (https://github.com/huggingface/safetensors, "Format").
struct SafetensorsHeader {
    /// The tensors in the order of their bytes.
    let places: [TensorPlace]
    let metadata: [String: String]

    /// The format's own cap on the header.
    static let maximumBytes = 100_000_000

    init(_ file: InputFile) throws {
        let text = try Self.text(of: file)
        var entries: [Entry] = []
        var metadata: [String: String] = [:]
        try text.withUnsafeBytes { bytes in
            var scanner = HeaderScanner(file, bytes)
            try scanner.object("the header") { scanner, name in
                if name == "__metadata__" {
                    try scanner.object(name) { scanner, key in
                        metadata[key] = try scanner.string("metadata \(quoted(key))")
                    }
                } else {
                    entries.append(try Entry(name, &scanner))
                }
            }
            try scanner.end()
        }
        self.metadata = metadata

        let dataStart = 8 + text.count
        let available = file.count - dataStart
        entries.sort { ($0.begin, $0.end) < ($1.begin, $1.end) }
        var position = 0
        places = try entries.map { entry in
            let tensor: StoredTensor
            do {
                tensor = try StoredTensor(name: entry.name, type: entry.type, shape: entry.shape)
            } catch let error as FoveaError {
                throw file.malformed(error.message)
            }
            let label = "tensor \(quoted(entry.name))"
            guard entry.begin <= entry.end else {
                throw file.malformed("\(label) ends at byte \(entry.end), before it begins at \(entry.begin)")
            }
            guard entry.end <= available else {
                throw file.malformed(
                    "\(label) ends at byte \(entry.end) of the data, but the file has only \(available)")
            }
            guard entry.begin == position else {
                let what = entry.begin > position ? "leaves a hole" : "overlaps another tensor"
                throw file.malformed(
                    "\(label) begins at byte \(entry.begin) of the data, not at \(position): it \(what)")
            }
            guard entry.end - entry.begin == tensor.byteCount else {
                throw file.malformed(
                    "\(label) has \(entry.end - entry.begin) bytes, but shape \(entry.shape) of "
                        + "\(entry.type.rawValue) needs \(tensor.byteCount)")
            }
            position = entry.end
            return TensorPlace(tensor: tensor, offset: dataStart + entry.begin)
        }
        guard position == available else {
            throw file.malformed("\(available - position) bytes after the last tensor belong to none")
        }
    }

    /// The bytes of the header, whose length the first eight bytes of the file give.
    private static func text(of file: InputFile) throws -> [UInt8] {
        guard let length = try file.block(at: 0, count: 8)?.number(UInt64.self, at: 0) else {
            throw file.malformed(
                "\(file.count) bytes are too few for a safetensors file, which begins with 8 of length")
        }
        guard length <= UInt64(maximumBytes) else {
            throw file.malformed(
                "the header length \(length) exceeds the cap of \(maximumBytes); is it a safetensors file at all?")
        }
        guard let text = try file.block(at: 8, count: Int(length))?.bytes else {
            throw file.malformed("the header of \(length) bytes ends outside the file of \(file.count)")
        }
        guard text.first == UInt8(ascii: "{") else {
            throw file.malformed("the header does not begin with '{'; is it a safetensors file at all?")
        }
        return text
    }
}

/// One entry of the header as written, before its numbers are compared with each other.
private struct Entry {
    let name: String
    let type: ElementType
    let shape: [Int]
    let begin: Int
    let end: Int

    init(_ name: String, _ scanner: inout HeaderScanner) throws {
        let label = "tensor \(quoted(name))"
        var (type, shape, offsets): (ElementType?, [Int]?, [Int]?)
        try scanner.object(label) { scanner, key in
            switch key {
            case "dtype":
                let found = try scanner.string("dtype of \(label)")
                type = ElementType(rawValue: found)
                guard type != nil else {
                    let allowed = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
                    throw scanner.malformed("\(label) has dtype \(quoted(found)); allowed: \(allowed)")
                }
            case "shape":
                shape = try scanner.numbers("shape of \(label)", atMost: StoredTensor.maximumRank)
            case "data_offsets":
                offsets = try scanner.numbers("data_offsets of \(label)", atMost: 2)
            default:
                throw scanner.malformed("\(label) has the unknown key \(quoted(key))")
            }
        }
        guard let type else { throw scanner.malformed("\(label) has no dtype") }
        guard let shape else { throw scanner.malformed("\(label) has no shape") }
        guard let offsets, offsets.count == 2 else {
            throw scanner.malformed("\(label) needs data_offsets of two numbers")
        }
        self.name = name
        self.type = type
        self.shape = shape
        begin = offsets[0]
        end = offsets[1]
    }
}
