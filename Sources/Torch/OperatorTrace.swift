/// One call of an operator: its arguments, and what it returned.
public struct OperatorCall {
    /// Name and overload, such as "aten::add.Tensor".
    public let name: String
    /// The arguments, in order.
    public let arguments: [Argument]
    /// The tensors that it returned.
    public let results: [Tensor]
}

/// Records which operators a computation calls, so that a network can be written in another form without being described
/// a second time.
public final class OperatorTrace: @unchecked Sendable {
    // Unchecked: a trace is seen only by the thread that records it.
    @TaskLocal static var current: OperatorTrace?
    let add: (OperatorCall) -> Void

    private init(_ add: @escaping (OperatorCall) -> Void) { self.add = add }

    /// Runs `body` on this thread and gives what `keep` makes of each call, in order. Where the calls themselves are kept,
    /// all their tensors stay alive, so that `ObjectIdentifier` tells them apart.
    public static func record<Result, Kept>(
        keeping keep: @escaping (OperatorCall) -> Kept, _ body: () throws -> Result
    ) rethrows -> (result: Result, calls: [Kept]) {
        var calls: [Kept] = []
        let result = try $current.withValue(OperatorTrace { calls.append(keep($0)) }, operation: body)
        return (result, calls)
    }
}
