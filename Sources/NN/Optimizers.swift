import Basics
import Torch

private enum Kernels {
    static let adamW = Operator("aten::_fused_adamw_")
    static let sgd = Operator("aten::_fused_sgd_")
    static let add = Operator("aten::_foreach_add_", "Scalar")
    static let multiply = Operator("aten::_foreach_mul_", "Scalar")
    static let lerp = Operator("aten::_foreach_lerp_", "Scalar")
    static let norm = Operator("aten::_foreach_norm", "Scalar")
}

/// Parameters that share a learning-rate factor and a weight decay.
public struct ParameterGroup {
    /// The weights, with their names.
    public var parameters: [(name: String, parameter: Parameter)]
    /// Multiplies the scheduled learning rate; lower for a pretrained backbone.
    public var rateFactor: Double
    /// Decoupled for AdamW, added to the gradient for SGD.
    public var weightDecay: Double

    /// Makes a group.
    public init(_ parameters: [(name: String, parameter: Parameter)], rateFactor: Double = 1, weightDecay: Double = 0) {
        self.parameters = parameters
        self.rateFactor = rateFactor
        self.weightDecay = weightDecay
    }
}

/// Which optimiser, with its constants (PyTorch's defaults).
public enum OptimizerKind: Sendable, Equatable {
    /// AdamW (Loshchilov and Hutter, ICLR 2019).
    case adamW(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8)
    /// Stochastic gradient descent with momentum.
    case sgd(momentum: Double = 0.9, nesterov: Bool = false)
}

/// An optimiser over groups of parameters, by libtorch's fused kernels.
public final class Optimizer {
    private let kind: OptimizerKind
    private let groups: [ParameterGroup]
    private var moments: [String: Tensor] = [:]
    private var steps: [String: Tensor] = [:]
    /// How many steps have been taken.
    public private(set) var stepCount = 0

    /// Makes an optimiser; state is allocated by the first step.
    public init(_ kind: OptimizerKind, _ groups: [ParameterGroup]) {
        self.kind = kind
        self.groups = groups
    }

    /// All parameters, of all groups.
    public var parameters: [(name: String, parameter: Parameter)] { groups.flatMap(\.parameters) }

    /// One step at the given learning rate. A parameter without a gradient stays as it is.
    public func step(rate: Double) throws {
        try Autograd.withoutGrad {
            for group in groups {
                let members = group.parameters.compactMap { name, parameter in
                    parameter.value.grad.map { (name: name, value: parameter.value, grad: $0) }
                }
                guard !members.isEmpty else { continue }
                let values = members.map(\.value)
                let grads = members.map(\.grad)
                let rate = rate * group.rateFactor
                switch kind {
                case .adamW(let beta1, let beta2, let epsilon):
                    let first = try members.map { try state("exp_avg", $0.name, like: $0.value) }
                    let second = try members.map { try state("exp_avg_sq", $0.name, like: $0.value) }
                    let counts = try members.map { try count($0.name, on: $0.value.device) }
                    try Kernels.add.call([.tensors(counts), .double(1)])
                    try Kernels.adamW.call([
                        .tensors(values), .tensors(grads), .tensors(first), .tensors(second), .tensors([]),
                        .tensors(counts), .double(rate), .double(beta1), .double(beta2),
                        .double(group.weightDecay), .double(epsilon), .bool(false), .bool(false),
                    ])
                case .sgd(let momentum, let nesterov):
                    // A zero buffer makes the first step PyTorch's: momentum * 0 + gradient.
                    let buffers =
                        momentum == 0
                        ? [] : try members.map { try state("momentum_buffer", $0.name, like: $0.value) }
                    try Kernels.sgd.call([
                        .tensors(values), .tensors(grads), .tensors(buffers), .double(group.weightDecay),
                        .double(momentum), .double(rate), .double(0), .bool(nesterov), .bool(false), .bool(false),
                    ])
                }
            }
        }
        stepCount += 1
    }

    /// Frees all gradients.
    public func clearGradients() throws {
        for (_, parameter) in parameters { try parameter.value.setGrad(nil) }
    }

    /// The gradients that are added up, of the parameters that have one.
    public var gradients: [Tensor] { parameters.compactMap { $0.parameter.value.grad } }

    /// Scales all gradients so that their common norm is at most `limit` (nil: only measures); gives the norm before.
    ///
    /// As PyTorch's `clip_grad_norm_`: the factor is limit / (norm + 1e-6), at most 1.
    @discardableResult
    public func clipGradients(to limit: Double?) throws -> Double {
        let grads = gradients
        guard !grads.isEmpty else { return 0 }
        return try Autograd.withoutGrad {
            let norms = try Kernels.norm.call([.tensors(grads), .double(2)], capacity: grads.count)
            let norm = try Tensor.stacked(norms).norm().item()
            if let limit, norm.isFinite, norm > limit {
                try Kernels.multiply.call([.tensors(grads), .double(limit / (norm + 1e-6))])
            }
            return norm
        }
    }

    /// Everything a resumed run needs, by name: moments as `NAME.exp_avg`, step counts as `NAME.step`.
    public var state: [(name: String, tensor: Tensor)] {
        (Array(moments) + steps.map { ($0.key + ".step", $0.value) }).sorted { $0.key < $1.key }
            .map { (name: $0.key, tensor: $0.value) }
    }

    /// Restores what `state` gave.
    public func restore(_ state: [String: Tensor], stepCount: Int) throws {
        moments = [:]
        steps = [:]
        for (name, parameter) in parameters {
            for key in ["exp_avg", "exp_avg_sq", "momentum_buffer"] {
                guard let saved = state[name + "." + key] else { continue }
                guard saved.shape == parameter.value.shape else {
                    throw FoveaError(
                        .data,
                        "optimiser state \(name).\(key) has shape \(saved.shape), the weight \(parameter.value.shape)")
                }
                let copy = try Tensor.zeros(
                    saved.shape, dtype: parameter.value.dtype, device: parameter.value.device)
                let laidOut = parameter.value.rank == 4 ? try copy.contiguous(.channelsLast) : copy
                try laidOut.copy(from: saved)
                moments[name + "." + key] = laidOut
            }
            if let saved = state[name + ".step"] {
                steps[name] = try saved.to(device: parameter.value.device, dtype: .float32).cloned()
            }
        }
        self.stepCount = stepCount
    }

    private func state(_ key: String, _ name: String, like value: Tensor) throws -> Tensor {
        if let found = moments[name + "." + key] { return found }
        let made = try value.detached().cloned()
        try made.fill(0)
        moments[name + "." + key] = made
        return made
    }

    private func count(_ name: String, on device: Device) throws -> Tensor {
        if let found = steps[name] { return found }
        let made = try Tensor.zeros([], device: device)
        steps[name] = made
        return made
    }
}

/// An exponential moving average of all weights and buffers of a network.
public final class WeightAverage {
    private let decay: Double
    private let source: [(name: String, parameter: Parameter)]
    /// The averaged values, by name.
    public private(set) var values: [(name: String, tensor: Tensor)]

    /// Begins with the present weights of `module`; `decay` is the share that stays at each update, such as 0.999.
    public init(of module: some Module, decay: Double) throws {
        self.decay = decay
        source = module.namedParameters
        values = try Autograd.withoutGrad {
            try module.namedParameters.map { ($0.name, try $0.parameter.value.detached().cloned()) }
        }
    }

    /// Moves the average a step towards the present weights.
    public func update() throws {
        try Autograd.withoutGrad {
            _ = try Kernels.lerp.call([
                .tensors(values.map(\.tensor)), .tensors(source.map { try $0.parameter.value.detached() }),
                .double(1 - decay),
            ])
        }
    }

    /// Exchanges the network's weights and the averaged ones, in place; call it again to change back.
    public func swap() throws {
        try Autograd.withoutGrad {
            for (mine, theirs) in zip(values, source) {
                let kept = try mine.tensor.cloned()
                try mine.tensor.copy(from: theirs.parameter.value.detached())
                try theirs.parameter.value.detached().copy(from: kept)
            }
        }
    }

    /// Restores saved averages.
    public func restore(_ saved: [String: Tensor]) throws {
        for (name, tensor) in values {
            guard let value = saved[name] else {
                throw FoveaError(.data, "the checkpoint has no averaged weight \(name)")
            }
            try tensor.copy(from: value)
        }
    }
}
