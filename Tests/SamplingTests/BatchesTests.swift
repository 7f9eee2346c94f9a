import Basics
import Sampling
import Testing

@Suite struct BatchesTests {
    @Test(arguments: [
        (10, 4, Batches.Remainder.keep, [4, 4, 2]), (10, 4, .drop, [4, 4]), (8, 4, .keep, [4, 4]),
        (8, 4, .drop, [4, 4]), (3, 4, .keep, [3]), (3, 4, .drop, [3]), (0, 4, .keep, []), (0, 4, .drop, []),
        (3, 1, .drop, [1, 1, 1]),
    ])
    func cuts(rows: Int, size: Int, remainder: Batches.Remainder, expected: [Int]) throws {
        let batches = try Batches(size: size, remainder: remainder)
        let stream = (0..<rows).map { $0 * 7 }
        let cut = batches.cut(stream)
        #expect(cut.map(\.count) == expected && batches.count(rows: rows) == expected.count)
        #expect(Array(cut.joined()) == Array(stream.prefix(expected.reduce(0, +))))
    }

    @Test func aSizeBelowOneIsRefused() {
        #expect { try Batches(size: 0, remainder: .keep) } throws: {
            "\($0)".contains("batch size 0 must be 1 or more")
        }
    }
}
