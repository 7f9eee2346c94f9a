/// A way to choose which images to label next.
package protocol SuggestionStrategy: Sendable {
    /// Whether it needs the features of all images.
    var comparesFeatures: Bool { get }

    /// Chooses images, the most useful first; of equal ones the earlier.
    ///
    /// - Parameters:
    ///   - count: how many; all where there are fewer.
    ///   - shouldStop: asked for each image that is chosen.
    /// - Throws: `CancellationError` when stopped.
    func choose(_ count: Int, of candidates: Candidates, shouldStop: () -> Bool) throws -> [Suggestion]
}

extension SuggestionStrategy {
    /// Chooses images without being stopped.
    package func choose(_ count: Int, of candidates: Candidates) throws -> [Suggestion] {
        try choose(count, of: candidates) { false }
    }
}

/// An image to label, and why.
package struct Suggestion: Sendable, Equatable {
    /// Its number among the candidates.
    package var image: Int
    /// What it was chosen by; strategies have different ones.
    package var score: Double?
    /// The class that contributes most to the score.
    package var column: Int?
    /// The highest similarity of its feature to those of images chosen before.
    package var similarity: Double?
}

/// The number of the highest score; of equal ones the first.
func highest(of scores: [Double]) -> Int? { scores.indices.max { (scores[$0], $1) < (scores[$1], $0) } }

/// The numbers of the highest scores, descending; of equal ones the earlier first.
func highest(_ count: Int, of scores: [Double]) -> [Int] {
    Array(scores.indices.sorted { (scores[$0], $1) > (scores[$1], $0) }.prefix(count))
}
