/// Images that differ from each other: the one least like all, then always the one whose nearest chosen one is farthest
/// (k-center greedy; Gonzalez 1985; Sener and Savarese, ICLR 2018), by the cosine of the angle between features.
package struct Diversity: SuggestionStrategy {
    /// There is nothing to choose about it.
    package init() {}

    package var comparesFeatures: Bool { true }

    package func choose(_ count: Int, of candidates: Candidates, shouldStop: () -> Bool) throws -> [Suggestion] {
        guard candidates.count > 0 else { return [] }
        var chosen: [Suggestion] = []
        // To the mean first, then to the nearest of those chosen; infinite for these themselves.
        var nearest = candidates.similarities(to: candidates.mean)
        while chosen.count < min(count, candidates.count) {
            if shouldStop() { throw CancellationError() }
            let next = nearest.indices.min { (nearest[$0], $0) < (nearest[$1], $1) } ?? 0
            let similarity = chosen.isEmpty ? nil : Double(nearest[next])
            chosen.append(Suggestion(image: next, score: similarity.map { 1 - $0 }, similarity: similarity))
            let found = candidates.similarities(to: candidates.feature(next))
            for image in nearest.indices where nearest[image] < .infinity {
                nearest[image] = chosen.count == 1 ? found[image] : max(nearest[image], found[image])
            }
            nearest[next] = .infinity
        }
        return chosen
    }
}
