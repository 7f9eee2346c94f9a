import Basics
import CTorch
import Foundation

/// Processes, of one machine or several, that a launcher has started to compute together; by gloo, which is a part of
/// libtorch. Tensors of a GPU pass through the memory of the processor.
public final class ProcessGroup: Communicator, @unchecked Sendable {
    /// The number of this process, from 0.
    public let rank: Int
    /// The number of processes.
    public let size: Int
    private let handle: OpaquePointer
    private var hasEnded = false

    /// Tensors are sent together up to so many bytes; as PyTorch does.
    private static let bucket = 25 << 20
    /// Seconds after which a process that neither ends nor answers is given up.
    private static let (joining, answering, working) = (600.0, 1800, 7 * 86_400)
    /// Seconds in which processes notice that another one has ended.
    private static let noticing = 5.0

    /// Joins the processes of a launch; waits until all have come.
    ///
    /// - Parameters:
    ///   - patience: the seconds to wait; nil: ten minutes.
    ///   - shouldStop: called several times per second; true ends the waiting.
    ///   - tell: called with what it waits for, where that takes long.
    /// - Throws: `FoveaError` of kind `environment` when the port is taken, or when they do not come; `CancellationError`
    ///   when stopped.
    public init(
        _ launch: Launch, patience: Double? = nil, shouldStop: @escaping () -> Bool = { false },
        tell: @escaping (String) -> Void = { _ in }
    ) throws {
        (rank, size) = (launch.rank, launch.size)
        handle = try ProcessMeeting(launch, patience ?? Self.joining, shouldStop, tell).group()
    }

    deinit { ct_group_leave(handle) }

    /// Replaces each tensor, in place, by the sum over all processes.
    ///
    /// - Throws: `FoveaError` of kind `peer` when another process has ended.
    public func allReduce(_ tensors: [Tensor]) throws {
        try Autograd.withoutGrad {
            var rest = tensors[...]
            while let first = rest.first {
                var bytes = 0
                let together = rest.prefix { tensor in
                    defer { bytes += tensor.count * 8 }
                    return bytes < Self.bucket && tensor.dtype == first.dtype && tensor.device == first.device
                }
                rest = rest.dropFirst(together.count)
                try sum(Array(together))
            }
        }
    }

    private func sum(_ tensors: [Tensor]) throws {
        let joined = try Tensor.concatenated(tensors.map { try $0.detached().reshaped([-1]) }, in: 0)
            .to(device: .cpu)
        guard joined.count > 0 else { return }
        try sum(joined, within: Self.answering)
        var start = 0
        for tensor in tensors {
            let count = tensor.count
            try tensor.copy(from: joined.narrowed(0, from: start, length: count).reshaped(tensor.shape))
            start += count
        }
    }

    /// Waits until all processes have come here, however long one of them works alone.
    public func barrier() throws { try sum(Tensor([0.0]), within: Self.working) }

    private func sum(_ tensor: Tensor, within seconds: Int) throws {
        var error: UnsafeMutablePointer<CChar>?
        guard ct_group_sum(handle, tensor.handle, Int64(seconds), &error) else {
            throw explanation(of: engineError("adding up over \(size) processes", &error))
        }
    }

    /// That a process has ended, where that is what an error comes from.
    public func explanation(of error: any Error) -> any Error {
        let message = (error as? FoveaError)?.message ?? ""
        guard let mark = message.range(of: Self.mark) else { return error }
        return ended(String(message[mark.upperBound...]))
    }

    /// How group.cpp marks what comes from the connections.
    private static let mark = "between the processes: "

    /// The error for a group of which a process does not answer any more: those that still do say so to each other.
    private func ended(_ reason: String) -> FoveaError {
        defer { hasEnded = true }
        guard !hasEnded else { return FoveaError(.peer, reason) }
        ct_group_note(handle, "noticed \(rank)", nil)
        ct_group_disconnect(handle)
        let end = Date().addingTimeInterval(Self.noticing)
        var silent = (0..<size).filter { $0 != rank }
        while !silent.isEmpty, Date() < end {
            var error: UnsafeMutablePointer<CChar>?
            silent.removeAll { error == nil && ct_group_noted(handle, "noticed \($0)", &error) }
            if error != nil {
                // The one that serves the notes is gone.
                _ = takeText(&error)
                silent = [0]
                break
            }
            Thread.sleep(forTimeInterval: 0.05)
        }
        let names = silent.isEmpty ? "A process" : "Process " + silent.map(String.init).joined(separator: ", ")
        return FoveaError(
            .peer, "\(names) of \(size) has ended or does not answer, so process \(rank) ends too (\(reason))",
            remedy:
                "Its own message says why. torchrun --max-restarts starts all of them again; `fovea train --resume` "
                + "continues from the last checkpoint.")
    }

    /// Batch normalisation in training over the images of all processes, differentiable; [N, C, H, W].
    ///
    /// The running statistics are changed in place.
    public func batchNorm(
        _ x: Tensor, weight: Tensor, bias: Tensor, runningMean: Tensor, runningVariance: Tensor, momentum: Double,
        epsilon: Double
    ) throws -> Tensor {
        var error: UnsafeMutablePointer<CChar>?
        let result = ct_group_batch_norm(
            handle, x.handle, weight.handle, bias.handle, runningMean.handle, runningVariance.handle, momentum, epsilon,
            &error)
        guard let result = Tensor(owning: result) else {
            throw explanation(of: engineError("batch norm of \(size) processes", &error))
        }
        return result
    }
}
