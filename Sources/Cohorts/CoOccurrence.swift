/// Which classes appear together on photographs: the pairs with most photographs, and how many pairs there are.
///
/// Takes memory for the positive labels and the pairs that are kept, not for all pairs of classes. Where photographs show so
/// many classes that all pairs would take long, only the most frequent classes are compared.
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

    /// The largest sum, over the photographs, of the squared number of classes that one shows: about a second's work.
    public static let workLimit = 100_000_000

    /// The pairs with most photographs, those first; among equal ones those with the larger overlap, then by the columns.
    public let pairs: [Pair]
    /// The number of all pairs of the compared classes that appear together.
    public let total: Int
    /// How many classes with a positive photograph there are.
    public let shown: Int
    /// How many of them, the most frequent ones, are compared: all but where that exceeds `workLimit`.
    public let compared: Int

    /// Counts.
    ///
    /// - Parameter limit: how many pairs are kept, at least 1.
    public init(of cohort: Cohort, limit: Int) {
        let limit = max(1, limit)
        var positives = cohort.photographs.indices.map { cohort.positives(of: $0) }
        let ranks = Self.ranks(positives, classes: cohort.classes.count)
        shown = ranks.count { $0 != nil }
        let compared = Self.comparable(positives, ranks, shown: shown)
        self.compared = compared
        if compared < shown {
            for row in positives.indices { positives[row].removeAll { (ranks[$0] ?? .max) >= compared } }
        }
        var rows = [[Int]](repeating: [], count: cohort.classes.count)
        for (row, classes) in positives.enumerated() { for column in classes { rows[column].append(row) } }
        var kept: [Pair] = []
        var total = 0
        // What comes after the last pair of a full list need not be kept.
        var last: Pair?
        func shrink() {
            kept.sort(by: Self.precedes)
            kept.removeLast(max(0, kept.count - limit))
            if kept.count == limit { last = kept.last }
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
                let pair = Pair(first: first, second: second, count: count, overlap: overlap)
                if last.map({ Self.precedes(pair, $0) }) ?? true { kept.append(pair) }
            }
            total += met.count
            if kept.count > limit + 100_000 { shrink() }
        }
        shrink()
        pairs = kept
        self.total = total
    }

    private static func precedes(_ one: Pair, _ other: Pair) -> Bool {
        (other.count, other.overlap, one.first, one.second) < (one.count, one.overlap, other.first, other.second)
    }

    /// The place of each class among those with a positive photograph, the most frequent ones first; nil without one.
    private static func ranks(_ positives: [[Int]], classes: Int) -> [Int?] {
        var counts = [Int](repeating: 0, count: classes)
        for row in positives { for column in row { counts[column] += 1 } }
        var ranks = [Int?](repeating: nil, count: classes)
        let order = counts.indices.filter { counts[$0] > 0 }.sorted { (counts[$1], $0) < (counts[$0], $1) }
        for (rank, column) in order.enumerated() { ranks[column] = rank }
        return ranks
    }

    /// How many of the most frequent classes can be compared within `workLimit`.
    private static func comparable(_ positives: [[Int]], _ ranks: [Int?], shown: Int) -> Int {
        func work(_ classes: Int) -> Int {
            positives.reduce(0) { sum, row in
                let count = row.count { (ranks[$0] ?? .max) < classes }
                return sum + count * count
            }
        }
        guard work(shown) > workLimit else { return shown }
        var (possible, impossible) = (0, shown)
        while impossible - possible > 1 {
            let middle = (possible + impossible) / 2
            if work(middle) <= workLimit { possible = middle } else { impossible = middle }
        }
        return possible
    }
}
