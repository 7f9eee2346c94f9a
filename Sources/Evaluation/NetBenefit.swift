/// What acting on a model is worth at a threshold probability t, in true positives per image: TP/n - FP/n * t/(1 - t), since
/// who acts from t on holds one missed finding for as bad as (1 - t)/t needless actions (Vickers and Elkin, Medical Decision
/// Making 2006). Acting on no image is worth 0.
public struct NetBenefit: Codable, Equatable, Sendable {
    /// The threshold probabilities, in 0 ..< 1.
    public let thresholds: [Double]
    /// Acting on images whose probability is at least the threshold.
    public let model: [Double]
    /// Acting on every image.
    public let all: [Double]

    /// From 0.01 to 0.6.
    public static let usualThresholds = (1...60).map { Double($0) / 100 }

    /// The net benefit for one class, over the images with a known label; nil where there is none.
    public init?(_ outcomes: Outcomes, class column: Int, thresholds: [Double] = usualThresholds) {
        let known = outcomes.images.indices.filter { outcomes.label(image: $0, class: column) >= 0 }
        guard !known.isEmpty else { return nil }
        func benefit(_ threshold: Double, _ called: [Int]) -> Double {
            let hits = called.count { outcomes.label(image: $0, class: column) == 1 }
            let odds = threshold / (1 - threshold)
            return (Double(hits) - Double(called.count - hits) * odds) / Double(known.count)
        }
        self.thresholds = thresholds
        model = thresholds.map { threshold in
            benefit(threshold, known.filter { outcomes.score(image: $0, class: column) >= threshold })
        }
        all = thresholds.map { benefit($0, known) }
    }
}
