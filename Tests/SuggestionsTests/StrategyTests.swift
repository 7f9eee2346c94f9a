import Basics
import Foundation
import Suggestions
import TestSupport
import Testing

/// Against `Golden/suggestions.py`, which computes the same choices straight from the formulas.
@Suite struct StrategyTests {
    private struct Golden: Decodable {
        struct Choice: Decodable {
            var images: [Int]
            var scores: [Double]?
            var similarities: [Double?]?
        }
        var trainingImages: [Int]
        var probabilities, features: [[Float]]
        var random: [String: [Int]]
        var uncertain, diverse, rare, rareDiverse: Choice
    }

    private let golden: Golden
    private let candidates: Candidates

    init() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/suggestions.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        golden = try decoder.decode(Golden.self, from: Data(contentsOf: path))
        candidates = Self.candidates(golden.trainingImages, golden.probabilities, golden.features)
    }

    private static func candidates(
        _ trainingImages: [Int], _ probabilities: [[Float]], _ features: [[Float]]
    ) -> Candidates {
        var candidates = Candidates(trainingImages: trainingImages, featureCount: features.first?.count ?? 0)
        for (row, feature) in zip(probabilities, features) { candidates.append(probabilities: row, feature: feature) }
        return candidates
    }

    private func compare(_ name: StrategyName, _ expected: Golden.Choice) throws {
        let chosen = try name.strategy(seed: 0).choose(expected.images.count, of: candidates)
        #expect(chosen.map(\.image) == expected.images)
        for (found, score) in zip(chosen, expected.scores ?? []) {
            #expect(abs((found.score ?? .nan) - score) < 1e-6)
        }
        for (found, similarity) in zip(chosen, expected.similarities ?? []) {
            #expect((found.similarity == nil) == (similarity == nil))
            if let similarity { #expect(abs((found.similarity ?? .nan) - similarity) < 1e-6) }
        }
    }

    @Test func choicesAreThoseOfTheFormulas() throws {
        try compare(.uncertain, golden.uncertain)
        try compare(.diverse, golden.diverse)
        try compare(.rare, golden.rare)
        try compare(.rareDiverse, golden.rareDiverse)
        for (seed, images) in golden.random {
            let drawn = try StrategyName.random.strategy(seed: UInt64(seed) ?? 0).choose(60, of: candidates)
            #expect(drawn.map(\.image) == images)
        }
    }

    /// The list for a larger count begins with the list for a smaller one, and has every image once.
    @Test(arguments: StrategyName.allCases)
    func ranksDoNotDependOnTheCount(name: StrategyName) throws {
        let strategy = name.strategy(seed: 3)
        let all = try strategy.choose(1000, of: candidates)
        #expect(all.count == 60 && Set(all.map(\.image)).count == 60)
        #expect(try strategy.choose(13, of: candidates) == Array(all.prefix(13)))
        #expect(try strategy.choose(5, of: Candidates(trainingImages: [1], featureCount: 3)) == [])
    }

    @Test(arguments: StrategyName.allCases)
    func ofEqualImagesTheEarlierComesFirst(name: StrategyName) throws {
        guard name != .random else { return }
        let rows = Array(repeating: [Float(0.25), 0.5], count: 6)
        let equal = Self.candidates([3, 30], rows, rows)
        #expect(try name.strategy(seed: 0).choose(6, of: equal).map(\.image) == Array(0..<6))
    }

    @Test(arguments: StrategyName.allCases)
    func aStopIsHeeded(name: StrategyName) throws {
        guard ![.random, .uncertain].contains(name) else { return }
        var asked = 0
        #expect(throws: CancellationError.self) {
            try name.strategy(seed: 0).choose(10, of: candidates) {
                asked += 1
                return asked > 4
            }
        }
    }

    @Test func theClassNamedIsTheOneThatCounts() throws {
        let rows: [[Float]] = [[0.5, 0.1, 0.9], [0.4, 0.2, 0.9]]
        let few = try RareGain().choose(2, of: Self.candidates([100, 4, 0], rows, [[], []]))
        // Class 2 has no training image: what its output says means nothing.
        #expect(few.map(\.image) == [1, 0] && few.map(\.column) == [1, 1])
        #expect(abs((few[0].score ?? 0) - 0.2 / 5) < 1e-7)
        #expect(abs((few[1].score ?? 0) - 0.1 / 5.2) < 1e-7)
    }

    @Test func uncertaintyIsThatOfTrainedClasses() throws {
        let found = try Uncertainty().choose(2, of: Self.candidates([0, 7], [[0.5, 0.01], [0.01, 0.4]], [[], []]))
        #expect(found.map(\.image) == [1, 0] && found.map(\.column) == [1, 1])
    }

    /// Where no class has few training images, or there is only one, all that were trained count.
    @Test func withoutFewShotClassesAllCount() throws {
        let two = try RareGain().choose(1, of: Self.candidates([100, 40], [[0.5, 0.1], [0.4, 0.3]], [[], []]))
        #expect(two.map(\.image) == [1] && two.map(\.column) == [1])
        let one = try RareGain().choose(2, of: Self.candidates([500], [[0.1], [0.9]], [[], []]))
        #expect(one.map(\.image) == [1, 0])
        let none = try RareGain().choose(2, of: Self.candidates([0], [[0.1], [0.9]], [[], []]))
        #expect(none.map(\.image) == [0, 1] && none.allSatisfy { $0.score == 0 && $0.column == nil })
    }
}
