import Basics
import Dispatch

/// Runs `body` for 0 ..< count on several threads and returns the values in order; what comes out never depends on the
/// number of threads.
func concurrently<Value: Sendable>(_ count: Int, threads: Int?, _ body: @Sendable (Int) -> Value) -> [Value] {
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
