import Basics
import Evaluation
import Foundation
import Testing

@Suite struct ResultTests {
    @Test func theLongTailIsDividedByTrainingImages() throws {
        let counts = [100, 99, 20, 19, 1, 0]
        let groups = counts.map { ShotBounds.standard.group(trainingImages: $0) }
        #expect(groups == [.many, .medium, .medium, .few, .few, nil])
        let own = try ShotBounds(many: 10, medium: 5)
        #expect(own.group(trainingImages: 9) == .medium)
        #expect(throws: FoveaError.self) { try ShotBounds(many: 5, medium: 10) }

        var options = EvaluationOptions()
        options.trainingImages = counts
        options.bootstrap = nil
        options.thresholds = [Double?](repeating: 0.4, count: 6)
        let outcomes = try madeUp(200, shares: [0.5, 0.4, 0.3, 0.2, 0.1, 0.3], seed: 12)
        let result = try Evaluator.evaluate(outcomes, options)
        #expect(ShotGroup.allCases.map { result.groups[$0]?.averagePrecision.classes } == [1, 2, 2])
        #expect(result.groups.all.averagePrecision.classes == 5)
        #expect(result.groups.many?.averagePrecision.mean == result.classes[0].averagePrecision.value)
        let few = ClassMean([result.classes[3].rocAUC.value, result.classes[4].rocAUC.value])
        #expect(result.groups.few?.rocAUC.mean == few.mean)
        #expect(result.macroF1.classes == 5)
        // Nothing was trained for the last class, so nothing is said about it.
        let last = result.classes[5]
        #expect(last.positives > 0 && last.averagePrecision.value == nil && last.rocAUC.value == nil)
        #expect(last.f1 == nil && last.calibrationError == nil && last.sensitivityAtSpecificity == nil)
    }

    @Test func undefinedIsNullInJSON() throws {
        let outcomes = try madeUp(150, shares: [0.4, 0], seed: 13)
        let result = try Evaluator.evaluate(outcomes, options(rounds: 20))
        let data = try JSONFormat.encoded(result)
        let json = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let classes = try #require(json["classes"] as? [[String: Any]])
        let first = try #require(classes[0]["average_precision"] as? [String: Any])
        let value = try #require(first["value"] as? Double)
        #expect(abs(value - (result.classes[0].averagePrecision.value ?? 0)) < 1e-12)
        #expect((first["interval"] as? [String: Any])?.keys.sorted() == ["high", "low"])
        let second = try #require(classes[1]["average_precision"] as? [String: Any])
        #expect(second["value"] is NSNull && second["interval"] is NSNull)
        for key in ["threshold", "f1", "group", "training_images", "within_fold_roc_auc", "sensitivity_at_specificity"]
        {
            #expect(classes[1][key] is NSNull, "\(key)")
        }
        #expect(json["micro_f1"] is NSNull)
        let groups = try #require(json["groups"] as? [String: Any])
        #expect(groups["few"] is NSNull)
        let all = try #require(groups["all"] as? [String: Any])
        #expect((all["average_precision"] as? [String: Any])?.keys.sorted() == ["classes", "fixed_set", "mean"])
        let bootstrap = try #require(json["bootstrap"] as? [String: Any])
        #expect(bootstrap["minimum_positive_patients"] as? Int == 10)
        #expect(try JSONFormat.decoded(EvaluationResult.self, from: data) == result)
        let paired = try Evaluator.compare(candidate: [outcomes], reference: [outcomes], options(rounds: 20))
        let pairedData = try JSONFormat.encoded(paired, pretty: false)
        #expect(try JSONFormat.decoded(PairedResult.self, from: pairedData) == paired)
        #expect(String(decoding: pairedData, as: UTF8.self).contains("\"holm_p_value\":null"))
    }

    @Test func scoresThatAreNoProbabilitiesHaveNoCalibration() throws {
        let outcomes = try Outcomes(
            classes: ["logit", "probability"], images: ["1", "2"], labels: [1, 1, 0, 0], scores: [1.5, 0.9, -2, 0.2])
        var options = EvaluationOptions()
        options.bootstrap = nil
        let result = try Evaluator.evaluate(outcomes, options)
        #expect(result.classes[0].calibrationError == nil)
        #expect(abs((result.classes[1].calibrationError ?? 0) - 0.15) < 1e-12)
        #expect(result.calibrationError == nil)
        #expect(result.classes[0].averagePrecision.value == 1)
    }

    @Test func specificityOfExactly95PercentIsEnough() throws {
        // From the top: positive, negative, positive, negative, positive, 18 negatives; one of 20 negatives may be called.
        let labels: [Int8] = [1, 0, 1, 0, 1] + [Int8](repeating: 0, count: 18)
        let outcomes = try Outcomes(
            classes: ["a"], images: (0..<23).map { "\($0)" }, labels: labels, scores: (0..<23).map { -Double($0) })
        var options = EvaluationOptions()
        options.bootstrap = nil
        #expect(try Evaluator.evaluate(outcomes, options).classes[0].sensitivityAtSpecificity == 2.0 / 3)
        options.specificity = 0.96
        #expect(try Evaluator.evaluate(outcomes, options).classes[0].sensitivityAtSpecificity == 1.0 / 3)
    }

    @Test func impossibleOptionsAreRefused() throws {
        let outcomes = try madeUp(30, shares: [0.4, 0.2], seed: 14)
        let wrong: [((inout EvaluationOptions) -> Void, String)] = [
            ({ $0.thresholds = [0.5] }, "1 thresholds"), ({ $0.thresholds = [0.5, .nan] }, "class \"class 1\""),
            ({ $0.trainingImages = [1, 2, 3] }, "3 training counts"), ({ $0.trainingImages = [1, -2] }, "-2"),
            ({ $0.specificity = 1.5 }, "1.5"), ({ $0.calibrationBins = 0 }, "0 calibration bins"),
            ({ $0.bootstrap?.rounds = 0 }, "0 rounds"), ({ $0.bootstrap?.level = 1 }, "1.0"),
            ({ $0.bootstrap?.minimumPositivePatients = 0 }, "positive patients"),
            ({ $0.bootstrap?.maximumRedraws = -1 }, "-1"),
        ]
        for (change, word) in wrong {
            var options = EvaluationOptions()
            change(&options)
            let error = #expect(throws: FoveaError.self) { try Evaluator.evaluate(outcomes, options) }
            #expect(error?.kind == .configuration)
            #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
        }
    }
}
