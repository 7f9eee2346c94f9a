import Foundation
import Synchronization

/// Work on many items by a few threads.
public enum Parallel {
    /// Calls `body` for every index in 0 ..< count, on `threads` threads; the caller's thread shows the progress.
    ///
    /// Where the system gives fewer threads, these do all items; where it gives none, an error is thrown. The first error
    /// ends the work and is thrown. When `shouldStop` says true no new item is begun.
    ///
    /// - Returns: whether all items were done, rather than stopped.
    public static func forEach(
        count: Int, threads: Int, progress: ProgressReporter? = nil, shouldStop: () -> Bool,
        _ body: @escaping @Sendable (Int) throws -> Void
    ) throws -> Bool {
        let work = Work(count: count, body: body)
        let group = DispatchGroup()
        let requested = max(1, min(threads, count))
        for _ in 0..<requested { group.enter() }
        let started: Int
        do {
            started = try WorkerThreads.start(requested) {
                work.run()
                group.leave()
            }
        } catch {
            for _ in 0..<requested { group.leave() }
            throw error
        }
        for _ in started..<requested { group.leave() }
        while group.wait(timeout: .now() + .milliseconds(50)) == .timedOut {
            if shouldStop() { work.stop() }
            progress?.update(work.done)
        }
        if let error = work.error { throw error }
        progress?.update(work.done)
        return work.done == count
    }

    /// The values of `body` for 0 ..< count, in order, computed on several threads, the caller's among them; what comes
    /// out never depends on the number of threads.
    ///
    /// - Parameter threads: nil for as many as there are processors.
    public static func map<Value: Sendable>(
        _ count: Int, threads: Int?, _ body: @Sendable (Int) -> Value
    ) -> [Value] {
        let workers = max(1, min(threads ?? Processors.count, count))
        guard workers > 1 else { return (0..<count).map(body) }
        return [Value](unsafeUninitializedCapacity: count) { buffer, initialised in
            // Each worker writes its own places only.
            nonisolated(unsafe) let places = buffer
            DispatchQueue.concurrentPerform(iterations: workers) { worker in
                for index in stride(from: worker, to: count, by: workers) {
                    places.initializeElement(at: index, to: body(index))
                }
            }
            initialised = count
        }
    }

    private final class Work: Sendable {
        struct State {
            var next = 0
            var done = 0
            var isStopped = false
            var error: (any Error)?
        }
        private let count: Int
        private let body: @Sendable (Int) throws -> Void
        private let state = Mutex(State())

        init(count: Int, body: @escaping @Sendable (Int) throws -> Void) {
            self.count = count
            self.body = body
        }

        var done: Int { state.withLock { $0.done } }
        var error: (any Error)? { state.withLock { $0.error } }
        func stop() { state.withLock { $0.isStopped = true } }

        func run() {
            while let index = take() {
                do {
                    try body(index)
                    state.withLock { $0.done += 1 }
                } catch {
                    state.withLock { state in
                        state.error = state.error ?? error
                        state.isStopped = true
                    }
                }
            }
        }

        private func take() -> Int? {
            state.withLock { state in
                guard !state.isStopped, state.next < count else { return nil }
                state.next += 1
                return state.next - 1
            }
        }
    }
}
