/// The objects in a pickle, as far as a state dict needs them. Everything else is `opaque`: a name and nothing more.
///
/// Objects refer to each other by index, never by pointer, so cycles and deep nesting in a hostile file can neither
/// leak nor overflow the stack.
struct Pickle {
    enum Value {
        case none
        case bool(Bool)
        case int(Int)
        case float
        case list
        case string(String)
        /// A class or function by its dotted name, never looked up.
        case global(String)
        /// Something that is not read, by the name of what would have made it.
        case opaque(String)
        /// Indices into the arrays below.
        case tuple(Int), dictionary(Int), storage(Int), tensor(Int)
    }

    /// A block of numbers that lies outside the pickle.
    struct Storage {
        /// Such as `torch.FloatStorage`.
        let type: String
        /// Names it among the storages of the file.
        let key: String
        let count: Int
    }

    /// A view of a storage, all numbers unchecked: offset and strides in elements.
    struct Tensor {
        let storage: Int
        let offset: Int
        let shape: [Int]
        let strides: [Int]
    }

    var root = Value.none
    var tuples: [[Value]] = []
    var dictionaries: [[(key: Value, value: Value)]] = []
    var storages: [Storage] = []
    var tensors: [Tensor] = []

    /// What a value is, in Python's words, for messages.
    func kind(of value: Value) -> String {
        switch value {
        case .none: "None"
        case .bool: "a bool"
        case .int: "an int"
        case .float: "a float"
        case .string: "a str"
        case .global(let name): "the name " + quoted(name)
        case .opaque(let name): "an object of " + quoted(name)
        case .tuple: "a tuple"
        case .list: "a list"
        case .dictionary: "a dict"
        case .storage: "a storage"
        case .tensor: "a tensor"
        }
    }
}
