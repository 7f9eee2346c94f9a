import Basics
import Torch

/// A graph of ONNX operators, as far as networks need it (onnx.ai, "Open Neural Network Exchange Intermediate
/// Representation"), IR version 8 with operator set 17.
struct ONNXGraph {
    /// A side of a tensor.
    enum Side: Hashable {
        case size(Int)
        /// The number of images, which is free.
        case batch
    }

    /// What an operator is given beside its inputs.
    enum Attribute: Hashable {
        case int(Int)
        case ints([Int])
        case float(Float)
    }

    /// One operator.
    struct Node: Hashable {
        let kind: String
        let inputs: [String]
        let attributes: [String: Attribute]
    }

    /// An input or an output of the graph.
    struct Value {
        let name: String
        let dtype: DType
        let sides: [Side]
    }

    static let irVersion = 8
    static let operatorSet = 17
    /// A protocol buffer cannot be longer.
    private static let sizeLimit = 1 << 31

    var inputs: [Value] = []
    var outputs: [Value] = []
    /// The operators in an order in which they can be computed, each with the name of its result.
    private(set) var nodes: [(node: Node, result: String)] = []
    /// The weights and other constants, in the order of their first use.
    private(set) var constants: [(name: String, tensor: Tensor)] = []
    var metadata: [String: String] = [:]
    private var known: [Node: String] = [:]
    private var taken: Set<String> = []

    /// Adds an operator and gives the name of its result; the same operator on the same inputs is computed once.
    mutating func add(_ kind: String, _ inputs: [String], _ attributes: [String: Attribute] = [:]) -> String {
        let node = Node(kind: kind, inputs: inputs, attributes: attributes)
        if let result = known[node] { return result }
        let result = free("\(kind)_\(nodes.count)")
        known[node] = result
        nodes.append((node, result))
        return result
    }

    /// Adds a constant and gives its name, which is the given one unless that is taken.
    mutating func add(_ constant: Tensor, named name: String) -> String {
        let name = free(name)
        constants.append((name, constant))
        return name
    }

    /// Gives a result another name: that of an output.
    mutating func output(_ result: String, as value: Value) {
        nodes.append((Node(kind: "Identity", inputs: [result], attributes: [:]), value.name))
        outputs.append(value)
    }

    private mutating func free(_ name: String) -> String {
        var (free, number) = (name, 1)
        while !taken.insert(free).inserted {
            number += 1
            free = "\(name)_\(number)"
        }
        return free
    }

    /// Drops what no output needs.
    mutating func prune() {
        var needed = Set(outputs.map(\.name))
        nodes = nodes.reversed().filter { node, result in
            guard needed.contains(result) else { return false }
            needed.formUnion(node.inputs)
            return true
        }.reversed()
        constants.removeAll { !needed.contains($0.name) }
    }
}

extension ONNXGraph {
    /// Passes the graph as a model file to `sink`, part by part; weights are copied one at a time.
    ///
    /// - Throws: `FoveaError` of kind `configuration` for a model that the format cannot hold; what `sink` throws.
    func write(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        let model = try message()
        guard model.count < Self.sizeLimit else {
            throw FoveaError(
                .configuration, "the model needs \(model.count) bytes; an ONNX file holds fewer than \(Self.sizeLimit)",
                remedy: "Export a smaller architecture.")
        }
        try model.write(sink)
    }

    // Field numbers are those of onnx.proto.
    private func message() throws -> ProtobufMessage {
        var model = ProtobufMessage()
        model.integer(1, Int64(Self.irVersion))
        model.text(2, "fovea")
        model.text(3, Program.version)
        try model.message(7) { graph in
            for (node, result) in nodes { graph.message(1) { Self.write(node, result, to: &$0) } }
            graph.text(2, "fovea")
            for (name, tensor) in constants { try graph.message(5) { try Self.write(tensor, name, to: &$0) } }
            for value in inputs { graph.message(11) { Self.write(value, to: &$0) } }
            for value in outputs { graph.message(12) { Self.write(value, to: &$0) } }
        }
        model.message(8) { set in
            set.text(1, "")
            set.integer(2, Int64(Self.operatorSet))
        }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            model.message(14) { entry in
                entry.text(1, key)
                entry.text(2, value)
            }
        }
        return model
    }

    private static func write(_ node: Node, _ result: String, to message: inout ProtobufMessage) {
        for input in node.inputs { message.text(1, input) }
        message.text(2, result)
        message.text(3, result)
        message.text(4, node.kind)
        for (name, attribute) in node.attributes.sorted(by: { $0.key < $1.key }) {
            message.message(5) { field in
                field.text(1, name)
                switch attribute {
                case .float(let value):
                    field.float(2, value)
                    field.integer(20, 1)
                case .int(let value):
                    field.integer(3, Int64(value))
                    field.integer(20, 2)
                case .ints(let values):
                    for value in values { field.integer(8, Int64(value)) }
                    field.integer(20, 7)
                }
            }
        }
    }

    private static func write(_ tensor: Tensor, _ name: String, to message: inout ProtobufMessage) throws {
        for size in tensor.shape { message.integer(1, Int64(size)) }
        message.integer(2, number(of: tensor.dtype))
        message.text(8, name)
        let count = try tensor.withBytes(\.count)
        message.data(9, count: count) { sink in try tensor.withBytes(sink) }
    }

    private static func write(_ value: Value, to message: inout ProtobufMessage) {
        message.text(1, value.name)
        message.message(2) { type in
            type.message(1) { tensor in
                tensor.integer(1, number(of: value.dtype))
                tensor.message(2) { shape in
                    for side in value.sides {
                        shape.message(1) { dimension in
                            switch side {
                            case .size(let size): dimension.integer(1, Int64(size))
                            case .batch: dimension.text(2, "batch")
                            }
                        }
                    }
                }
            }
        }
    }

    /// The format's number of an element type.
    static func number(of dtype: DType) -> Int64 {
        switch dtype {
        case .float32: 1
        case .uint8: 2
        case .int8: 3
        case .int16: 5
        case .int32: 6
        case .int64: 7
        case .bool: 9
        case .float16: 10
        case .float64: 11
        case .bfloat16: 16
        }
    }
}
