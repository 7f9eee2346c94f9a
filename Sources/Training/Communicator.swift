import Torch

/// How the processes of a data-parallel training combine what each of them has computed.
public protocol Communicator {
    /// The number of this process, from 0.
    var rank: Int { get }
    /// The number of processes.
    var size: Int { get }
    /// Replaces each tensor, in place, by the sum over all processes.
    func allReduce(_ tensors: [Tensor]) throws
    /// Replaces each tensor, in place, by that of the process `root`.
    func broadcast(_ tensors: [Tensor], from root: Int) throws
    /// Waits until all processes have come here.
    func barrier() throws
}

/// One process alone: there is nothing to combine.
public struct SingleProcess: Communicator {
    /// The only process.
    public let rank = 0
    /// One.
    public let size = 1

    /// Makes it.
    public init() {}

    /// The sum over one process is the tensor itself.
    public func allReduce(_ tensors: [Tensor]) {}
    /// The tensors are those of the root already.
    public func broadcast(_ tensors: [Tensor], from root: Int) {}
    /// There is no other process to wait for.
    public func barrier() {}
}
