import Basics
import Torch

/// A tensor that a network owns: a trainable weight, or a buffer such as a running mean.
public final class Parameter {
    /// The current value; optimisers change it in place, loading and moving replace it.
    public private(set) var value: Tensor
    /// Whether training never touches it by gradient (PyTorch's "buffer").
    public let isBuffer: Bool

    /// Wraps a freshly made tensor.
    public init(_ value: Tensor, isBuffer: Bool = false) throws {
        self.isBuffer = isBuffer
        self.value = isBuffer ? value : try value.requiringGrad()
    }

    /// Takes over another value, of whatever device, type and shape, keeping whether it is trained.
    public func replace(_ new: Tensor) throws {
        let trained = value.requiresGrad
        value = try new.detached()
        if trained { try value.requiringGrad() }
    }

    /// Lets training change it, or not.
    public func setTrainable(_ value: Bool) throws {
        if !isBuffer { try self.value.requiringGrad(value) }
    }
}

/// A part of a network: named parameters, named children, a forward computation.
///
/// Names follow PyTorch, so that `namedParameters` has the keys of a `state_dict`.
public protocol Module: AnyObject {
    /// The parts, in PyTorch's order and under PyTorch's names.
    var children: [(name: String, module: any Module)] { get }
    /// This part's own parameters and buffers.
    var ownParameters: [(name: String, parameter: Parameter)] { get }
    /// Switches this part alone between training and evaluation.
    func setOwnTraining(_ isTraining: Bool)
    /// The forward computation.
    func callAsFunction(_ x: Tensor) throws -> Tensor
}

extension Module {
    /// None, unless said otherwise.
    public var children: [(name: String, module: any Module)] { [] }
    /// None, unless said otherwise.
    public var ownParameters: [(name: String, parameter: Parameter)] { [] }
    /// Nothing to switch, unless said otherwise.
    public func setOwnTraining(_ isTraining: Bool) {}

    /// All parameters and buffers with the keys of PyTorch's `state_dict`.
    public var namedParameters: [(name: String, parameter: Parameter)] {
        ownParameters
            + children.flatMap { child in
                child.module.namedParameters.map { (child.name + "." + $0.name, $0.parameter) }
            }
    }

    /// The parameters that gradients change at present.
    public var trainable: [(name: String, parameter: Parameter)] {
        namedParameters.filter { !$0.parameter.isBuffer && $0.parameter.value.requiresGrad }
    }

    /// Switches everything between training (batch statistics, dropout) and evaluation.
    public func setTraining(_ isTraining: Bool) {
        setOwnTraining(isTraining)
        for child in children { child.module.setTraining(isTraining) }
    }

    /// Moves all parameters to a device, with convolution weights in channels-last layout.
    public func move(to device: Device) throws {
        for (_, parameter) in namedParameters {
            let format: MemoryFormat = parameter.value.rank == 4 ? .channelsLast : .preserve
            let moved = try Autograd.withoutGrad { try parameter.value.to(device: device, format: format) }
            try parameter.replace(moved)
        }
    }

    /// Takes over the values of another network, each from the parameter or buffer of the same name.
    ///
    /// - Throws: `FoveaError` of kind `engine` when one has a name that the other has not, or another shape.
    public func copyValues(from other: some Module, where isWanted: (_ name: String) -> Bool = { _ in true }) throws {
        let sources = Dictionary(other.namedParameters.filter { isWanted($0.name) }) { first, _ in first }
        let mine = namedParameters.filter { isWanted($0.name) }
        let names = Set(mine.map(\.name))
        let apart = names.symmetricDifference(sources.keys).sorted()
        guard apart.isEmpty else {
            throw FoveaError(
                .engine,
                "only one of two networks has \(Pluralization.listing(apart)): one cannot be copied into the other")
        }
        try Autograd.withoutGrad {
            for (name, parameter) in mine {
                guard let source = sources[name]?.value, source.shape == parameter.value.shape else {
                    throw FoveaError(.engine, "\(name) has shape \(parameter.value.shape) in one of two networks only")
                }
                try parameter.value.copy(from: source.to(device: .cpu))
            }
        }
    }
}
