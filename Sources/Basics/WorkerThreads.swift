import Foundation

/// Threads whose making may fail: Foundation's and Dispatch's wait for ever where the system gives none.
public enum WorkerThreads {
    /// Starts threads that each run `body` once and then end.
    ///
    /// - Returns: how many the system gave, at least 1 and at most `count`.
    /// - Throws: `FoveaError` of kind `environment` when it gave none; `body` is then not run.
    @discardableResult
    public static func start(_ count: Int, _ body: @escaping @Sendable () -> Void) throws -> Int {
        for started in 0..<max(1, count) {
            guard let thread = make(stack: 8 << 20, body) else {
                if started > 0 { return started }
                throw refusal(0)
            }
            pthread_detach(thread)
        }
        return max(1, count)
    }

    /// How many threads the system gives now, at most `count`: they are made, and end at once.
    public static func available(upTo count: Int) -> Int {
        let gate = DispatchSemaphore(value: 0)
        var threads: [pthread_t] = []
        while threads.count < count, let thread = make(stack: 1 << 18, { gate.wait() }) { threads.append(thread) }
        for _ in threads { gate.signal() }
        for thread in threads { pthread_join(thread, nil) }
        return threads.count
    }

    /// The error for a system that gives too few threads.
    public static func refusal(_ available: Int) -> FoveaError {
        FoveaError(
            .environment,
            "the system gives this process \(available == 0 ? "no thread" : "no more than \(available) threads")",
            remedy:
                "Raise the limit on processes and threads (ulimit -u, or the container's limit of process ids), or on memory, "
                + "which each thread needs some of (ulimit -v), or end other programs of the same user.")
    }

    private final class Job: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    private static func make(stack: Int, _ body: @escaping @Sendable () -> Void) -> pthread_t? {
        let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
        pthread_attr_init(attributes)
        defer {
            pthread_attr_destroy(attributes)
            attributes.deallocate()
        }
        pthread_attr_setstacksize(attributes, stack)
        let job = Unmanaged.passRetained(Job(body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, attributes,
            { argument in
                if let argument { Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, job.toOpaque())
        guard code == 0 else {
            job.release()
            return nil
        }
        return thread
    }
}
