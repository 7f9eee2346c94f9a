import Foundation

/// The images of which the model is least sure: the highest sum over trained classes of the entropy of "has it or not".
package struct Uncertainty: SuggestionStrategy {
    /// There is nothing to choose about it.
    package init() {}

    package var comparesFeatures: Bool { false }

    package func choose(
        _ count: Int, of candidates: Candidates, shouldStop: () -> Bool
    ) throws -> [Suggestion] {
        let classes = candidates.trainedClasses
        let scores = (0..<candidates.count).map { image in
            classes.reduce(0) { $0 + Self.entropy(candidates.probability(image, $1)) }
        }
        return highest(count, of: scores).map { image in
            let terms = classes.map { Self.entropy(candidates.probability(image, $0)) }
            return Suggestion(image: image, score: scores[image], column: highest(of: terms).map { classes[$0] })
        }
    }

    /// In bits.
    private static func entropy(_ p: Double) -> Double {
        p > 0 && p < 1 ? -p * log2(p) - (1 - p) * log2(1 - p) : 0
    }
}
