/// P-values from bootstrap rounds, and their correction for many comparisons.
public enum Significance {
    /// The two-sided p-value of "no difference": twice the share of rounds on the rarer side of zero, rounds at zero
    /// counting for both sides, with one added above and below so that it is never 0 (Davison and Hinkley, 1997, 4.2).
    /// 1 without rounds.
    public static func twoSidedPValue(_ differences: [Double]) -> Double {
        let below = differences.count { $0 <= 0 }
        let above = differences.count { $0 >= 0 }
        return min(1, 2 * Double(min(below, above) + 1) / Double(differences.count + 1))
    }

    /// Holm's step-down correction (Scandinavian Journal of Statistics 1979): the k-th smallest of m p-values times
    /// m - k + 1, never below the one before it, at most 1. Nil stays nil and is not counted.
    ///
    /// - Parameter tests: m, where more are made than have a p-value yet; nil for those that have one.
    public static func holm(_ pValues: [Double?], tests: Int? = nil) -> [Double?] {
        let order = pValues.indices.filter { pValues[$0] != nil }
            .sorted { (pValues[$0] ?? 1, $0) < (pValues[$1] ?? 1, $1) }
        var corrected = [Double?](repeating: nil, count: pValues.count)
        let tests = max(order.count, tests ?? 0)
        var largest = 0.0
        for (place, index) in order.enumerated() {
            largest = max(largest, min(1, (pValues[index] ?? 1) * Double(tests - place)))
            corrected[index] = largest
        }
        return corrected
    }
}
