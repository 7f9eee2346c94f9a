import Basics
import Foundation

/// A request of the Open Inference Protocol, version 2, with its extension for binary tensors:
/// images in one tensor, and which outputs are wanted.
public struct InferRequest: Sendable, Equatable {
    /// The images.
    public enum Images: Sendable, Equatable {
        /// Whole files.
        case encoded([Data])
        /// Squares of the model's resolution (image, row, column, channel).
        case pixels([UInt8], count: Int)

        /// How many.
        public var count: Int {
            switch self {
            case .encoded(let files): files.count
            case .pixels(_, let count): count
            }
        }
    }

    /// An output that is wanted.
    public struct Output: Sendable, Equatable {
        /// Its name.
        public let name: String
        /// Whether as bytes after the JSON.
        public let isBinary: Bool

        /// Names an output.
        public init(name: String, isBinary: Bool) { (self.name, self.isBinary) = (name, isBinary) }
    }

    /// Chosen by the caller, and returned.
    public let id: String?
    /// The images.
    public let images: Images
    /// The outputs, in the order of the answer.
    public let outputs: [Output]

    /// Reads a body.
    ///
    /// - Parameter headerLength: the header Inference-Header-Content-Length: after so many bytes of JSON there are tensors;
    ///   nil where all is JSON.
    /// - Throws: `ServiceError` that names the member.
    public init(
        _ body: Data, headerLength: String?, model: ServedModel, limits: ServiceLimits = ServiceLimits()
    ) throws(ServiceError) {
        var json = body
        var tensors = Data()
        if let headerLength {
            guard let length = Int(headerLength), 0...body.count ~= length else {
                throw ServiceError(
                    .malformed,
                    "inference-header-content-length is not a number of bytes from 0 to the \(body.count) of the body")
            }
            json = body.prefix(length)
            tensors = body.dropFirst(length)
        }
        guard case .object(let members) = try JSONValue(reading: json) else {
            throw ServiceError(.malformed, "the body is not a JSON object")
        }
        id = try members.string("id", in: "")
        images = try Self.images(members, tensors, model, limits)
        outputs = try Self.outputs(members, model)
    }

    private static func images(
        _ members: [String: JSONValue], _ tensors: Data, _ model: ServedModel, _ limits: ServiceLimits
    ) throws(ServiceError) -> Images {
        guard case .array(let inputs)? = members["inputs"], inputs.count == 1, case .object(let input) = inputs[0]
        else {
            throw ServiceError(.malformed, "inputs must be an array of one tensor: \(Self.allowed(model))")
        }
        let name = try input.string("name", in: "inputs[0].")
        let type = try input.string("datatype", in: "inputs[0].")
        guard let tensor = model.inputs.first(where: { $0.name == name }), tensor.datatype == type else {
            throw ServiceError(.malformed, "inputs[0].name and inputs[0].datatype must be \(Self.allowed(model))")
        }
        let shape = try Self.shape(input, tensor, limits)
        let binary = try input.object("parameters", in: "inputs[0].")?.count(
            "binary_data_size", in: "inputs[0].parameters.")
        if let binary {
            guard binary == tensors.count else {
                throw ServiceError(
                    .malformed,
                    "inputs[0].parameters.binary_data_size is \(binary), but \(tensors.count) bytes follow the JSON")
            }
            guard input["data"] == nil else {
                throw ServiceError(.malformed, "inputs[0] has data as JSON and as bytes: send one of them")
            }
        } else if !tensors.isEmpty {
            throw ServiceError(
                .malformed,
                "\(tensors.count) bytes follow the JSON, but inputs[0].parameters.binary_data_size is missing")
        }
        if type == "BYTES" {
            return .encoded(
                try binary == nil ? Self.files(input, count: shape[0]) : Self.files(tensors, count: shape[0]))
        }
        let size = shape.reduce(1, *)
        let pixels = try binary == nil ? Self.pixels(input) : [UInt8](tensors)
        guard pixels.count == size else {
            throw ServiceError(
                .malformed, "inputs[0].data has \(pixels.count) values, but a shape of \(shape) has \(size)")
        }
        return .pixels(pixels, count: shape[0])
    }

    private static func allowed(_ model: ServedModel) -> String {
        model.inputs.map { "\"\($0.name)\" with datatype \($0.datatype) and shape \($0.shape)" }.joined(
            separator: " or ")
    }

    /// The shape, its first length from 1 to the limit, and the others those of the tensor.
    private static func shape(
        _ input: [String: JSONValue], _ tensor: ServedModel.Tensor, _ limits: ServiceLimits
    ) throws(ServiceError) -> [Int] {
        guard case .numbers(let numbers)? = input["shape"] else {
            throw ServiceError(.malformed, "inputs[0].shape must be an array of numbers: \(tensor.shape)")
        }
        var shape = numbers.map { Int(exactly: $0) ?? -1 }
        // Clients of other servers send [N, 1] for N files.
        if tensor.datatype == "BYTES", shape.count == 2, shape[1] == 1 { shape.removeLast() }
        guard shape.count == tensor.shape.count, shape[0] >= 1, shape.dropFirst() == tensor.shape.dropFirst() else {
            throw ServiceError(.malformed, "inputs[0].shape must be \(tensor.shape), with 1 to \(limits.images) for -1")
        }
        guard shape[0] <= limits.images else {
            throw ServiceError(
                .tooLarge, "inputs[0] has \(shape[0]) images; at most \(limits.images) are allowed in a request")
        }
        return shape
    }

    /// Files as base64, since JSON has no bytes.
    private static func files(_ input: [String: JSONValue], count: Int) throws(ServiceError) -> [Data] {
        guard case .array(let values)? = input["data"], values.count == count else {
            throw ServiceError(
                .malformed, "inputs[0].data must be an array of as many strings as shape says, which are \(count)")
        }
        var files: [Data] = []
        for (number, value) in values.enumerated() {
            guard case .string(let text) = value, let file = Data(base64Encoded: text) else {
                throw ServiceError(.malformed, "inputs[0].data[\(number)] is not an image file as base64")
            }
            files.append(file)
        }
        return files
    }

    /// Files as the binary extension has them: each after its length in four bytes, the lowest first.
    private static func files(_ bytes: Data, count: Int) throws(ServiceError) -> [Data] {
        var files: [Data] = []
        var rest = bytes
        while !rest.isEmpty, files.count <= count {
            let length = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            guard rest.count >= 4, rest.count - 4 >= length else {
                throw ServiceError(
                    .malformed,
                    "the bytes of inputs[0] end in element \(files.count): each has four bytes of length before it")
            }
            files.append(Data(rest.dropFirst(4).prefix(length)))
            rest = rest.dropFirst(4 + length)
        }
        guard files.count == count else {
            throw ServiceError(
                .malformed,
                "the bytes of inputs[0] have \(files.count > count ? "more than " : "")\(min(files.count, count)) elements, but shape says \(count)"
            )
        }
        return files
    }

    /// Numbers from 0 to 255, nested by dimension or not.
    private static func pixels(_ input: [String: JSONValue]) throws(ServiceError) -> [UInt8] {
        let numbers: [Double]
        switch input["data"] {
        case .numbers(let flat)?: numbers = flat
        case .nested(let flat)?: numbers = flat
        default: throw ServiceError(.malformed, "inputs[0].data must be an array of numbers")
        }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(numbers.count)
        for number in numbers {
            guard let byte = UInt8(exactly: number) else {
                throw ServiceError(.malformed, "inputs[0].data has a value that is not a whole number from 0 to 255")
            }
            pixels.append(byte)
        }
        return pixels
    }

    private static func outputs(_ members: [String: JSONValue], _ model: ServedModel) throws(ServiceError) -> [Output] {
        let allBinary = try members.object("parameters", in: "")?.bool("binary_data_output", in: "parameters.") ?? false
        let known = model.outputs.map(\.name)
        switch members["outputs"] {
        case nil, .null?, .array([])?: return known.map { Output(name: $0, isBinary: allBinary) }
        case .array(let values)?:
            var outputs: [Output] = []
            for (number, value) in values.enumerated() {
                let place = "outputs[\(number)]."
                guard case .object(let output) = value, let name = try output.string("name", in: place),
                    known.contains(name),
                    !outputs.contains(where: { $0.name == name })
                else {
                    throw ServiceError(
                        .malformed, "\(place)name must be one of \(known.joined(separator: ", ")), each once")
                }
                let parameters = try output.object("parameters", in: place)
                if parameters?["classification"] != nil {
                    throw ServiceError(
                        .malformed, "\(place)parameters.classification is not available: /v1/predict names classes")
                }
                outputs.append(
                    Output(
                        name: name,
                        isBinary: try parameters?.bool("binary_data", in: place + "parameters.") ?? allBinary))
            }
            return outputs
        default: throw ServiceError(.malformed, "outputs must be an array of objects with a name")
        }
    }
}

extension [String: JSONValue] {
    fileprivate func string(_ key: String, in place: String) throws(ServiceError) -> String? {
        switch self[key] {
        case nil, .null?: return nil
        case .string(let text)?: return text
        default: throw ServiceError(.malformed, "\(place)\(key) must be a string")
        }
    }

    fileprivate func object(_ key: String, in place: String) throws(ServiceError) -> [String: JSONValue]? {
        switch self[key] {
        case nil, .null?: return nil
        case .object(let members)?: return members
        default: throw ServiceError(.malformed, "\(place)\(key) must be an object")
        }
    }

    fileprivate func bool(_ key: String, in place: String) throws(ServiceError) -> Bool? {
        switch self[key] {
        case nil, .null?: return nil
        case .bool(let value)?: return value
        default: throw ServiceError(.malformed, "\(place)\(key) must be true or false")
        }
    }

    fileprivate func count(_ key: String, in place: String) throws(ServiceError) -> Int? {
        switch self[key] {
        case nil, .null?: return nil
        case .number(let number)? where number >= 0:
            if let count = Int(exactly: number) { return count }
            fallthrough
        default: throw ServiceError(.malformed, "\(place)\(key) must be a number of bytes")
        }
    }
}
