import Basics

/// A file of named tensors, read in place: opening reads only the table of contents, bytes come when asked for.
///
/// The file is memory-mapped, so a file of a gigabyte does not cost a gigabyte. It must not be shortened while it is
/// open. Nothing in a file is ever executed.
public final class WeightFile: Sendable {
    /// The formats that `open` knows, told apart by content, not by the file's name.
    public enum Format: String, Sendable {
        /// https://huggingface.co/docs/safetensors
        case safetensors
        /// A `state_dict` written by `torch.save`, PyTorch 1.6 or later.
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

    private let file: MappedFile
    private let places: [String: TensorPlace]

    /// Opens a `.safetensors`, `.pth` or `.pt` file and checks its whole table of contents.
    ///
    /// - Parameter stateDict: for a PyTorch checkpoint, the key under which the wanted `state_dict` lies, such as
    ///   `teacher`; by default the first of `state_dict`, `model_state_dict`,
    ///   `model`, `net`, `teacher` and `student` there is, else the whole file. A safetensors file has no such keys.
    /// - Throws: `FoveaError` of kind `data` when the file is missing, malformed or of another format; of kind
    ///   `configuration` when it has no state dict of that name.
    public static func open(_ path: String, stateDict: String? = nil) throws -> WeightFile {
        let file = try MappedFile(path)
        switch try FileSignature.format(of: file) {
        case .safetensors:
            guard stateDict == nil else {
                throw FoveaError(
                    .configuration, "\(path) is a safetensors file and has no state dicts to choose from",
                    remedy: "Leave the choice of a state dict out.")
            }
            let header = try SafetensorsHeader(file)
            return try WeightFile(file, .safetensors, header.places, header.metadata)
        case .pyTorch:
            return try WeightFile(file, .pyTorch, PyTorchCheckpoint.places(in: file, stateDict: stateDict), [:])
        }
    }

    private init(
        _ file: MappedFile, _ format: Format, _ places: [TensorPlace], _ metadata: [String: String]
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

    /// The SHA-256 of the bytes that tensors are read from, as they are now.
    public func sha256() -> String { withExtendedLifetime(file) { Digest.sha256(file.bytes) } }

    /// The description of one tensor, or nil when the file has none of that name.
    public func tensor(named name: String) -> StoredTensor? { places[name]?.tensor }

    /// Lends the bytes of one tensor: row-major, little-endian, `byteCount` of them, not necessarily aligned.
    ///
    /// They are the mapped file itself, except that a PyTorch tensor stored with gaps or transposed is first gathered
    /// into a buffer of its own. They are valid only inside `body`.
    ///
    /// - Throws: `FoveaError` of kind `data` when the file has no such tensor, and whatever `body` throws.
    public func withBytes<Result>(
        of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard let place = places[name] else {
            let some = tensors.prefix(3).map { quoted($0.name) }.joined(separator: ", ")
            throw FoveaError(
                .data,
                "\(path) has no tensor \(quoted(name)); it holds \(tensors.count)"
                    + (some.isEmpty ? "" : ", such as \(some)"))
        }
        return try withExtendedLifetime(file) { try place.withBytes(in: file.bytes, body) }
    }
}
