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
        count.signal()
    }

    /// The value of `body`, which one of the threads computes.
    ///
    /// - Throws: `CancellationError` when the task is cancelled before it begins.
    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        let isLeft = Flag()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                waiting.withLock { state in
                    state.work.append {
                        continuation.resume(
                            with: Result {
                                guard !isLeft.isSet else { throw CancellationError() }
                                return try body()
                            })
                    }
                }
                count.signal()
            }
        } onCancel: {
            isLeft.set()
        }
    }

    private final class Flag: Sendable {
        private let state = Atomic(false)
        var isSet: Bool { state.load(ordering: .relaxed) }
        func set() { state.store(true, ordering: .relaxed) }
    }

    private func next() -> (@Sendable () -> Void)? {
        while true {
            count.wait()
            let (work, isOpen) = waiting.withLock { state in
                (state.work.isEmpty ? nil : state.work.removeFirst(), state.isOpen)
            }
            if let work { return work }
            if !isOpen {
                // The next thread learns of it too.
                count.signal()
                return nil
            }
        }
    }
}
