import Basics

/// The images that probably show a class of which there are few training images.
///
/// The value of n images of a class is taken as log(n + 1), so that the next one is worth about 1 / (n + 1); n counts the
/// training images and those to be expected among the images chosen before. An image's score is the sum of its calibrated
/// probabilities times that.
package struct RareGain: SuggestionStrategy {
    private let isSpread: Bool

    /// - Parameter isSpread: whether scores are multiplied by how far an image is from the nearest of those chosen before: 1
    ///   minus the cosine of the angle between their features.
    package init(isSpread: Bool = false) { self.isSpread = isSpread }

    package var comparesFeatures: Bool { isSpread }

    package func choose(_ count: Int, of candidates: Candidates, shouldStop: () -> Bool) throws -> [Suggestion] {
        let rare = Self.rareClasses(candidates)
        var known = candidates.trainingImages.map(Double.init)
        var left = Array(0..<candidates.count)
        var nearest = [Float](repeating: -.infinity, count: candidates.count)
        var chosen: [Suggestion] = []
        while chosen.count < count, !left.isEmpty {
            if shouldStop() { throw CancellationError() }
            let scores = left.map { image in
                rare.reduce(0) { $0 + candidates.probability(image, $1) / (known[$1] + 1) }
                    * (nearest[image].isFinite ? max(0, 1 - Double(nearest[image])) : 1)
            }
            guard let best = highest(of: scores) else { break }
            let image = left.remove(at: best)
            let terms = rare.map { candidates.probability(image, $0) / (known[$0] + 1) }
            chosen.append(
                Suggestion(
                    image: image, score: scores[best], column: highest(of: terms).map { rare[$0] },
                    similarity: nearest[image].isFinite ? Double(nearest[image]) : nil))
            for column in rare { known[column] += candidates.probability(image, column) }
            guard isSpread else { continue }
            let found = candidates.similarities(to: candidates.feature(image))
            for other in left { nearest[other] = max(nearest[other], found[other]) }
        }
        return chosen
    }

    /// How many findings of these classes are to be expected among some images, and among as many drawn at random.
    package static func expected(among images: [Int], of candidates: Candidates) -> (chosen: Double, random: Double) {
        let rare = rareClasses(candidates)
        func sum(_ images: some Sequence<Int>) -> Double {
            images.reduce(0) { sum, image in rare.reduce(sum) { $0 + candidates.probability(image, $1) } }
        }
        return (sum(images), sum(0..<candidates.count) * Double(images.count) / Double(max(1, candidates.count)))
    }

    /// The few-shot classes; where there are none, all that were trained.
    private static func rareClasses(_ candidates: Candidates) -> [Int] {
        candidates.hasFewShotClass ? candidates.fewShotClasses : candidates.trainedClasses
    }
}
