/// The values of `body` for 0 ..< count, in order, computed on several threads while `progress` shows how far it is.
///
/// - Throws: `CancellationError` when `shouldStop` returns true; it is called after every few items.
package func mapInParallel<Value: Sendable>(
    _ count: Int, threads: Int, progress: ProgressReporter? = nil, shouldStop: () -> Bool = { false },
    _ body: @Sendable (Int) -> Value
) throws -> [Value] {
    let threads = max(1, threads)
    // Small enough that a stop is heeded soon, large enough that threads seldom wait for the slowest.
    let share = 8 * threads
    var values: [Value] = []
    values.reserveCapacity(count)
    for start in stride(from: 0, to: count, by: share) {
        if shouldStop() { throw CancellationError() }
        let range = start..<min(start + share, count)
        values += Parallel.map(range.count, threads: threads) { body(start + $0) }
        progress?.update(range.upperBound)
    }
    return values
}
