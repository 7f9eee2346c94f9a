import Torch

private let copy = Operator("aten::_foreach_copy_")

/// The buffers of a network as they once were, such as the running means of its batch norms: what a forward pass
/// changes although no step is taken.
public final class BufferSnapshot {
    private let buffers: [Parameter]
    private let kept: [Tensor]

    /// Keeps what the buffers of `module` hold now.
    public init(of module: some Module) throws {
        buffers = module.namedParameters.map(\.parameter).filter(\.isBuffer)
        kept = try buffers.map { try $0.value.cloned() }
    }

    /// Keeps what they hold now instead.
    public func keep() throws {
        guard !kept.isEmpty else { return }
        try Autograd.withoutGrad {
            _ = try copy.call([.tensors(kept), .tensors(buffers.map(\.value)), .bool(false)], capacity: kept.count)
        }
    }

    /// Gives the buffers back what was kept.
    public func restore() throws {
        guard !kept.isEmpty else { return }
        try Autograd.withoutGrad {
            _ = try copy.call([.tensors(buffers.map(\.value)), .tensors(kept), .bool(false)], capacity: kept.count)
        }
    }
}
