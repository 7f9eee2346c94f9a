import Basics

/// A class's decision threshold and what it brings on the data it was chosen on.
public struct ChosenThreshold: Codable, Equatable, Sendable {
    /// An image is called positive from this score on.
    public let threshold: Double
    /// The F1 reached.
    public let f1: Double
}

extension Outcomes {
    /// For each class the threshold with the highest F1 on these outcomes, which must be training or validation data,
    /// never the data that is evaluated afterwards; nil for a class without a positive.
    ///
    /// A threshold lies halfway between the lowest score that it calls positive and the next lower one; of several that are
    /// equally good the highest is taken.
    public func choosingThresholds(threads: Int? = nil) -> [ChosenThreshold?] {
        let ranked = RankedOutcomes(self, pooling: .scores, threads: threads)
        return Parallel.map(classes.count, threads: threads) { column in
            let ranking = ranked.rankings[column][0]
            var best: ChosenThreshold?
            ranking.walk { row, truePositives, falsePositives in
                guard truePositives > 0 else { return }
                let f1 = 2 * Double(truePositives) / Double(truePositives + falsePositives + ranking.positives)
                if f1 > best?.f1 ?? 0 {
                    best = ChosenThreshold(threshold: score(image: row, class: column), f1: f1)
                }
            }
            guard let found = best else { return nil }
            let known = images.indices.filter { label(image: $0, class: column) >= 0 }
            let scores = known.map { score(image: $0, class: column) }
            return ChosenThreshold(threshold: Cut.below(found.threshold, among: scores), f1: found.f1)
        }
    }
}

/// How often calls of "positive" were right and wrong.
struct Confusion: Sendable {
    var truePositives = 0
    var falsePositives = 0
    var falseNegatives = 0
    var trueNegatives = 0

    init() {}

    /// Counts the images of a class with a known label; positive from `threshold` on.
    init(_ outcomes: Outcomes, class column: Int, threshold: Double) {
        for image in outcomes.images.indices {
            let label = outcomes.label(image: image, class: column)
            guard label >= 0 else { continue }
            let isCalled = outcomes.score(image: image, class: column) >= threshold
            if isCalled && label == 1 { truePositives += 1 }
            if isCalled && label == 0 { falsePositives += 1 }
            if !isCalled && label == 1 { falseNegatives += 1 }
            if !isCalled && label == 0 { trueNegatives += 1 }
        }
    }

    static func + (a: Confusion, b: Confusion) -> Confusion {
        var sum = a
        sum.truePositives += b.truePositives
        sum.falsePositives += b.falsePositives
        sum.falseNegatives += b.falseNegatives
        sum.trueNegatives += b.trueNegatives
        return sum
    }

    /// The harmonic mean of precision and recall; nil without a positive, where it says nothing.
    var f1: Double? {
        guard truePositives + falseNegatives > 0 else { return nil }
        return 2 * Double(truePositives) / Double(2 * truePositives + falsePositives + falseNegatives)
    }

    /// Cohen's kappa (Educational and Psychological Measurement 1960): the agreement of calls and labels beyond what the
    /// same numbers of both would have by chance; nil without a positive or without a negative.
    var kappa: Double? {
        let (tp, fp, fn, tn) = (
            Double(truePositives), Double(falsePositives), Double(falseNegatives), Double(trueNegatives)
        )
        guard tp + fn > 0, fp + tn > 0 else { return nil }
        return 2 * (tp * tn - fn * fp) / ((tp + fp) * (fp + tn) + (tp + fn) * (fn + tn))
    }

    /// The share of calls that are right; nil when nothing is called.
    var precision: Double? {
        let calls = truePositives + falsePositives
        return calls > 0 ? Double(truePositives) / Double(calls) : nil
    }

    /// The share of positives that are called; nil without a positive.
    var recall: Double? {
        let positives = truePositives + falseNegatives
        return positives > 0 ? Double(truePositives) / Double(positives) : nil
    }
}

extension ClassRanking {
    /// The highest sensitivity among the thresholds whose specificity is at least `specificity`; nil without a positive
    /// or without a negative. Calling nothing positive is a threshold too, so there always is one.
    func sensitivity(atSpecificity specificity: Double) -> Double? {
        guard positives > 0, negatives > 0 else { return nil }
        var best = 0
        walk { _, truePositives, falsePositives in
            if Double(negatives - falsePositives) / Double(negatives) >= specificity { best = truePositives }
        }
        return Double(best) / Double(positives)
    }
}
