import Basics
import NN
import Testing
import Torch

/// Two layers, listed in a chosen order.
private final class TwoLayers: Module {
    let children: [(name: String, module: any Module)]

    init(_ names: [String]) throws { children = try names.map { ($0, try Linear(2, 2)) } }

    func callAsFunction(_ x: Tensor) throws -> Tensor { x }
}

@Suite struct ModuleTests {
    /// Weights of one shape that change places would be wrong numbers without a word.
    @Test func valuesAreCopiedByName() throws {
        let (one, other) = (try TwoLayers(["a", "b"]), try TwoLayers(["b", "a"]))
        try one.copyValues(from: other)
        func values(_ pair: TwoLayers) throws -> [String: [Float]] {
            Dictionary(uniqueKeysWithValues: try pair.namedParameters.map { ($0.name, try $0.parameter.value.array()) })
        }
        #expect(try values(one) == values(other))
        let error = #expect(throws: FoveaError.self) { try one.copyValues(from: TwoLayers(["a", "c"])) }
        #expect(error?.message.contains("b.bias, b.weight, c.bias, c.weight") == true)
        try one.copyValues(from: TwoLayers(["a", "c"])) { $0.hasPrefix("a.") }
    }

    private static func block() throws -> Sequential {
        Sequential([
            try Conv2d(3, 4, kernel: 3), try BatchNorm2d(4), Sequential([try Conv2d(4, 2, kernel: 1, bias: true)]),
        ])
    }

    @Test func namesArePyTorchs() throws {
        #expect(
            try Self.block().namedParameters.map(\.name) == [
                "0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var", "2.0.weight", "2.0.bias",
            ])
        #expect(try Self.block().trainable.map(\.name) == ["0.weight", "1.weight", "1.bias", "2.0.weight", "2.0.bias"])
        #expect(try Self.block().trainable.reduce(0) { $0 + $1.parameter.value.count } == 108 + 4 + 4 + 8 + 2)
    }

    @Test func buffersAreNeverTrained() throws {
        let buffer = try Parameter(.zeros([2]), isBuffer: true)
        try buffer.setTrainable(true)
        #expect(!buffer.value.requiresGrad)
        try buffer.replace(.ones([2]))
        #expect(!buffer.value.requiresGrad)
    }

    @Test func replacingKeepsWhetherAParameterIsTrained() throws {
        let parameter = try Parameter(.zeros([2]))
        try parameter.replace(.ones([3]))
        #expect(parameter.value.requiresGrad && parameter.value.shape == [3])
        try parameter.setTrainable(false)
        try parameter.replace(.ones([2]))
        #expect(!parameter.value.requiresGrad)
    }

    @Test func movingLaysConvolutionsOutChannelsLastAndKeepsValues() throws {
        let block = try Self.block()
        let before = try block.namedParameters.map { try $0.parameter.value.array() as [Float] }
        try block.move(to: .cpu)
        #expect(try block.namedParameters.map { try $0.parameter.value.array() as [Float] } == before)
        #expect(block.namedParameters[0].parameter.value.isChannelsLast)
        #expect(block.trainable.count == 5)
    }

    @Test func trainingAndEvaluationReachEveryPart() throws {
        let dropout = Dropout(0.5)
        let network = Sequential([Sequential([dropout])])
        let x = try Tensor.ones([1000])
        network.setTraining(false)
        #expect(try network(x).sum().item() == 1000)
        network.setTraining(true)
        #expect(try network(x).array().contains(Float(0)))
    }
}
