import Basics
import NN
import Torch
import Weights

/// What became of each tensor when weights were loaded into a network.
public struct LoadReport: Sendable, Equatable {
    /// Names that were loaded.
    public var loaded: [String] = []
    /// Names of the network that the file does not have: they keep their initial values.
    public var missing: [String] = []
    /// Names of the file that the network does not have.
    public var unexpected: [String] = []
    /// Names whose shapes differ, with both shapes.
    public var wrongShape: [String] = []
    /// Names whose tensors were made to fit, such as position embeddings for another resolution, with what was done.
    public var fitted: [String] = []
    /// Names of the file that belong to its pre-training alone, such as a masked autoencoder's decoder.
    public var leftOut: [String] = []
    /// Names whose element type was converted to float32, with the type in the file.
    public var converted: [String] = []
    /// Names of the file that belong to its head, which is not loaded.
    public var headLeftOut: [String] = []
    /// What the file has before every name and was taken off, such as `module.`; empty for nothing.
    public var prefix = ""

    /// One line, then the names that did not fit.
    public var description: String {
        var lines = [
            "\(loaded.count) tensors loaded"
                + (prefix.isEmpty ? "" : ", from names that begin with \(Printable.line(prefix))")
        ]
        for (what, names) in [
            ("of the head, which starts from random numbers", headLeftOut),
            ("not in the file, left at their initial values", missing),
            ("in the file but not in the network", unexpected),
            ("of another shape", wrongShape), ("resampled", fitted),
            ("of the pre-training alone, left out", leftOut), ("converted to float32", converted),
        ] where !names.isEmpty {
            let shown = names.prefix(6).map(Printable.line).joined(separator: ", ") + (names.count > 6 ? ", ..." : "")
            lines.append("  \(names.count) \(what): \(shown)")
        }
        return lines.joined(separator: "\n")
    }
}

/// How strictly a file must fit a network.
public enum LoadStrictness: Sendable {
    /// Every tensor on both sides must fit: for a model that Fovea saved.
    case everything
    /// What a network can fit to itself is fitted (`WeightFitting`), and what it never needs is left out.
    /// The head is not loaded, since it belongs to other classes; of the rest nothing may have another shape, and at
    /// least `minimumShare` both of the network's tensors and of the file's must find each other: for published
    /// weights. (ResNet-34's file has all of ResNet-18's names, but many more.)
    case backbone(minimumShare: Double = 0.9)
}

/// A network that can use stored tensors of other shapes than its own.
public protocol WeightFitting: Module {
    /// A stored tensor made to fit the parameter of that name, and how in words; nil when it cannot be.
    func fitted(_ stored: Tensor, named name: String) throws -> (tensor: Tensor, how: String)?
    /// Whether a stored tensor, by its name without prefix, belongs to the pre-training alone.
    func isLeftOut(_ name: String) -> Bool
}

extension Module {
    /// Takes over the tensors of a weight file by name.
    ///
    /// A prefix that wrappers put before every name (`module.`, `backbone.`, ...) is taken off. Floating-point
    /// tensors of any width become float32. Nothing is changed when the file does not fit.
    ///
    /// - Parameters:
    ///   - headName: the layer that `backbone` strictness leaves as it is.
    ///   - prefix: what stands before every name in the file; nil: it is found.
    /// - Throws: `FoveaError` of kind `data` that names what did not fit, or a tensor with values that cannot be; of kind
    ///   `configuration` for a prefix that no name has.
    public func load(
        _ file: WeightFile, headName: String? = nil, prefix given: String? = nil, _ strictness: LoadStrictness
    ) throws -> LoadReport {
        let (report, found) = try compare(with: file, headName: headName, prefix: given, strictness)
        let values = try found.map { parameter, entry, fitted in
            let tensor = try fitted ?? file.readTensor(entry)
            let format: MemoryFormat = tensor.rank == 4 ? .channelsLast : .preserve
            let value = try tensor.to(dtype: parameter.value.dtype, format: format)
            try file.requirePossible(value, entry.name, from: tensor)
            return value
        }
        try Autograd.withoutGrad {
            for (found, value) in zip(found, values) { try found.parameter.value.detached().copy(from: value) }
        }
        return report
    }

    /// Verifies by its table of contents that a file holds this network and nothing else. No value is read.
    ///
    /// - Throws: as `load`.
    public func requireFit(of file: WeightFile) throws { _ = try compare(with: file, .everything) }

    /// What a file has for this network, and what of it each parameter gets: a tensor of the file, or one that was fitted.
    private func compare(
        with file: WeightFile, headName: String? = nil, prefix given: String? = nil, _ strictness: LoadStrictness
    ) throws -> (report: LoadReport, found: [(parameter: Parameter, entry: StoredTensor, fitted: Tensor?)]) {
        let expected = namedParameters
        let isHead = { (name: String) in headName.map { name.hasPrefix($0 + ".") } ?? false }
        let takesHead = if case .everything = strictness { true } else { false }
        let fitting: (any WeightFitting)? = takesHead ? nil : self as? any WeightFitting
        let prefix = try self.prefix(
            in: file, given, needed: Set(expected.map(\.name).filter { takesHead || !isHead($0) }))
        let ignored = { (name: String) in name.hasSuffix("num_batches_tracked") }
        var report = LoadReport()
        report.prefix = prefix.prefix
        var found: [(parameter: Parameter, entry: StoredTensor, fitted: Tensor?)] = []
        for (name, parameter) in expected where takesHead || !isHead(name) {
            guard let stored = prefix.storedNames[name], let entry = file.tensor(named: stored) else {
                report.missing.append(name)
                continue
            }
            var fitted: Tensor?
            if entry.shape != parameter.value.shape {
                guard let fit = try fitting?.fitted(file.readTensor(entry), named: name) else {
                    report.wrongShape.append("\(name) (file \(entry.shape), network \(parameter.value.shape))")
                    continue
                }
                fitted = fit.tensor
                report.fitted.append("\(name) (\(fit.how))")
            }
            if let dtype = DType(entry.type), dtype != parameter.value.dtype {
                guard dtype.isFloating else {
                    throw FoveaError(
                        .data, at: FilePlace(file.path, key: stored),
                        "tensor \(stored) has elements of type \(entry.type.rawValue)",
                        remedy: "Weights are floating-point numbers: F16, BF16, F32 or F64.")
                }
                report.converted.append("\(name) (\(dtype))")
            }
            found.append((parameter, entry, fitted))
            report.loaded.append(name)
        }
        let names = Set(expected.map(\.name))
        let others = prefix.storedNames.keys.filter { !names.contains($0) && !ignored($0) }.sorted()
        report.leftOut = others.filter { fitting?.isLeftOut($0) ?? false }
        report.unexpected =
            (others.filter { !(fitting?.isLeftOut($0) ?? false) } + prefix.outside.filter { !ignored($0) }).sorted()
        if !takesHead {
            report.headLeftOut = prefix.storedNames.keys.filter { isHead($0) && names.contains($0) }.sorted()
        }
        try requireFit(report, file, strictness, isHead)
        return (report, found)
    }

    /// Refuses a file that does not fit as strictly as is requested.
    private func requireFit(
        _ report: LoadReport, _ file: WeightFile, _ strictness: LoadStrictness, _ isHead: (String) -> Bool
    ) throws {
        switch strictness {
        case .everything:
            guard report.missing.isEmpty, report.unexpected.isEmpty, report.wrongShape.isEmpty else {
                throw FoveaError(
                    .data, about: file.path, "does not fit the network: \(report.description)",
                    remedy: "Name the weights that were saved with this model.")
            }
        case .backbone(let share):
            let expected = namedParameters
            let body = expected.count { !isHead($0.name) }
            let found = report.loaded.count
            let parts = Set(expected.map { $0.name.prefix { $0 != "." } })
            let foreign = report.unexpected.count { !isHead($0) && parts.contains($0.prefix { $0 != "." }) }
            guard report.wrongShape.isEmpty, Double(found) >= share * Double(max(body, found + foreign)) else {
                throw FoveaError(
                    .data, about: file.path, "holds weights of another network: \(report.description)",
                    remedy:
                        "Choose the `model.architecture` that these weights were trained with; where every name in the "
                        + "file begins with another prefix, name it in `model.prefix`.")
            }
        }
    }

    /// What stands before the names in a file.
    private func prefix(in file: WeightFile, _ given: String?, needed: Set<String>) throws -> WrapperPrefix {
        let stored = file.tensors.map(\.name)
        guard let given else {
            let found = WrapperPrefix(stored: stored, expected: Set(namedParameters.map(\.name)), needed: needed)
            guard found.rivals.isEmpty else {
                throw FoveaError(
                    .data, about: file.path,
                    "holds this network several times: under "
                        + Pluralization.listing(([found.prefix] + found.rivals).map { "\"\($0)\"" }),
                    remedy: "Name the one that is meant in `model.prefix`.")
            }
            return found
        }
        let prefix = given.isEmpty || given.hasSuffix(".") ? given : given + "."
        guard stored.contains(where: { $0.hasPrefix(prefix) }) else {
            throw FoveaError(
                .configuration,
                "model.prefix is \"\(given)\", but no name in \(file.path) begins with "
                    + (prefix == given ? "it" : "\"\(prefix)\": a dot is expected between a prefix and a name"),
                remedy: "Its names are: \(Pluralization.listing(stored, limit: 6)).")
        }
        return WrapperPrefix(stored: stored, prefix: prefix)
    }
}

extension WeightFile {
    /// One tensor of the file, on the CPU.
    ///
    /// - Throws: `FoveaError` of kind `data` for an element type that networks do not use (unsigned of 16 to 64 bits).
    public func readTensor(_ entry: StoredTensor) throws -> Tensor {
        guard let dtype = DType(entry.type) else {
            throw FoveaError(
                .data, at: FilePlace(path, key: entry.name),
                "tensor \(entry.name) has elements of type \(entry.type.rawValue)")
        }
        return try Tensor(shape: entry.shape, dtype: dtype) { try read(entry.name, into: $0) }
    }

    /// Refuses weights that no training that went well leaves.
    ///
    /// - Parameter stored: the tensor before it was converted.
    fileprivate func requirePossible(_ value: Tensor, _ name: String, from stored: Tensor) throws {
        guard try value.isAllFinite() else {
            if try stored.dtype != value.dtype && stored.isAllFinite() {
                throw FoveaError(
                    .data, at: FilePlace(path, key: name),
                    "tensor \(name) has values of type \(stored.dtype) that are too large for "
                        + "\(value.dtype) (at most \(Float.greatestFiniteMagnitude))",
                    remedy: "Networks compute in float32: use weights of a training that has not diverged.")
            }
            throw FoveaError(
                .data, at: FilePlace(path, key: name), "tensor \(name) has values that are NaN or infinite",
                remedy: "The training that wrote it has diverged: use an earlier checkpoint.")
        }
        guard name.hasSuffix("running_var") else { return }
        let variances = try value.array() as [Float]
        guard let channel = variances.firstIndex(where: { $0 < 0 }) else { return }
        throw FoveaError(
            .data, at: FilePlace(path, key: name),
            "tensor \(name) has the negative variance \(variances[channel]) in channel \(channel)",
            remedy: "The file is damaged or was converted wrongly: use another one.")
    }
}

extension DType {
    /// The engine's type for a stored one; nil where it has none.
    init?(_ stored: ElementType) {
        switch stored {
        case .bool: self = .bool
        case .uint8: self = .uint8
        case .int8: self = .int8
        case .int16: self = .int16
        case .int32: self = .int32
        case .int64: self = .int64
        case .float16: self = .float16
        case .bfloat16: self = .bfloat16
        case .float32: self = .float32
        case .float64: self = .float64
        case .uint16, .uint32, .uint64: return nil
        }
    }

    /// The stored type for this one.
    var stored: ElementType {
        switch self {
        case .bool: .bool
        case .uint8: .uint8
        case .int8: .int8
        case .int16: .int16
        case .int32: .int32
        case .int64: .int64
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float32: .float32
        case .float64: .float64
        }
    }
}

extension Tensor {
    /// This tensor as something that `SafetensorsWriter` can write under a name.
    public func source(named name: String) throws -> TensorSource {
        let stored = try StoredTensor(name: name, type: dtype.stored, shape: shape)
        return TensorSource(stored) { body in
            try self.detached().to(device: .cpu).contiguous().withBytes(body)
        }
    }
}
