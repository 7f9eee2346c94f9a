/// Probabilities gathered in bins of equal width, to compare what was said with what was so.
///
/// The error is the expected calibration error (Naeini et al., AAAI 2015; Guo et al., ICML 2017) of the positive
/// class's probability: the sum over bins of (share of cells) x |mean probability - share of positives|. A bin holds
/// its upper end but not its lower one, the first both.
public struct Calibration: Sendable {
    /// Cells with a known label, by bin.
    public private(set) var counts: [Int]
    /// Those of them that are positive.
    public private(set) var positives: [Int]
    /// The sum of their probabilities.
    public private(set) var probabilities: [Double]
    private var hasOther = false

    /// Empty bins of equal width over [0, 1].
    init(bins: Int) {
        counts = [Int](repeating: 0, count: bins)
        positives = counts
        probabilities = [Double](repeating: 0, count: bins)
    }

    /// All cells with a known label of all classes.
    public init(_ outcomes: Outcomes, bins: Int) {
        self.init(bins: max(1, bins))
        for column in outcomes.classes.indices { add(outcomes, class: column) }
    }

    /// The cells with a known label of one class.
    public init(_ outcomes: Outcomes, class column: Int, bins: Int) {
        self.init(bins: max(1, bins))
        add(outcomes, class: column)
    }

    /// Adds the images of a class with a known label.
    mutating func add(_ outcomes: Outcomes, class column: Int) {
        for image in outcomes.images.indices {
            let label = outcomes.label(image: image, class: column)
            let probability = outcomes.score(image: image, class: column)
            guard label >= 0 else { continue }
            guard probability >= 0, probability <= 1 else {
                hasOther = true
                return
            }
            let bin = max(0, Int((probability * Double(counts.count)).rounded(.up)) - 1)
            counts[bin] += 1
            positives[bin] += Int(label)
            probabilities[bin] += probability
        }
    }

    /// The error in 0 ... 1; nil without a known label, or where a score is not a probability.
    public var error: Double? {
        let total = counts.reduce(0, +)
        guard total > 0, !hasOther else { return nil }
        let gaps = counts.indices.reduce(0.0) { $0 + abs(probabilities[$1] - Double(positives[$1])) }
        return gaps / Double(total)
    }
}
