import Basics
import Torch

/// Translates what a network computes, as a trace of operators, into an ONNX graph.
///
/// A network is traced twice, with two and with three images, by which the number of images is told from its constants.
/// Each operator has one entry in `ONNXTranslation.operators`; no network has code of its own.
package struct ONNXTranslation {
    private(set) var graph = ONNXGraph()
    /// The names of the tensors in the graph. The first trace keeps the tensors alive, so identifiers stay theirs.
    private var names: [ObjectIdentifier: String] = [:]
    private var constants: Set<String> = []
    /// The names of numbers and vectors, by their value.
    private var literals: [String: String] = [:]
    private let parameters: [ObjectIdentifier: String]

    /// Traces and translates.
    ///
    /// - Parameters:
    ///   - name: what the input is called.
    ///   - parameters: the network's own tensors with their names.
    ///   - input: makes the input for a number of images.
    ///   - compute: the outputs with their names.
    /// - Throws: `FoveaError` of kind `configuration` for an operator or an argument that has no counterpart.
    package init(
        inputNamed name: String, parameters: [(name: String, tensor: Tensor)], input: (_ images: Int) throws -> Tensor,
        _ compute: (Tensor) throws -> [(name: String, tensor: Tensor)]
    ) throws {
        self.parameters = Dictionary(parameters.map { (ObjectIdentifier($0.tensor), $0.name) }) { first, _ in first }
        let (first, second) = (try input(2), try input(3))
        let (twinShapes, twins) = try OperatorTrace.record(keeping: TracedCall.Twin.init) {
            try compute(second).map(\.tensor.shape)
        }
        let (outputs, calls) = try OperatorTrace.record(keeping: \.self) { try compute(first) }
        guard calls.map(\.name) == twins.map(\.name) else {
            throw FoveaError(.configuration, "the network computes other operators for other numbers of images")
        }
        names[ObjectIdentifier(first)] = name
        graph.inputs = [Self.value(name, first, second.shape)]
        for (call, twin) in zip(calls, twins) { try add(TracedCall(call: call, twin: twin)) }
        for (output, shape) in zip(outputs, twinShapes) {
            graph.output(try self.name(of: output.tensor), as: Self.value(output.name, output.tensor, shape))
        }
        graph.prune()
    }

    private static func value(_ name: String, _ tensor: Tensor, _ twin: [Int]) -> ONNXGraph.Value {
        ONNXGraph.Value(
            name: name, dtype: tensor.dtype,
            sides: zip(tensor.shape, twin).map { $0 == $1 ? .size($0) : .batch })
    }

    private mutating func add(_ call: TracedCall) throws {
        let isCopy = try call.name == "aten::_to_copy" && call.result.dtype == call.tensor(0).dtype
        if isCopy || Self.unchanging.contains(call.name) {
            names[ObjectIdentifier(call.result)] = try name(of: call.tensor(0))
            return
        }
        let inputs = try call.tensors.map { try name(of: $0) }
        if inputs.allSatisfy(constants.contains), !call.resultSides.contains(.batch) {
            // Computed from weights alone, such as position embeddings for another grid.
            try addConstant(call.result, named: "constant")
            return
        }
        guard let translate = Self.operators[call.name] else {
            throw FoveaError(
                .configuration, "the operator \(call.name) of this network has no counterpart in ONNX here",
                remedy: "It needs an entry in Sources/Export/ONNXOperators.swift.")
        }
        for argument in Self.fixed[call.name] ?? [] {
            try call.require(argument.index, argument.name, argument.value)
        }
        names[ObjectIdentifier(call.result)] = try translate(&self, call)
    }

    /// What a tensor is called in the graph; one that was not computed is a weight or another constant.
    mutating func name(of tensor: Tensor) throws -> String {
        if let name = names[ObjectIdentifier(tensor)] { return name }
        return try addConstant(tensor, named: parameters[ObjectIdentifier(tensor)] ?? "constant")
    }

    @discardableResult
    private mutating func addConstant(_ tensor: Tensor, named name: String) throws -> String {
        let name = graph.add(try tensor.detached().contiguous(), named: name)
        names[ObjectIdentifier(tensor)] = name
        constants.insert(name)
        return name
    }

    // MARK: What entries of the table use

    mutating func node(_ kind: String, _ inputs: [String], _ attributes: [String: ONNXGraph.Attribute] = [:]) -> String
    {
        graph.add(kind, inputs, attributes)
    }

    /// A constant vector of integers.
    mutating func vector(_ values: [Int]) throws -> String { try literal("\(values)") { try Tensor(values) } }

    /// A constant number.
    mutating func scalar(_ value: Double) throws -> String {
        try literal("\(Float(value))") { try Tensor([Float(value)], shape: []) }
    }

    /// A constant that is named by its value, so that it is in the graph once.
    private mutating func literal(_ value: String, _ tensor: () throws -> Tensor) throws -> String {
        if let name = literals[value] { return name }
        let name = graph.add(try tensor(), named: value)
        literals[value] = name
        return name
    }

    /// A vector of sides, of which some are the number of images.
    mutating func shape(_ sides: [ONNXGraph.Side]) throws -> String {
        let batch = node("Shape", [graph.inputs[0].name], ["start": .int(0), "end": .int(1)])
        let parts = try sides.map { side in
            if case .size(let size) = side { try vector([size]) } else { batch }
        }
        return node("Concat", parts, ["axis": .int(0)])
    }
}
