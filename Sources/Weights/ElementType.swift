/// The type of a stored tensor's elements; its raw value is the name that safetensors headers use.
/// The cases are in the order in which the format's own library (0.8) sorts them.
public enum ElementType: String, Sendable, CaseIterable {
    /// One byte, 0 or 1.
    case bool = "BOOL"
    /// Unsigned integer of 8 bits.
    case uint8 = "U8"
    /// Signed integer of 8 bits.
    case int8 = "I8"
    /// Signed integer of 16 bits.
    case int16 = "I16"
    /// Unsigned integer of 16 bits.
    case uint16 = "U16"
    /// IEEE 754 binary16.
    case float16 = "F16"
    /// The upper half of a binary32.
    case bfloat16 = "BF16"
    /// Signed integer of 32 bits.
    case int32 = "I32"
    /// Unsigned integer of 32 bits.
    case uint32 = "U32"
    /// IEEE 754 binary32.
    case float32 = "F32"
    /// IEEE 754 binary64.
    case float64 = "F64"
    /// Signed integer of 64 bits.
    case int64 = "I64"
    /// Unsigned integer of 64 bits.
    case uint64 = "U64"

    /// Bytes of one element: 1, 2, 4 or 8.
    public var byteWidth: Int {
        switch self {
        case .bool, .uint8, .int8: 1
        case .int16, .uint16, .float16, .bfloat16: 2
        case .int32, .uint32, .float32: 4
        case .float64, .int64, .uint64: 8
        }
    }
}
