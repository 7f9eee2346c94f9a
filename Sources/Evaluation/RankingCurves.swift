/// The ROC curve and the precision-recall curve of one class: a point for each distinct score, from the highest down, and a
/// first one where nothing is called positive.
public struct RankingCurves: Codable, Equatable, Sendable {
    /// One threshold: images with this score or a higher one are called positive.
    public struct Point: Codable, Equatable, Sendable {
        /// The share of negatives that are called: 1 - specificity.
        public let falsePositiveRate: Double
        /// The share of positives that are called: sensitivity, or recall.
        public let recall: Double
        /// The share of calls that are right; 1 where nothing is called, as in scikit-learn.
        public let precision: Double
    }

    /// From (0, 0) to (1, 1) of the ROC curve.
    public private(set) var points: [Point]

    /// The curves of a class; nil without a positive or without a negative image.
    public init?(_ outcomes: Outcomes, class column: Int) {
        let ranking = ClassRanking(
            rows: outcomes.images.indices.filter { outcomes.label(image: $0, class: column) >= 0 },
            isPositive: { outcomes.label(image: $0, class: column) == 1 },
            score: { outcomes.score(image: $0, class: column) })
        guard ranking.positives > 0, ranking.negatives > 0 else { return nil }
        var points = [Point(falsePositiveRate: 0, recall: 0, precision: 1)]
        ranking.walk { _, truePositives, falsePositives in
            points.append(
                Point(
                    falsePositiveRate: Double(falsePositives) / Double(ranking.negatives),
                    recall: Double(truePositives) / Double(ranking.positives),
                    precision: Double(truePositives) / Double(truePositives + falsePositives)))
        }
        self.points = points
    }

    /// The same with fewer points: those that differ from the last kept one by less than `step` in everything are left out.
    public func thinned(step: Double = 0.01) -> RankingCurves {
        var curves = self
        curves.points = []
        for (index, point) in points.enumerated() {
            if let last = curves.points.last, index + 1 < points.count,
                max(
                    point.falsePositiveRate - last.falsePositiveRate, point.recall - last.recall,
                    abs(point.precision - last.precision)) < step
            {
                continue
            }
            curves.points.append(point)
        }
        return curves
    }
}
