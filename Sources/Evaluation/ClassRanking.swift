/// The images with a known label for one class, from the highest score to the lowest: sorted once, then every metric of
/// ranking, for any resampling of the images, is one walk.
package struct ClassRanking: Sendable {
    /// Row << 2 | (last of those with this score) << 1 | positive.
    private let entries: [UInt32]
    package let positives: Int
    package var negatives: Int { entries.count - positives }

    /// Ranks `rows` (positions of images whose label is known) by their scores, given in the same order.
    init(rows: [Int], isPositive: (Int) -> Bool, score: (Int) -> Double) {
        var items = rows.map { row in
            SortItem(score: score(row), value: UInt32(row) << 2 | (isPositive(row) ? 1 : 0))
        }
        radixSort(&items)
        var positives = 0
        entries = items.indices.map { index in
            let isLast = index + 1 == items.count || items[index + 1].key != items[index].key
            positives += Int(items[index].value & 1)
            return items[index].value | (isLast ? 2 : 0)
        }
        self.positives = positives
    }

    /// Average precision and area under the ROC curve when row r counts `multiplicities[r]` times; NaN where undefined.
    ///
    /// Average precision is the sum over thresholds of (recall step) x precision, as in scikit-learn, without
    /// interpolation; the area is the share of pairs (positive, negative) in the right order, ties counting half
    /// (Hanley and McNeil, Radiology 1982). Equal scores are one threshold.
    package func measure(_ multiplicities: UnsafeBufferPointer<Int32>) -> (averagePrecision: Double, rocAUC: Double) {
        var count = 0
        var positives = 0
        var countBefore = 0
        var positivesBefore = 0
        var precisions = 0.0
        var twicePairs = 0
        for entry in entries {
            let times = Int(multiplicities[Int(entry >> 2)])
            count += times
            positives += times * Int(entry & 1)
            guard entry & 2 != 0 else { continue }
            let newPositives = positives - positivesBefore
            let newNegatives = count - countBefore - newPositives
            if newPositives > 0 { precisions += Double(newPositives) * Double(positives) / Double(count) }
            twicePairs += newNegatives * (positivesBefore + positives)
            countBefore = count
            positivesBefore = positives
        }
        let pairs = Double(positives) * Double(count - positives)
        return (
            positives > 0 ? precisions / Double(positives) : .nan,
            pairs > 0 ? Double(twicePairs) / (2 * pairs) : .nan
        )
    }

    /// Calls `body` at every threshold from the highest score down, with a row that has this score and the numbers of
    /// positives and negatives at or above it.
    func walk(_ body: (_ row: Int, _ truePositives: Int, _ falsePositives: Int) -> Void) {
        var truePositives = 0
        for (index, entry) in entries.enumerated() {
            truePositives += Int(entry & 1)
            if entry & 2 != 0 { body(Int(entry >> 2), truePositives, index + 1 - truePositives) }
        }
    }

    /// For each row, minus its rank from the top as a share of all: (rank - 1/2) / n, ties sharing their mean rank.
    func rankScores() -> [(row: Int, score: Double)] {
        var result: [(row: Int, score: Double)] = []
        result.reserveCapacity(entries.count)
        var tied: [Int] = []
        for entry in entries {
            tied.append(Int(entry >> 2))
            guard entry & 2 != 0 else { continue }
            let meanRank = Double(result.count) + Double(tied.count + 1) / 2
            let score = -(meanRank - 0.5) / Double(entries.count)
            result += tied.map { ($0, score) }
            tied.removeAll(keepingCapacity: true)
        }
        return result
    }
}
