import Basics

/// Finds the state dict in what `torch.save` wrote, and where its tensors lie.
enum PyTorchCheckpoint {
    /// Keys under which checkpoints keep their state dict, in the order in which they are tried.
    static let wrappers = ["state_dict", "model_state_dict", "model", "net", "teacher", "student"]

    static let saveAgain =
        "Save it again in Python: torch.save(torch.load(PATH, map_location=\"cpu\", weights_only=True), PATH)"
    private static let convert = "Convert it to a real floating-point or integer type in Python, or leave it out."

    /// The biggest table of contents that is read; that of a network of a thousand tensors has 0.1 MB.
    private static let maximumPickleBytes = 64 << 20

    /// The tensors in a zip archive, the form since PyTorch 1.6.
    static func places(inArchive file: InputFile, stateDict: String?) throws -> [TensorPlace] {
        let archive = try ZipArchive(file)
        let pickles = archive.members.keys.filter { $0.hasSuffix("/data.pkl") && $0.utf8.count { $0 == 0x2F } == 1 }
        guard pickles.count == 1, let name = pickles.first, let range = archive.members[name] else {
            throw FoveaError(
                .data, about: file.path,
                "is a zip archive with \(pickles.count) members named FOLDER/data.pkl; torch.save writes one",
                remedy: "Name a file that torch.save has written.")
        }
        let folder = String(name.dropLast("data.pkl".count))
        guard range.count <= maximumPickleBytes else {
            throw file.malformed("\(name) has \(range.count) bytes; at most \(maximumPickleBytes) are read")
        }
        if let order = archive.members[folder + "byteorder"] {
            guard order.count < 64, try file.bytes(order).elementsEqual("little".utf8) else { throw bigEndian(file) }
        }
        let pickle = try file.bytes(range).withUnsafeBytes { text in
            var position = 0
            return try PickleReader.read(file, text, at: &position)
        }
        return try places(of: pickle, stateDict, file) { key in
            let member = folder + "data/" + key
            return (quoted(member), archive.members[member])
        }
    }

    /// The tensors in pickles one after the other, the form before PyTorch 1.6: a magic number, the version of the form,
    /// the machine, the object, the keys of its storages; then for each key the number of elements and their bytes.
    static func places(inPickles file: InputFile, stateDict: String?) throws -> [TensorPlace] {
        let start = try file.bytes(0..<min(file.count, maximumPickleBytes))
        let (pickle, keys, position) = try start.withUnsafeBytes { text in
            var position = 0
            _ = try PickleReader.read(file, text, at: &position)
            guard text[..<position].suffix(magic.count).elementsEqual(magic) else {
                throw FoveaError(
                    .data, about: file.path, "is a pickle, but not one that torch.save wrote",
                    remedy: "Save the weights in Python: torch.save(model.state_dict(), PATH)")
            }
            let version = try PickleReader.read(file, text, at: &position)
            guard case .int(1001) = version.root else {
                let found =
                    if case .int(let number) = version.root { "\(number)" } else { version.kind(of: version.root) }
                throw file.malformed("the version of its form is \(found); 1001 is read", remedy: saveAgain)
            }
            try requireLittleEndian(PickleReader.read(file, text, at: &position), file)
            let pickle = try PickleReader.read(file, text, at: &position)
            return (pickle, try PickleReader.readTexts(file, text, at: &position), position)
        }
        let storages = try storages(keys, of: pickle, from: position, file)
        return try places(of: pickle, stateDict, file) { key in ("storage " + quoted(key), storages[key]) }
    }

    /// 0x1950A86A20F9469CFC6C as a pickle ends that holds it: LONG1 of ten bytes, STOP.
    private static let magic: [UInt8] = [
        0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]

    private static func bigEndian(_ file: InputFile) -> FoveaError {
        FoveaError(
            .data, about: file.path, "was written by a big-endian machine",
            remedy: "Save it on a little-endian machine.")
    }

    private static func requireLittleEndian(_ machine: Pickle, _ file: InputFile) throws {
        guard case .dictionary(let index) = machine.root else {
            throw file.malformed("it says \(machine.kind(of: machine.root)) of its machine, not a dict")
        }
        for case (.string("little_endian"), .bool(false)) in machine.dictionaries[index] { throw bigEndian(file) }
    }

    /// Where the storages of these keys lie, one after the other.
    private static func storages(
        _ keys: [String], of pickle: Pickle, from start: Int, _ file: InputFile
    ) throws -> [String: Range<Int>] {
        let types = Dictionary(pickle.storages.map { ($0.key, $0.type) }) { first, _ in first }
        var position = start
        var places: [String: Range<Int>] = [:]
        for key in keys {
            let label = "storage \(quoted(key))"
            guard let type = types[key] else { throw file.malformed("\(label) belongs to no tensor") }
            guard let width = Self.types[type]?.byteWidth ?? otherWidths[type] else {
                throw file.malformed("\(label) is a \(quoted(type)), which is not read", remedy: convert)
            }
            guard let count = try file.block(at: position, count: 8)?.number(Int64.self, at: position) else {
                throw file.malformed("the file ends before \(label)")
            }
            position += 8
            let bytes = Int(count).multipliedReportingOverflow(by: width)
            guard count >= 0, !bytes.overflow, bytes.partialValue <= file.count - position else {
                throw file.malformed(
                    "\(label) is said to have \(count) elements of \(width) bytes; the file has \(file.count - position) bytes left"
                )
            }
            guard places.updateValue(position..<(position + bytes.partialValue), forKey: key) == nil else {
                throw file.malformed("\(label) occurs twice")
            }
            position += bytes.partialValue
        }
        return places
    }

    /// Bytes of an element of the storages that can be skipped but not read.
    private static let otherWidths = [
        "torch.ComplexFloatStorage": 8, "torch.ComplexDoubleStorage": 16, "torch.QInt8Storage": 1,
        "torch.QUInt8Storage": 1, "torch.QInt32Storage": 4,
    ]

    /// The tensors of the chosen state dict.
    ///
    /// - Parameter storage: the name of a storage for messages, and where it lies.
    private static func places(
        of pickle: Pickle, _ stateDict: String?, _ file: InputFile,
        storage: (_ key: String) -> (label: String, range: Range<Int>?)
    ) throws -> [TensorPlace] {
        try entries(of: pickle, stateDict, file).map { key, value in
            guard case .string(let name) = key else {
                throw file.malformed("its state dict has \(pickle.kind(of: key)) as a key")
            }
            guard case .tensor(let index) = value else {
                throw FoveaError(
                    .data, at: FilePlace(file.path, key: name),
                    "\(quoted(name)) in its state dict is \(pickle.kind(of: value)), not a tensor",
                    remedy: "Save only tensors, or name another state dict of the checkpoint.")
            }
            let view = pickle.tensors[index]
            let (label, range) = storage(pickle.storages[view.storage].key)
            return try place(name, view, pickle.storages[view.storage], label, range, file)
        }
    }

    /// The items of the chosen state dict: that under `choice`, else inside the known wrappers, else the whole file.
    private static func entries(
        of pickle: Pickle, _ choice: String?, _ file: InputFile
    ) throws -> [(key: Pickle.Value, value: Pickle.Value)] {
        guard case .dictionary(let root) = pickle.root else {
            throw FoveaError(
                .data, about: file.path, "holds \(pickle.kind(of: pickle.root)), not a state dict",
                remedy: "Save the weights alone in Python: torch.save(model.state_dict(), PATH)")
        }
        var index = root
        if let choice {
            guard let chosen = dictionary(in: pickle.dictionaries[root], under: choice) else {
                let keys = names(
                    of: pickle.dictionaries[root], where: { if case .dictionary = $0 { true } else { false } })
                throw FoveaError(
                    .configuration, about: file.path, "has no state dict under \(quoted(choice))",
                    remedy: keys.isEmpty ? "It has none inside it." : "It has: " + keys.joined(separator: ", "))
            }
            index = chosen
        }
        // A wrapper may hold a wrapper; a cyclic one is not followed for ever.
        for _ in 0..<4 {
            let inside = wrappers.lazy.compactMap { dictionary(in: pickle.dictionaries[index], under: $0) }.first
            guard let inside else { break }
            index = inside
        }
        let entries = pickle.dictionaries[index]
        let hasTensor = entries.contains { if case .tensor = $0.value { true } else { false } }
        guard hasTensor || entries.isEmpty else {
            throw FoveaError(
                .data, about: file.path,
                "has no tensors where its state dict should be; its keys are "
                    + names(of: entries, where: { _ in true }).joined(separator: ", "),
                remedy: "Name the key under which the state dict lies.")
        }
        return entries
    }

    private static func dictionary(in entries: [(key: Pickle.Value, value: Pickle.Value)], under name: String) -> Int? {
        for case (.string(name), .dictionary(let index)) in entries { return index }
        return nil
    }

    private static func names(
        of entries: [(key: Pickle.Value, value: Pickle.Value)], where isWanted: (Pickle.Value) -> Bool
    ) -> [String] {
        var names: [String] = []
        for case (.string(let name), let value) in entries.prefix(20) where isWanted(value) {
            names.append(quoted(name))
        }
        return names
    }

    private static let types: [String: ElementType] = [
        "torch.BoolStorage": .bool, "torch.ByteStorage": .uint8, "torch.CharStorage": .int8,
        "torch.ShortStorage": .int16, "torch.IntStorage": .int32, "torch.LongStorage": .int64,
        "torch.HalfStorage": .float16, "torch.BFloat16Storage": .bfloat16, "torch.FloatStorage": .float32,
        "torch.DoubleStorage": .float64,
    ]

    /// Checks one tensor against its storage and the file.
    private static func place(
        _ name: String, _ view: Pickle.Tensor, _ storage: Pickle.Storage, _ member: String, _ range: Range<Int>?,
        _ file: InputFile
    ) throws -> TensorPlace {
        let label = "tensor \(quoted(name))"
        guard let type = types[storage.type] else {
            throw file.malformed("\(label) lies in a \(quoted(storage.type)), which is not read", remedy: convert)
        }
        let tensor: StoredTensor
        do {
            tensor = try StoredTensor(name: name, type: type, shape: view.shape)
        } catch let error as FoveaError {
            throw file.malformed(error.message)
        }
        guard let range else { throw file.malformed("\(label) refers to \(member), which the file lacks") }
        let bytes = storage.count.multipliedReportingOverflow(by: type.byteWidth)
        guard !bytes.overflow, bytes.partialValue == range.count else {
            throw file.malformed(
                "\(member) has \(range.count) bytes, not \(storage.count) elements of \(type.rawValue)")
        }
        guard let last = lastElement(of: view), view.offset >= 0, last < storage.count else {
            throw file.malformed("\(label) reaches outside its storage of \(storage.count) elements")
        }
        // An expanded tensor repeats elements; one without bound could take any amount of memory.
        guard tensor.byteCount <= file.count else {
            throw file.malformed(
                "\(label) has \(tensor.elementCount) elements over a storage of \(storage.count)",
                remedy: "Save it with .contiguous() in Python.")
        }
        // The step along a dimension of 1 is never taken, so it may be written as anything.
        let strides = zip(view.shape, view.strides).map { size, step in size == 1 ? 0 : step }
        let isContiguous = tensor.elementCount == 0 || strides == rowMajorStrides(of: view.shape)
        return TensorPlace(
            tensor: tensor, offset: range.lowerBound + (tensor.elementCount == 0 ? 0 : view.offset * type.byteWidth),
            strides: isContiguous ? nil : strides)
    }

    /// The storage index of a tensor's last element; -1 when it has none, nil for strides that cannot be.
    private static func lastElement(of view: Pickle.Tensor) -> Int? {
        guard view.strides.count == view.shape.count else { return nil }
        guard !view.shape.contains(0) else { return -1 }
        var last = view.offset
        for (size, step) in zip(view.shape, view.strides) {
            guard step >= 0 else { return nil }
            let span = (size - 1).multipliedReportingOverflow(by: step)
            let sum = last.addingReportingOverflow(span.partialValue)
            guard !span.overflow, !sum.overflow else { return nil }
            last = sum.partialValue
        }
        return last
    }

    /// The strides of a row-major tensor without gaps, 0 along dimensions of 1.
    private static func rowMajorStrides(of shape: [Int]) -> [Int] {
        var strides = shape.map { _ in 0 }
        var step = 1
        for dimension in shape.indices.reversed() where shape[dimension] != 1 {
            strides[dimension] = step
            step *= shape[dimension]
        }
        return strides
    }
}
