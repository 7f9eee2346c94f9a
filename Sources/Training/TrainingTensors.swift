import Backbones
import Basics
import NN
import Torch
import Weights

/// The tensors of a training that a checkpoint holds: weights and buffers, those of the objective, the weights' moving
/// average, the optimiser's moments and the state of the engine's random generator.
struct TrainingTensors {
    let network: Classifier
    /// What the objective trains (`Objective.parameters`).
    let objective: [(name: String, parameter: Parameter)]
    let optimizer: Optimizer
    let average: WeightAverage?
    let device: Device

    /// How the names in the file begin.
    private static let (model, mean, moment, random) = ("model.", "average.", "optimizer.", "engine.random")

    /// Those of network and objective, by their names in the file.
    private var parameters: [(name: String, parameter: Parameter)] {
        network.namedParameters.map { (Self.model + $0.name, $0.parameter) } + objective
    }

    /// Everything, ready to be written.
    func sources() throws -> [TensorSource] {
        try parameters.map { try $0.parameter.value.source(named: $0.name) }
            + (average?.values ?? []).map { try $0.tensor.source(named: Self.mean + $0.name) }
            + optimizer.state.map { try $0.tensor.source(named: Self.moment + $0.name) }
            + [Tensor(Engine.randomState(of: device)).source(named: Self.random)]
    }

    /// Takes over what `sources` wrote.
    ///
    /// - Throws: `FoveaError` of kind `data` when the file belongs to another network, before anything is changed.
    func restore(_ file: WeightFile, steps: Int) throws {
        func tensor(_ name: String, shape: [Int]?) throws -> Tensor {
            guard let entry = file.tensor(named: name) else {
                throw FoveaError(.data, about: file.path, "has no tensor \(name)")
            }
            guard shape == nil || entry.shape == shape else {
                throw FoveaError(
                    .data, at: FilePlace(file.path, key: name),
                    "\(name) has the shape \(entry.shape), the network's is \(shape ?? [])")
            }
            return try file.readTensor(entry)
        }
        let weights = try parameters.map { ($0.parameter, try tensor($0.name, shape: $0.parameter.value.shape)) }
        var means: [String: Tensor] = [:]
        for (name, value) in average?.values ?? [] {
            means[name] = try tensor(Self.mean + name, shape: value.shape)
        }
        var moments: [String: Tensor] = [:]
        for entry in file.tensors where entry.name.hasPrefix(Self.moment) {
            moments[String(entry.name.dropFirst(Self.moment.count))] = try file.readTensor(entry)
        }
        let random = try tensor(Self.random, shape: nil).array(as: UInt8.self)
        try Autograd.withoutGrad {
            for (parameter, value) in weights { try parameter.value.detached().copy(from: value) }
            try average?.restore(means)
        }
        try optimizer.restore(moments, stepCount: steps)
        try Engine.setRandomState(random, of: device)
    }
}
