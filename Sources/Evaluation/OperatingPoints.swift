/// Thresholds of a class that promise a sensitivity or a specificity on images of the same kind.
///
/// They are order statistics of the scores of known images, so the promise needs no assumption on how scores are
/// distributed: the next positive image lies at or above the k-th smallest of n with probability 1 - k / (n + 1), in the
/// mean over draws of the n (as in split conformal prediction; Vovk et al., 2005).
public enum OperatingPoints {
    /// The threshold from which on the k-th smallest score of the positives and all above it are positive,
    /// k = floor((1 - sensitivity)(n + 1)).
    ///
    /// - Parameter others: the scores of the negatives, between which and the k-th smallest the threshold lies.
    /// - Returns: nil where n is too small: k is 0.
    public static func threshold(sensitivity: Double, positives scores: [Double], others: [Double]) -> Double? {
        let k = rank(sensitivity, scores.count)
        return k > 0 ? Cut.below(scores.sorted()[k - 1], among: scores + others) : nil
    }

    /// The threshold from which on only scores above the k-th largest of the negatives are positive,
    /// k = floor((1 - specificity)(n + 1)).
    ///
    /// - Parameter others: the scores of the positives, between which and the k-th largest the threshold lies.
    /// - Returns: nil where n is too small: k is 0.
    public static func threshold(specificity: Double, negatives scores: [Double], others: [Double]) -> Double? {
        let k = rank(specificity, scores.count)
        return k > 0 ? Cut.above(scores.sorted(by: >)[k - 1], among: scores + others) : nil
    }

    private static func rank(_ share: Double, _ count: Int) -> Int {
        // 0.9 is not a binary number: (1 - 0.9) x 10 must be 1.
        Int(((1 - share) * Double(count + 1) + 1e-9).rounded(.down))
    }
}

/// Thresholds between the scores that were observed.
///
/// A threshold that is itself a score would call its image positive or not by the last bits of a computation, which
/// change with the other images of a batch.
enum Cut {
    /// Halfway between a score and the next lower one; half the score where there is none.
    ///
    /// - Parameter scores: in any order; probabilities.
    static func below(_ score: Double, among scores: [Double]) -> Double {
        let next = scores.lazy.filter { $0 < score - distance(score) }.max() ?? 0
        return min(score, (score + next) / 2)
    }

    /// Halfway between a score and the next higher one, or 1.
    static func above(_ score: Double, among scores: [Double]) -> Double {
        let next = scores.lazy.filter { $0 > score + distance(score) }.min() ?? max(1, score.nextUp)
        return max(score.nextUp, (score + next) / 2)
    }

    /// What is nearer has the same score: a difference of 1e-5 in the logit.
    private static func distance(_ score: Double) -> Double { max(0, 1e-5 * score * (1 - score)) }
}

/// A share of counted images with its 95 % interval (Wilson, 1927).
public struct Proportion: Codable, Equatable, Sendable {
    /// How many.
    public let count: Int
    /// Of how many.
    public let total: Int
    /// count / total.
    public let value: Double
    /// The lower end.
    public let lower: Double
    /// The upper end.
    public let upper: Double

    /// The share of `count` among `total`; nil where the total is 0.
    public init?(_ count: Int, of total: Int) {
        guard total > 0 else { return nil }
        let (n, z) = (Double(total), 1.959963984540054)
        let p = Double(count) / n
        let scale = 1 + z * z / n
        let center = (p + z * z / (2 * n)) / scale
        let half = z / scale * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        self.count = count
        self.total = total
        value = p
        lower = count == 0 ? 0 : max(0, center - half)
        upper = count == total ? 1 : min(1, center + half)
    }
}
