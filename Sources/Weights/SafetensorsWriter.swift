import Basics
import Foundation

/// A tensor to be written: what it is, and how to get at its bytes when their turn comes.
public struct TensorSource {
    /// Name, element type and shape.
    public let tensor: StoredTensor
    /// Calls its argument with all bytes, at once or in consecutive parts: row-major, little-endian, `tensor.byteCount` of
    /// them.
    public let withBytes: (_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Void

    /// A source that fetches its bytes only while they are written, so that nothing is held twice.
    public init(
        _ tensor: StoredTensor, withBytes: @escaping (_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) {
        self.tensor = tensor
        self.withBytes = withBytes
    }

    /// A source for bytes that are in memory already.
    public init(_ tensor: StoredTensor, data: Data) {
        self.init(tensor) { body in try data.withUnsafeBytes(body) }
    }
}

/// Writes safetensors files, atomically, the same bytes for the same tensors in any order.
public enum SafetensorsWriter {
    /// Replaces the file at `path` by one that holds the given tensors and metadata.
    ///
    /// Types follow each other in the order of `ElementType.allCases` reversed, so wide elements come first, and names
    /// are sorted within a type: the order of the format's own library. With the header padded to a multiple of 8
    /// bytes every tensor is then aligned to its elements. Only one tensor's bytes are requested at a time.
    ///
    /// - Throws: `FoveaError` of kind `storage` when the disk fails; of kind `engine` when two tensors share a name,
    ///   one is named `__metadata__`, or a source yields another number of bytes than its shape says. The old file is
    ///   then as it was.
    public static func write(
        _ sources: [TensorSource], metadata: [String: String] = [:], to path: String
    ) throws {
        let sorted = ElementType.allCases.reversed().flatMap { type in
            sources.filter { $0.tensor.type == type }.sorted { precedes($0.tensor.name, $1.tensor.name) }
        }
        let header = try header(of: sorted.map(\.tensor), metadata, path)
        try AtomicFile.write(to: path) { descriptor in
            try header.withUnsafeBytes { try AtomicFile.writeAll($0, to: descriptor, path: path) }
            for source in sorted {
                var written = 0
                try source.withBytes { bytes in
                    written += bytes.count
                    try AtomicFile.writeAll(bytes, to: descriptor, path: path)
                }
                guard written == source.tensor.byteCount else {
                    throw FoveaError(
                        .engine,
                        "tensor \(quoted(source.tensor.name)) for \(path) gave \(written) bytes; "
                            + "its shape \(source.tensor.shape) needs \(source.tensor.byteCount)")
                }
            }
        }
    }

    /// Length, JSON and padding.
    private static func header(
        of tensors: [StoredTensor], _ metadata: [String: String], _ path: String
    ) throws -> [UInt8] {
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { precedes($0.key, $1.key) }
            members.append(
                "\"__metadata__\":{" + pairs.map { json($0.key) + ":" + json($0.value) }.joined(separator: ",") + "}")
        }
        var names: Set<String> = ["__metadata__"]
        var offset = 0
        for tensor in tensors {
            guard names.insert(tensor.name).inserted else {
                throw FoveaError(.engine, "the tensor name \(quoted(tensor.name)) for \(path) is taken")
            }
            let (end, overflow) = offset.addingReportingOverflow(tensor.byteCount)
            guard !overflow else { throw FoveaError(.engine, "the tensors for \(path) are too large together") }
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            members.append(
                json(tensor.name)
                    + ":{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
            )
            offset = end
        }
        var text = [UInt8](("{" + members.joined(separator: ",") + "}").utf8)
        text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
        guard text.count <= SafetensorsHeader.maximumBytes else {
            throw FoveaError(
                .engine,
                "the header for \(path) would have \(text.count) bytes; "
                    + "the format allows \(SafetensorsHeader.maximumBytes)")
        }
        return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
    }

    /// The order of UTF-8 bytes, the same in every locale.
    private static func precedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

    private static func json(_ string: String) -> String {
        var quoted = "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case "\u{8}": quoted += "\\b"
            case "\u{C}": quoted += "\\f"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
