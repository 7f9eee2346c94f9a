import Basics

/// What a file says of one tensor: its name, element type and shape. Its bytes stay in the file.
public struct StoredTensor: Sendable, Hashable {
    /// The name, as in a PyTorch `state_dict`, such as `layer1.0.conv1.weight`.
    public let name: String
    /// The type of its elements.
    public let type: ElementType
    /// The size of each dimension, outermost first; empty for a scalar.
    public let shape: [Int]
    /// The product of the shape.
    public let elementCount: Int
    /// Bytes of the tensor in row-major order without gaps.
    public let byteCount: Int

    /// More dimensions than any network has; a longer shape in a file is an attack or damage.
    static let maximumRank = 64

    /// A description whose size is known not to overflow.
    ///
    /// - Throws: `FoveaError` of kind `data` for a negative dimension, more than 64 dimensions, or a size in bytes
    ///   that does not fit into 63 bits.
    public init(name: String, type: ElementType, shape: [Int]) throws {
        guard shape.count <= Self.maximumRank else {
            throw FoveaError(
                .data, "tensor \(quoted(name)) has \(shape.count) dimensions; at most \(Self.maximumRank) are allowed")
        }
        var (elements, overflow) = (1, false)
        for size in shape {
            guard size >= 0 else {
                throw FoveaError(.data, "tensor \(quoted(name)) has the negative dimension \(size)")
            }
            let product = elements.multipliedReportingOverflow(by: size)
            elements = product.partialValue
            overflow = overflow || product.overflow
        }
        let bytes = elements.multipliedReportingOverflow(by: type.byteWidth)
        guard !overflow, !bytes.overflow else {
            throw FoveaError(.data, "the shape \(shape) of tensor \(quoted(name)) overflows")
        }
        self.name = name
        self.type = type
        self.shape = shape
        elementCount = elements
        byteCount = bytes.partialValue
    }
}

/// A name from a file, fit for a message: in quotes, without control characters, and not endless.
func quoted(_ name: String) -> String {
    let shown = name.unicodeScalars.prefix(100).map { scalar in
        scalar.value < 32 || scalar.value == 127 ? "?" : String(scalar)
    }
    return "\"" + shown.joined() + (name.unicodeScalars.count > 100 ? "..." : "") + "\""
}
