import Basics

/// Reads a pickle of protocol 2 to 5 into a `Pickle`, without ever running what it names.
///
/// The opcodes are those of Python's `pickletools` that protocols 2 and later emit, less out-of-band buffers and
/// extension registries. The number of opcodes is bounded, and one opcode allocates no more than it has read.
struct PickleReader {
    private let file: InputFile
    private let text: UnsafeRawBufferPointer
    private var position = 0
    private var stack: [Pickle.Value] = []
    private var marks: [Int] = []
    private var memo: [Int: Pickle.Value] = [:]
    var pickle = Pickle()
    /// What was appended to lists, where that is needed; else it is dropped.
    private var appended: [Pickle.Value]?

    /// A checkpoint needs about 40 opcodes for each tensor; this is enough for 100,000 of them.
    private static let maximumOperations = 4_000_000

    /// Reads the pickle that begins at `position` of `text`, which is then behind it.
    static func read(
        _ file: InputFile, _ text: UnsafeRawBufferPointer, at position: inout Int
    ) throws -> Pickle {
        try run(PickleReader(file: file, text: text, position: position), &position).pickle
    }

    /// Reads a pickle of a list of texts in the same way.
    static func readTexts(
        _ file: InputFile, _ text: UnsafeRawBufferPointer, at position: inout Int
    ) throws -> [String] {
        let reader = try run(PickleReader(file: file, text: text, position: position, appended: []), &position)
        guard case .list = reader.pickle.root, let items = reader.appended else {
            throw reader.malformed("is \(reader.pickle.kind(of: reader.pickle.root)) where a list of names should be")
        }
        return try items.map { item in
            guard case .string(let text) = item else {
                throw reader.malformed("has \(reader.pickle.kind(of: item)) in a list of names")
            }
            return text
        }
    }

    private static func run(_ reader: consuming PickleReader, _ position: inout Int) throws -> PickleReader {
        for _ in 0..<maximumOperations where try !reader.step() {
            position = reader.position
            return reader
        }
        throw reader.malformed("has more than \(maximumOperations) operations")
    }

    private init(file: InputFile, text: UnsafeRawBufferPointer, position: Int, appended: [Pickle.Value]? = nil) {
        self.file = file
        self.text = text
        self.position = position
        self.appended = appended
    }

    /// Carries out one opcode; false at the end of the pickle.
    private mutating func step() throws -> Bool {
        let opcode = Unicode.Scalar(try number(UInt8.self))
        if opcode == "." {  // STOP
            pickle.root = try pop()
            return false
        }
        if let value = try literal(opcode) ?? composite(opcode) {
            stack.append(value)
        } else if try !act(opcode) {
            let name = "0x" + String(opcode.value, radix: 16)
            throw malformed("has the opcode \(name) at byte \(position - 1), which is not read")
        }
        return true
    }

    /// The value that an opcode pushes by itself or from the bytes behind it; nil for other opcodes.
    private mutating func literal(_ opcode: Unicode.Scalar) throws -> Pickle.Value? {
        switch opcode {
        case "N": return Pickle.Value.none
        case "\u{88}", "\u{89}": return .bool(opcode == "\u{88}")  // NEWTRUE, NEWFALSE
        case "K": return .int(Int(try number(UInt8.self)))
        case "M": return .int(Int(try number(UInt16.self)))
        case "J": return .int(Int(try number(Int32.self)))
        case "\u{8A}": return long(try take(Int(number(UInt8.self))))  // LONG1
        case "\u{8B}": return long(try take(Int(number(Int32.self))))  // LONG4
        case "G":
            _ = try number(UInt64.self)
            return .float
        case "X": return .string(try string(Int(number(UInt32.self))))
        case "\u{8C}": return .string(try string(Int(number(UInt8.self))))  // SHORT_BINUNICODE
        case "\u{8D}": return .string(try string(length64()))  // BINUNICODE8
        case "C": return try bytes(Int(number(UInt8.self)))
        case "B": return try bytes(Int(number(UInt32.self)))
        case "\u{8E}", "\u{96}": return try bytes(length64())  // BINBYTES8, BYTEARRAY8
        case ")": return tuple([])
        case "]": return .list
        case "}": return newDictionary()
        case "\u{8F}": return .opaque("set")  // EMPTY_SET
        case "c": return .global(try line() + "." + line())
        default: return nil
        }
    }

    /// The value that an opcode makes of those on the stack or in the memo, and pushes; nil for other opcodes.
    private mutating func composite(_ opcode: Unicode.Scalar) throws -> Pickle.Value? {
        switch opcode {
        case "2": return try top()
        case "h": return try remembered(Int(number(UInt8.self)))
        case "j": return try remembered(Int(number(UInt32.self)))
        case "\u{85}": return tuple(try pop(1))
        case "\u{86}": return tuple(try pop(2))
        case "\u{87}": return tuple(try pop(3))
        case "t": return tuple(try popToMark())
        case "\u{91}":  // FROZENSET
            _ = try popToMark()
            return .opaque("frozenset")
        case "\u{93}":  // STACK_GLOBAL
            let names = try pop(2)
            guard case .string(let module) = names[0], case .string(let name) = names[1] else {
                throw malformed("names a class by something that is not a str")
            }
            return .global(module + "." + name)
        case "R":
            let call = try pop(2)
            return try reduce(call[0], call[1])
        case "\u{81}": return .opaque(name(of: try pop(2)[0]))  // NEWOBJ
        case "\u{92}": return .opaque(name(of: try pop(3)[0]))  // NEWOBJ_EX
        case "Q": return try storage(from: pop())
        default: return nil
        }
    }

    /// Carries out an opcode that pushes no value; false for one that is not known.
    private mutating func act(_ opcode: Unicode.Scalar) throws -> Bool {
        switch opcode {
        case "\u{80}":  // PROTO
            let version = try number(UInt8.self)
            guard (2...5).contains(version) else {
                throw malformed("has protocol \(version); 2 to 5 are read", remedy: PyTorchCheckpoint.saveAgain)
            }
        case "\u{95}": _ = try number(UInt64.self)  // FRAME
        case "(": marks.append(stack.count)
        case "0": _ = try pop()
        case "1": _ = try popToMark()
        case "a": try extend([pop()])
        case "e", "\u{90}": try extend(popToMark())  // APPENDS, ADDITEMS
        case "s": try set(pop(2))
        case "u": try set(popToMark())
        case "b": _ = try pop()  // BUILD: attributes of an object; those of an OrderedDict are of no use here
        case "q": memo[Int(try number(UInt8.self))] = try top()
        case "r": memo[Int(try number(UInt32.self))] = try top()
        case "\u{94}": memo[memo.count] = try top()  // MEMOIZE
        default: return false
        }
        return true
    }

    /// What a call stands for: an ordered dictionary, a tensor, or something opaque.
    private mutating func reduce(_ callable: Pickle.Value, _ arguments: Pickle.Value) throws -> Pickle.Value {
        guard case .global(let name) = callable else { return .opaque(self.name(of: callable)) }
        guard case .tuple(let index) = arguments else { throw malformed("calls \(quoted(name)) without a tuple") }
        let arguments = pickle.tuples[index]
        switch name {
        case "collections.OrderedDict" where arguments.isEmpty:
            return newDictionary()
        // The older one, of PyTorch before 0.4, has only these four.
        case "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor":
            guard arguments.count >= 4, case .storage(let storage) = arguments[0], case .int(let offset) = arguments[1],
                let shape = integers(arguments[2]), let strides = integers(arguments[3])
            else { throw malformed("builds a tensor of something other than storage, offset, size and strides") }
            pickle.tensors.append(Pickle.Tensor(storage: storage, offset: offset, shape: shape, strides: strides))
            return .tensor(pickle.tensors.count - 1)
        case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
            guard case .tensor? = arguments.first else { return .opaque(name) }
            return arguments[0]
        default:
            return .opaque(name)
        }
    }

    private func storage(_ parts: [Pickle.Value]) -> Pickle.Storage? {
        // The sixth, of PyTorch before 1.6, is None but for a view of another storage, as 0.1 wrote.
        guard parts.count == 5 || parts.count == 6, case .string("storage") = parts[0],
            case .global(let type) = parts[1], case .string(let key) = parts[2], case .int(let count) = parts[4]
        else { return nil }
        if parts.count == 6 { guard case .none = parts[5] else { return nil } }
        return Pickle.Storage(type: type, key: key, count: count)
    }

    private mutating func storage(from identifier: Pickle.Value) throws -> Pickle.Value {
        guard case .tuple(let index) = identifier else {
            throw malformed("refers to something outside itself that is not a storage")
        }
        let parts = pickle.tuples[index]
        // A class with its source text, in whole pickled models before 1.6: only its name is needed.
        if parts.count == 4, case .string("module") = parts[0] { return parts[1] }
        guard let storage = storage(parts) else {
            throw malformed("refers to something outside itself that is not a storage")
        }
        pickle.storages.append(storage)
        return .storage(pickle.storages.count - 1)
    }

    private func integers(_ value: Pickle.Value) -> [Int]? {
        guard case .tuple(let index) = value, pickle.tuples[index].count <= StoredTensor.maximumRank else { return nil }
        var integers: [Int] = []
        for case .int(let integer) in pickle.tuples[index] { integers.append(integer) }
        return integers.count == pickle.tuples[index].count ? integers : nil
    }

    private func name(of value: Pickle.Value) -> String {
        switch value {
        case .global(let name), .opaque(let name): name
        default: pickle.kind(of: value)
        }
    }

    private mutating func newDictionary() -> Pickle.Value {
        pickle.dictionaries.append([])
        return .dictionary(pickle.dictionaries.count - 1)
    }

    private mutating func tuple(_ items: [Pickle.Value]) -> Pickle.Value {
        pickle.tuples.append(items)
        return .tuple(pickle.tuples.count - 1)
    }

    /// Appends to the object on top of the stack, of which the items are kept only where they are needed.
    private mutating func extend(_ items: [Pickle.Value]) throws {
        switch try top() {
        case .list, .opaque: appended?.append(contentsOf: items)
        case let other: throw malformed("appends to \(pickle.kind(of: other))")
        }
    }

    /// Sets keys of the dictionary on top of the stack; what is put into an opaque object is dropped.
    private mutating func set(_ items: [Pickle.Value]) throws {
        guard items.count % 2 == 0 else { throw malformed("sets a key without a value") }
        switch try top() {
        case .dictionary(let index):
            for i in stride(from: 0, to: items.count, by: 2) {
                pickle.dictionaries[index].append((items[i], items[i + 1]))
            }
        case .opaque: break
        case let other: throw malformed("sets keys of \(pickle.kind(of: other))")
        }
    }

    // MARK: Stack

    private func top() throws -> Pickle.Value {
        guard let value = stack.last, stack.count > marks.last ?? 0 else { throw malformed("uses an empty stack") }
        return value
    }

    private mutating func pop() throws -> Pickle.Value {
        let value = try top()
        stack.removeLast()
        return value
    }

    private mutating func pop(_ count: Int) throws -> [Pickle.Value] {
        guard stack.count - (marks.last ?? 0) >= count else { throw malformed("uses an empty stack") }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws -> [Pickle.Value] {
        guard let mark = marks.popLast() else { throw malformed("looks for a mark that is not there") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    private func remembered(_ index: Int) throws -> Pickle.Value {
        guard let value = memo[index] else { throw malformed("recalls memo \(index), which is not set") }
        return value
    }

    // MARK: Bytes

    private mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
        guard let slice = text.slice(at: position, count: count) else {
            throw malformed("ends early, or has a wrong length, at byte \(position)")
        }
        position += count
        return slice
    }

    private mutating func number<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
        T(littleEndian: try take(MemoryLayout<T>.size).loadUnaligned(as: type))
    }

    private mutating func length64() throws -> Int {
        guard let length = Int(exactly: try number(UInt64.self)) else {
            throw malformed("has a wrong length at byte \(position)")
        }
        return length
    }

    private mutating func string(_ count: Int) throws -> String {
        // Python may write lone surrogates; they cannot be in the name of a requested tensor.
        String(decoding: try take(count), as: UTF8.self)
    }

    private mutating func bytes(_ count: Int) throws -> Pickle.Value {
        _ = try take(count)
        return .opaque("bytes")
    }

    /// A line of a GLOBAL, without its end.
    private mutating func line() throws -> String {
        guard let end = text[position...].prefix(1000).firstIndex(of: 0x0A) else {
            throw malformed("has the name of a class without an end at byte \(position)")
        }
        defer { position = end + 1 }
        return String(decoding: text[position..<end], as: UTF8.self)
    }

    /// A little-endian two's complement number; one that does not fit into 64 bits is of no use here.
    private func long(_ bytes: UnsafeRawBufferPointer) -> Pickle.Value {
        guard bytes.count <= 8 else { return .opaque("int") }
        var value = bytes.last.map { $0 & 0x80 != 0 } == true ? -1 : 0
        for byte in bytes.reversed() { value = value << 8 | Int(byte) }
        return .int(value)
    }

    private func malformed(_ text: String, remedy: String = InputFile.writeAgain) -> FoveaError {
        file.malformed("its pickle \(text)", remedy: remedy)
    }
}
