import Basics
import CTorch

/// One argument of an operator, tagged with its kind.
public enum Argument {
    case none
    case tensor(Tensor)
    case int(Int)
    case double(Double)
    case bool(Bool)
    case string(String)
    case ints([Int])
    case doubles([Double])
    case tensors([Tensor])
    case optionalTensors([Tensor?])
    case dtype(DType)
    case memoryFormat(MemoryFormat)
    case device(Device)

    /// The tensor, or none.
    public static func optional(_ tensor: Tensor?) -> Argument { tensor.map(Argument.tensor) ?? .none }

    /// The kind and, for tensors, shape and type: what an error message shows.
    package var summary: String {
        switch self {
        case .none: "none"
        case .tensor(let tensor): tensor.summary
        case .int(let value): "\(value)"
        case .double(let value): "\(value)"
        case .bool(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        case .ints(let values): "\(values)"
        case .doubles(let values): "\(values)"
        case .tensors(let tensors): "\(tensors.count) tensors (\(tensors.first?.summary ?? ""), ...)"
        case .optionalTensors(let tensors): "\(tensors.count) optional tensors"
        case .dtype(let dtype): "\(dtype)"
        case .memoryFormat(let format): "\(format)"
        case .device(let device): "\(device)"
        }
    }
}

/// An operator of libtorch, found by name in its dispatcher once and called boxed ever after.
///
/// Declare each as a static constant; a call costs about a microsecond. A name this libtorch does not know is
/// reported by the first call.
public final class Operator: Sendable {
    private let name: String
    nonisolated(unsafe) private let handle: OpaquePointer?

    /// Looks up `name` such as "aten::add" with its overload such as "Tensor" ("" for the unnamed one).
    public init(_ name: String, _ overload: String = "") {
        self.name = overload.isEmpty ? name : name + "." + overload
        handle = ct_find_operator(name, overload, nil)
    }

    /// Whether this libtorch has the operator.
    public var exists: Bool { handle != nil }

    /// Calls the operator and gives its only result.
    public func callAsFunction(_ arguments: Argument...) throws -> Tensor {
        guard let first = try call(arguments, capacity: 1).first else {
            throw FoveaError(.engine, "\(name) returned no tensor")
        }
        return first
    }

    /// Calls the operator and gives all tensors that it returns, in order; a returned list is spread out.
    ///
    /// - Parameter capacity: the largest number of results there can be.
    @discardableResult
    public func call(_ arguments: [Argument], capacity: Int = 8) throws -> [Tensor] {
        guard let handle else {
            throw FoveaError(
                .engine, "libtorch \(Engine.version) has no operator \(name)",
                remedy: "Fovea is built for libtorch \(Engine.requiredVersion); `fovea doctor` shows what was found.")
        }
        return try withExtendedLifetime(arguments) {
            var arena = Arena()
            defer { arena.free() }
            let values = arguments.map { arena.value(of: $0) }
            return try withUnsafeTemporaryAllocation(of: ct_value.self, capacity: max(1, capacity)) { results in
                var count = max(1, capacity)
                var error: UnsafeMutablePointer<CChar>?
                let succeeded = ct_call(handle, values, values.count, results.baseAddress, &count, &error)
                let tensors = results.prefix(count).compactMap { $0.tag == CT_TENSOR ? Tensor(owning: $0.tensor) : nil }
                guard succeeded else {
                    throw engineError("\(name)(\(arguments.map(\.summary).joined(separator: ", ")))", &error)
                }
                for tensor in tensors { try tensor.requireKnownType(from: name) }
                OperatorTrace.current?.add(OperatorCall(name: name, arguments: arguments, results: tensors))
                return tensors
            }
        }
    }
}

/// Memory for the lists and texts of one call's arguments.
private struct Arena {
    private var blocks: [UnsafeMutableRawPointer] = []

    func free() {
        for block in blocks { block.deallocate() }
    }

    mutating func value(of argument: Argument) -> ct_value {
        var value = ct_value()
        switch argument {
        case .none: value.tag = CT_NONE
        case .tensor(let tensor):
            value.tag = CT_TENSOR
            value.tensor = tensor.handle
        case .int(let integer): set(&value, integer)
        case .dtype(let dtype): set(&value, Int(dtype.rawValue))
        case .memoryFormat(let format): set(&value, format.rawValue)
        case .double(let number):
            value.tag = CT_DOUBLE
            value.number = number
        case .bool(let boolean):
            value.tag = CT_BOOL
            value.boolean = boolean
        case .string(let text):
            value.tag = CT_STRING
            value.text = UnsafePointer(store(text.utf8CString.map { $0 }).assumingMemoryBound(to: CChar.self))
        case .ints(let integers): set(&value, CT_INT_LIST, integers.map(Int64.init))
        case .doubles(let numbers): set(&value, CT_DOUBLE_LIST, numbers)
        case .tensors(let tensors): set(&value, CT_TENSOR_LIST, tensors.map { Optional($0.handle) })
        case .optionalTensors(let tensors): set(&value, CT_OPTIONAL_TENSOR_LIST, tensors.map { $0?.handle })
        case .device(let device):
            set(&value, Int(device.type))
            value.tag = CT_DEVICE
            value.extra = device.index
        }
        return value
    }

    private func set(_ value: inout ct_value, _ integer: Int) {
        value.tag = CT_INT
        value.integer = Int64(integer)
    }

    private mutating func set<Element>(_ value: inout ct_value, _ tag: ct_tag, _ elements: [Element]) {
        value.tag = tag
        value.count = elements.count
        value.list = UnsafeRawPointer(store(elements))
    }

    private mutating func store<Element>(_ elements: [Element]) -> UnsafeMutableRawPointer {
        let block = UnsafeMutablePointer<Element>.allocate(capacity: max(1, elements.count))
        block.initialize(from: elements, count: elements.count)
        blocks.append(UnsafeMutableRawPointer(block))
        return UnsafeMutableRawPointer(block)
    }
}

/// The text behind a C string that must be freed.
func takeText(_ text: inout UnsafeMutablePointer<CChar>?) -> String {
    guard let pointer = text else { return "unknown error" }
    defer {
        ct_free_text(pointer)
        text = nil
    }
    return String(cString: pointer)
}

/// The error for what was being done, with libtorch's own words: of kind `environment` where memory was lacking.
func engineError(_ what: String, _ text: inout UnsafeMutablePointer<CChar>?) -> FoveaError {
    let said = takeText(&text)
    guard MemoryShortage.explains(said) else { return FoveaError(.engine, "\(what): \(said)") }
    return FoveaError(
        .environment, "not enough memory: \(what): \(said)",
        remedy:
            "Close other programs or raise the limit (ulimit -v), or lower training.batch_size or image.resolution; "
            + "then run the command again.")
}
