import Basics
import Torch

private enum Kernels {
    static let conv2d = Operator("aten::conv2d")
    static let linear = Operator("aten::linear")
    static let batchNorm = Operator("aten::batch_norm")
    static let pad = Operator("aten::constant_pad_nd")
    static let maxPool = Operator("aten::max_pool2d")
    static let averagePool = Operator("aten::adaptive_avg_pool2d")
    // oneDNN's own.
    static let packedWeight = Operator("mkldnn::_reorder_convolution_weight")
    static let fused = Operator("mkldnn::_convolution_pointwise")
    static let fusedSum = Operator("mkldnn::_convolution_pointwise_", "binary")
}

/// What a layer's output passes through, element by element.
public enum Activation: Sendable {
    case none, relu, relu6

    /// The tensor with each element replaced.
    public func callAsFunction(_ x: Tensor) throws -> Tensor {
        switch self {
        case .none: x
        case .relu: try x.relu()
        case .relu6: try x.relu6()
        }
    }

    /// As oneDNN's operators take it: name, parameters, algorithm.
    fileprivate var fused: [Argument] {
        switch self {
        case .none: [.string("none"), .doubles([]), .none]
        case .relu: [.string("relu"), .doubles([]), .none]
        case .relu6: [.string("hardtanh"), .doubles([0, 6]), .none]
        }
    }
}

/// How a convolution fills the border of its input.
public enum Padding: String, Sendable, Codable, CaseIterable {
    /// The same width on both sides (PyTorch).
    case symmetric
    /// TensorFlow's "SAME": as much as the output size ceil(n / stride) needs, the odd pixel right and below.
    case same
    /// Not at all.
    case none
}

/// A two-dimensional convolution; weight [outputs, inputs / groups, kernel, kernel], input [N, C, H, W].
public final class Conv2d: Module {
    /// The kernel.
    public let weight: Parameter
    /// Added per output channel; nil for none.
    public private(set) var bias: Parameter?
    private let stride: Int
    private let kernel: Int
    private let groups: Int
    private let padding: Padding
    /// The weight in the layout that oneDNN chose for the first input that was fused.
    private var packedWeight: Tensor?

    /// Makes a layer with PyTorch's default initialisation (He, uniform, a = sqrt 5).
    public init(
        _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1, bias: Bool = false,
        padding: Padding = .symmetric
    ) throws {
        self.stride = stride
        self.kernel = kernel
        self.groups = groups
        self.padding = padding
        let bound = 1 / Double(inputs / groups * kernel * kernel).squareRoot()
        weight = try Parameter(.uniform([outputs, inputs / groups, kernel, kernel], -bound, bound))
        self.bias = bias ? try Parameter(.uniform([outputs], -bound, bound)) : nil
    }

    /// The weights under PyTorch's names.
    public var ownParameters: [(name: String, parameter: Parameter)] {
        [("weight", weight)] + (bias.map { [("bias", $0)] } ?? [])
    }

    /// The convolution of [N, inputs, H, W], [N, outputs, H', W'].
    public func callAsFunction(_ x: Tensor) throws -> Tensor {
        let (x, border) = try bordered(x)
        return try Kernels.conv2d(
            .tensor(x), .tensor(weight.value), .optional(bias?.value), .ints([stride, stride]),
            .ints([border, border]), .ints([1, 1]), .int(groups))
    }

    /// Whether `fused` works here.
    public static var canFuse: Bool { Kernels.packedWeight.exists && Kernels.fused.exists && Kernels.fusedSum.exists }

    /// The convolution and what follows it in one pass over the memory, which gives the same up to rounding: float32, on
    /// the processor, not differentiated, with weights that no longer change.
    ///
    /// - Parameter other: added before the activation, and overwritten.
    public func fused(_ x: Tensor, adding other: Tensor?, then activation: Activation) throws -> Tensor {
        let (x, border) = try bordered(x)
        let sides: [Argument] = [.ints([border, border]), .ints([stride, stride]), .ints([1, 1]), .int(groups)]
        let weight =
            try packedWeight ?? Kernels.packedWeight.call([.tensor(weight.value)] + sides + [.ints(x.shape)])[0]
        packedWeight = weight
        let inputs: [Argument] = [.tensor(x), .tensor(weight), .optional(bias?.value)] + sides
        guard let other else { return try Kernels.fused.call(inputs + activation.fused)[0] }
        let sum: [Argument] =
            [.string("add"), .double(1)] + (activation == .none ? [.none, .doubles([]), .none] : activation.fused)
        return try Kernels.fusedSum.call([.tensor(other)] + inputs + sum)[0]
    }

    /// The input, padded where its two sides need different borders, and the border that the convolution adds itself.
    private func bordered(_ input: Tensor) throws -> (Tensor, border: Int) {
        var x = input
        var border = padding == .none ? 0 : (kernel - 1) / 2
        if padding == .same, kernel > 1 {
            let (top, bottom) = sameBorder(x.shape[2])
            let (left, right) = sameBorder(x.shape[3])
            if top == bottom, left == right, top == left {
                border = top
            } else {
                x = try Kernels.pad(.tensor(x), .ints([left, right, top, bottom]))
                border = 0
            }
        }
        return (x, border)
    }

    private func sameBorder(_ size: Int) -> (before: Int, after: Int) {
        let outputs = (size + stride - 1) / stride
        let total = max(0, (outputs - 1) * stride + kernel - size)
        return (total / 2, total - total / 2)
    }

    /// Multiplies each output channel by `scale` and adds `shift`: how a batch norm with fixed statistics is absorbed.
    func absorb(scale: Tensor, shift: Tensor) throws {
        try Autograd.withoutGrad {
            try weight.replace(weight.value * scale.reshaped([-1, 1, 1, 1]))
            let shifted = try bias.map { try $0.value * scale + shift } ?? shift
            bias = try Parameter(shifted.detached())
        }
    }
}

/// Batch normalisation over [N, C, H, W] (Ioffe and Szegedy, ICML 2015), with PyTorch's running statistics.
public final class BatchNorm2d: Module {
    private let weight: Parameter
    private let bias: Parameter
    private let runningMean: Parameter
    private let runningVariance: Parameter
    private let epsilon: Double
    private let momentum: Double
    private var isTraining = true
    private var isAbsorbed = false
    /// The processes over whose images the statistics of training are taken; nil for this one's own.
    fileprivate var group: ProcessGroup?

    /// Makes a layer for `features` channels.
    public init(_ features: Int, epsilon: Double = 1e-5, momentum: Double = 0.1) throws {
        self.epsilon = epsilon
        self.momentum = momentum
        weight = try Parameter(.ones([features]))
        bias = try Parameter(.zeros([features]))
        runningMean = try Parameter(.zeros([features]), isBuffer: true)
        runningVariance = try Parameter(.ones([features]), isBuffer: true)
    }

    /// The weights under PyTorch's names.
    public var ownParameters: [(name: String, parameter: Parameter)] {
        if isAbsorbed { return [] }
        return [
            ("weight", weight), ("bias", bias), ("running_mean", runningMean), ("running_var", runningVariance),
        ]
    }

    /// Switches between training and evaluation.
    public func setOwnTraining(_ isTraining: Bool) { self.isTraining = isTraining }

    /// The normalised input, same shape; while training also updates the running statistics.
    ///
    /// One value per channel has no variance (PyTorch's module refuses it): such a batch, as of one image on a map of
    /// one pixel, is normalised by the running statistics.
    public func callAsFunction(_ x: Tensor) throws -> Tensor {
        if isAbsorbed { return x }
        if isTraining, let group {
            return try group.batchNorm(
                x, weight: weight.value, bias: bias.value, runningMean: runningMean.value,
                runningVariance: runningVariance.value, momentum: momentum, epsilon: epsilon)
        }
        let hasVariance = x.count > x.shape[1]
        return try Kernels.batchNorm(
            .tensor(x), .tensor(weight.value), .tensor(bias.value), .tensor(runningMean.value),
            .tensor(runningVariance.value), .bool(isTraining && hasVariance), .double(momentum), .double(epsilon),
            .bool(true))
    }

    /// Hands this layer's fixed statistics to the convolution before it and does nothing from then on.
    ///
    /// For networks that only predict: the result is the same up to rounding, with one pass less over the data.
    public func fold(into convolution: Conv2d) throws {
        guard !isAbsorbed else { return }
        try Autograd.withoutGrad {
            let scale = try weight.value / (runningVariance.value + epsilon).sqrt()
            try convolution.absorb(scale: scale, shift: bias.value - runningMean.value * scale)
        }
        isAbsorbed = true
    }
}

extension Module {
    /// Makes the batch norms of training take their statistics over the images of all processes; nil: of this one.
    public func shareBatchNorms(in group: ProcessGroup?) {
        (self as? BatchNorm2d)?.group = group
        for child in children { child.module.shareBatchNorms(in: group) }
    }
}

/// y = x W^T + b; weight [outputs, inputs], input [..., inputs].
public final class Linear: Module {
    /// The matrix.
    public let weight: Parameter
    /// Added per output.
    public let bias: Parameter?
    /// Logarithm of a factor on each row of the matrix, [outputs]; nil for none.
    public private(set) var logScale: Parameter?

    /// Makes a layer with PyTorch's default initialisation.
    public init(_ inputs: Int, _ outputs: Int, bias: Bool = true) throws {
        let bound = 1 / Double(max(1, inputs)).squareRoot()
        weight = try Parameter(.uniform([outputs, inputs], -bound, bound))
        self.bias = bias ? try Parameter(.uniform([outputs], -bound, bound)) : nil
    }

    /// The weights under PyTorch's names.
    ///
    /// Rows with factors of their own have "log_scale" too, which no published network has.
    public var ownParameters: [(name: String, parameter: Parameter)] {
        [("weight", weight)] + (bias.map { [("bias", $0)] } ?? []) + (logScale.map { [("log_scale", $0)] } ?? [])
    }

    /// [..., inputs] -> [..., outputs].
    public func callAsFunction(_ x: Tensor) throws -> Tensor {
        try Kernels.linear(.tensor(x), .tensor(scaledWeight()), .optional(bias?.value))
    }

    private func scaledWeight() throws -> Tensor {
        guard let logScale else { return weight.value }
        return try weight.value * logScale.value.exp().reshaped([-1, 1])
    }

    /// Gives each row of the matrix a positive factor that training can change, 1 to begin with.
    public func beginScaling() throws {
        logScale = try Parameter(.zeros([weight.value.shape[0]], device: weight.value.device))
    }

    /// Multiplies the rows by their factors, which are then gone: the layer computes what it did before.
    public func endScaling() throws {
        try Autograd.withoutGrad { try weight.value.detached().copy(from: scaledWeight().detached()) }
        logScale = nil
    }
}

/// Sets elements to zero with a probability while training and scales the rest up (Srivastava et al., JMLR 2014).
public final class Dropout: Module {
    private let rate: Double
    private var isTraining = true

    /// Drops with probability `rate` in [0, 1).
    public init(_ rate: Double) { self.rate = rate }

    /// Switches between training and evaluation.
    public func setOwnTraining(_ isTraining: Bool) { self.isTraining = isTraining }

    /// The input, parts of it set to zero while training.
    public func callAsFunction(_ x: Tensor) throws -> Tensor {
        guard isTraining, rate > 0 else { return x }
        return try x.dropped(rate)
    }
}

/// Modules one after the other, named "0", "1", ... as in PyTorch.
public final class Sequential: Module {
    private let modules: [any Module]

    /// Chains modules.
    public init(_ modules: [any Module]) { self.modules = modules }

    /// The parts under the published names.
    public var children: [(name: String, module: any Module)] {
        modules.enumerated().map { (String($0.offset), $0.element) }
    }

    /// All modules in turn.
    public func callAsFunction(_ x: Tensor) throws -> Tensor {
        try modules.reduce(x) { try $1($0) }
    }
}

extension Tensor {
    /// The largest value in each window; [N, C, H, W].
    public func maxPooled(kernel: Int, stride: Int, padding: Int) throws -> Tensor {
        try Kernels.maxPool(
            .tensor(self), .ints([kernel, kernel]), .ints([stride, stride]), .ints([padding, padding]))
    }

    /// The mean over each whole channel: [N, C, H, W] -> [N, C].
    public func globallyAveraged() throws -> Tensor {
        try Kernels.averagePool(.tensor(self), .ints([1, 1])).flattened(from: 1)
    }
}
