import Basics
import Torch

/// One call of an operator as two traces saw it that differ in the number of images: what differs between them is that
/// number, what does not is a constant of the network.
struct TracedCall {
    /// What is kept of a call in the second trace: sizes, so that its tensors are released.
    struct Twin {
        let name: String
        /// For each argument the integers that it consists of, or the shape of the tensor.
        let arguments: [[Int]]
        let resultShape: [Int]

        init(_ call: OperatorCall) {
            name = call.name
            arguments = call.arguments.map { argument in
                switch argument {
                case .tensor(let tensor): tensor.shape
                case .int(let value): [value]
                case .ints(let values): values
                default: []
                }
            }
            resultShape = call.results.first?.shape ?? []
        }
    }

    let call: OperatorCall
    let twin: Twin

    var name: String { call.name }
    var result: Tensor { call.results[0] }

    /// The sides of the result.
    var resultSides: [ONNXGraph.Side] { Self.sides(result.shape, twin.resultShape) }

    /// The tensors among the arguments, in order.
    var tensors: [Tensor] {
        call.arguments.flatMap { argument -> [Tensor] in
            switch argument {
            case .tensor(let tensor): [tensor]
            case .tensors(let tensors): tensors
            case .optionalTensors(let tensors): tensors.compactMap(\.self)
            default: []
            }
        }
    }

    func tensor(_ index: Int) throws -> Tensor {
        guard case .tensor(let tensor) = argument(index) else { throw unexpected(index, "a tensor") }
        return tensor
    }

    /// The tensor, or nil for none.
    func optionalTensor(_ index: Int) throws -> Tensor? {
        if case .none = argument(index) { return nil }
        return try tensor(index)
    }

    /// The sides of a tensor among the arguments.
    func sides(ofTensor index: Int) throws -> [ONNXGraph.Side] {
        Self.sides(try tensor(index).shape, twin.arguments[index])
    }

    /// A list of tensors.
    func tensorList(_ index: Int) throws -> [Tensor] {
        guard case .tensors(let tensors) = argument(index) else { throw unexpected(index, "tensors") }
        return tensors
    }

    /// A dimension of the result or of the first tensor, counted from the front.
    func dimension(_ index: Int) throws -> Int {
        let value = try int(index)
        return try value < 0 ? value + tensor(0).rank : value
    }

    func int(_ index: Int) throws -> Int {
        guard case .int(let value) = argument(index), twin.arguments[index] == [value] else {
            throw unexpected(index, "an integer that does not depend on the number of images")
        }
        return value
    }

    func double(_ index: Int) throws -> Double {
        guard case .double(let value) = argument(index) else { throw unexpected(index, "a number") }
        return value
    }

    func bool(_ index: Int) throws -> Bool {
        guard case .bool(let value) = argument(index) else { throw unexpected(index, "true or false") }
        return value
    }

    /// Integers that do not depend on the number of images.
    func ints(_ index: Int) throws -> [Int] {
        try sides(index).map { side in
            guard case .size(let size) = side else {
                throw unexpected(index, "integers that do not depend on the number of images")
            }
            return size
        }
    }

    /// Integers, of which some may be the number of images.
    func sides(_ index: Int) throws -> [ONNXGraph.Side] {
        guard case .ints(let values) = argument(index) else { throw unexpected(index, "integers") }
        return Self.sides(values, twin.arguments[index])
    }

    /// Whether a reshape leaves a side as it is.
    func keepsSide(_ index: Int) throws -> Bool {
        guard case .ints(let sides) = argument(1) else { throw unexpected(1, "integers") }
        return try sides[index] == tensor(0).shape[index]
    }

    /// Verifies that an argument that is not translated is absent or has the only allowed value.
    func require(_ index: Int, _ name: String, _ allowed: String) throws {
        let found = argument(index).summary
        guard ["none", allowed].contains(found) else {
            throw FoveaError(
                .configuration, "\(self.name) has \(name) \(found); only \(allowed) is translated to ONNX",
                remedy: "Translate it in Sources/Export/ONNXOperators.swift.")
        }
    }

    private static func sides(_ sizes: [Int], _ others: [Int]) -> [ONNXGraph.Side] {
        zip(sizes, others).map { $0 == $1 ? .size($0) : .batch }
    }

    private func argument(_ index: Int) -> Argument { call.arguments.count > index ? call.arguments[index] : .none }

    private func unexpected(_ index: Int, _ expected: String) -> FoveaError {
        FoveaError(.engine, "argument \(index) of \(name) is not \(expected)")
    }
}
