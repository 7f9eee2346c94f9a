import Basics

/// Images drawn without replacement: what the other strategies have to beat.
package struct RandomChoice: SuggestionStrategy {
    private let seed: UInt64

    /// The choice is a pure function of the seed and the number of images.
    package init(seed: UInt64) { self.seed = seed }

    package var comparesFeatures: Bool { false }

    package func choose(
        _ count: Int, of candidates: Candidates, shouldStop: () -> Bool
    ) throws -> [Suggestion] {
        let keys = (0..<candidates.count).map { image in
            var random = SeededRandom(seed: seed, UInt64(image))
            return random.uniform()
        }
        return highest(count, of: keys).map { Suggestion(image: $0) }
    }
}
