import Basics
import Foundation
import Synchronization

/// Threads for work that takes long: those of Swift's concurrency stay free for connections.
final class WorkQueue: Sendable {
    private let waiting = Mutex<(work: [@Sendable () -> Void], isOpen: Bool)>(([], true))
    private let count = DispatchSemaphore(value: 0)

    /// Starts the threads, or as many of them as the system gives.
    ///
    /// - Throws: `FoveaError` of kind `environment` where the system gives none.
    init(threads: Int) throws {
        try WorkerThreads.start(threads) { [self] in
            while let work = next() { work() }
        }
    }

    /// Ends the threads, once all work is done.
    func close() {
        waiting.withLock { $0.isOpen = false }
        // More than there can be threads: each takes one and finds nothing.
        for _ in 0..<1024 { count.signal() }
    }

    /// The value of `body`, which one of the threads computes.
    ///
    /// - Throws: `CancellationError` when the task was cancelled before; work that waits is done nevertheless.
    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try Task.checkCancellation()
        return try await withCheckedThrowingContinuation { continuation in
            waiting.withLock { $0.work.append { continuation.resume(with: Result { try body() }) } }
            count.signal()
        }
    }

    private func next() -> (@Sendable () -> Void)? {
        while true {
            count.wait()
            let (work, isOpen) = waiting.withLock { state in
                (state.work.isEmpty ? nil : state.work.removeFirst(), state.isOpen)
            }
            if let work { return work }
            if !isOpen { return nil }
        }
    }
}
