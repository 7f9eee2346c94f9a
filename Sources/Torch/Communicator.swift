import Basics

/// How the processes of a data-parallel training combine what each of them has computed. All of them make the same calls in
/// the same order.
public protocol Communicator: Sendable {
    /// The number of this process, from 0.
    var rank: Int { get }
    /// The number of processes.
    var size: Int { get }
    /// Replaces each tensor, in place, by the sum over all processes.
    func allReduce(_ tensors: [Tensor]) throws
    /// Waits until all processes have come here, however long one of them works alone.
    func barrier() throws
    /// The error to report where another one came up: that a process has ended, if that is what it comes from.
    func explanation(of error: any Error) -> any Error
}

extension Communicator {
    /// The error itself, unless said otherwise.
    public func explanation(of error: any Error) -> any Error { error }
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
    /// There is no other process to wait for.
    public func barrier() {}
}

extension Communicator {
    /// Replaces each tensor, in place, by that of the first process.
    public func broadcast(_ tensors: [Tensor]) throws {
        if rank != 0 { try Autograd.withoutGrad { for tensor in tensors { try tensor.fill(0) } } }
        try allReduce(tensors)
    }

    /// Numbers, each added up over all processes.
    public func sums(_ numbers: [Double]) throws -> [Double] {
        guard size > 1 else { return numbers }
        let tensor = try Tensor(numbers)
        try allReduce([tensor])
        return try tensor.array(as: Double.self)
    }

    /// Numbers of each process, as many as it has, in the order of the processes.
    public func all<Number: TensorElement & Numeric>(_ own: [Number]) throws -> [ArraySlice<Number>] {
        guard size > 1 else { return [own[...]] }
        var counts = [Double](repeating: 0, count: size)
        counts[rank] = Double(own.count)
        let ends = try sums(counts).reduce(into: [0]) { $0.append($0[$0.count - 1] + Int($1)) }
        var joined = [Number](repeating: 0, count: ends[size])
        joined.replaceSubrange(ends[rank]..<ends[rank + 1], with: own)
        let tensor = try Tensor(joined)
        try allReduce([tensor])
        joined = try tensor.array(as: Number.self)
        return (0..<size).map { joined[ends[$0]..<ends[$0 + 1]] }
    }

    /// A text of each process, in the order of the processes.
    public func texts(_ own: String) throws -> [String] {
        try all(Array(own.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// What the first process decides, for all of them; it may take its time.
    public func decided(_ decide: () throws -> String) throws -> String {
        let own = rank == 0 ? try decide() : ""
        try barrier()
        return try texts(own)[0]
    }

    /// Verifies that something is the same in all processes.
    ///
    /// - Throws: `FoveaError` of kind `configuration` that names one where it is not.
    public func requireEqual(_ own: @autoclosure () throws -> String, _ what: String) throws {
        guard size > 1 else { return }
        let all = try texts(own())
        guard let other = all.firstIndex(where: { $0 != all[0] }) else { return }
        throw FoveaError(
            .configuration,
            "the processes do not do the same: \(what) \(all[0]) in process 0, \(all[other]) in process \(other)",
            remedy: "Start all of them with one command, which finds the same program and the same files everywhere.")
    }

    /// The part of `count` things that is this process's own: ranges in the order of the processes, as equal as can be.
    public func part(of count: Int) -> Range<Int> { count * rank / size..<count * (rank + 1) / size }
}
