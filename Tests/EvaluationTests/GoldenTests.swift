import Evaluation
import Foundation
import Testing

/// Against numpy and scikit-learn; `Golden/golden.py` makes the file.
@Suite struct GoldenTests {
    struct File: Decodable {
        var cases: [Case]
    }

    struct Case: Decodable {
        var name: String
        var classes: Int
        var rows: Int
        var labels: [Int8]
        var scores: [Double]
        var folds: [Int]
        var thresholds: [Double?]
        var expected: [Expected]
        var meanAveragePrecision: Double
        var meanRocAuc: Double
        var macroF1: Double
        var microF1: Double
        var microKappa: Double
        var calibrationError: Double

        func outcomes(folds: [Int] = []) throws -> Outcomes {
            try Outcomes(
                classes: (0..<classes).map { "class \($0)" }, images: (0..<rows).map { "image \($0)" }, labels: labels,
                scores: scores, folds: folds)
        }
    }

    struct Expected: Decodable {
        var positives: Int
        var negatives: Int
        var unknown: Int
        var averagePrecision: Double?
        var rocAuc: Double?
        var foldRankAveragePrecision: Double?
        var foldRankRocAuc: Double?
        var foldMeanAveragePrecision: Double?
        var foldMeanRocAuc: Double?
        var sensitivity: Double?
        var bestThreshold: Double?
        var bestF1: Double?
        var f1: Double?
        var kappa: Double?
        var calibrationError: Double?
    }

    static func cases() throws -> [Case] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/evaluation.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(File.self, from: Data(contentsOf: file)).cases
    }

    private func expectNear(
        _ a: Double?, _ b: Double?, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let isSame = a.map { a in b.map { abs(a - $0) <= 1e-9 } ?? false } ?? (b == nil)
        #expect(isSame, "\(what): \(a as Any), expected \(b as Any)", sourceLocation: sourceLocation)
    }

    @Test func everyMetricIsScikitLearns() throws {
        let cases = try Self.cases()
        #expect(cases.count == 3)
        for golden in cases {
            var options = EvaluationOptions()
            options.thresholds = golden.thresholds
            options.bootstrap = nil
            let result = try Evaluator.evaluate(golden.outcomes(), options)
            for (found, expected) in zip(result.classes, golden.expected) {
                let what = "\(golden.name), \(found.name)"
                #expect(found.positives == expected.positives)
                #expect(found.negatives == expected.negatives)
                #expect(found.unknown == expected.unknown)
                expectNear(found.averagePrecision.value, expected.averagePrecision, what)
                expectNear(found.rocAUC.value, expected.rocAuc, what)
                expectNear(found.sensitivityAtSpecificity, expected.sensitivity, what)
                expectNear(found.f1, expected.f1, what)
                expectNear(found.kappa, expected.kappa, what)
                expectNear(found.calibrationError, expected.calibrationError, what)
            }
            expectNear(result.groups.all.averagePrecision.mean, golden.meanAveragePrecision, golden.name)
            expectNear(result.groups.all.rocAUC.mean, golden.meanRocAuc, golden.name)
            expectNear(result.macroF1.mean, golden.macroF1, golden.name)
            expectNear(result.microF1, golden.microF1, golden.name)
            expectNear(result.microKappa, golden.microKappa, golden.name)
            expectNear(result.calibrationError, golden.calibrationError, golden.name)
            #expect(result.groups.all.averagePrecision.classes < golden.classes)
            #expect(result.groups.all.rocAUC.classes < result.groups.all.averagePrecision.classes)
        }
    }

    @Test func pooledFoldsAreThoseOfScikitLearn() throws {
        for golden in try Self.cases() {
            var options = EvaluationOptions()
            options.bootstrap = nil
            let result = try Evaluator.evaluate(golden.outcomes(folds: golden.folds), options)
            #expect(result.pooling == .foldRanks)
            #expect(result.folds == [0, 1, 2])
            for (found, expected) in zip(result.classes, golden.expected) {
                let what = "\(golden.name), \(found.name)"
                expectNear(found.averagePrecision.value, expected.foldRankAveragePrecision, what)
                expectNear(found.rocAUC.value, expected.foldRankRocAuc, what)
                expectNear(found.withinFoldAveragePrecision?.value, expected.foldMeanAveragePrecision, what)
                expectNear(found.withinFoldROCAUC?.value, expected.foldMeanRocAuc, what)
            }
        }
    }

    @Test func chosenThresholdsHaveTheHighestF1() throws {
        for golden in try Self.cases() {
            for (found, expected) in zip(try golden.outcomes().choosingThresholds(), golden.expected) {
                expectNear(found?.f1, expected.bestF1, golden.name)
                expectNear(found?.threshold, expected.bestThreshold, golden.name)
            }
        }
    }
}
