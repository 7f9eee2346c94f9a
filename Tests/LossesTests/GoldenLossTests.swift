import Basics
import Losses
import Testing
import Torch

@Suite struct GoldenLossTests {
    /// The losses of the registry as the golden file names them.
    private static func make(_ name: String, _ context: LossContext) throws -> any Loss {
        var parameters = LossParameters()
        switch name {
        case "bce_smoothed":
            parameters[default: BinaryCrossEntropy()].labelSmoothing = 0.1
            return try LossRegistry.make("bce", parameters, context)
        case "weighted_bce_inverse":
            parameters[default: ClassWeights()].rule = .inverseFrequency
            return try LossRegistry.make("weighted_bce", parameters, context)
        case "weighted_bce_effective":
            return try LossRegistry.make("weighted_bce", parameters, context)
        case "class_balanced_focal_sum": return try LossRegistry.make("class_balanced_focal", parameters, context)
        case "ldam":
            parameters[default: LDAMLoss.Parameters()].scale = 3
            return try LossRegistry.make("ldam", parameters, context)
        case "ldam_drw":
            parameters[default: LDAMLoss.Parameters()].scale = 3
            parameters[default: LDAMLoss.Parameters()].reweightFrom = 0
            return try LossRegistry.make("ldam", parameters, context)
        case "distribution_balanced_focal":
            parameters[default: DistributionBalancedLoss.Parameters()].gamma = 2
            return try LossRegistry.make("distribution_balanced", parameters, context)
        case "asymmetric_no_margin":
            parameters[default: AsymmetricLoss()].margin = 0
            return try LossRegistry.make("asymmetric", parameters, context)
        case "asymmetric_zero":
            parameters[default: AsymmetricLoss()].positiveGamma = 0
            return try LossRegistry.make("asymmetric", parameters, context)
        default: return try LossRegistry.make(name, parameters, context)
        }
    }

    /// One label is unknown in two images, and one class has no positive in training: all three count nowhere.
    @Test(arguments: [
        "bce", "bce_smoothed", "weighted_bce_inverse", "weighted_bce_effective", "focal", "class_balanced_focal_sum",
        "ldam", "ldam_drw", "distribution_balanced", "distribution_balanced_focal", "asymmetric", "asymmetric_zero",
        "asymmetric_no_margin", "logit_adjusted",
    ])
    func valueTermsAndGradient(_ name: String) throws {
        let golden = try Golden.shared.get()
        let expected = try #require(golden.losses[name])
        let loss = try Self.make(name, golden.context)
        let found = try graded(loss, logits: golden.logits, labels: golden.labels, mask: golden.mask)
        #expect(abs(found.value - expected.value) < 1e-6 * max(1, expected.value))
        #expect(distance(found.gradient, expected.gradient.flatMap { $0 }) < 1e-6)
        let terms = try loss.terms(logits: matrix(golden.logits), labels: matrix(golden.labels), progress: 0)
        let counted = try (terms * matrix(golden.mask)).array(as: Double.self)
        #expect(try distance(counted, #require(expected.terms).flatMap { $0 }) < 2e-6)
    }

    @Test func classWeights() throws {
        let golden = try Golden.shared.get()
        let counts = golden.context.classCounts
        let inverse = try #require(golden.losses["weighted_bce_inverse"]?.weights)
        let effective = try #require(golden.losses["weighted_bce_effective"]?.weights)
        #expect(distance(ClassWeights(.inverseFrequency).weights(counts: counts), inverse) < 1e-12)
        #expect(distance(ClassWeights().weights(counts: counts), effective) < 1e-12)
        #expect(ClassWeights(.inverseFrequency).weights(counts: [0, 0]) == [0, 0])
    }

    @Test func softmaxCrossEntropy() throws {
        let golden = try Golden.shared.get()
        let expected = golden.softmax.crossEntropy
        let labels = golden.softmax.classes.map { label in
            (0..<golden.classes).map { $0 == label ? 1.0 : 0 }
        }
        let found = try graded(
            SoftmaxCrossEntropy(golden.context), logits: golden.logits, labels: labels, mask: nil)
        #expect(abs(found.value - expected.value) < 5e-6)
        #expect(distance(found.gradient, expected.gradient.flatMap { $0 }) < 1e-6)
        // Were all classes open, the class without positives would take its share of the probability.
        let counts = golden.context.classCounts.map { max(1, $0) }
        let open = try graded(
            SoftmaxCrossEntropy(LossContext(classCounts: counts, imageCount: 1)), logits: golden.logits, labels: labels,
            mask: nil)
        #expect(open.value > expected.value + 0.01)
    }
}
