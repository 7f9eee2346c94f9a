/// How alike classes are by the data alone: whether their images look alike to a network, and whether they occur together.
///
/// Both measures are 1 for two names of one thing and 0 for classes that have nothing to do with each other, so their
/// mixture is too. Only the rows that are given count; a class without a positive among them is like no other.
public enum ClassSimilarity {
    /// What the network sees in each class: the mean feature of its positive photographs minus the mean feature of all.
    ///
    /// - Parameters:
    ///   - features: one vector for each of `rows`, one after the other.
    /// - Returns: one vector per class; zeros for a class without a positive.
    public static func embeddings(_ features: [Float], of cohort: Cohort, rows: [Int]) -> [[Double]] {
        let length = rows.isEmpty ? 0 : features.count / rows.count
        var total = [Double](repeating: 0, count: length)
        var sums = cohort.classes.map { _ in total }
        var counts = cohort.classes.map { _ in 0 }
        for (place, row) in rows.enumerated() {
            let feature = features[place * length..<(place + 1) * length]
            for (j, value) in feature.enumerated() { total[j] += Double(value) }
            for c in cohort.positives(of: row) {
                counts[c] += 1
                for (j, value) in feature.enumerated() { sums[c][j] += Double(value) }
            }
        }
        return zip(sums, counts).map { sum, count in
            guard count > 0 else { return sum }
            return zip(sum, total).map { $0 / Double(count) - $1 / Double(rows.count) }
        }
    }

    /// The cosine of the angle between each two vectors, [n][n]; 0 where one of them is zero.
    public static func cosine(_ vectors: [[Double]]) -> [[Double]] {
        func product(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        let norms = vectors.map { product($0, $0).squareRoot() }
        return vectors.indices.map { a in
            vectors.indices.map { b in
                let norm = norms[a] * norms[b]
                return norm > 0 ? product(vectors[a], vectors[b]) / norm : 0
            }
        }
    }

    /// Jaccard's index of each two classes, [C][C]: photographs that show both by photographs that show one or both,
    /// among those where both labels are known; 0 where none shows either.
    public static func jaccard(in cohort: Cohort, rows: [Int]) -> [[Double]] {
        var both = cohort.classes.map { _ in cohort.classes.map { _ in 0 } }
        var either = both
        for row in rows {
            // Almost all labels are 0, so pairs are visited from the positives on.
            for a in cohort.positives(of: row) {
                for b in cohort.classes.indices where cohort.label(row, b) >= 0 {
                    let isBoth = cohort.label(row, b) == 1
                    if isBoth { both[a][b] += 1 }
                    either[a][b] += 1
                    if !isBoth { either[b][a] += 1 }
                }
            }
        }
        return zip(both, either).map { zip($0, $1).map { $1 > 0 ? Double($0) / Double($1) : 0 } }
    }

    /// (1 - share) a + share b, entry by entry.
    public static func mixture(_ a: [[Double]], _ b: [[Double]], share: Double) -> [[Double]] {
        zip(a, b).map { zip($0, $1).map { (1 - share) * $0 + share * $1 } }
    }
}
