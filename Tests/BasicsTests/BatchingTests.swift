import Basics
import Testing

@Suite struct BatchingTests {
    @Test(arguments: [
        (10, 4, false, [4, 4, 2]), (10, 4, true, [4, 4]), (8, 4, false, [4, 4]), (8, 4, true, [4, 4]),
        (3, 4, false, [3]), (3, 4, true, [3]), (0, 4, false, []), (0, 4, true, []), (3, 1, true, [1, 1, 1]),
    ])
    func entriesAreCut(_ entries: Int, size: Int, dropsLast: Bool, expected: [Int]) {
        let batching = Batching(size: size, dropsLast: dropsLast)
        let ranges = (0..<batching.count(of: entries)).map { batching.range($0, of: entries) }
        #expect(ranges.map(\.count) == expected)
        #expect(ranges.flatMap { $0 } == Array(0..<batching.used(of: entries)))
        #expect(batching.used(of: entries) == expected.reduce(0, +))
    }
}
