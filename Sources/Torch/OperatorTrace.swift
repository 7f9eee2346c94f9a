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
    private var calls: [OperatorCall] = []

    private init() {}

    func add(_ name: String, _ arguments: [Argument], _ results: [Tensor]) {
        calls.append(OperatorCall(name: name, arguments: arguments, results: results))
    }

    /// Runs `body` on this thread and gives the calls that it made, in order. All their tensors stay alive with them, so
    /// that `ObjectIdentifier` tells tensors apart.
    public static func record<Result>(
        _ body: () throws -> Result
    ) rethrows -> (result: Result, calls: [OperatorCall]) {
        let trace = OperatorTrace()
        let result = try $current.withValue(trace, operation: body)
        return (result, trace.calls)
    }
}
