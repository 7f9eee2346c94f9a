import Basics

/// A file of named tensors: opening reads only the table of contents, bytes are read on request.
///
/// It is never held as a whole, so a file of a gigabyte does not cost a gigabyte. One that is shortened while it is open
/// gives an error. Nothing in a file is ever executed.
public final class WeightFile: Sendable {
    /// The formats that `open` knows, distinguished by content, not by the file's name.
    public enum Format: String, Sendable {
        /// https://huggingface.co/docs/safetensors
        case safetensors
        /// A `state_dict` written by `torch.save`, of PyTorch 1.6 or later (a zip archive) or before (pickles).
        case pyTorch
    }

    /// Where the file is.
    public let path: String
    /// How it is written.
    public let format: Format
    /// Its tensors: in the order of their bytes (safetensors) or of the `state_dict` (PyTorch).
    public let tensors: [StoredTensor]
    /// The `__metadata__` of a safetensors file; empty for PyTorch's.
    public let metadata: [String: String]

    private let file: InputFile
    private let places: [String: TensorPlace]

    /// Opens a `.safetensors`, `.pth` or `.pt` file and checks its whole table of contents.
    ///
    /// - Parameter stateDict: for a PyTorch checkpoint, the key of the requested `state_dict`, such as
    ///   `teacher`; by default the first of `state_dict`, `model_state_dict`,
    ///   `model`, `net`, `teacher` and `student` there is, else the whole file. A safetensors file has no such keys.
    /// - Throws: `FoveaError` of kind `data` when the file is missing, malformed or of another format; of kind
    ///   `configuration` when it has no state dict of that name.
    public static func open(_ path: String, stateDict: String? = nil) throws -> WeightFile {
        let file = try InputFile(path)
        switch try FileSignature(of: file) {
        case .safetensors:
            guard stateDict == nil else {
                throw FoveaError(
                    .configuration, about: path, "is a safetensors file and has no state dicts to choose from",
                    remedy: "Leave the choice of a state dict out.")
            }
            let header = try SafetensorsHeader(file)
            return try WeightFile(file, .safetensors, header.places, header.metadata)
        case .zipArchive:
            return try WeightFile(file, .pyTorch, PyTorchCheckpoint.places(inArchive: file, stateDict: stateDict), [:])
        case .pickles:
            return try WeightFile(file, .pyTorch, PyTorchCheckpoint.places(inPickles: file, stateDict: stateDict), [:])
        }
    }

    private init(
        _ file: InputFile, _ format: Format, _ places: [TensorPlace], _ metadata: [String: String]
    ) throws {
        path = file.path
        self.file = file
        self.format = format
        self.metadata = metadata
        tensors = places.map(\.tensor)
        self.places = try Dictionary(places.map { ($0.tensor.name, $0) }) { first, _ in
            throw file.malformed("tensor \(quoted(first.tensor.name)) occurs twice")
        }
    }

    /// The SHA-256 of the file's bytes as they are now, read through the open file.
    ///
    /// - Throws: `FoveaError` of kind `data` when the file was shortened or cannot be read.
    public func sha256() throws -> String { try file.sha256() }

    /// The description of one tensor, or nil when the file has none of that name.
    public func tensor(named name: String) -> StoredTensor? { places[name]?.tensor }

    /// Lends the bytes of one tensor: row-major, little-endian, `byteCount` of them, in memory of their own that is valid
    /// only inside `body`.
    ///
    /// - Throws: `FoveaError` of kind `data` when the file has no such tensor, was shortened or cannot be read, of kind
    ///   `environment` when there is not enough memory; and whatever `body` throws.
    public func withBytes<Result>(
        of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        let place = try place(of: name)
        return try file.withMemory(place.tensor.byteCount) { buffer in
            try place.read(from: file, into: buffer)
            return try body(UnsafeRawBufferPointer(buffer))
        }
    }

    /// Copies the bytes of one tensor, in the same form, into a buffer of `byteCount` bytes.
    ///
    /// - Throws: the same.
    public func read(_ name: String, into buffer: UnsafeMutableRawBufferPointer) throws {
        let place = try place(of: name)
        guard buffer.count == place.tensor.byteCount else {
            throw FoveaError(
                .engine,
                "\(path): a buffer of \(buffer.count) bytes for \(quoted(name)), which has \(place.tensor.byteCount)")
        }
        try place.read(from: file, into: buffer)
    }

    /// Some of the bytes of a tensor of a safetensors file: those at `range` of all of its.
    ///
    /// - Throws: also `FoveaError` of kind `data` when the tensor has fewer, or does not lie in one piece.
    public func bytes(_ range: Range<Int>, of name: String) throws -> [UInt8] {
        let place = try place(of: name)
        guard place.strides == nil, range.lowerBound >= 0, range.upperBound <= place.tensor.byteCount else {
            throw FoveaError(
                .data, at: FilePlace(path, key: name), "tensor \(quoted(name)) has no bytes \(range) in one piece")
        }
        return try file.bytes(place.offset + range.lowerBound..<place.offset + range.upperBound)
    }

    private func place(of name: String) throws -> TensorPlace {
        guard let place = places[name] else {
            let some = tensors.prefix(3).map { quoted($0.name) }.joined(separator: ", ")
            throw FoveaError(
                .data, about: path,
                "has no tensor \(quoted(name)); it holds \(tensors.count)"
                    + (some.isEmpty ? "" : ", such as \(some)"))
        }
        return place
    }
}
