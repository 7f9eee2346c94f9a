import Serving
import Synchronization

/// A limit on how long work may take.
struct Deadline: Sendable {
    let seconds: Double
    /// The error where the time did not suffice.
    let late: ServiceError
    /// The error by which the time is over before; nil until then.
    var end: @Sendable () -> ServiceError? = { nil }

    /// The value of `body`, which is cancelled when the time is over, and then waited for: it must end soon.
    func cancelling<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask { try await body() }
            group.addTask { throw try await expiry() }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw late }
            return first
        }
    }

    /// The error, once the time is over.
    private func expiry() async throws -> ServiceError {
        let last = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < last {
            if let error = end() { return error }
            try await Task.sleep(until: min(last, .now + .milliseconds(50)))
        }
        return late
    }

    /// The value of `body`, which is cancelled when the time is over, or with the task, and not waited for: it may be busy.
    func leaving<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let waiting = Waiting<Value>()
        let work = Task {
            do { waiting.finish(.success(try await body())) } catch { waiting.finish(.failure(error)) }
        }
        let timer = Task {
            waiting.finish(.failure(try await expiry()))
            work.cancel()
        }
        defer { timer.cancel() }
        return try await withTaskCancellationHandler {
            try await waiting.value()
        } onCancel: {
            waiting.finish(.failure(CancellationError()))
            work.cancel()
        }
    }

    /// A result that comes once and is waited for once.
    private final class Waiting<Value: Sendable>: Sendable {
        private enum State {
            case nothing
            case waiting(CheckedContinuation<Value, any Error>)
            case result(Result<Value, any Error>)
            case over
        }

        private let state = Mutex(State.nothing)

        func finish(_ result: Result<Value, any Error>) {
            let waiting = state.withLock { state -> CheckedContinuation<Value, any Error>? in
                switch state {
                case .nothing: state = .result(result)
                case .waiting(let continuation):
                    state = .over
                    return continuation
                case .result, .over: break
                }
                return nil
            }
            waiting?.resume(with: result)
        }

        func value() async throws -> Value {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state -> Result<Value, any Error>? in
                    guard case .result(let result) = state else {
                        state = .waiting(continuation)
                        return nil
                    }
                    state = .over
                    return result
                }
                if let result { continuation.resume(with: result) }
            }
        }
    }
}
