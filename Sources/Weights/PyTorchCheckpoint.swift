import Basics

/// Finds the state dict in what `torch.save` wrote, and where its tensors lie.
enum PyTorchCheckpoint {
    /// Keys under which checkpoints keep their state dict, in the order in which they are tried.
    static let wrappers = ["state_dict", "model_state_dict", "model", "net", "teacher", "student"]

    /// The biggest table of contents that is read; that of a network of a thousand tensors has 0.1 MB.
    private static let maximumPickleBytes = 64 << 20

    static func places(in file: MappedFile, stateDict: String?) throws -> [TensorPlace] {
        let archive = try ZipArchive(file)
        let pickles = archive.members.keys.filter { $0.hasSuffix("/data.pkl") && $0.utf8.count { $0 == 0x2F } == 1 }
        guard pickles.count == 1, let name = pickles.first, let range = archive.members[name] else {
            throw FoveaError(
                .data,
                "\(file.path) is a zip archive with \(pickles.count) members NAME/data.pkl; torch.save writes one",
                remedy: "Name a file that torch.save of PyTorch 1.6 or later has written.")
        }
        let folder = String(name.dropLast("data.pkl".count))
        guard range.count <= maximumPickleBytes else {
            throw file.malformed("\(name) has \(range.count) bytes; at most \(maximumPickleBytes) are read")
        }
        if let order = archive.members[folder + "byteorder"] {
            guard file.bytes[order].elementsEqual("little".utf8) else {
                throw FoveaError(
                    .data, "\(file.path) was written by a big-endian machine", remedy: "Save it on another.")
            }
        }
        let pickle = try PickleReader.read(file, range)
        let entries = try self.entries(of: pickle, stateDict, file)
        return try entries.map { key, value in
            guard case .string(let name) = key else {
                throw file.malformed("its state dict has \(pickle.kind(of: key)) as a key")
            }
            guard case .tensor(let index) = value else {
                throw FoveaError(
                    .data, "\(file.path): \(quoted(name)) in its state dict is \(pickle.kind(of: value)), not a tensor",
                    remedy: "Save only tensors, or name another state dict of the checkpoint.")
            }
            return try place(name, pickle.tensors[index], pickle, archive, folder, file)
        }
    }

    /// The items of the chosen state dict: that under `choice`, else inside the known wrappers, else the whole file.
    private static func entries(
        of pickle: Pickle, _ choice: String?, _ file: MappedFile
    ) throws -> [(key: Pickle.Value, value: Pickle.Value)] {
        guard case .dictionary(let root) = pickle.root else {
            throw FoveaError(
                .data, "\(file.path) holds \(pickle.kind(of: pickle.root)), not a state dict",
                remedy: "Save the weights alone in Python: torch.save(model.state_dict(), PATH)")
        }
        var index = root
        if let choice {
            guard let chosen = dictionary(in: pickle.dictionaries[root], under: choice) else {
                let keys = names(
                    of: pickle.dictionaries[root], where: { if case .dictionary = $0 { true } else { false } })
                throw FoveaError(
                    .configuration, "\(file.path) has no state dict under \(quoted(choice))",
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
                .data,
                "\(file.path) has no tensors where its state dict should be; its keys are "
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

    /// Checks one tensor against its storage and the archive.
    private static func place(
        _ name: String, _ view: Pickle.Tensor, _ pickle: Pickle, _ archive: ZipArchive, _ folder: String,
        _ file: MappedFile
    ) throws -> TensorPlace {
        let label = "tensor \(quoted(name))"
        let storage = pickle.storages[view.storage]
        guard let type = types[storage.type] else {
            throw file.malformed("\(label) lies in a \(quoted(storage.type)), which is not read")
        }
        let tensor: StoredTensor
        do {
            tensor = try StoredTensor(name: name, type: type, shape: view.shape)
        } catch let error as FoveaError {
            throw file.malformed(error.message)
        }
        let member = folder + "data/" + storage.key
        guard let range = archive.members[member] else {
            throw file.malformed("\(label) refers to \(quoted(member)), which the archive lacks")
        }
        let bytes = storage.count.multipliedReportingOverflow(by: type.byteWidth)
        guard !bytes.overflow, bytes.partialValue == range.count else {
            throw file.malformed(
                "\(quoted(member)) has \(range.count) bytes, not \(storage.count) elements of \(type.rawValue)")
        }
        guard let last = lastElement(of: view), view.offset >= 0, last < storage.count else {
            throw file.malformed("\(label) reaches outside its storage of \(storage.count) elements")
        }
        // An expanded tensor repeats elements; materialising one could take any amount of memory.
        guard tensor.elementCount <= storage.count else {
            throw FoveaError(
                .data, "\(file.path): \(label) has \(tensor.elementCount) elements over a storage of \(storage.count)",
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
