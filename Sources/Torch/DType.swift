/// The type of a tensor's elements, with libtorch's numbers.
public enum DType: Int32, Sendable, CaseIterable, CustomStringConvertible {
    case uint8 = 0
    case int8 = 1
    case int16 = 2
    case int32 = 3
    case int64 = 4
    case float16 = 5
    case float32 = 6
    case float64 = 7
    case bool = 11
    case bfloat16 = 15

    /// Whether elements are floating-point numbers.
    public var isFloating: Bool { [.float16, .bfloat16, .float32, .float64].contains(self) }

    /// PyTorch's name, such as "float32".
    public var description: String {
        switch self {
        case .uint8: "uint8"
        case .int8: "int8"
        case .int16: "int16"
        case .int32: "int32"
        case .int64: "int64"
        case .float16: "float16"
        case .float32: "float32"
        case .float64: "float64"
        case .bool: "bool"
        case .bfloat16: "bfloat16"
        }
    }
}

/// How the elements of a rank-4 tensor [N, C, H, W] lie in memory, with libtorch's numbers.
public enum MemoryFormat: Int, Sendable {
    case contiguous = 0
    case preserve = 1
    case channelsLast = 2
}
