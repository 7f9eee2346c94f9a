import Basics

/// Tells the format of a weight file from its first bytes; names of files lie.
enum FileSignature {
    static func format(of file: MappedFile) throws -> WeightFile.Format {
        let start = [UInt8](file.bytes.prefix(64))
        if start.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return .pyTorch }
        if let other = others.first(where: { start.starts(with: $0.bytes) }) {
            throw FoveaError(.data, "\(file.path) is \(other.what), not a weight file", remedy: other.remedy)
        }
        // A pickle begins with 0x80 and its protocol; so may a header length, but then a brace comes eighth.
        let beginsHeader = start.count > 8 && start[8] == UInt8(ascii: "{")
        if start.count >= 2, start[0] == 0x80, (2...5).contains(start[1]), !beginsHeader {
            throw FoveaError(
                .data, "\(file.path) is a bare pickle, as PyTorch before 1.6 wrote, not a zip archive",
                remedy: "Convert it in Python: "
                    + "torch.save(torch.load(\"old.pth\", map_location=\"cpu\", weights_only=True), \"new.pth\")")
        }
        return .safetensors
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
