import Evaluation
import Foundation
import Testing

/// Against scipy, numpy and statsmodels; `Golden/calibration.py` makes the file.
@Suite struct CalibrationFitTests {
    struct File: Decodable {
        struct Fit: Decodable {
            var name: String
            var logits: [Double]
            var labels: [Int8]
            var slope: Double
            var offset: Double
        }
        struct Point: Decodable {
            var share: Double
            var sensitivity: Double?
            var specificity: Double?
        }
        struct Share: Decodable {
            var count: Int
            var total: Int
            var lower: Double
            var upper: Double
        }
        var fits: [Fit]
        var scores: [Double]
        var points: [Point]
        var proportions: [Share]
    }

    let file: File

    init() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/calibration.json")
        file = try JSONDecoder().decode(File.self, from: Data(contentsOf: path))
    }

    @Test func linesAreThoseOfScipy() {
        #expect(file.fits.count == 11)
        for fit in file.fits {
            let found = PlattScaling(fitting: fit.logits, labels: fit.labels)
            #expect(abs(found.slope - fit.slope) < 1e-4 * max(1, fit.slope), "\(fit.name): \(found)")
            #expect(abs(found.offset - fit.offset) < 1e-4 * max(1, abs(fit.offset)), "\(fit.name): \(found)")
        }
    }

    @Test(arguments: [1e6, 1e15, 1e30, 3e38]) func hugeLogitsGetTheLeastSlope(size: Double) {
        let line = PlattScaling(fitting: [size, -size, size, -size], labels: [1, 0, 0, 1])
        #expect(line.slope == 0.01 && line.offset.isFinite, "\(line)")
        // Right ones need no other line.
        let right = PlattScaling(fitting: [size, -size], labels: [1, 0])
        #expect(right == .identity, "\(right)")
    }

    @Test func aProbabilityIsTheLogisticFunctionOfTheLine() {
        let line = PlattScaling(slope: 2, offset: -1)
        #expect(abs(line.probability(1.5) - 0.880797077977882) < 1e-12)
        #expect(line.probability(1e5) == 1 && line.probability(-1e5) == 0)
    }

    @Test func operatingPointsAreOrderStatistics() {
        #expect(file.points.count == 4)
        for point in file.points {
            #expect(
                OperatingPoints.threshold(sensitivity: point.share, positives: file.scores, others: [])
                    == point.sensitivity)
            #expect(
                OperatingPoints.threshold(specificity: point.share, negatives: file.scores, others: [])
                    == point.specificity)
        }
        #expect(OperatingPoints.threshold(sensitivity: 0.9, positives: [], others: [0.5]) == nil)
    }

    /// No image is at a threshold: the last bits of its score would then decide, which change with its batch.
    @Test func thresholdsLieBetweenScores() throws {
        // As in two batches: the last one has the score of the first, but for its last bits.
        let (positives, negatives) = ([0.5, 0.6, 0.5 - 1e-8], [0.2, 0.4, 0.55])
        let low = try #require(OperatingPoints.threshold(sensitivity: 0.5, positives: positives, others: negatives))
        #expect(abs(low - 0.45) < 1e-7)
        let high = try #require(OperatingPoints.threshold(specificity: 0.5, negatives: negatives, others: positives))
        #expect(abs(high - 0.45) < 1e-7)
        let outcomes = try Outcomes(
            classes: ["a"], images: (0..<6).map { "\($0)" }, labels: [1, 1, 1, 0, 0, 0], scores: positives + negatives)
        #expect(abs(try #require(outcomes.choosingThresholds()[0]).threshold - 0.45) < 1e-7)
    }

    /// On many draws: the mean share of new positives from the threshold on is what is promised.
    @Test func thePromiseHoldsInTheMean() throws {
        var generator = SystemRandomNumberGenerator()
        var reached = 0.0
        let draws = 4000
        let others = (0..<1000).map { Double($0) / 1000 }
        for _ in 0..<draws {
            let scores = (0..<19).map { _ in Double.random(in: 0..<1, using: &generator) }
            // New scores are uniform too: the share of them from the threshold on is 1 - threshold.
            reached += try 1 - #require(OperatingPoints.threshold(sensitivity: 0.9, positives: scores, others: others))
        }
        // A threshold lies at most 0.001 below the order statistic. The mean's standard error is 0.065 / sqrt(4000) = 0.001.
        #expect(abs(reached / Double(draws) - 0.9) < 0.008)
    }

    @Test func proportionsHaveWilsonsInterval() throws {
        for share in file.proportions {
            let found = try #require(Proportion(share.count, of: share.total))
            #expect(abs(found.lower - share.lower) < 1e-9 && abs(found.upper - share.upper) < 1e-9, "\(found)")
        }
        #expect(Proportion(0, of: 0) == nil)
    }
}
