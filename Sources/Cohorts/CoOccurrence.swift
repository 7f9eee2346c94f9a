/// Which classes appear together on photographs: the pairs with most photographs, and how many pairs there are.
///
/// Takes memory for the positive labels and the pairs that are kept, not for all pairs of classes.
public struct CoOccurrence: Sendable, Equatable {
    /// Two classes by their columns.
    public struct Pair: Sendable, Equatable {
        /// The classes, the one with more photographs first; the one that is first in the table where they are even.
        public let first, second: Int
        /// Photographs that show both, at least 1.
        public let count: Int
        /// Share of the photographs with either class that show both, in 0 ... 1 (Jaccard index).
        public let overlap: Double
    }

    /// The pairs with most photographs, those first; among equal ones those with the larger overlap, then by the columns.
    public let pairs: [Pair]
    /// The number of all pairs that appear together.
    public let total: Int

    /// Counts.
    ///
    /// - Parameter limit: how many pairs are kept, at least 1.
    public init(of cohort: Cohort, limit: Int) {
        let limit = max(1, limit)
        let positives = cohort.photographs.indices.map { cohort.positives(of: $0) }
        var rows = [[Int]](repeating: [], count: cohort.classes.count)
        for (row, classes) in positives.enumerated() { for column in classes { rows[column].append(row) } }
        var kept: [Pair] = []
        var total = 0
        func shrink() {
            kept.sort {
                ($1.count, $1.overlap, $0.first, $0.second) < ($0.count, $0.overlap, $1.first, $1.second)
            }
            kept.removeLast(max(0, kept.count - limit))
        }
        var together = [Int](repeating: 0, count: cohort.classes.count)
        for a in rows.indices {
            var met: [Int] = []
            for row in rows[a] {
                for b in positives[row].reversed() {
                    if b <= a { break }
                    if together[b] == 0 { met.append(b) }
                    together[b] += 1
                }
            }
            for b in met {
                let count = together[b]
                together[b] = 0
                let (first, second) = rows[a].count >= rows[b].count ? (a, b) : (b, a)
                let overlap = Double(count) / Double(rows[a].count + rows[b].count - count)
                kept.append(Pair(first: first, second: second, count: count, overlap: overlap))
            }
            total += met.count
            if kept.count > limit + 100_000 { shrink() }
        }
        shrink()
        pairs = kept
        self.total = total
    }
}
