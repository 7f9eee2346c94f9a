import Basics

/// The layout of a weight file, determined from its first bytes: file names can be wrong.
enum FileSignature {
    case safetensors
    /// What `torch.save` writes since PyTorch 1.6.
    case zipArchive
    /// Pickles one after the other, as `torch.save` wrote before.
    case pickles

    init(of file: InputFile) throws {
        let start = try file.bytes(0..<min(64, file.count))
        if start.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
            self = .zipArchive
            return
        }
        if let other = Self.others.first(where: { start.starts(with: $0.bytes) }) {
            throw FoveaError(.data, about: file.path, "is \(other.what), not a weight file", remedy: other.remedy)
        }
        // A pickle begins with 0x80 and its protocol; so may a header length, but then a brace comes eighth.
        let beginsHeader = start.count > 8 && start[8] == UInt8(ascii: "{")
        let isPickle = start.count >= 2 && start[0] == 0x80 && (2...5).contains(start[1]) && !beginsHeader
        self = isPickle ? .pickles : .safetensors
    }

    private static let others: [(bytes: [UInt8], what: String, remedy: String)] = [
        (
            [UInt8]("version https://git-lfs".utf8), "a Git LFS pointer",
            "Fetch the file itself: git lfs pull"
        ),
        ([UInt8]("<!DOCTYPE".utf8), "a web page", "Download the file again, by its direct address."),
        ([UInt8]("<html".utf8), "a web page", "Download the file again, by its direct address."),
        (
            [0x89, 0x48, 0x44, 0x46], "an HDF5 file as Keras writes",
            "Convert it to safetensors or to a PyTorch state dict."
        ),
    ]
}
