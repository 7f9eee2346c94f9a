import Basics
import CTorch

/// A tensor of libtorch: one reference, released when the last copy of this object goes.
///
/// Not `Sendable`: an owner makes it, uses it, and hands it over. Shapes are written [N, C, H, W].
public final class Tensor {
    let handle: OpaquePointer

    init(owning handle: OpaquePointer) {
        self.handle = handle
    }

    /// Takes a reference from C; nil stays nil.
    convenience init?(owning handle: OpaquePointer?) {
        guard let handle else { return nil }
        self.init(owning: handle)
    }

    deinit { ct_release(handle) }

    /// How many tensors are held right now, in the whole process.
    public static var liveCount: Int { Int(ct_live_tensors()) }

    /// A CPU tensor that owns a copy of `bytes`, laid out row by row.
    ///
    /// - Throws: `FoveaError` of kind `engine` when the bytes do not fill the shape.
    public convenience init(bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType) throws {
        var error: UnsafeMutablePointer<CChar>?
        let sizes = shape.map(Int64.init)
        guard
            let handle = ct_from_bytes(bytes.baseAddress, bytes.count, sizes, sizes.count, dtype.rawValue, &error)
        else { throw engineError("making a tensor of shape \(shape) from \(bytes.count) bytes", &error) }
        self.init(owning: handle)
    }

    /// A CPU tensor whose bytes, laid out row by row, `fill` writes into the buffer that it is given.
    ///
    /// - Throws: `FoveaError` of kind `engine` when there is no such tensor, and whatever `fill` throws.
    public convenience init(
        shape: [Int], dtype: DType, fill: (UnsafeMutableRawBufferPointer) throws -> Void
    ) throws {
        var error: UnsafeMutablePointer<CChar>?
        let sizes = shape.map(Int64.init)
        guard let handle = ct_empty(sizes, sizes.count, dtype.rawValue, &error) else {
            throw engineError("making a tensor of shape \(shape)", &error)
        }
        self.init(owning: handle)
        try withExtendedLifetime(self) {
            try fill(UnsafeMutableRawBufferPointer(start: ct_data(handle), count: byteCount))
        }
    }

    /// A CPU tensor of the given numbers, of their own type; a vector when no shape is given.
    public convenience init<Number: TensorElement>(_ values: [Number], shape: [Int]? = nil) throws {
        var error: UnsafeMutablePointer<CChar>?
        let sizes = (shape ?? [values.count]).map(Int64.init)
        let handle = values.withUnsafeBytes {
            ct_from_bytes($0.baseAddress, $0.count, sizes, sizes.count, Number.dtype.rawValue, &error)
        }
        guard let handle else {
            throw engineError("making a tensor of shape \(sizes) from \(values.count) numbers", &error)
        }
        self.init(owning: handle)
    }

    /// The sizes of the dimensions; empty for a scalar.
    public var shape: [Int] {
        var sizes = [Int64](repeating: 0, count: rank)
        ct_shape(handle, &sizes)
        return sizes.map(Int.init)
    }

    /// The number of dimensions.
    public var rank: Int { ct_rank(handle) }

    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }

    /// Bytes of all elements.
    private var byteCount: Int { count * Int(ct_element_size(handle)) }

    /// The type of the elements.
    public var dtype: DType {
        // What has another type does not become a tensor of this class: `requireKnownType`.
        DType(rawValue: ct_dtype(handle)) ?? .float32
    }

    /// Refuses a tensor whose elements are of a type that Fovea does not know, such as complex numbers.
    ///
    /// - Throws: `FoveaError` of kind `engine`.
    func requireKnownType(from source: String) throws {
        let number = ct_dtype(handle)
        guard DType(rawValue: number) == nil else { return }
        throw FoveaError(.engine, "\(source) gave a tensor of a type that is not known (libtorch's number \(number))")
    }

    /// Where the tensor lives.
    public var device: Device {
        var type: Int32 = 0
        var index: Int32 = 0
        ct_device(handle, &type, &index)
        return Device(type: type, index: index)
    }

    /// Whether the elements lie in channels-last order (for rank 4).
    public var isChannelsLast: Bool { ct_is_channels_last(handle) }

    /// Type and shape, such as "float32[2, 3, 64, 64]".
    public var summary: String { "\(dtype)\(shape)" + (device == .cpu ? "" : " on \(device)") }
}

/// A number that tensors can be made of and read as.
public protocol TensorElement {
    /// libtorch's name of this type.
    static var dtype: DType { get }
}

extension Float: TensorElement {
    /// float32.
    public static var dtype: DType { .float32 }
}
extension Double: TensorElement {
    /// float64.
    public static var dtype: DType { .float64 }
}
extension Int: TensorElement {
    /// int64.
    public static var dtype: DType { .int64 }
}
extension UInt8: TensorElement {
    /// uint8.
    public static var dtype: DType { .uint8 }
}

extension Tensor {
    /// The elements row by row as numbers of the requested type, whatever the tensor's own type, layout and device.
    public func array<Number: TensorElement>(as type: Number.Type = Float.self) throws -> [Number] {
        let plain = try detached().to(device: .cpu, dtype: Number.dtype).contiguous()
        return try plain.withBytes { Array($0.bindMemory(to: Number.self)) }
    }

    /// The value of a tensor with one element.
    public func item() throws -> Double {
        guard count == 1 else { throw FoveaError(.engine, "item() of \(summary), which has not one element") }
        return try array(as: Double.self)[0]
    }

    /// Lends the elements row by row: in place where they lie so, else from a copy.
    ///
    /// - Throws: `FoveaError` when the tensor is not on the CPU.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        let rows = try detached().contiguous()
        return try withExtendedLifetime(rows) {
            guard let data = ct_data(rows.handle) else {
                if rows.byteCount == 0 { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
                throw FoveaError(.engine, "the bytes of \(summary) cannot be read in place")
            }
            return try body(UnsafeRawBufferPointer(start: data, count: rows.byteCount))
        }
    }
}
